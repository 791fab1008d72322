"""Reverse mode through loops of static length agrees with forward mode on the same events, event sums and NaN alike."""

from __future__ import annotations

import numpy as np
import pytest

import hepppl

# Where b is false, 1 / x, log(x) and what is made of them have infinite slopes at x = 0; the products are of factors
# that may be infinite (guarded) and of such that may not (plain).
DEAD = """
model dead {
    param t: real = 0.7
    param s: real = 0.4
    total = 0.0
    for i in 0..4 {
        b ~ bernoulli(0.2 + 0.5 * sigmoid(t * s * i))
        x = if b then 2.0 else 0.0
        inverse = t / x
        steep = log(x * s) * inverse * s
        if b { total = total + inverse * s + steep } else { total = total * t + s * s * i }
    }
    return total + t * total * s
}
"""


@pytest.mark.parametrize("by", ["stochastic_ad", "score"])
def test_branches_that_are_not_taken_spoil_no_gradient(by: str) -> None:
    """One surrogate, differentiated both ways: equal but for rounding. The modes choose alternatives differently:
    only the score's estimates are the same event by event, the others are held within five standard errors."""
    model = hepppl.parse(DEAD)
    forward = model.grad(4000, seed=1, mode="forward", by={"b": by})
    reverse = model.grad(4000, seed=1, mode="reverse", by={"b": by})
    for name, slope in forward.gradient["value"].items():
        if by == "score":
            np.testing.assert_allclose(reverse.gradient["value"][name], slope, rtol=1e-4)
            np.testing.assert_allclose(reverse.std["value"][name], forward.std["value"][name], rtol=1e-4)
        else:
            error = np.hypot(forward.se["value"][name], reverse.se["value"][name])
            assert abs(reverse.gradient["value"][name] - slope) < 5 * error
