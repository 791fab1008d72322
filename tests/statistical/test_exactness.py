"""The examples, and programs with every kind of site and control flow, give their exact values by every estimator."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from . import oracles
from .acceptance import assert_agrees, load
from .oracles import Exact


@pytest.mark.parametrize("by", [None, "score", "stochastic_ad"])
@pytest.mark.parametrize("x", [0.2, 0.7, 1.1])
def test_discrete_choice(x: float, by: str | None) -> None:
    result = load("discrete_choice").grad(200_000, seed=1, x=x, by={"b": by} if by else None)
    assert_agrees(result, "value", oracles.discrete_choice(x), what=f"{by} at {x}")


@pytest.mark.parametrize("by", [None, "score", "stochastic_ad"])
def test_random_walk(by: str | None) -> None:
    result = load("random_walk").grad(100_000, seed=2, p=200.0, by={"up": by} if by else None)
    exact = oracles.random_walk(200.0)
    assert exact.gradient["p"] == pytest.approx(15.134901, abs=1e-6)
    assert_agrees(result, "value", exact, what=str(by))


@pytest.mark.slow
def test_walk_with_ten_parameters_has_ten_derivatives() -> None:
    result = load("random_walk_table").grad(200_000, seed=3)
    exact = oracles.random_walk(np.full(10, 200.0), blocks=10)
    assert np.shape(result.gradient["value"]["p"]) == (10,)
    assert_agrees(result, "value", exact)


@pytest.mark.parametrize("by", [pytest.param("score", marks=pytest.mark.slow), "stochastic_ad"])
def test_absorber(by: str) -> None:
    result = load("absorber").grad(40_000, seed=4, theta=2.5, by={"shower.interacts": by})
    assert_agrees(result, "value", oracles.ABSORBER, what=by)


@pytest.mark.slow
@pytest.mark.parametrize("by", [pytest.param("score", marks=pytest.mark.slow), "stochastic_ad"])
def test_absorber_with_energy_loss(by: str) -> None:
    result = load("absorber_energy_loss").grad(60_000, seed=5, theta=2.5, by={"track.interacts": by})
    assert_agrees(result, "value", oracles.ABSORBER_ENERGY_LOSS, what=by)


@pytest.mark.parametrize("by", [None, "score"])
@pytest.mark.parametrize(("mu", "sigma"), [(0.8, 0.5), (-2.0, 1.3)])
def test_smooth_normal(mu: float, sigma: float, by: str | None) -> None:
    result = load("smooth_normal").grad(200_000, seed=6, mu=mu, sigma=sigma, by={"x": by} if by else None)
    assert_agrees(result, "value", oracles.smooth_normal(mu, sigma), what=str(by))


@pytest.mark.every(2)
@pytest.mark.parametrize("by", ["score", "stochastic_ad"])
@pytest.mark.parametrize("splitting", [0.4, 0.8])
def test_cascade(splitting: float, by: str) -> None:
    result = load("cascade").grad(60_000, seed=7, splitting=splitting, by={"cascade.splits": by})
    assert_agrees(result, "value", oracles.cascade(splitting), what=by)


@pytest.mark.slow
@pytest.mark.parametrize("fission", ["score", "stochastic_ad"])
@pytest.mark.parametrize("freed", ["score", "stochastic_ad"])
def test_chain_reaction(fission: str, freed: str) -> None:
    by = {"neutron.fission": fission, "neutron.freed": freed}
    result = load("chain_reaction").grad(150_000, seed=8, p=0.25, by=by)
    assert_agrees(result, "value", oracles.chain_reaction(0.25), what=str(by))


@pytest.mark.slow
@pytest.mark.parametrize("by", [pytest.param("score", marks=pytest.mark.slow), "stochastic_ad"])
@pytest.mark.parametrize("m", [pytest.param(0.3, marks=pytest.mark.slow), 0.6])
def test_family_tree_by_any_function_of_its_size(m: float, by: str) -> None:
    n = 300_000 if by == "score" else 150_000  # the square has a long tail
    result = load("progeny").grad(n, seed=9, m=m, by={"person.children": by})
    functions: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
        "root": np.sqrt,
        "alone": lambda n: n == 1,
        "square": lambda n: n**2.0,
    }
    for output, f in functions.items():
        assert_agrees(result, output, oracles.summed(lambda m, f=f: oracles.progeny(f, m), m=m), what=by)


@pytest.mark.parametrize("by", [pytest.param("score", marks=pytest.mark.slow), "stochastic_ad"])
def test_veto_shower(by: str) -> None:
    result = load("veto_shower").grad(100_000, seed=10, alpha_mz=0.1, by={"accept": by})
    emissions, none = oracles.veto_shower(0.1)
    assert_agrees(result, "emissions", emissions, what=by)
    assert_agrees(result, "none", none, what=by)


@pytest.mark.slow
def test_photodetector_mixes_reparam_score_and_stochastic_ad() -> None:
    model = load("photodetector")
    result = model.grad(400_000, seed=11, light=0.5, efficiency=0.6)
    used = {row["site"]: row["estimator"] for row in result.sites}
    assert used == {"shower": "reparam", "photons": "score", "detected": "stochastic_ad", "signal": "reparam"}
    assert_agrees(result, "value", oracles.photodetector(0.5, 0.6))


@pytest.mark.parametrize("by", [
    pytest.param({}, marks=pytest.mark.slow),
    pytest.param({"n": "stochastic_ad", "last": "stochastic_ad"}, marks=pytest.mark.slow),
    pytest.param({"first": "score", "k": "score"}, marks=pytest.mark.slow),
    pytest.param({"first": "score", "n": "stochastic_ad", "k": "score"}, marks=pytest.mark.slow),
    pytest.param({"y": "score"}, marks=pytest.mark.slow),
])  # fmt: skip
def test_mixed_estimators_feed_one_another(by: dict[str, str]) -> None:
    result = load("mixed").grad(400_000, seed=12, t=0.4, by=by)
    for output, exact in oracles.mixed(0.4).items():
        assert_agrees(result, output, exact, what=f"{by}", scale=1.0)


@pytest.mark.every(2)
@pytest.mark.parametrize("by", ["score", "stochastic_ad"])
@pytest.mark.parametrize("p", [0.3, 0.6])
def test_loop_of_random_length(p: float, by: str) -> None:
    def mean(p: float) -> float:
        n = np.arange(1, 2000)
        return float(n**2.0 @ (p ** (n - 1) * (1 - p)))

    result = load("waiting").grad(200_000, seed=13, p=p, by={"again": by})
    assert_agrees(result, "value", oracles.summed(mean, p=p), what=by)


@pytest.mark.slow
@pytest.mark.parametrize("by", ["score", pytest.param("stochastic_ad", marks=pytest.mark.slow)])
def test_plate(by: str) -> None:
    rate = 0.7  # the sum is Poisson with mean 15 rate
    exact = Exact(15 * rate + (15 * rate) ** 2, {"rate": 15 + 450 * rate})
    result = load("plate").grad(100_000, seed=14, rate=rate, by={"k": by})
    assert_agrees(result, "value", exact, what=by)


@pytest.mark.every(2)
@pytest.mark.parametrize("by", ["score", "stochastic_ad"])
def test_derivatives_vanish_where_nothing_depends(by: str) -> None:
    result = load("independent").grad(100_000, seed=15, a=2.0, b=0.3, by={"k": by, "flip": by})
    assert_agrees(result, "counts", Exact(6.0, {"a": 5.0}))
    assert_agrees(result, "flips", Exact(0.9, {"b": 3.0}))
    assert_agrees(result, "known", Exact(0.09, {"b": 0.6}))
    zero = [("counts", "b"), ("flips", "a"), ("noise", "a"), ("noise", "b"), ("known", "a")]
    zero += [(output, "unused") for output in ("counts", "flips", "noise", "known")]
    for output, param in zero:
        assert result.gradient[output][param] == 0, f"dE[{output}]/d{param}"
        assert result.se[output][param] == 0, f"dE[{output}]/d{param}"
