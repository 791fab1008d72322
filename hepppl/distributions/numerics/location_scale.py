"""Laws of x = loc + scale z with z from a law without parameters, on the line, a half-line or an interval."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import ndtr

from hepppl.distributions.numerics.elementary import (
    extended,
    finite,
    floats,
    guarded,
    log1p,
    polynomial,
    positive,
    unit,
)
from hepppl.distributions.numerics.quantiles import normal_quantile

Pair = tuple[Array, Array]


@dataclass(frozen=True)
class Standard:
    """A law without parameters. ``quantile`` takes p and 1 - p; ``tails`` gives the cdf and 1 minus it; each is exact
    in its small argument or value. ``draw`` is the quantile at u alone, where a faster form exists."""

    quantile: Callable[[Array, Array], Array]
    log_density: Callable[[Array], Array]
    tails: Callable[[Array], Pair]
    low: float = -np.inf
    high: float = np.inf
    draw: Callable[[Array], Array] | None = None

    def at(self, u: Array) -> Array:
        return self.draw(u) if self.draw else self.quantile(u, 1 - u)

    def inside(self, z: Array) -> Array:
        return (z >= self.low) & (z <= self.high)

    def safe(self, z: Array) -> Array:
        """``z``, or a harmless value where it is outside or infinite."""
        return jnp.where(self.inside(z) & jnp.isfinite(z), z, 0.5)

    def all_tails(self, z: Array) -> Pair:
        """The tails of any z, infinite ones too."""
        return extended(self.inside(z) & jnp.isfinite(z), z > self.low, self.tails(self.safe(z)))


@dataclass(frozen=True)
class LocationScale:
    """Numerics of loc + scale z. ``place`` turns the parameters into loc and scale."""

    standard: Standard
    place: Callable[..., tuple[Any, Any]]

    def sample(self, u: Any, *params: Any) -> Array:
        u, *params = floats(unit(u), *params)
        loc, scale = self.place(*params)
        return loc + scale * self.standard.at(u)

    def quantile(self, p: Any, q: Any, *params: Any) -> Array:
        """The value below which lies p and above which lies q = 1 - p."""
        p, q, *params = floats(p, q, *params)
        loc, scale = self.place(*params)
        return loc + scale * self.standard.quantile(p, q)

    def log_prob(self, x: Any, *params: Any) -> Array:
        x, *params = floats(x, *params)
        loc, scale = self.place(*params)
        return guarded(
            self.standard.inside((x - loc) / scale) & jnp.isfinite(x),
            lambda x: self.standard.log_density(self.standard.safe((x - loc) / scale)) - jnp.log(scale),
            -jnp.inf,
            x,
            loc + 0.5 * scale,
        )

    def tails(self, x: Any, *params: Any) -> Pair:
        """P(X <= x) and P(X > x)."""
        x, *params = floats(x, *params)
        loc, scale = self.place(*params)
        known = jnp.isfinite(x)
        z = (jnp.where(known, x, loc) - loc) / scale
        return self.standard.all_tails(jnp.where(known, z, x))

    def cdf(self, x: Any, *params: Any) -> Array:
        return self.tails(x, *params)[0]

    def valid(self, *params: Any) -> Array:
        loc, scale = self.place(*floats(*params))
        return finite(*floats(*params)) & finite(loc) & positive(scale)


def _smaller(p: Array, q: Array, f: Callable[[Array], Array]) -> Array:
    """The quantile of a law symmetric about 0 from ``f``, the distance from 0 at a tail of at most a half."""
    return jnp.where(p < q, -1, 1) * f(jnp.minimum(p, q))


#: M. Giles, Approximating the erfinv function, GPU Computing Gems (2011): erfinv(x) / x for
#: w = -log(1 - x^2) < 5 in w - 2.5, beyond in sqrt(w) - 3.
_CENTRE = (
    1.50140941, 0.246640727, -0.00417768164, -0.00125372503, 0.00021858087, -4.39150654e-06, -3.5233877e-06,
    3.43273939e-07, 2.81022636e-08,
)  # fmt: skip
_TAIL = (
    2.83297682, 1.00167406, 0.00943887047, -0.0076224613, 0.00573950773, -0.00367342844, 0.00134934322, 0.000100950558,
    -0.000200214257,
)  # fmt: skip


def _draw_normal(u: Array) -> Array:
    if u.dtype == jnp.float64:
        return normal_quantile(u, 1 - u)
    w = -jnp.log(4 * u * (1 - u))
    ratio = jnp.where(w < 5, polynomial(w - 2.5, _CENTRE), polynomial(jnp.sqrt(w) - 3, _TAIL))
    return np.float32(np.sqrt(2)) * ratio * (2 * u - 1)


def _cotangent(v: Array) -> Array:
    """cot(π v) for v in (0, 1/2]."""
    far = v < 0.25
    t = jnp.tan(jnp.pi * jnp.where(far, v, 0.5 - v))
    return jnp.where(far, 1 / jnp.where(far, t, 1), t)


def _laplace_tails(z: Array) -> Pair:
    tail = 0.5 * jnp.exp(-jnp.abs(z))
    return jnp.where(z < 0, tail, 1 - tail), jnp.where(z < 0, 1 - tail, tail)


def _neg_log(p: Array, q: Array) -> Array:
    """-log p, exact where p is near 1."""
    return jnp.where(p < q, -jnp.log(p), -log1p(-jnp.where(p < q, 0.5, q)))


def bounded_exp(z: Array) -> Array:
    """exp(z), held finite: what multiplies it vanishes there."""
    return jnp.exp(jnp.minimum(z, 80 if z.dtype == jnp.float32 else 600))


def _gumbel_tails(z: Array) -> Pair:
    e = bounded_exp(-z)
    return jnp.exp(-e), -jnp.expm1(-e)


_CAUCHY = Standard(
    quantile=lambda p, q: _smaller(p, q, _cotangent),
    log_density=lambda z: -log1p(z * z) - float(np.log(np.pi)),
    tails=lambda z: (jnp.arctan2(1, -z) / jnp.pi, jnp.arctan2(1, z) / jnp.pi),
)
STANDARD_NORMAL = Standard(
    quantile=normal_quantile,
    log_density=lambda z: -0.5 * z * z - 0.5 * float(np.log(2 * np.pi)),
    tails=lambda z: (ndtr(z), ndtr(-z)),
    draw=_draw_normal,
)
STANDARD_UNIFORM = Standard(
    quantile=lambda p, q: jnp.where(p < q, p, 1 - q),
    log_density=lambda z: jnp.zeros_like(z),
    tails=lambda z: (z, 1 - z),
    low=0,
    high=1,
    draw=lambda u: u,
)
STANDARD_EXPONENTIAL = Standard(
    quantile=lambda p, q: _neg_log(q, p),
    log_density=lambda z: -z,
    tails=lambda z: (-jnp.expm1(-z), jnp.exp(-z)),
    low=0,
    draw=lambda u: -log1p(-u),
)
_LAPLACE = Standard(
    quantile=lambda p, q: _smaller(p, q, lambda v: -jnp.log(2 * v)),
    log_density=lambda z: -jnp.abs(z) - float(np.log(2)),
    tails=_laplace_tails,
)
_LOGISTIC = Standard(
    quantile=lambda p, q: jnp.log(p / q),
    log_density=lambda z: -jnp.abs(z) - 2 * log1p(jnp.exp(-jnp.abs(z))),
    tails=lambda z: (jax.nn.sigmoid(z), jax.nn.sigmoid(-z)),
)
_GUMBEL = Standard(
    quantile=lambda p, q: -jnp.log(_neg_log(p, q)),
    log_density=lambda z: -z - bounded_exp(-z),
    tails=_gumbel_tails,
    draw=lambda u: -jnp.log(-jnp.log(u)),
)
_HALF_NORMAL = Standard(
    quantile=lambda p, q: jnp.where(p < q, np.sqrt(2) * jax.lax.erf_inv(jnp.where(p < q, p, 0)), -_ndtri_half(q)),
    log_density=lambda z: -0.5 * z * z + 0.5 * float(np.log(2 / np.pi)),
    tails=lambda z: (jax.lax.erf(z / float(np.sqrt(2))), jax.lax.erfc(z / float(np.sqrt(2)))),
    low=0,
)
_HALF_CAUCHY = Standard(
    quantile=lambda p, q: jnp.where(p < q, jnp.tan(0.5 * jnp.pi * jnp.minimum(p, 0.5)), _cotangent(0.5 * q)),
    log_density=lambda z: -log1p(z * z) + float(np.log(2 / np.pi)),
    tails=lambda z: (2 / jnp.pi * jnp.arctan(z), 2 / jnp.pi * jnp.arctan2(1, z)),
    low=0,
)


def _ndtri_half(q: Array) -> Array:
    return normal_quantile(0.5 * q, 1 - 0.5 * q)


def _direct(loc: Array, scale: Array) -> tuple[Array, Array]:
    return loc, scale


Normal = LocationScale(STANDARD_NORMAL, _direct)
Cauchy = LocationScale(_CAUCHY, _direct)
BreitWigner = LocationScale(_CAUCHY, lambda mass, width: (mass, width / 2))
Laplace = LocationScale(_LAPLACE, _direct)
Logistic = LocationScale(_LOGISTIC, _direct)
Gumbel = LocationScale(_GUMBEL, _direct)
Uniform = LocationScale(STANDARD_UNIFORM, lambda low, high: (low, high - low))
Exponential = LocationScale(STANDARD_EXPONENTIAL, lambda rate: (0, 1 / rate))
HalfNormal = LocationScale(_HALF_NORMAL, lambda scale: (0, scale))
HalfCauchy = LocationScale(_HALF_CAUCHY, lambda scale: (0, scale))


class Delta:
    """Always v."""

    @staticmethod
    def sample(u: Any, v: Any) -> Array:
        return floats(u, v)[1]

    @staticmethod
    def quantile(p: Any, q: Any, v: Any) -> Array:
        return floats(p, v)[1]

    @staticmethod
    def log_prob(x: Any, v: Any) -> Array:
        x, v = floats(x, v)
        return jnp.where(x == v, 0.0, -jnp.inf).astype(x.dtype)

    @staticmethod
    def tails(x: Any, v: Any) -> Pair:
        x, v = floats(x, v)
        return (x >= v).astype(x.dtype), (x < v).astype(x.dtype)

    @staticmethod
    def cdf(x: Any, v: Any) -> Array:
        return Delta.tails(x, v)[0]

    @staticmethod
    def valid(v: Any) -> Array:
        return finite(*floats(v))
