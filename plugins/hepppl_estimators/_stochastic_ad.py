"""Numerics of ``stochastic_ad``.

For a discrete law with cdf F(·; θ) and mass p, summation by parts of E[f] = Σ_k p(k) f(k) gives

    dE[f]/dθ = -Σ_k ∂F(k)/∂θ (f(k + 1) - f(k)).

Every boundary k|k+1 can be seen from x = k (the alternative is k + 1) and from x = k + 1 (the alternative is k). With
the weight 1 / (p(k) + p(k + 1)) on either side, or 1 / p on one side only, the expectation over x is this sum.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from hepppl.plugin import EstimatorNumerics, Offer, Visit, VisitSite

RESOLUTION = 1e-6  # no mass is looked for beyond x where the cdf, in single precision, shows none
LONGEST_GAP = 4096
SHORT = 32  # so many values are looked at one by one
#: Laws whose values with a mass follow one another: nothing has to be passed over.
WITHOUT_GAPS = frozenset({"poisson", "binomial", "negative_binomial", "geometric", "discrete_uniform"})


class Neighbours(EstimatorNumerics):
    """Stateless. Option ``side``: "both" (a boundary is served from either side), "up" or "down" (from one)."""

    def visit(self, state: Any, site: VisitSite) -> Visit:
        x = jax.lax.stop_gradient(site.sample())
        side = self.options.get("side", "both")
        if x.dtype == jnp.bool_:
            return Visit(x, state, (_flip(site, x, side),))
        steps = {"both": (1, -1), "up": (1,), "down": (-1,)}[side]
        known = site.boundary(x) is not None
        offer = _known if known else _neighbour
        return Visit(x, state, tuple(offer(site, x, step, side) for step in steps))


def _mass(site: VisitSite, x: Any) -> Any:
    return jax.lax.stop_gradient(site.prob(x))


def _flip(site: VisitSite, x: Any, side: str) -> Offer:
    """The other value of a bool: the boundary False|True, where F(False) = 1 - p(True) and the two masses sum to 1."""
    sign = jnp.where(x, 1.0, -1.0)
    yes = _mass(site, jnp.ones_like(x))
    here = jnp.where(x, yes, 1 - yes)
    served = here < 1
    if side == "both":
        coefficient = jnp.where(served, sign, 0.0)
    else:
        served = served & (x if side == "down" else ~x)
        coefficient = jnp.where(served, sign / _safe(served, here), 0.0)
    return Offer(~x, coefficient, site.cdf(jnp.zeros_like(x)))


def _known(site: VisitSite, x: Any, step: int, side: str) -> Offer:
    """The next value above or below x, where the law knows the boundary between them."""
    other = x + step
    low = jnp.minimum(x, other)
    served = low >= 0
    ratio, potential = site.boundary(jnp.where(served, low, 0))
    if side == "both":
        coefficient = 1 / (1 + ratio)
    else:
        coefficient = jnp.ones_like(ratio) if step > 0 else 1 / _safe(ratio > 0, ratio)
    return Offer(other, jnp.where(served, coefficient, 0), -step * potential)


def _neighbour(site: VisitSite, x: Any, step: int, side: str) -> Offer:
    """The next value above or below x that can be drawn; none (coefficient 0) at the end of the support.

    Values without mass are passed over: F does not change there, so that the boundaries on either side of them are one.
    """
    if site.distribution == "categorical" and site.params[0].shape[-1] <= SHORT:
        return _category(site, x, step, side)
    here = _mass(site, x)
    if site.distribution in WITHOUT_GAPS:
        return _offer(site, x, x + step, here, _mass(site, x + step), side)
    rest = 1 - jax.lax.stop_gradient(site.cdf(x)) if step > 0 else jax.lax.stop_gradient(site.cdf(x)) - here

    def empty(state: Any) -> Any:
        other, there = state
        return (there == 0) & (rest > RESOLUTION) & (jnp.abs(other - x) < LONGEST_GAP)

    def further(state: Any) -> Any:
        return state[0] + step, _mass(site, state[0] + step)

    other, there = jax.lax.while_loop(empty, further, (x + step, _mass(site, x + step)))
    return _offer(site, x, other, here, there, side)


def _category(site: VisitSite, x: Any, step: int, side: str) -> Offer:
    """The same of a law with few values: a search one after the other costs as much as all the rest of an event."""
    p = jnp.maximum(site.params[0], 0)
    count = p.shape[0]
    each = list(p / jnp.sum(p))
    mass = [jax.lax.stop_gradient(q) for q in each]
    other, there, here, low = x, jnp.zeros_like(mass[0]), jnp.zeros_like(mass[0]), jnp.zeros_like(each[0])
    for k in range(count)[::-step]:  # the nearest comes last
        found = ((k - x) * step > 0) & (mass[k] > 0)
        other, there = jnp.where(found, k, other), jnp.where(found, mass[k], there)
        here = jnp.where(k == x, mass[k], here)
    served = (there > 0) & (here > 0)
    below = jnp.where(served, jnp.minimum(x, other), x)
    for k in range(count):
        low = low + jnp.where(k <= below, each[k], 0)
    coefficient = jnp.where(served, 1 / _safe(served, here + there if side == "both" else here), 0)
    return Offer(other, coefficient, -step * low)


def _offer(site: VisitSite, x: Any, other: Any, here: Any, there: Any, side: str) -> Offer:
    """The alternative ``other`` of ``x``; the masses of ``x`` and of ``other`` are ``here`` and ``there``."""
    served = (there > 0) & (here > 0)
    weight = here + there if side == "both" else here
    coefficient = jnp.where(served, 1.0 / _safe(served, weight), 0.0)
    # Where it is not served, the cdf at x itself: always within the support, so that no derivative is infinite there.
    below = jnp.where(served, jnp.minimum(x, other), x)
    return Offer(other, coefficient, jnp.where(other > x, -1, 1) * site.cdf(below))


def _safe(served: Any, weight: Any) -> Any:
    """A divisor that is never 0, so that no branch of a `where` yields NaN or infinity."""
    return jnp.where(served, weight, 1.0)
