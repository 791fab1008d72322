"""Fits, intervals, limits and significance against closed forms, SciPy, pyhf and published formulas."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import optimize, stats

import hepppl
from hepppl.inference import limits

SIGNAL, BACKGROUND = 0.3 * 139, 0.5 * 139


@pytest.fixture(scope="module")
def counting(examples: Path) -> hepppl.Model:
    return hepppl.load(examples / "counting.hep")


def test_the_counting_experiment(counting: hepppl.Model) -> None:
    """The maximum has a closed form, and so have the errors: those of n and of the log-normal constraint add."""
    fit = counting.infer({"n": 100}, "mle")
    assert fit["mu"] == pytest.approx((100 - BACKGROUND) / SIGNAL, abs=1e-3)
    assert fit["b_scale"] == pytest.approx(1, abs=1e-3)
    assert fit.error("b_scale") == pytest.approx(0.1, rel=2e-3)
    assert fit.error("mu") == pytest.approx(math.sqrt(100 + (0.1 * BACKGROUND) ** 2) / SIGNAL, rel=5e-3)
    flat = -stats.uniform(0, 10).logpdf(1)  # a prior without a say is left in, as a constant
    exact = -stats.poisson(100).logpmf(100) - stats.norm(0, 0.1).logpdf(0) + flat
    assert fit.minus_log == pytest.approx(exact, abs=1e-6)

    def profile(mu: float) -> float:
        def minus_log(b: float) -> float:
            return -stats.poisson(mu * SIGNAL + b * BACKGROUND).logpmf(100) - stats.norm(0, 0.1).logpdf(math.log(b))

        return optimize.minimize_scalar(minus_log, bounds=(0.5, 2), method="bounded", options={"xatol": 1e-9}).fun

    for end in (fit.intervals["mu"].low, fit.intervals["mu"].high):
        assert profile(end) + flat - fit.minus_log == pytest.approx(0.5, abs=2e-3)


def test_the_largest_posterior_density(counting: hepppl.Model) -> None:
    def minus_log(x: np.ndarray) -> float:
        mu, b = x
        return -stats.poisson(mu * SIGNAL + b * BACKGROUND).logpmf(100) - stats.lognorm(0.1).logpdf(b)

    exact = optimize.minimize(minus_log, [0.7, 1.0], method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-10})
    fit = counting.infer({"n": 100}, "map")
    assert fit.values[[list(fit.names).index(n) for n in ("mu", "b_scale")]] == pytest.approx(exact.x, abs=1e-3)
    assert fit.minus_log == pytest.approx(exact.fun - stats.uniform(0, 10).logpdf(1), abs=1e-5)


UNBINNED = """model peak {
    param f in (0, 1) = 0.3
    param mass: energy in (80 GeV, 100 GeV) = 90 GeV
    param width: energy in (0.5 GeV, 10 GeV) = 3 GeV
    data count: int
    plate i in 0..count {
        observe m[i] ~ mixture([f, 1 - f], [normal(mass, width), uniform(60 GeV, 120 GeV)])
    }
}"""


def test_an_unbinned_mixture_in_two_ways() -> None:
    """By `mixture`, and by a discrete draw that is summed over: both against SciPy on the density written by hand."""
    draws = np.random.default_rng(5)
    m = np.concatenate([draws.normal(91, 2.5, 120), draws.uniform(60, 120, 180)])

    def minus_log(x: np.ndarray) -> float:
        f, mass, width = x
        return -np.log(f * stats.norm(mass, width).pdf(m) + (1 - f) / 60).sum()

    exact = optimize.minimize(minus_log, [0.3, 90, 3], method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-11})
    given = {"count": len(m), "m": [f"{x} GeV" for x in m]}
    fit = hepppl.parse(UNBINNED, data={"count": len(m)}).infer(given, "mle")
    values = [fit["f"], fit["mass"] / 1000, fit["width"] / 1000]
    assert values == pytest.approx(exact.x, rel=1e-4)
    assert fit.minus_log == pytest.approx(exact.fun + len(m) * math.log(1000), abs=1e-6)
    assert fit.unit("mass") == "MeV"
    summed = UNBINNED.replace(
        "observe m[i] ~ mixture([f, 1 - f], [normal(mass, width), uniform(60 GeV, 120 GeV)])",
        "z ~ bernoulli(f)\n        observe m[i] ~ mixture([if z then 1 else 0, if z then 0 else 1], "
        "[normal(mass, width), uniform(60 GeV, 120 GeV)])",
    )
    other = hepppl.parse(summed, data={"count": len(m)}).infer(given, "mle", minos=False)
    assert other.minus_log == pytest.approx(fit.minus_log, abs=1e-6)
    assert other.values == pytest.approx(fit.values, rel=1e-4)


BINNED = """model binned {
    param mu in [0, 10] = 1
    param g0 in (0, 10) ~ gamma(101, 100) = 1
    param g1 in (0, 10) ~ gamma(26, 25) = 1
    plate i in 0..2 { observe n[i] ~ poisson(mu * [5, 10][i] + [50, 60][i] * (if i == 0 then g0 else g1)) }
}"""


@pytest.fixture(scope="module")
def binned() -> Any:
    return hepppl.parse(BINNED).infer({"n": [55, 62]}, "mle", limit="mu", discovery="mu")


@pytest.fixture(scope="module")
def pyhf_model() -> Any:
    pyhf = pytest.importorskip("pyhf")
    pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer(tolerance=1e-4))
    # relative errors of 10 % and 20 %: as from control regions with 100 and 25 events
    return pyhf.simplemodels.uncorrelated_background([5.0, 10.0], [50.0, 60.0], [5.0, 12.0])


def test_a_binned_fit_agrees_with_pyhf(binned: Any, pyhf_model: Any) -> None:
    import pyhf

    data = [55.0, 62.0, *pyhf_model.config.auxdata]
    best = pyhf.infer.mle.fit(data, pyhf_model)
    assert binned.values == pytest.approx(best, abs=2e-4)
    q0 = pyhf.infer.test_statistics.q0(0.0, data, pyhf_model, [1, 1, 1], [(0, 50), (0, 10), (0, 10)], [False] * 3)
    assert binned.discovery.significance**2 == pytest.approx(float(q0), rel=1e-3)


def test_limits_agree_with_pyhf(binned: Any, pyhf_model: Any) -> None:
    import pyhf

    data = [55.0, 62.0, *pyhf_model.config.auxdata]
    observed, expected = pyhf.infer.intervals.upper_limits.upper_limit(data, pyhf_model, None, level=0.05)
    assert binned.limit.observed == pytest.approx(float(observed), rel=1e-3)
    assert binned.limit.expected == pytest.approx([float(x) for x in expected], rel=1e-3)


def test_limits_and_significance_without_nuisances_are_the_published_formulas() -> None:
    """arXiv:1007.1727, eqs. 64 to 66 and 86 to 88 with s + b expected: closed forms of n, s and b."""
    s, b, n = 10.0, 50.0, 58
    text = f"model m {{\n    param mu in [0, 20] = 1\n    observe n ~ poisson(mu * {s} + {b})\n}}"
    fit = hepppl.parse(text).infer({"n": n}, "mle", limit="mu", discovery="mu", level=0.9)
    assert fit["mu"] == pytest.approx((n - b) / s, abs=1e-3)
    assert fit.discovery.significance == pytest.approx(math.sqrt(2 * (n * math.log(n / b) - (n - b))), rel=1e-4)
    asimov = math.sqrt(2 * ((s + b) * math.log(1 + s / b) - s))  # eq. 97
    assert fit.discovery.expected == pytest.approx(asimov, rel=1e-4)
    assert fit.discovery.p_value == pytest.approx(stats.norm.sf(fit.discovery.significance), rel=1e-6)

    def q(mu: float, count: float) -> float:
        rate = mu * s + b
        return 2 * (rate - count + count * math.log(count / rate))

    def cls(mu: float) -> float:
        root, expected = math.sqrt(q(mu, n)), math.sqrt(q(mu, b))
        statistic = root if root <= expected else (root**2 + expected**2) / (2 * expected)
        return stats.norm.sf(statistic) / stats.norm.sf(statistic - expected)

    assert fit.limit.observed == pytest.approx(optimize.brentq(lambda mu: cls(mu) - 0.1, 1, 20), rel=1e-4)

    def band(z: float) -> float:
        return optimize.brentq(lambda mu: stats.norm.sf(math.sqrt(q(mu, b)) - z) / stats.norm.sf(-z) - 0.1, 0.05, 20)

    assert fit.limit.expected == pytest.approx([band(z) for z in limits.BANDS], rel=1e-4)


def test_asimov_data(counting: hepppl.Model) -> None:
    assert counting.asimov(mu=2, b_scale=1.1) == {"n": pytest.approx(2 * SIGNAL + 1.1 * BACKGROUND)}
    data = hepppl.parse(BINNED).asimov(mu=2, g1=0.5)
    assert data["n"] == pytest.approx([60, 50])
    fit = counting.infer(counting.asimov(mu=2), "mle", minos=False)
    assert fit["mu"] == pytest.approx(2, abs=1e-3)


def test_a_fixed_parameter_is_not_fitted(counting: hepppl.Model) -> None:
    fit = counting.infer({"n": 100}, "mle", params={"b_scale": 1.2}, minos=False)
    assert list(fit.names) == ["mu"]
    assert fit["mu"] == pytest.approx((100 - 1.2 * BACKGROUND) / SIGNAL, abs=1e-3)


def test_a_value_at_the_end_of_its_interval_is_marked(counting: hepppl.Model) -> None:
    fit = counting.infer({"n": 40}, "mle")
    assert fit["mu"] == pytest.approx(0, abs=1e-6)
    assert list(fit.at_limit) == ["mu"]
    assert 0 < fit.intervals["mu"].high < 1


@pytest.mark.parametrize(
    ("text", "data", "options", "code"),
    [
        ("param a = 1\n param b = 1\n observe n ~ normal(a + b, 1)", {"n": 3}, {}, "E911"),
        ("param mu in [0, 3] = 1\n observe n ~ poisson(mu)", {"n": 3}, {"limit": "mu"}, "E912"),
        ("param mu in [1, 3] = 1\n observe n ~ poisson(mu)", {"n": 3}, {"limit": "mu"}, "E457"),
        ("param mu in [0, 3] = 1\n observe n ~ exponential(1 + mu)", {"n": 3}, {"limit": "mu"}, "E715"),
        ("param mu in [0, 3] = 1\n observe n ~ poisson(mu)", {"n": 3}, {"limit": "nu"}, "E451"),
        ("param mu in [0, 3] = 1\n observe n ~ poisson(mu)", {"n": 3}, {"level": 95}, "E457"),
    ],
)
def test_what_cannot_be_trusted_or_done_is_said(text: str, data: Any, options: dict[str, Any], code: str) -> None:
    model = hepppl.parse(f"model m {{\n {text}\n}}")
    with pytest.raises(hepppl.HepError) as caught:
        model.infer(data, "mle", **options)
    assert {d.code for d in caught.value.diagnostics} == {code}
