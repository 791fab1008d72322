"""Positive laws of x = scale exp(spread z) with z from a law without parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
from jax import Array

from hepppl.distributions.numerics.elementary import finite, floats, guarded, log1p, positive, unit
from hepppl.distributions.numerics.location_scale import (
    STANDARD_EXPONENTIAL,
    STANDARD_NORMAL,
    STANDARD_UNIFORM,
    Pair,
    Standard,
    bounded_exp,
)


@dataclass(frozen=True)
class LogScale:
    """Numerics of scale exp(spread z). ``place`` turns the parameters into scale and spread."""

    standard: Standard
    place: Callable[..., tuple[Array, Array]]

    def sample(self, u: Any, *params: Any) -> Array:
        u, *params = floats(unit(u), *params)
        return self._value(self.standard.at(u), *params)

    def quantile(self, p: Any, q: Any, *params: Any) -> Array:
        """The value below which lies p and above which lies q = 1 - p."""
        p, q, *params = floats(p, q, *params)
        return self._value(self.standard.quantile(p, q), *params)

    def log_prob(self, x: Any, *params: Any) -> Array:
        x, *params = floats(x, *params)
        scale, spread = self.place(*params)
        z = self._standardised(x, scale, spread)
        return guarded(
            (x > 0) & jnp.isfinite(x) & self.standard.inside(z),
            lambda x: (
                self.standard.log_density(self.standard.safe(self._standardised(x, scale, spread)))
                - jnp.log(spread)
                - jnp.log(x)
            ),
            -jnp.inf,
            x,
            scale * jnp.exp(0.5 * spread),
        )

    def tails(self, x: Any, *params: Any) -> Pair:
        """P(X <= x) and P(X > x)."""
        x, *params = floats(x, *params)
        scale, spread = self.place(*params)
        known = (x > 0) & jnp.isfinite(x)
        z = self._standardised(jnp.where(known, x, scale), scale, spread)
        return self.standard.all_tails(jnp.where(known, z, jnp.where(x > 0, jnp.inf, -jnp.inf)))

    def cdf(self, x: Any, *params: Any) -> Array:
        return self.tails(x, *params)[0]

    def valid(self, *params: Any) -> Array:
        params = floats(*params)
        return finite(*params) & positive(*self.place(*params))

    def _value(self, z: Array, *params: Array) -> Array:
        scale, spread = self.place(*params)
        return jnp.maximum(scale * jnp.exp(spread * z), jnp.finfo(z.dtype).tiny)

    @staticmethod
    def _standardised(x: Array, scale: Array, spread: Array) -> Array:
        ok = x > 0
        return jnp.where(ok, jnp.log(jnp.where(ok, x, scale) / scale) / spread, -jnp.inf)


def _weibull_tails(z: Array) -> Pair:
    e = bounded_exp(z)
    return -jnp.expm1(-e), jnp.exp(-e)


# The logarithm of a standard exponential value.
_LOG_EXPONENTIAL = Standard(
    quantile=lambda p, q: jnp.log(STANDARD_EXPONENTIAL.quantile(p, q)),
    log_density=lambda z: z - bounded_exp(z),
    tails=_weibull_tails,
    draw=lambda u: jnp.log(-log1p(-u)),
)

LogNormal = LogScale(STANDARD_NORMAL, lambda loc, scale: (jnp.exp(loc), scale))
LogUniform = LogScale(STANDARD_UNIFORM, lambda low, high: (low, jnp.log(high / low)))
Pareto = LogScale(STANDARD_EXPONENTIAL, lambda scale, alpha: (scale, 1 / alpha))
Weibull = LogScale(_LOG_EXPONENTIAL, lambda scale, concentration: (scale, 1 / concentration))
