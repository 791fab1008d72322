"""Each distribution: means and derivatives of two observables that are not linear, by every estimator that applies."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from scipy import stats

import hepppl

from . import oracles
from .acceptance import assert_agrees, load

Function = Callable[[np.ndarray], np.ndarray]
COUNTS: dict[str, Function] = {"square": lambda k: (k - 6.0) ** 2, "inverse": lambda k: 1.0 / (k + 1)}


def _binomial(probs: float) -> Any:
    return stats.binom(10, probs)


def _categorical(allele: float) -> Any:
    other = 1 - allele
    return stats.rv_discrete(values=([0, 1, 2], [allele**2, 2 * allele * other, other**2]))


LAWS: dict[str, Callable[..., Any]] = {
    "poisson": lambda rate: stats.poisson(rate),
    "binomial": _binomial,
    "geometric": lambda probs: stats.geom(probs, loc=-1),
    "bernoulli": lambda probs: stats.bernoulli(probs),
    "categorical": _categorical,
}
DISCRETE = [
    ("poisson", "rate", [0.3, 4.0, 30.0]),
    ("binomial", "probs", [0.03, 0.3, 0.8]),
    ("geometric", "probs", [0.2, 0.4, 0.9]),
    ("bernoulli", "probs", [0.1, 0.6]),
    ("categorical", "allele", [0.1, 0.3, 0.75]),
]
CASES = [(name, param, at) for name, param, values in DISCRETE for at in values]


@pytest.mark.every(7)
@pytest.mark.parametrize("by", [pytest.param(None, marks=pytest.mark.slow), "score", "stochastic_ad"])
@pytest.mark.parametrize(("name", "param", "at"), CASES)
def test_counts(name: str, param: str, at: float, by: str | None) -> None:
    site = "b" if name == "bernoulli" else "k"
    result = load(name).grad(200_000, seed=21, by={site: by} if by else None, **{param: at})
    for output, f in COUNTS.items():
        exact = oracles.summed(lambda f=f, **p: oracles.distribution(f, LAWS[name](**p)), **{param: at})
        assert_agrees(
            result, output, exact, what=f"{name} {param} = {at} by {by}", scale=1.0 + abs(exact.gradient[param])
        )


def _normal(loc: float, scale: float, f: Function) -> float:
    return oracles.normal_mean(f, loc, scale)


def _exponential(rate: float, f: Function) -> float:
    x, w = np.polynomial.laguerre.laggauss(80)
    return float(w @ f(x / rate))


def _uniform(width: float, f: Function) -> float:
    x, w = np.polynomial.legendre.leggauss(80)
    return float(w @ f(-1 + (width + 1) * (x + 1) / 2)) / 2


SMOOTH: list[tuple[str, Callable[..., float], dict[str, float], dict[str, Function], tuple[str | None, ...]]] = [
    ("normal", _normal, {"loc": 0.3, "scale": 0.8},
     {"wave": lambda x: np.sin(3 * x) * np.exp(-(x**2) / 8), "cube": lambda x: x**3}, (None, "reparam", "score")),
    ("normal", _normal, {"loc": -1.0, "scale": 0.4},
     {"wave": lambda x: np.sin(3 * x) * np.exp(-(x**2) / 8), "cube": lambda x: x**3}, (None, "score")),
    ("exponential", _exponential, {"rate": 1.5},
     {"square": lambda x: x**2, "damped": lambda x: np.exp(-x)}, (None, "reparam", "score")),
    ("exponential", _exponential, {"rate": 0.2},
     {"square": lambda x: x**2, "damped": lambda x: np.exp(-x)}, (None, "score")),
    ("uniform", _uniform, {"width": 1.2},
     {"square": lambda x: x**2, "wave": lambda x: np.sin(2 * x)}, (None, "reparam")),
]  # fmt: skip


@pytest.mark.every(3)
@pytest.mark.parametrize(
    ("name", "mean", "at", "functions", "by"), [(*case[:4], by) for case in SMOOTH for by in case[4]]
)
def test_smooth(
    name: str, mean: Callable[..., float], at: dict[str, float], functions: dict[str, Function], by: str | None
) -> None:
    result = load(name).grad(400_000, seed=22, by={"x": by} if by else None, **at)
    for output, f in functions.items():
        exact = oracles.summed(partial(mean, f=f), **at)
        assert_agrees(
            result, output, exact, what=f"{name} {at} by {by}", scale=1.0 + max(map(abs, exact.gradient.values()))
        )


@pytest.mark.parametrize(("name", "site", "by"), [
    ("poisson", "k", "reparam"),  # a count does not move smoothly
    ("uniform", "x", "score"),  # the support moves with the parameter, the density does not know it
    ("normal", "x", "stochastic_ad"),  # no neighbouring values
])  # fmt: skip
def test_an_estimator_that_would_be_wrong_is_refused(name: str, site: str, by: str) -> None:
    with pytest.raises(hepppl.HepPlanError) as raised:
        load(name).grad(100, by={site: by})
    assert site in str(raised.value)
    assert by in str(raised.value)
