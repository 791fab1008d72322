"""Discrete laws with a closed form: Bernoulli, categorical, uniform, geometric.

A draw is the smallest k with cdf(k) >= u, and has no derivative. The exception is the Bernoulli, True where u < probs:
decreasing in u, and increasing in probs like all the others, so draws at neighbouring parameters couple.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient

from hepppl.distributions.laws import LEAST_PROBS
from hepppl.distributions.numerics.elementary import (
    TOLERANCE,
    floats,
    log1p,
    probability,
    safe_log,
    safe_log_complement,
    unit,
    whole,
)

Pair = tuple[Array, Array]

#: The largest count a draw can be: the largest float32 below 2^31.
LARGEST = 2**31 - 128


def probable(p: Array) -> Array:
    """``p`` is a probability up to rounding (NaN is not)."""
    return (p >= -TOLERANCE) & (p <= 1 + TOLERANCE)


class Bernoulli:
    @staticmethod
    def sample(u: Any, probs: Any) -> Array:
        u, p = floats(u, probs)
        return stop_gradient(unit(u)) < stop_gradient(p)

    @staticmethod
    def log_prob(x: Any, probs: Any) -> Array:
        p = probability(floats(probs)[0])
        k = whole(x, p)
        return jnp.where(k == 1, safe_log(p), jnp.where(k == 0, safe_log_complement(p), -jnp.inf))

    @staticmethod
    def prob(x: Any, probs: Any) -> Array:
        p = probability(floats(probs)[0])
        k = whole(x, p)
        return jnp.where(k == 1, p, jnp.where(k == 0, 1 - p, 0))

    @staticmethod
    def tails(x: Any, probs: Any) -> Pair:
        """P(X <= x) and P(X > x), False counting as 0 and True as 1."""
        p = probability(floats(probs)[0])
        k = whole(x, p)
        return jnp.where(k < 0, 0.0, jnp.where(k < 1, 1 - p, 1.0)), jnp.where(k < 0, 1.0, jnp.where(k < 1, p, 0.0))

    @staticmethod
    def cdf(x: Any, probs: Any) -> Array:
        return Bernoulli.tails(x, probs)[0]

    @staticmethod
    def valid(probs: Any) -> Array:
        return probable(floats(probs)[0])


SHORT = 32


class Categorical:
    """Index into ``probs``, a vector whose sum is 1 within 1e-3; it is divided by its sum."""

    @staticmethod
    def sample(u: Any, probs: Any) -> Array:
        u, probs = floats(unit(u), probs)
        u, sums = stop_gradient(u), _sums(stop_gradient(jnp.maximum(probs, 0)))
        below = jnp.sum(sums < u * sums[-1], dtype=jnp.int32)
        return jnp.minimum(below, probs.shape[0] - 1)

    @staticmethod
    def log_prob(x: Any, probs: Any) -> Array:
        p = jnp.maximum(floats(probs)[0], 0)
        k = whole(x, p)
        inside = (k >= 0) & (k < p.shape[0])
        return jnp.where(inside, safe_log(_element(p, jnp.where(inside, k, 0)) / jnp.sum(p)), -jnp.inf)

    @staticmethod
    def prob(x: Any, probs: Any) -> Array:
        p = jnp.maximum(floats(probs)[0], 0)
        k = whole(x, p)
        inside = (k >= 0) & (k < p.shape[0])
        return jnp.where(inside, _element(p, jnp.where(inside, k, 0)) / jnp.sum(p), 0)

    @staticmethod
    def tails(x: Any, probs: Any) -> Pair:
        """P(X <= x) and P(X > x)."""
        p = jnp.maximum(floats(probs)[0], 0)
        inside = jnp.arange(p.shape[0]) <= whole(x, p)
        total = jnp.sum(p)
        return jnp.sum(jnp.where(inside, p, 0)) / total, jnp.sum(jnp.where(inside, 0, p)) / total

    @staticmethod
    def cdf(x: Any, probs: Any) -> Array:
        return Categorical.tails(x, probs)[0]

    @staticmethod
    def valid(probs: Any) -> Array:
        p = floats(probs)[0]
        return jnp.all(p >= -TOLERANCE) & (jnp.abs(jnp.sum(p) - 1) <= 1e-3)


def _element(p: Array, k: Array) -> Array:
    """p[k] of a real number k; by comparisons where the vector is short, which fuses."""
    if p.shape[0] > SHORT:
        return p[k.astype(jnp.int32)]
    found = p[0]
    for i in range(1, p.shape[0]):
        found = jnp.where(k == i, p[i], found)
    return found


def _sums(p: Array) -> Array:
    """The running sum of a vector; term by term where it is short."""
    if p.shape[0] > SHORT:
        return jnp.cumsum(p)
    sums = [p[0]]
    for i in range(1, p.shape[0]):
        sums.append(sums[-1] + p[i])
    return jnp.stack(sums)


class DiscreteUniform:
    """Every integer of [low, high], which may hold up to 2^24 values."""

    @staticmethod
    def sample(u: Any, low: Any, high: Any) -> Array:
        low, high = (jnp.asarray(bound, jnp.int32) for bound in (low, high))
        u = stop_gradient(unit(u))
        k = jnp.ceil(u * (high - low + 1).astype(u.dtype)).astype(jnp.int32) - 1
        return low + jnp.clip(k, 0, high - low)

    @staticmethod
    def log_prob(x: Any, low: Any, high: Any) -> Array:
        x, low, high = (stop_gradient(v) for v in floats(x, low, high))
        inside = (x >= low) & (x <= high) & (x == jnp.floor(x))
        return jnp.where(inside, -jnp.log(high - low + 1), -jnp.inf)

    @staticmethod
    def tails(x: Any, low: Any, high: Any) -> Pair:
        """P(X <= x) and P(X > x)."""
        x, low, high = (stop_gradient(v) for v in floats(x, low, high))
        size = high - low + 1
        below = jnp.clip(jnp.floor(x) - low + 1, 0, size)
        return below / size, (size - below) / size

    @staticmethod
    def cdf(x: Any, low: Any, high: Any) -> Array:
        return DiscreteUniform.tails(x, low, high)[0]

    @staticmethod
    def valid(low: Any, high: Any) -> Array:
        low, high = floats(low, high)
        return (low <= high) & (high - low < 2**24)


@jax.custom_jvp
def _geometric_tails(k: Array, p: Array) -> Pair:
    """1 - (1-p)^(k+1) and (1-p)^(k+1), for k >= 0."""
    exponent = (k + 1) * log1p(-jnp.minimum(p, 1))
    return -jnp.expm1(exponent), jnp.exp(exponent)


@_geometric_tails.defjvp
def _geometric_tails_jvp(primals, tangents):  # type: ignore[no-untyped-def]
    k, p = primals
    slope = (k + 1) * jnp.where(k > 0, jnp.where(p < 1, _geometric_tails(k - 1, p)[1], 0), 1) * tangents[1]
    return _geometric_tails(k, p), (slope, -slope)


class Geometric:
    """Failures before the first success; above 2^24 float32 no longer tells integers."""

    @staticmethod
    def sample(u: Any, probs: Any) -> Array:
        u, p = (stop_gradient(v) for v in floats(unit(u), probs))
        p = jnp.clip(p, jnp.finfo(p.dtype).tiny, 1)
        k = jnp.ceil(log1p(-u) / log1p(-p)) - 1
        return jnp.clip(k, 0, LARGEST).astype(jnp.int32)

    @staticmethod
    def log_prob(x: Any, probs: Any) -> Array:
        p = probability(floats(probs)[0])
        k = whole(x, p)
        failures = jnp.where(k > 0, jnp.maximum(k, 1) * safe_log_complement(p), 0)
        return jnp.where(k >= 0, safe_log(p) + failures, -jnp.inf)

    @staticmethod
    def tails(x: Any, probs: Any) -> Pair:
        """P(X <= x) and P(X > x)."""
        p = probability(floats(probs)[0])
        k = whole(x, p)
        below, above = _geometric_tails(jnp.maximum(k, 0), p)
        return jnp.where(k >= 0, below, 0), jnp.where(k >= 0, above, 1)

    @staticmethod
    def cdf(x: Any, probs: Any) -> Array:
        return Geometric.tails(x, probs)[0]

    @staticmethod
    def valid(probs: Any) -> Array:
        p = floats(probs)[0]
        return (p >= LEAST_PROBS) & (p <= 1 + TOLERANCE)
