"""Numerics of ``finite_difference``: (f(θ + h) - f(θ - h)) / 2h for every event, with the random numbers kept.

The bias is h²/6 times the third derivative of E[f]. An event that jumps between the two points adds its jump over 2h:
its variance grows as 1 / h, and that of an event that does not jump stays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from hepppl.plugin import ProgramNumerics
from hepppl_estimators.finite_difference import STEP

LEAST = 0.25  # parameters smaller than this have the step of one of this size


class CentralDifferences(ProgramNumerics):
    """Option ``step``: h relative to the parameter. No point goes beyond half the way to the end of a support; at the
    end itself the difference is one-sided."""

    def differentiate(self, run: Callable[[Any], Any], point: Any, low: Any, high: Any) -> Any:
        n, h = len(point), self.options.get("step", STEP) * jnp.maximum(jnp.abs(point), LEAST)
        up, down = point + jnp.minimum(h, (high - point) / 2), point - jnp.minimum(h, (point - low) / 2)
        own = jnp.eye(n, dtype=bool)
        outputs = run(jnp.concatenate([jnp.where(own, up, point), jnp.where(own, down, point)]))

        def slope(f: Any) -> Any:
            return (f[:n] - f[n:]) / (up - down).reshape(n, *[1] * (f.ndim - 1))

        return jax.tree.map(slope, outputs)
