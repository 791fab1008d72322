"""Poisson and binomial counts by exact inversion of one uniform.

A small mean: the masses are added up, a fixed number of them without branches, so that it vectorises and fuses. A
large one: a Cornish-Fisher guess, the cdf a little below it, and a few single steps. Every term is written without
cancellation (C. Loader, "Fast and accurate computation of binomial probabilities", 2000), so float32 holds up to
means of 1e7; beyond 2^24 float32 no longer tells integers. Draws have no derivative.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient

from hepppl.distributions.numerics.discrete import LARGEST, probable
from hepppl.distributions.numerics.elementary import (
    extended,
    floats,
    log1p,
    probability,
    safe_log,
    safe_log_complement,
    unit,
    whole,
)
from hepppl.distributions.numerics.incomplete import beta_log_weight, beta_tails, gamma_log_weight, gamma_tails
from hepppl.distributions.numerics.quantiles import normal_quantile

Pair = tuple[Array, Array]

#: Means up to this are searched from zero.
SMALL_MEAN = 10.0


def _reach(dtype: Any) -> int:
    """The guess for larger means is at most this far off, at any u of the dtype (the tests look)."""
    return 5 if dtype == jnp.float64 else 2


def _largest_small(dtype: Any) -> int:
    """No draw at a mean of `SMALL_MEAN` is larger: the quantile of a Poisson at the last u below 1."""
    return 68 if dtype == jnp.float64 else 36


def _search(u: Array, q: Array, first: Array, ratio: Callable[[int], Array]) -> Array:
    """The quantile at u (q = 1 - u) from the mass at 0 and ``ratio(k)``, the mass at k over that at k - 1.

    The masses are added up from the nearer end, so that either tail keeps its digits.
    """
    masses = [first]
    for k in range(1, _largest_small(u.dtype)):
        masses.append(masses[-1] * ratio(k))
    below, above = (jnp.zeros_like(u) for _ in range(2))
    from_below, from_above = (jnp.zeros_like(u) for _ in range(2))
    for mass in masses:
        below += mass
        from_below += (below < u).astype(u.dtype)
    for mass in reversed(masses[1:]):
        above += mass
        from_above += (above > q).astype(u.dtype)
    return jnp.where(u < q, from_below, from_above)


def _step(u: Array, q: Array, start: Array, tails: Pair, mass: Array, ratio: Callable[[Array], Array]) -> Array:
    """The quantile at u (q = 1 - u), from ``start`` up to twice the reach above; ``tails`` and ``mass`` are start's."""
    rest = jnp.where(u < q, u - tails[0], tails[1] - q)
    count = jnp.zeros_like(u)
    for k in range(2 * _reach(u.dtype)):
        count += (rest > 0).astype(u.dtype)
        mass = mass * ratio(start + (k + 1))
        rest = rest - mass
    return start + count


def _guess(u: Array, q: Array, mean: Array, deviation: Array, skewness: Array, kurtosis: Array) -> Array:
    """E. Cornish and R. Fisher's expansion of the quantile, to third order, with half a unit for continuity."""
    z = normal_quantile(u, q)
    cubic = kurtosis * (z**3 - 3 * z) / 24 - skewness**2 * (2 * z**3 - 5 * z) / 36
    return jnp.ceil(mean + deviation * (z + skewness * (z * z - 1) / 6 + cubic) - 0.5)


def _if_any(needed: Array, f: Callable[..., Array], otherwise: Array, *inputs: Array) -> Array:
    """``f(*inputs)`` where needed. Under vmap it is not run at all unless some lane needs it, unlike with cond.

    The inputs travel through the loop, and change there, lest the compiler move the work in front of it.
    """

    def body(carry: tuple[Array, ...]) -> tuple[Array, ...]:
        needed, _, *inputs = carry
        return jnp.zeros_like(needed), f(*inputs), *(jnp.zeros_like(value) for value in inputs)

    return jax.lax.while_loop(lambda carry: carry[0], body, (needed, otherwise, *inputs))[1]


