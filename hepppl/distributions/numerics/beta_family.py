"""The beta law and Student's t."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.custom_derivatives import SymbolicZero

from hepppl.distributions.numerics.elementary import (
    extended,
    finite,
    floats,
    guarded,
    log1p,
    log1pmx,
    positive,
    stirling_error,
    unit,
)
from hepppl.distributions.numerics.incomplete import beta_log_weight, beta_tails, tail_integral
from hepppl.distributions.numerics.quantiles import implicit_quantile, logit_beta_quantile

Pair = tuple[Array, Array]


class Beta:
    """Draws stay inside [smallest normal float, 1 - rounding]; parameters from 1e-3 to 1e6."""

    @staticmethod
    def sample(u: Any, concentration1: Any, concentration0: Any) -> Array:
        u = unit(u)
        return Beta.quantile(u, 1 - u, concentration1, concentration0)

    @staticmethod
    def quantile(p: Any, q: Any, concentration1: Any, concentration0: Any) -> Array:
        """The value below which lies p and above which lies q = 1 - p."""
        p, q, a, b = floats(p, q, concentration1, concentration0)
        info = jnp.finfo(p.dtype)
        return jnp.clip(jax.nn.sigmoid(logit_beta_quantile(p, q, a, b)), info.tiny, 1 - info.epsneg)

    @staticmethod
    def log_prob(x: Any, concentration1: Any, concentration0: Any) -> Array:
        x, a, b = floats(x, concentration1, concentration0)
        inside = (x > 0) & (x < 1)
        return guarded(inside, lambda x: beta_log_weight(a, b, x, 1 - x) - jnp.log(x) - log1p(-x), -jnp.inf, x, 0.5)

    @staticmethod
    def tails(x: Any, concentration1: Any, concentration0: Any) -> Pair:
        """P(X <= x) and P(X > x)."""
        x, a, b = floats(x, concentration1, concentration0)
        return beta_tails(a, b, x, 1 - x)

    @staticmethod
    def cdf(x: Any, concentration1: Any, concentration0: Any) -> Array:
        return Beta.tails(x, concentration1, concentration0)[0]

    @staticmethod
    def valid(concentration1: Any, concentration0: Any) -> Array:
        return positive(*floats(concentration1, concentration0))


def _t_log_density(t: Array, df: Array) -> Array:
    h = 0.5 * df
    # log Γ(h + 1/2) - log Γ(h) - log(h)/2, without the cancellation at large h
    gammas = h * log1p(0.5 / h) - 0.5 + stirling_error(h + 0.5) - stirling_error(h)
    return gammas - 0.5 * float(np.log(2 * np.pi)) - (h + 0.5) * log1p(t * (t / df))


def _split(t: Array, df: Array) -> Pair:
    """df / (df + t^2) and its complement, for any t."""
    ratio = t * (t / df)
    small = ratio < 1
    least = jnp.where(small, ratio, 1 / jnp.where(small, 1, ratio))
    least, most = least / (1 + least), 1 / (1 + least)
    return jnp.where(small, most, least), jnp.where(small, least, most)


def _tail_slope(t: Array, df: Array) -> Array:
    """The derivative of P(T > |t|) with respect to df."""
    half, near_normal = jnp.full_like(t, 0.5), df > 30
    few = jnp.where(near_normal, 30, df)
    rise = jax.jvp(lambda df: beta_tails(0.5 * df, half, *_split(t, df))[0], (few,), (jnp.ones_like(df),))[1]
    # Near the normal law the terms of that cancel. There it is the integral of density times score over the tail.
    many, t = jnp.where(near_normal, df, 30), jnp.abs(t)
    h = 0.5 * many
    one = jnp.ones_like(h)
    error_slope = jax.jvp(lambda h: stirling_error(h + 0.5) - stirling_error(h), (h,), (one,))[1]
    norm = log1pmx(0.5 / h) + 0.25 / (h * (h + 0.5)) + error_slope

    def score(v: Array) -> Array:
        r = (t + v) * ((t + v) / many)
        return 0.5 * (norm - log1pmx(r) + (r / many - r * r) / (1 + r))

    def exponent(v: Array) -> Array:
        return -(h + 0.5) * log1p(v * (2 * t + v) / (many + t * t))

    share = jnp.exp(_t_log_density(t, many)) * tail_integral(exponent, 1 + t / (1 + t * (t / many)), score)
    return jnp.where(near_normal, share, 0.5 * rise)


@jax.custom_jvp
def _t_tails(t: Array, df: Array) -> Pair:
    """P(T <= t) and P(T > t)."""
    half = jnp.full_like(t, 0.5)
    tail = 0.5 * beta_tails(0.5 * df, half, *_split(t, df))[0]
    return jnp.where(t < 0, tail, 1 - tail), jnp.where(t < 0, 1 - tail, tail)


def _t_tails_jvp(primals, tangents):  # type: ignore[no-untyped-def]
    t, df = primals
    dt, ddf = tangents
    slope = jnp.zeros_like(t)
    if not isinstance(dt, SymbolicZero):
        # at t = 0 the chain rule through t^2 is 0 times infinity
        slope += jnp.exp(_t_log_density(t, df)) * dt
    if not isinstance(ddf, SymbolicZero):
        slope += jnp.where(t < 0, 1, -1) * _tail_slope(t, df) * ddf
    return _t_tails(t, df), (slope, -slope)


_t_tails.defjvp(_t_tails_jvp, symbolic_zeros=True)


def _solve_t(p: Array, q: Array, df: Array) -> Array:
    tail = 2 * jnp.minimum(p, q)
    centre = jnp.abs(p - q)
    tiny = jnp.finfo(p.dtype).tiny
    y = logit_beta_quantile(tail, jnp.maximum(centre, tiny), 0.5 * df, jnp.full_like(p, 0.5))
    t = jnp.where(centre > 0, jnp.sqrt(df) * jnp.exp(-0.5 * y), 0)
    return jnp.where(p < q, -t, t)


_t_quantile = implicit_quantile(_solve_t, _t_tails, _t_log_density)


class StudentT:
    """loc + scale t, with t of df degrees of freedom, df from 1e-2 to 1e6."""

    @staticmethod
    def sample(u: Any, df: Any, loc: Any, scale: Any) -> Array:
        u = unit(u)
        return StudentT.quantile(u, 1 - u, df, loc, scale)

    @staticmethod
    def quantile(p: Any, q: Any, df: Any, loc: Any, scale: Any) -> Array:
        """The value below which lies p and above which lies q = 1 - p."""
        p, q, df, loc, scale = floats(p, q, df, loc, scale)
        return loc + scale * _t_quantile(p, q, df)

    @staticmethod
    def log_prob(x: Any, df: Any, loc: Any, scale: Any) -> Array:
        x, df, loc, scale = floats(x, df, loc, scale)
        return guarded(
            jnp.isfinite(x), lambda x: _t_log_density((x - loc) / scale, df) - jnp.log(scale), -jnp.inf, x, loc
        )

    @staticmethod
    def tails(x: Any, df: Any, loc: Any, scale: Any) -> Pair:
        """P(X <= x) and P(X > x)."""
        x, df, loc, scale = floats(x, df, loc, scale)
        known = jnp.isfinite(x)
        return extended(known, x > 0, _t_tails((jnp.where(known, x, loc) - loc) / scale, df))

    @staticmethod
    def cdf(x: Any, df: Any, loc: Any, scale: Any) -> Array:
        return StudentT.tails(x, df, loc, scale)[0]

    @staticmethod
    def valid(df: Any, loc: Any, scale: Any) -> Array:
        df, loc, scale = floats(df, loc, scale)
        return positive(df, scale) & finite(loc)
