"""A selected yield and the bins of a histogram: derivatives with the term of the boundary, and without it.

False alarms: see `acceptance`; seeds are fixed.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from math import exp

import numpy as np
import pytest

import hepppl
from hepppl.diagnostics.errors import HepPlanError

from . import oracles
from .acceptance import Z, assert_within

EDGES = (0.0, 0.5, 1.0, 2.0, 4.0)
PROGRAM = f"""model selected {{
    param mean: real in (0, 10) = 1.3
    x ~ exponential(1 / mean)
    return (energy = if x > 0.8 then x else 0, passed = x > 0.8, bins = hist([x], {list(EDGES)}))
}}"""
MEAN = 1.3
#: Closed forms: E[x; x > c] = (c + m) exp(-c / m), P(x > c) = exp(-c / m).
EXACT = {
    "energy": oracles.derivative(lambda m: (0.8 + m) * exp(-0.8 / m), MEAN),
    "passed": oracles.derivative(lambda m: exp(-0.8 / m), MEAN),
    "bins": [
        oracles.derivative(lambda m, a=a, b=b: exp(-a / m) - exp(-b / m), MEAN) for a, b in itertools.pairwise(EDGES)
    ],
}


@pytest.mark.every(2)
@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_yields_and_bins(mode: str) -> None:
    model = hepppl.parse(PROGRAM)
    plan = model.plan()
    assert plan.rows[0].estimator == "boundary"
    found = model.grad(40_000, seed=3, mode=mode)
    for output, exact in EXACT.items():
        value, se = found.gradient[output]["mean"], found.se[output]["mean"]
        assert_within(value, se, exact, scale=0.5, what=f"{mode} {output}")


def test_a_derivative_at_fixed_noise_misses_the_boundary() -> None:
    """It is refused, and where it is forced, wrong: of a count nothing is left at all."""
    model = hepppl.parse(PROGRAM)
    with pytest.raises(HepPlanError, match="E602"):
        model.plan(by={"x": "reparam"})
    plan = model.plan()
    forced = replace(plan, rows=(replace(plan.rows[0], estimator="reparam", options={}),))
    found = model.grad(100_000, seed=3, plan=forced)
    assert found.gradient["passed"]["mean"] == 0
    assert not np.any(found.gradient["bins"]["mean"])
    value, se = found.gradient["energy"]["mean"], found.se["energy"]["mean"]
    alone = (0.8 + MEAN) * exp(-0.8 / MEAN) / MEAN  # E[x; x > c] / m: what moves, without what comes over the threshold
    assert_within(value, se, alone, what="reparam alone")
    assert abs(value - EXACT["energy"]) > 10 * Z * se