@jax.custom_jvp
def _poisson_log_mass(k: Array, rate: Array) -> Array:
    positive = (k > 0) & (rate > 0)
    safe = jnp.where(positive, k, 1)
    inner = gamma_log_weight(safe, jnp.where(positive, rate, 1)) - jnp.log(safe)
    return jnp.where(positive, inner, jnp.where(k == 0, -rate, -jnp.inf))


@_poisson_log_mass.defjvp
def _poisson_log_mass_jvp(primals, tangents):  # type: ignore[no-untyped-def]
    k, rate = primals
    some = jnp.where(rate > 0, (k - rate) / jnp.where(rate > 0, rate, 1), 0)
    return _poisson_log_mass(k, rate), jnp.where(k > 0, some, jnp.where(k == 0, -1, 0)) * tangents[1]


@jax.custom_jvp
def _poisson_tails(k: Array, rate: Array) -> Pair:
    above, below = gamma_tails(jnp.maximum(k, 0) + 1, rate)
    return jnp.where(k >= 0, below, 0), jnp.where(k >= 0, above, 1)


@_poisson_tails.defjvp
def _poisson_tails_jvp(primals, tangents):  # type: ignore[no-untyped-def]
    slope = -jnp.exp(_poisson_log_mass(*primals)) * tangents[1]
    return _poisson_tails(*primals), (slope, -slope)


class Poisson:
    """Draws are int32; rates up to 2^30, exact to the unit up to about 2^24 (1.7e7)."""

    @staticmethod
    def sample(u: Any, rate: Any) -> Array:
        u, rate = (stop_gradient(v) for v in floats(unit(u), rate))
        small = jnp.clip(rate, 0, SMALL_MEAN)
        count = _search(u, 1 - u, jnp.exp(-small), lambda k: small / k)

        def large(u: Array, rate: Array) -> Array:
            mean = jnp.maximum(rate, SMALL_MEAN)
            deviation = jnp.sqrt(mean)
            guess = _guess(u, 1 - u, mean, deviation, 1 / deviation, 1 / mean)
            start = jnp.maximum(guess - _reach(u.dtype), 0)
            mass = jnp.exp(_poisson_log_mass(start, mean))
            return _step(u, 1 - u, start, _poisson_tails(start, mean), mass, lambda k: mean / k)

        count = _if_any(rate > SMALL_MEAN, large, count, u, rate)
        return jnp.minimum(count, LARGEST).astype(jnp.int32)

    @staticmethod
    def log_prob(x: Any, rate: Any) -> Array:
        rate = floats(rate)[0]
        k = whole(x, rate)
        return jnp.where(k >= 0, _poisson_log_mass(jnp.maximum(k, 0), rate), -jnp.inf)

    @staticmethod
    def tails(x: Any, rate: Any) -> Pair:
        """P(X <= x) and P(X > x)."""
        rate = floats(rate)[0]
        return _poisson_tails(whole(x, rate), rate)

    @staticmethod
    def cdf(x: Any, rate: Any) -> Array:
        return Poisson.tails(x, rate)[0]

    @staticmethod
    def boundary(k: Any, rate: Any) -> Pair:
        """The mass at k + 1 over that at k, and a number that moves with the rate as the cdf at k does, over the mass
        at k: its derivative is -1. (Its value is that of a cdf in the middle.)"""
        k, rate = floats(k, rate)
        return stop_gradient(rate) / (k + 1), 0.5 - (rate - stop_gradient(rate))

    @staticmethod
    def valid(rate: Any) -> Array:
        rate = floats(rate)[0]
        return (rate >= 0) & (rate <= 2**30)


@jax.custom_jvp
def _binomial_log_mass(k: Array, n: Array, p: Array) -> Array:
    inner = (k > 0) & (k < n) & (p > 0) & (p < 1)
    a, b, x = jnp.where(inner, k, 1), jnp.where(inner, n - k, 1), jnp.where(inner, p, 0.5)
    mass = beta_log_weight(a, b, x, 1 - x) + jnp.log(a + b) - jnp.log(a) - jnp.log(b)
    successes = jnp.where(k > 0, jnp.maximum(k, 1) * safe_log(p), 0)
    failures = jnp.where(n > k, jnp.maximum(n - k, 1) * safe_log_complement(p), 0)
    return jnp.where((k >= 0) & (k <= n), jnp.where(inner, mass, successes + failures), -jnp.inf)


