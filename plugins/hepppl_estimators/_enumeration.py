"""Numerics of ``enumerate``.

The masses of a finite law sum to 1, so their derivatives to 0, and whatever value x was drawn

    dE[f]/dθ = Σ_k ∂p(k)/∂θ f(k) = Σ_{k ≠ x} ∂p(k)/∂θ (f(k) - f(x))

for the part of the event that does not depend on x. Every other value k is offered; the engine runs one of them.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from hepppl.plugin import EstimatorNumerics, Offer, Visit, VisitSite


class OtherValues(EstimatorNumerics):
    """Stateless. No mass is divided by, so that rare values do no harm."""

    def visit(self, state: Any, site: VisitSite) -> Visit:
        x = jax.lax.stop_gradient(site.sample())
        if x.dtype == jnp.bool_:
            return Visit(x, state, (_offer(site, ~x),))
        count = site.params[0].shape[-1]
        return Visit(x, state, tuple(_offer(site, (x + step) % count) for step in range(1, count)))


def _offer(site: VisitSite, other: Any) -> Offer:
    mass = site.prob(other)
    possible = jax.lax.stop_gradient(mass) > 0
    return Offer(other, jnp.where(possible, 1.0, 0.0), mass)
