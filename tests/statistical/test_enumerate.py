"""`enumerate` through the engine: three categorical draws in a loop against the sum over all their values."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import hepppl

from .acceptance import assert_within

TEXT = """model m {
    param t: real in (0, 1) = 0.3
    s = 0
    for i in 0..3 {
        k ~ categorical([0.02 + 0.1 * t, 0.5 * t, 0.38, 0.6 - 0.6 * t])
        s = s + k * k - 2 * k * i
    }
    return s^2
}"""


def mean(t: float) -> float:
    p = np.array([0.02 + 0.1 * t, 0.5 * t, 0.38, 0.6 - 0.6 * t])
    values = itertools.product(range(4), repeat=3)
    return sum(np.prod(p[list(ks)]) * sum(k * k - 2 * k * i for i, k in enumerate(ks)) ** 2 for ks in values)


@pytest.mark.every(2)
@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_draws_in_a_loop(mode: str) -> None:
    result = hepppl.parse(TEXT).grad(100_000, seed=71, by={"k": "enumerate"}, mode=mode)
    exact = (mean(0.3 + 1e-4) - mean(0.3 - 1e-4)) / 2e-4  # a cubic in t
    assert_within(result.gradient["value"]["t"], result.se["value"]["t"], exact, what=mode)
