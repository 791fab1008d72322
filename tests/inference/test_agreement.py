"""NUTS, SVI and MLE on a binned template fit and an unbinned mixture, against quadrature of densities by hand.

The mean of draws is compared by its z-score, with the Monte Carlo error that the effective draws give, and a standard
deviation by 1.5 sd / sqrt(2 ESS), |z| < 4 each: all together fail by chance with probability below 1e-3. SVI is a
normal approximation: near, and not equal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from scipy import optimize, stats

import hepppl
from hepppl.inference import posterior

pytestmark = pytest.mark.slow

BINNED = """model binned {
    param mu in [0, 6] ~ uniform(0, 6) = 1
    param shift ~ normal(0, 1) = 0
    const signal = [4, 15, 6]
    const background = [80, 60, 40]
    plate i in 0..3 { observe n[i] ~ poisson(mu * signal[i] + background[i] * 1.1^shift) }
}"""
COUNTS = np.array([92, 85, 55])

MIXTURE = """model peak {
    param f in (0, 1) ~ beta(2, 3) = 0.4
    param mass in (80, 100) ~ uniform(80, 100) = 90
    plate i in 0..120 {
        signal ~ bernoulli(f)
        observe m[i] ~ normal(if signal then mass else 90, if signal then 2 else 12)
    }
}"""
DRAWS = np.random.default_rng(4)
MASSES = np.concatenate([DRAWS.normal(92, 2, 50), DRAWS.normal(90, 12, 70)])


def binned(mu: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """The log posterior density, up to a constant."""
    signal, background = np.array([4, 15, 6]), np.array([80, 60, 40])
    rate = mu[..., None] * signal + background * 1.1 ** shift[..., None]
    return stats.poisson(rate).logpmf(COUNTS).sum(-1) + stats.norm.logpdf(shift)


def mixture(f: np.ndarray, mass: np.ndarray) -> np.ndarray:
    peak, wide = stats.norm(mass[..., None], 2).pdf(MASSES), stats.norm(90, 12).pdf(MASSES)
    return np.log(f[..., None] * peak + (1 - f[..., None]) * wide).sum(-1) + stats.beta(2, 3).logpdf(f)


Case = tuple[str, Mapping[str, Any], Callable[..., np.ndarray], Mapping[str, tuple[float, float]]]
CASES: dict[str, Case] = {
    "binned": (BINNED, {"n": COUNTS}, binned, {"mu": (0, 6), "shift": (-4, 5)}),
    "mixture": (MIXTURE, {"m": MASSES}, mixture, {"f": (0, 1), "mass": (87, 97)}),
}


def exact(case: Case) -> dict[str, tuple[float, float]]:
    """Means and standard deviations, by the midpoint rule on 300 × 300 cells, up to where priors end or beyond which
    there is nothing."""
    *_, density, ranges = case
    middles = [low + (high - low) * (np.arange(300) + 0.5) / 300 for low, high in ranges.values()]
    grid = np.meshgrid(*middles, indexing="ij")
    log = np.stack([density(*row) for row in zip(*grid, strict=True)])
    weight = np.exp(log - log.max())
    weight /= weight.sum()
    found = {}
    for name, x in zip(ranges, grid, strict=True):
        mean = (x * weight).sum()
        found[name] = float(mean), float(((x - mean) ** 2 * weight).sum() ** 0.5)
    return found


@pytest.mark.parametrize("name", CASES)
def test_nuts(name: str) -> None:
    text, data, *_ = CASES[name]
    tree = hepppl.parse(text).infer(data, "nuts", seed=2, samples=600, warmup=500)
    known = exact(CASES[name])
    rows = posterior.rows(tree)
    assert {row.name for row in rows} == set(known)
    for row in rows:
        mean, sd = known[row.name]
        assert abs(row.mean - mean) < 4 * row.mcse
        assert abs(row.sd - sd) < 4 * 1.5 * sd / np.sqrt(2 * row.ess)


@pytest.mark.parametrize("name", CASES)
def test_svi(name: str) -> None:
    text, data, *_ = CASES[name]
    tree = hepppl.parse(text).infer(data, "svi", seed=2)
    for row in posterior.rows(tree):
        mean, sd = exact(CASES[name])[row.name]
        assert abs(row.mean - mean) < 0.15 * sd
        assert row.sd == pytest.approx(sd, rel=0.12)


@pytest.mark.parametrize("name", CASES)
def test_the_largest_density_and_likelihood(name: str) -> None:
    """``map`` is where the density is largest; so is ``mle`` on the binned model, whose flat prior says nothing."""
    text, data, density, _ = CASES[name]
    start = {"binned": [1, 0], "mixture": [0.4, 92]}[name]
    best = optimize.minimize(
        lambda x: -float(density(*np.array(x)[:, None])[0]), start, method="Nelder-Mead", options={"xatol": 1e-7}
    )
    model = hepppl.parse(text)
    methods = ("map", "mle") if name == "binned" else ("map",)
    for method in methods:
        fit = model.infer(data, method)
        assert [fit[parameter] for parameter in CASES[name][3]] == pytest.approx(best.x, abs=2e-3)
