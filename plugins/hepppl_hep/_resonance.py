"""Numerics of ``relativistic_breit_wigner``: density in E > 0 proportional to 1 / ((E^2 - M^2)^2 + M^2 W^2).

With x = E / W and r = M / W the denominator is (x^2 - s x + q)(x^2 + s x + q), q^2 = r^4 + r^2, s^2 = 2 (q + r^2), and

    pi cdf = d / (2 s) log((x^2 + s x + q) / (x^2 - s x + q)) + atan((2 x + s) / d) + atan((2 x - s) / d),
    d^2 = 2 (q - r^2).
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from hepppl_hep._shapes import bisect, floats, implicit, positive


def _constants(r: Array) -> tuple[Array, Array, Array]:
    """q, s and d."""
    root = jnp.sqrt(1 + 1 / (r * r))
    q = r * r * root
    return q, jnp.sqrt(2 * (q + r * r)), jnp.sqrt(2 / (1 + root))


def _tails(x: Array, r: Array) -> tuple[Array, Array]:
    """The cdf and what is left of it, in units of the width."""
    q, s, d = _constants(r)
    far = x > 8 * jnp.maximum(r, 1.0)
    near = jnp.where(far, r, x)
    lower, upper = jnp.square(near - 0.5 * s) + 0.25 * d * d, jnp.square(near + 0.5 * s) + 0.25 * d * d
    log_term = 0.5 * d / s * jnp.log(upper / lower)
    plus, minus = (2 * near + s) / d, (2 * near - s) / d
    cdf = (log_term + jnp.arctan2(plus, 1.0) + jnp.arctan2(minus, 1.0)) / np.pi
    rest = (jnp.arctan2(1.0, plus) + jnp.arctan2(1.0, minus) - log_term) / np.pi
    y = jnp.where(far, x, 8 * jnp.maximum(r, 1.0))
    z, w = jnp.square(r / y), jnp.square(q / (y * y))
    series = 1 / 3 + z * (2 / 5 + 4 / 7 * z + 8 / 9 * z * z) - w * (1 / 7 + 4 / 9 * z)
    tail = 2 * q * d / np.pi / y**3 * series
    return jnp.where(far, 1 - tail, cdf), jnp.where(far, tail, rest)


class RelativisticBreitWigner:
    @staticmethod
    def sample(u: Any, mass: Any, width: Any) -> Array:
        u, mass, width = floats(u, mass, width)
        r = jax.lax.stop_gradient(mass / width)
        _, s, d = _constants(r)

        def place(angle: Array) -> Array:  # of the nearer resonance
            return jnp.maximum(0.5 * (s + d * jnp.tan(angle)), 0.0)

        def rises(angle: Array) -> Array:
            below, above = _tails(place(angle), r)
            return jnp.where(u < 0.5, below - u, (1 - u) - above)

        angle = bisect(rises, -jnp.arctan2(s, d), jnp.full_like(s, np.pi / 2 - 1e-7))
        x = jax.lax.stop_gradient(place(angle))
        moving = mass / width

        def log_density(x: Array) -> Array:
            return RelativisticBreitWigner.log_prob(x, moving, jnp.ones_like(x))

        return width * implicit(x, lambda x: _tails(x, moving)[0], log_density)

    @staticmethod
    def log_prob(x: Any, mass: Any, width: Any) -> Array:
        x, mass, width = floats(x, mass, width)
        e, r = x / width, mass / width
        q, _, d = _constants(r)
        known = (x > 0) & jnp.isfinite(x)
        e = jnp.where(known, e, r)
        # (e - r)(e + r) loses nothing near the peak
        denominator = jnp.log(jnp.square((e - r) * (e + r)) + r * r)
        return jnp.where(known, jnp.log(2 * q * d / np.pi) - denominator, -jnp.inf) - jnp.log(width)

    @staticmethod
    def cdf(x: Any, mass: Any, width: Any) -> Array:
        x, mass, width = floats(x, mass, width)
        return jnp.where(x > 0, _tails(jnp.maximum(x, 0) / width, mass / width)[0], 0.0)

    @staticmethod
    def valid(mass: Any, width: Any) -> Array:
        return positive(mass, width)
