"""What hepppl's own estimators say of themselves, and where they refuse."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hepppl.plugin import SiteInfo
from hepppl.plugin.registry import load_estimator

NORMAL = SiteInfo("x", 0, "normal", False, "location_scale", None, law_depends=True)
BERNOULLI = SiteInfo("b", 1, "bernoulli", True, None, 2, law_depends=True)


@pytest.mark.parametrize(
    "name", ["reparam", "boundary", "score", "stochastic_ad", "enumerate", "measure_valued", "rebar", "blend"]
)
def test_metadata_is_complete(name: str) -> None:
    estimator = load_estimator(name)
    assert estimator.name == name
    assert estimator.unbiased
    assert estimator.summary
    assert estimator.cost
    assert "arXiv" in estimator.citation or "doi" in estimator.citation
    assert estimator.rank > 0
    assert hasattr(estimator.load(), "visit")


def test_finite_difference_is_declared_biased() -> None:
    estimator = load_estimator("finite_difference")
    assert not estimator.unbiased
    assert estimator.whole_program
    assert estimator.rank == 0
    assert hasattr(estimator.load(), "differentiate")


@pytest.mark.parametrize("name", ["gumbel_softmax", "straight_through"])
def test_relaxations_are_declared_biased(name: str) -> None:
    estimator = load_estimator(name)
    assert not estimator.unbiased
    assert estimator.relaxes
    assert estimator.rank == 0
    assert hasattr(estimator.load(), "visit")
    assert estimator.refuses(BERNOULLI) is None
    assert "not normal" in estimator.refuses(NORMAL)
    assert "decided" in estimator.refuses(replace(BERNOULLI, in_process=True))
    assert "no parameter" in estimator.refuses(replace(BERNOULLI, law_depends=False))
    assert "the loop" in estimator.refuses(replace(BERNOULLI, unrelaxed="the loop in line 5"))


def test_reparam_serves_smooth_uses_of_differentiable_draws_only() -> None:
    reparam = load_estimator("reparam")
    assert reparam.refuses(NORMAL) is None
    assert "discrete" in reparam.refuses(BERNOULLI)
    assert "cannot be differentiated" in reparam.refuses(replace(NORMAL, pathwise=None))
    assert "line 5" in reparam.refuses(replace(NORMAL, nonsmooth=("the comparison in line 5",)))


def test_score_serves_laws_that_hold_a_parameter_in_a_fixed_support() -> None:
    score = load_estimator("score")
    assert score.refuses(NORMAL) is None
    assert score.refuses(BERNOULLI) is None
    assert score.refuses(replace(NORMAL, nonsmooth=("the comparison in line 5",))) is None
    assert "no parameter" in score.refuses(replace(NORMAL, law_depends=False))
    assert "support" in score.refuses(replace(NORMAL, moving_support=True))


def test_boundary_serves_continuous_draws_that_decide() -> None:
    boundary, cut = load_estimator("boundary"), ("the comparison in line 5",)
    assert boundary.stratifies
    assert boundary.refuses(replace(NORMAL, crossings=cut)) is None
    assert boundary.refuses(replace(NORMAL, crossings=cut, law_depends=False, pathwise=None)) is None
    assert "no comparison" in boundary.refuses(NORMAL)
    assert "discrete" in boundary.refuses(replace(BERNOULLI, crossings=cut))
    assert "cannot be differentiated" in boundary.refuses(replace(NORMAL, crossings=cut, pathwise=None))
    assert boundary.refuses(replace(NORMAL, crossings=cut, obstacles=("it is rounded",))) == "it is rounded"


def test_stochastic_ad_serves_discrete_laws() -> None:
    stochastic_ad = load_estimator("stochastic_ad")
    assert stochastic_ad.refuses(BERNOULLI) is None
    assert "continuous" in stochastic_ad.refuses(NORMAL)
    assert "no parameter" in stochastic_ad.refuses(replace(BERNOULLI, law_depends=False))


def test_measure_valued_serves_the_laws_whose_weak_derivative_it_knows() -> None:
    measure_valued, cut = load_estimator("measure_valued"), ("the comparison in line 5",)
    assert measure_valued.refuses(NORMAL) is None
    assert measure_valued.refuses(BERNOULLI) is None
    assert measure_valued.refuses(replace(NORMAL, distribution="uniform", nonsmooth=cut, moving_support=True)) is None
    assert "no parameter" in measure_valued.refuses(replace(NORMAL, law_depends=False))
    assert "truncated" in measure_valued.refuses(replace(NORMAL, distribution="truncated(normal)"))
    gamma = replace(NORMAL, distribution="gamma")
    assert measure_valued.refuses(replace(gamma, moving=("rate",))) is None
    assert "concentration" in measure_valued.refuses(replace(gamma, moving=("concentration", "rate")))


@pytest.mark.parametrize(
    ("name", "options", "word"),
    [
        ("score", {"baseline": "median"}, "baseline"),
        ("score", {"side": "up"}, "side"),
        ("stochastic_ad", {"side": "left"}, "side"),
        ("reparam", {"side": "up"}, "side"),
        ("measure_valued", {"side": "up"}, "side"),
    ],
)
def test_options_are_checked(name: str, options: dict[str, str], word: str) -> None:
    assert word in load_estimator(name).check_options(options)


@pytest.mark.parametrize(
    ("name", "options"), [("score", {"baseline": "none"}), ("stochastic_ad", {"side": "down"}), ("reparam", {})]
)
def test_good_options_pass(name: str, options: dict[str, str]) -> None:
    assert load_estimator(name).check_options(options) is None
