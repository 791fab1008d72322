"""The comparison that every statistical test makes, and its rate of false alarms.

A comparison passes when the estimate lies within `Z` standard errors of the exact value. With Z = 5 a correct program
fails one comparison in 1.7 million (5.7e-7, two-sided, for the normal means that n >= 10,000 events give), and a suite
of a thousand comparisons once in 1,700 fresh seeds. Seeds are fixed, so a test that passes goes on passing until the
program, or the random numbers, change. A comparison that could not see an error of a fifth of the scale that the test
names has no power and fails as well.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import hepppl
from tests.corpus.programs import FILES

from .oracles import Exact

Z = 5.0
FALSE_ALARM = 5.7e-7
ROOT = Path(__file__).parents[2]


@cache
def load(name: str) -> Any:
    """A program of ``examples/`` or of the corpus, loaded once so that it compiles once."""
    return hepppl.load(FILES[name])


def assert_within(
    value: Any, se: Any, exact: Any, exact_se: float = 0.0, *, scale: float | None = None, what: str = ""
) -> None:
    """Every entry of ``value`` is finite and within `Z` errors of ``exact``, and Z errors are under a fifth of
    ``scale`` (by default the largest entry of ``exact``). An entry whose ``se`` is zero must agree to float32 rounding.
    """
    value, se, exact = np.broadcast_arrays(*(np.asarray(a, np.float64) for a in (value, se, exact)))
    assert np.isfinite(value).all(), f"{what}: {value}"
    assert np.isfinite(se).all(), f"{what}: standard error {se}"
    assert (se >= 0).all(), f"{what}: standard error {se}"
    scale = float(np.abs(exact).max()) if scale is None else scale
    error = np.hypot(se, exact_se)
    assert Z * error.max() <= 0.2 * scale, (
        f"{what}: no power, five errors are {Z * error.max():.3g} for a scale of {scale:.3g}"
    )
    tolerance = Z * error + 2e-6 * np.maximum(np.abs(exact), scale)
    off = np.abs(value - exact)
    assert (off <= tolerance).all(), (
        f"{what}: {value} ± {se}, exact {exact} ± {exact_se}: {off / np.maximum(error, 1e-300)} errors off"
    )


def assert_agrees(
    result: hepppl.GradResult, output: str, exact: Exact, *, what: str = "", scale: float | None = None
) -> None:
    """A `grad` result's mean and every derivative that ``exact`` names agree with it. ``scale``: of the derivatives."""
    mean, error = result.mean[output], result.mean_se[output]
    assert_within(mean, error, exact.value, exact.se, scale=1 + abs(exact.value), what=f"{what} E[{output}]")
    for name, slope in exact.gradient.items():
        value, error = result.gradient[output][name], result.se[output][name]
        exact_se = exact.gradient_se.get(name, 0.0)
        assert_within(value, error, slope, exact_se, scale=scale, what=f"{what} dE[{output}]/d{name}")
