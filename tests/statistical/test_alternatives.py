"""Several alternatives of an event, and one for every candidate: exact, and of less variance."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import hepppl
from hepppl.diagnostics.errors import HepPlanError
from hepppl.testing import check

from .acceptance import assert_within, load
from .test_blend import TWO, summed

#: Two sites that share an event: a product and a square of a count.
PAIR = """model m {
    param x: real in (0, 1) = 0.7
    b ~ bernoulli(x)
    k ~ poisson(x)
    return b * k + k^2
}"""  # E = 2 x² + x

#: Draws of a plate, which wait while later ones are made.
PLATE = """model m {
    param p: real in (0, 1) = 0.3
    plate i in 0..6 { b ~ bernoulli(p) }
    return sum(b)^2
}"""


def derivative(result: Any) -> tuple[float, float, float]:
    (output,) = result.gradient
    (param,) = result.gradient[output]
    return tuple(float(getattr(result, what)[output][param]) for what in ("gradient", "se", "std"))


@pytest.mark.parametrize("number", [3, "'all'"])
def test_the_flip_of_a_discrete_choice_has_no_variance(number: Any) -> None:
    by = {"b": f"stochastic_ad(alternatives={number})"}
    value, _, std = derivative(load("discrete_choice").grad(2000, seed=1, x=0.7, by=by))
    assert value == pytest.approx(1.4 + 2 * math.sin(2.8), rel=1e-5)
    assert std < 1e-5


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize(
    ("b", "k"), [("3", "3"), ("'all'", "'all'"), ("'all'", "2")], ids=["sampled", "every", "every and sampled"]
)
@pytest.mark.slow
def test_two_sites(b: str, k: str, mode: str) -> None:
    by = {"b": f"stochastic_ad(alternatives={b})", "k": f"stochastic_ad(alternatives={k})"}
    model = hepppl.parse(PAIR)
    value, se, std = derivative(model.grad(30_000, seed=5, by=by, mode=mode))
    assert_within(value, se, 4 * 0.7 + 1)
    if mode == "forward":
        once = derivative(model.grad(30_000, seed=5, by={"b": "stochastic_ad", "k": "stochastic_ad"}))[2]
        assert std < 0.92 * once  # 3.9, 3.6 and 3.6 for 4.4


@pytest.mark.slow
def test_a_plate_with_an_alternative_for_every_draw() -> None:
    """d/dp of E[(Σ b)²] = n p (1 - p) + n² p²: at n = 6, p = 0.3."""
    exact = 6 * (1 - 0.6) + 2 * 36 * 0.3
    model = hepppl.parse(PLATE)
    every = derivative(model.grad(20_000, seed=6, by={"b": "stochastic_ad(alternatives='all')"}))
    one = derivative(model.grad(20_000, seed=6, by={"b": "stochastic_ad"}))
    assert_within(every[0], every[1], exact)
    assert_within(one[0], one[1], exact)
    # with m draws true, a flip changes the square by 2 m + 1 or 1 - 2 m: the estimate is their sum, with signs
    ups = np.arange(7)
    mass = np.array([math.comb(6, int(m)) * 0.3**m * 0.7 ** (6 - m) for m in ups])
    total = (6 - ups) * (2 * ups + 1) + ups * (2 * ups - 1)
    assert every[2] == pytest.approx(math.sqrt(mass @ total**2 - (mass @ total) ** 2), rel=0.03)


@pytest.mark.slow
@pytest.mark.parametrize("number", ["4", "'all'"])
def test_a_loop(number: str) -> None:
    by = {"b": f"stochastic_ad(alternatives={number})", "k": "stochastic_ad"}
    step = 1e-5
    exact = (summed(0.4 + step) - summed(0.4 - step)) / (2 * step)
    value, se, _ = derivative(hepppl.parse(TWO).grad(40_000, seed=7, by=by))
    assert_within(value, se, exact)


@pytest.mark.slow
def test_four_alternatives_of_a_walk() -> None:
    """dE/dp = 15.134901 at p = 200, by dynamic programming."""
    by = {"up": "stochastic_ad(alternatives=4)"}
    value, se, std = derivative(load("random_walk").grad(40_000, seed=8, by=by))
    assert_within(value, se, 15.134901)
    assert std <= 6.75


@pytest.mark.slow
def test_two_alternatives_of_a_shower() -> None:
    by = {"shower.interacts": "stochastic_ad(alternatives=2)"}
    value, se, std = derivative(load("absorber").grad(16_384, seed=9, by=by))
    assert_within(value, se, 2.5545, 0.0093)
    assert std < 2.5  # 2.75 with one


def test_every_candidate_is_refused_where_their_number_is_not_known_or_large() -> None:
    cases = {"absorber": ("shower.interacts", "random"), "random_walk": ("up", "100 of its draws")}
    for name, (site, reason) in cases.items():
        with pytest.raises(HepPlanError, match=reason):
            load(name).plan(by={site: "stochastic_ad(alternatives='all')"})
    for wrong in (0, 65, "'some'", 1.5):
        with pytest.raises(HepPlanError, match="a number from 1 to 64"):
            load("random_walk").plan(by={"up": f"stochastic_ad(alternatives={wrong})"})


def test_the_plan_tells_what_they_cost() -> None:
    model = hepppl.parse(PAIR)
    plan = model.plan(by={"b": "stochastic_ad(alternatives='all')", "k": "stochastic_ad(alternatives=3)"})
    assert [row.cost for row in plan.rows] == ["one alternative run for each candidate", "3 alternative runs"]
    assert plan.relative_cost == 4
    assert hepppl.parse(PLATE).plan(by={"b": "stochastic_ad(alternatives='all')"}).relative_cost == 6


@pytest.mark.slow
@pytest.mark.parametrize("number", [3, "all"])
def test_they_conform(number: Any) -> None:
    report = check("stochastic_ad", "estimator", options={"alternatives": number})
    assert report.ok, report.failed