@_binomial_log_mass.defjvp
def _binomial_log_mass_jvp(primals, tangents):  # type: ignore[no-untyped-def]
    k, n, p = primals
    possible = (k >= 0) & (k <= n) & ((p > 0) | (k == 0)) & ((p < 1) | (k == n))
    successes = jnp.where((k > 0) & (p > 0), k / jnp.where(p > 0, p, 1), 0)
    failures = jnp.where((k < n) & (p < 1), (n - k) / jnp.where(p < 1, 1 - p, 1), 0)
    return _binomial_log_mass(k, n, p), jnp.where(possible, successes - failures, 0) * tangents[2]


@jax.custom_jvp
def _binomial_tails(k: Array, n: Array, p: Array) -> Pair:
    inside = (k >= 0) & (k < n)
    safe = jnp.where(inside, k, 0)
    return extended(inside, k >= 0, beta_tails(jnp.where(inside, n - safe, 1), safe + 1, 1 - p, p))


@_binomial_tails.defjvp
def _binomial_tails_jvp(primals, tangents):  # type: ignore[no-untyped-def]
    k, n, p = primals
    inside = (k >= 0) & (k < n)
    mass = jnp.exp(_binomial_log_mass(jnp.where(inside, k, 0), jnp.where(inside, n - 1, 0), p))
    slope = jnp.where(inside, -n * mass, 0) * tangents[2]
    return _binomial_tails(k, n, p), (slope, -slope)


class Binomial:
    """Draws are int32; total_count up to 2^24."""

    @staticmethod
    def sample(u: Any, total_count: Any, probs: Any) -> Array:
        u, n, p = (stop_gradient(v) for v in floats(unit(u), total_count, probs))
        # The rarer outcome is counted: failures, from the other end of u, where successes are likely.
        p = probability(p)
        flip = p > 0.5
        rare = jnp.where(flip, 1 - p, p)
        u, q = jnp.where(flip, 1 - u, u), jnp.where(flip, u, 1 - u)
        low = jnp.minimum(rare, SMALL_MEAN / jnp.maximum(n, SMALL_MEAN))
        low_odds = low / (1 - jnp.minimum(low, 0.5))
        first = jnp.exp(n * log1p(-jnp.minimum(low, 0.5)))
        count = _search(u, q, first, lambda k: (n - (k - 1)) / k * low_odds)

        def large(u: Array, q: Array, n: Array, rare: Array) -> Array:
            odds, mean = rare / (1 - rare), n * rare
            variance = jnp.maximum(mean * (1 - rare), 1)
            deviation = jnp.sqrt(variance)
            skewness, kurtosis = (1 - 2 * rare) / deviation, (1 - 6 * rare * (1 - rare)) / variance
            guess = _guess(u, q, mean, deviation, skewness, kurtosis)
            start = jnp.clip(guess - _reach(u.dtype), 0, n - 1)
            mass = jnp.exp(_binomial_log_mass(start, n, rare))
            return _step(u, q, start, _binomial_tails(start, n, rare), mass, lambda k: (n - (k - 1)) / k * odds)

        count = jnp.minimum(_if_any(n * rare > SMALL_MEAN, large, count, u, q, n, rare), n)
        return jnp.where(flip, n - count, count).astype(jnp.int32)

    @staticmethod
    def log_prob(x: Any, total_count: Any, probs: Any) -> Array:
        n, p = floats(total_count, probs)
        return _binomial_log_mass(whole(x, p), stop_gradient(n), probability(p))

    @staticmethod
    def tails(x: Any, total_count: Any, probs: Any) -> Pair:
        """P(X <= x) and P(X > x)."""
        n, p = floats(total_count, probs)
        return _binomial_tails(whole(x, p), stop_gradient(n), probability(p))

    @staticmethod
    def cdf(x: Any, total_count: Any, probs: Any) -> Array:
        return Binomial.tails(x, total_count, probs)[0]

    @staticmethod
    def valid(total_count: Any, probs: Any) -> Array:
        n, p = floats(total_count, probs)
        return (n >= 0) & (n <= 2**24) & (n == jnp.floor(n)) & probable(p)
