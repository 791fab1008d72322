"""`measure_valued` on every law that it serves: values under a comparison, and counts, against SciPy's integrals."""

from __future__ import annotations

from collections.abc import Callable
from math import exp

import pytest
from scipy import stats

import hepppl

from .acceptance import assert_within
from .oracles import derivative, distribution

T = 0.3
TEXT = """model m {
    param t: real in (0, 1) = 0.3
    n ~ normal(t, 1 + t)
    l ~ log_normal(t, 0.5 + t)
    e ~ exponential(1 / t)
    g ~ gamma(2, 1 + t)
    a ~ laplace(t, 1 + t)
    u ~ uniform(-t, 1 + t)
    k ~ poisson(4 * t)
    m ~ binomial(5, t)
    q ~ geometric(t)
    c ~ categorical([t, 0.5 - t / 2, 0.5 - t / 2])
    return (
        n = if n > 0.4 then n^2 else 0, l = if l > 0.4 then l else 0, e = if e > 0.4 then e^2 else 0,
        g = if g > 0.4 then g^2 else 0, a = if a > 0.4 then a^2 else 0, u = if u > 0.4 then u^2 else 0,
        k = (k - 6)^2, m = (m - 6)^2, q = if q > 2 then 1 else 0, c = c^2
    )
}"""


def above(law: Callable[[float], object], power: int = 2) -> float:
    """d/dt of E[x^power; x > 0.4]."""
    return derivative(lambda t: law(t).expect(lambda x: x**power, lb=0.4), T)


EXACT: dict[str, Callable[[], float]] = {
    "n": lambda: above(lambda t: stats.norm(t, 1 + t)),
    "l": lambda: above(lambda t: stats.lognorm(0.5 + t, scale=exp(t)), 1),
    "e": lambda: above(lambda t: stats.expon(scale=t)),
    "g": lambda: above(lambda t: stats.gamma(2, scale=1 / (1 + t))),
    "a": lambda: above(lambda t: stats.laplace(t, 1 + t)),
    "u": lambda: above(lambda t: stats.uniform(-t, 1 + 2 * t)),
    "k": lambda: 4 * (1 + 2 * (4 * T - 6)),
    "m": lambda: derivative(lambda t: distribution(lambda m: (m - 6.0) ** 2, stats.binom(5, t)), T),
    "q": lambda: -3 * (1 - T) ** 2,
    "c": lambda: -2.5,
}


@pytest.fixture(scope="module")
def result() -> hepppl.GradResult:
    return hepppl.parse(TEXT).grad(60_000, seed=81, by={"*": "measure_valued"})


@pytest.mark.slow
@pytest.mark.parametrize("output", EXACT)
def test_every_law(result: hepppl.GradResult, output: str) -> None:
    assert {row["estimator"] for row in result.sites} == {"measure_valued"}
    exact = EXACT[output]()
    assert_within(result.gradient[output]["t"], result.se[output]["t"], exact, scale=max(10.0, abs(exact)), what=output)


def test_it_needs_no_threshold_to_be_solved_for() -> None:
    """The support moves, and rounding cannot be undone: nothing else serves this site."""
    model = hepppl.parse("model m { param t: real in (0, 9) = 2.5; u ~ uniform(0, t); return floor(u)^2 }")
    assert [row.estimator for row in model.plan().rows] == ["measure_valued"]
    found = model.grad(20_000, seed=82)
    assert_within(found.gradient["value"]["t"], found.se["value"]["t"], (2.5 * 4 - 1 - 4 * 0.5) / 2.5**2)
