"""The gamma law and its relatives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
from jax import Array

from hepppl.distributions.numerics.elementary import extended, floats, guarded, positive, unit
from hepppl.distributions.numerics.incomplete import gamma_log_weight, gamma_tails
from hepppl.distributions.numerics.quantiles import log_gamma_quantile

Pair = tuple[Array, Array]


@dataclass(frozen=True)
class GammaLaw:
    """x = g / rate, or rate / g if ``inverse``, with g of shape a. ``place`` turns the parameters into a and rate.

    Values are kept above the smallest normal float: for a below about 0.2 in float32 some draws would underflow.
    """

    place: Callable[..., tuple[Array, Array]]
    inverse: bool = False

    def sample(self, u: Any, *params: Any) -> Array:
        u = unit(u)
        return self.quantile(u, 1 - u, *params)

    def quantile(self, p: Any, q: Any, *params: Any) -> Array:
        """The value below which lies p and above which lies q = 1 - p."""
        p, q, *params = floats(p, q, *params)
        a, rate = self.place(*params)
        if self.inverse:
            x = rate * jnp.exp(-log_gamma_quantile(q, p, a))
        else:
            x = jnp.exp(log_gamma_quantile(p, q, a)) / rate
        return jnp.maximum(x, jnp.finfo(x.dtype).tiny)

    def log_prob(self, x: Any, *params: Any) -> Array:
        x, *params = floats(x, *params)
        a, rate = self.place(*params)
        inside = (x > 0) & jnp.isfinite(x)
        return guarded(inside, lambda x: gamma_log_weight(a, self._g(x, rate)) - jnp.log(x), -jnp.inf, x)

    def tails(self, x: Any, *params: Any) -> Pair:
        """P(X <= x) and P(X > x)."""
        x, *params = floats(x, *params)
        a, rate = self.place(*params)
        inside = (x > 0) & jnp.isfinite(x)
        below, above = gamma_tails(a, self._g(jnp.where(inside, x, 1), rate))
        below, above = (above, below) if self.inverse else (below, above)
        return extended(inside, x > 0, (below, above))

    def cdf(self, x: Any, *params: Any) -> Array:
        return self.tails(x, *params)[0]

    def valid(self, *params: Any) -> Array:
        return positive(*floats(*params))

    def _g(self, x: Array, rate: Array) -> Array:
        return rate / x if self.inverse else rate * x


Gamma = GammaLaw(lambda concentration, rate: (concentration, rate))
InverseGamma = GammaLaw(lambda concentration, rate: (concentration, rate), inverse=True)
Chi2 = GammaLaw(lambda df: (0.5 * df, jnp.full_like(df, 0.5)))
