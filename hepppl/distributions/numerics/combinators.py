"""Laws made of laws: ``truncated(d, low, high)``, ``affine(d, loc, scale)``, ``mixture(weights, components)``.

A law with its arguments bound offers ``sample(u)``, ``log_prob(x)``, ``cdf(x)``, ``tails(x)``, ``quantile(p, q)`` and
``valid()``; so does what a combinator returns, and they nest. Everything is traceable for one event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import jax.numpy as jnp
from jax import Array
from jax.lax import fori_loop, stop_gradient

from hepppl.distributions.numerics.discrete import Categorical
from hepppl.distributions.numerics.elementary import extended, finite, floats, safe_log, unit
from hepppl.distributions.registry import implementation
from hepppl.plugin.distribution import Distribution, Numerics

Pair = tuple[Array, Array]
BISECTIONS = 64


class Law(Protocol):
    """A law without free arguments."""

    discrete: bool

    def sample(self, u: Any) -> Array: ...

    def quantile(self, p: Any, q: Any) -> Array:
        """The smallest x with P(X <= x) >= p; q is 1 - p, for the digits of the upper tail."""

    def log_prob(self, x: Any) -> Array: ...

    def tails(self, x: Any) -> Pair:
        """P(X <= x) and P(X > x)."""

    def cdf(self, x: Any) -> Array: ...

    def valid(self) -> Array: ...


@dataclass(frozen=True)
class Bound:
    """A distribution with its parameters. Numerics without ``tails`` or ``quantile`` (a plugin's) do as well, only
    with fewer digits in the upper tail."""

    numerics: Numerics
    params: tuple[Any, ...]
    discrete: bool = False

    def sample(self, u: Any) -> Array:
        return self.numerics.sample(u, *self.params)

    def quantile(self, p: Any, q: Any) -> Array:
        if hasattr(self.numerics, "quantile"):
            return self.numerics.quantile(p, q, *self.params)
        return self.numerics.sample(p, *self.params)

    def log_prob(self, x: Any) -> Array:
        return self.numerics.log_prob(x, *self.params)

    def prob(self, x: Any) -> Array:
        """The density or mass itself, from the numerics' own ``prob`` where they have one."""
        if hasattr(self.numerics, "prob"):
            return self.numerics.prob(x, *self.params)
        return jnp.exp(self.log_prob(x))

    def tails(self, x: Any) -> Pair:
        if hasattr(self.numerics, "tails"):
            return self.numerics.tails(x, *self.params)
        below = self.numerics.cdf(x, *self.params)
        return below, 1 - below

    def cdf(self, x: Any) -> Array:
        return self.numerics.cdf(x, *self.params)

    def valid(self) -> Array:
        return self.numerics.valid(*self.params)

    def boundary(self, k: Any) -> Pair | None:
        return self.numerics.boundary(k, *self.params) if hasattr(self.numerics, "boundary") else None


def bind(distribution: Distribution, *params: Any) -> Bound:
    """A registered distribution with its parameters, in the order of its metadata."""
    return Bound(implementation(distribution), params, distribution.discrete)


def _strictly_below(law: Law, x: Any) -> Pair:
    """P(X < x) and P(X >= x)."""
    return law.tails(jnp.ceil(x) - 1 if law.discrete else x)


@dataclass(frozen=True)
class Truncated:
    """``law`` given low <= X <= high. Differentiable in the bounds; a draw inverts the law's own cdf between them."""

    law: Law
    low: Any
    high: Any

    @property
    def discrete(self) -> bool:
        return self.law.discrete

    def _ends(self) -> tuple[Pair, Pair, Array]:
        """The tails at both bounds, and the probability between them, taken where it loses the fewest digits."""
        start, stop = _strictly_below(self.law, self.low), self.law.tails(self.high)
        return start, stop, jnp.where(start[0] < 0.5, stop[0] - start[0], start[1] - stop[1])

    def sample(self, u: Any) -> Array:
        u = unit(u)
        return self.quantile(u, 1 - u)

    def quantile(self, p: Any, q: Any) -> Array:
        start, stop, _ = self._ends()
        p, q, *_ = floats(p, q, *start, *stop)
        tiny = jnp.finfo(p.dtype).tiny
        below = jnp.maximum(q * start[0] + p * stop[0], tiny)
        above = jnp.maximum(q * start[1] + p * stop[1], tiny)
        x = self.law.quantile(below, above)
        low, high = (jnp.ceil(self.low), jnp.floor(self.high)) if self.discrete else (self.low, self.high)
        return jnp.clip(x, jnp.asarray(low, x.dtype), jnp.asarray(high, x.dtype))

    def log_prob(self, x: Any) -> Array:
        mass = self._ends()[2]
        inside = (x >= self.low) & (x <= self.high)
        return jnp.where(inside, self.law.log_prob(x) - safe_log(mass), -jnp.inf)

    def tails(self, x: Any) -> Pair:
        start, stop, mass = self._ends()
        above = jnp.asarray(x >= self.high)
        inside = (x >= self.low) & ~above
        below, over = self.law.tails(jnp.where(inside, x, self.high))
        share = jnp.where(start[0] < 0.5, below - start[0], start[1] - over)
        rest = jnp.where(start[0] < 0.5, stop[0] - below, over - stop[1])
        mass = jnp.where(mass > 0, mass, 1)
        return extended(inside, above, (share / mass, rest / mass))

    def cdf(self, x: Any) -> Array:
        return self.tails(x)[0]

    def valid(self) -> Array:
        return self.law.valid() & jnp.asarray(self.low <= self.high) & (self._ends()[2] > 0)


@dataclass(frozen=True)
class Affine:
    """loc + scale X, with scale of either sign but not 0. Discrete laws become laws on the points loc + scale k."""

    law: Law
    loc: Any
    scale: Any

    @property
    def discrete(self) -> bool:
        """False: a value is a real number; whether its law has atoms, the inner law says."""
        return False

    def sample(self, u: Any) -> Array:
        return self._place(self.law.sample(u))

    def quantile(self, p: Any, q: Any) -> Array:
        p, q, scale = floats(p, q, self.scale)
        return self._place(self.law.quantile(jnp.where(scale > 0, p, q), jnp.where(scale > 0, q, p)))

    def log_prob(self, x: Any) -> Array:
        x, loc, scale = floats(x, self.loc, self.scale)
        if self.law.discrete:
            k = jnp.round((x - loc) / scale)
            return jnp.where(self._at_point(x, k), self.law.log_prob(k.astype(jnp.int32)), -jnp.inf)
        return self.law.log_prob((x - loc) / scale) - jnp.log(jnp.abs(scale))

    def tails(self, x: Any) -> Pair:
        x, loc, scale = floats(x, self.loc, self.scale)
        z = (x - loc) / scale
        if self.law.discrete:
            k = jnp.round(z)
            z = stop_gradient(jnp.where(self._at_point(x, k), k, z))
            below, above = self.law.tails(jnp.floor(z))
            strictly, least = self.law.tails(jnp.ceil(z) - 1)
            return jnp.where(scale > 0, below, least), jnp.where(scale > 0, above, strictly)
        below, above = self.law.tails(z)
        return jnp.where(scale > 0, below, above), jnp.where(scale > 0, above, below)

    def cdf(self, x: Any) -> Array:
        return self.tails(x)[0]

    def valid(self) -> Array:
        loc, scale = floats(self.loc, self.scale)
        return self.law.valid() & finite(loc, scale) & (scale != 0)

    def _place(self, z: Array) -> Array:
        loc, scale, z = floats(self.loc, self.scale, z)
        return loc + scale * z

    def _at_point(self, x: Array, k: Array) -> Array:
        """``x`` is loc + scale k, up to rounding."""
        loc, scale = floats(self.loc, self.scale)
        tolerance = 8 * jnp.finfo(x.dtype).eps * (jnp.abs(loc) + jnp.abs(scale * k)) + 1e-6 * jnp.abs(scale)
        return jnp.abs(x - (loc + scale * k)) <= tolerance


@dataclass(frozen=True)
class Mixture:
    """One of ``laws``, the i-th with probability weights[i] (divided by their sum, which is 1 within 1e-3).

    A draw spends u twice: on the component, then, rescaled, inside it. So it is not monotone in u, and it has no
    derivative (unless there is one component): moving a weight would have to move the draw from one component to
    another. ``laws`` are all discrete or all continuous.
    """

    weights: Any
    laws: tuple[Law, ...]

    @property
    def discrete(self) -> bool:
        return self.laws[0].discrete

    def _weights(self) -> Array:
        weights = jnp.maximum(floats(self.weights)[0], 0)
        return weights / jnp.sum(weights)

    def sample(self, u: Any) -> Array:
        if len(self.laws) == 1:
            return self.laws[0].sample(u)
        u, weights = floats(unit(u), stop_gradient(self._weights()))
        sums = jnp.cumsum(weights)
        chosen = Categorical.sample(u, weights)
        before = jnp.where(chosen > 0, sums[jnp.maximum(chosen - 1, 0)], 0)
        inner = unit((u * sums[-1] - before) / weights[chosen])
        draws = [law.sample(inner) for law in self.laws]
        value = draws[0]
        for i, draw in enumerate(draws[1:], 1):
            value = jnp.where(chosen == i, draw, value)
        return stop_gradient(value)

    def quantile(self, p: Any, q: Any) -> Array:
        """By bisection: it lies between the least and the largest of the components' quantiles."""
        each = stop_gradient(jnp.stack([law.quantile(p, q) for law in self.laws]))
        ends = each.astype(jnp.int32) if self.discrete else each

        def halve(_: Any, bracket: Pair) -> Pair:
            low, high = bracket
            middle = low + (high - low) // 2 if self.discrete else low + 0.5 * (high - low)
            below, above = self.tails(middle)
            enough = jnp.where(p < 0.5, below >= p, above <= q)
            return jnp.where(enough, low, middle + 1 if self.discrete else middle), jnp.where(enough, middle, high)

        _, high = fori_loop(0, BISECTIONS, halve, (ends.min(0), ends.max(0)))
        return stop_gradient(high).astype(each.dtype)

    def log_prob(self, x: Any) -> Array:
        terms = jnp.stack([law.log_prob(x) for law in self.laws])
        terms = terms + safe_log(self._weights().astype(terms.dtype))
        possible = terms > -jnp.inf
        some = jnp.any(possible)
        largest = stop_gradient(jnp.where(some, jnp.max(terms), 0))
        total = jnp.sum(jnp.where(possible, jnp.exp(jnp.where(possible, terms, largest) - largest), 0))
        return jnp.where(some, jnp.log(jnp.where(some, total, 1)) + largest, -jnp.inf)

    def tails(self, x: Any) -> Pair:
        weights = self._weights()
        below, above = zip(*(law.tails(x) for law in self.laws), strict=True)
        return jnp.dot(weights, jnp.stack(below)), jnp.dot(weights, jnp.stack(above))

    def cdf(self, x: Any) -> Array:
        return self.tails(x)[0]

    def valid(self) -> Array:
        return Categorical.valid(self.weights) & jnp.all(jnp.stack([law.valid() for law in self.laws]))


def truncated(law: Law, low: Any, high: Any) -> Truncated:
    """``law`` between ``low`` and ``high``, both included; either may be infinite."""
    return Truncated(law, low, high)


def affine(law: Law, loc: Any, scale: Any) -> Affine:
    """The law of loc + scale X."""
    return Affine(law, loc, scale)


def mixture(weights: Any, components: Sequence[Law]) -> Mixture:
    """One of ``components``, drawn with ``weights``."""
    return Mixture(weights, tuple(components))
