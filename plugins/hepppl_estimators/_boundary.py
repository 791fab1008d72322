"""Numerics of ``boundary``.

The uniform u of a site is cut at the crossings 0 = U_0 <= U_1 <= ... <= U_n+1 = 1, which move with the parameters. With
u = U_k + (U_k+1 - U_k) v the number k of the stratum is a discrete draw with cdf F(k) = U_k+1, and v noise without a
parameter, so that

    dE[f]/dθ = E[df/dθ at fixed k and v] - Σ_k ∂U_k+1/∂θ E_v[f(k + 1, v) - f(k, v)].

At fixed k and v no comparison flips: a value next to a threshold moves with it. The sum is served as for any discrete
law: the alternative lies at the same v in a neighbouring stratum, with weight 1 / (p(k) + p(k + 1)) from either side.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from hepppl.plugin import EstimatorNumerics, Offer, Visit, VisitSite

stop = jax.lax.stop_gradient


class Strata(EstimatorNumerics):
    """Stateless."""

    def visit(self, state: Any, site: VisitSite) -> Visit:
        x, u, cuts = site.sample(), stop(site.uniform), site.crossings
        low, high = _highest(cuts, cuts <= u), _lowest(cuts, cuts > u)
        here, v = stop(high - low), stop((u - low) / _safe(high - low))
        moved = low + (high - low) * v
        density = stop(site.prob(x))
        rate = jnp.where((density > 0) & jnp.isfinite(density), 1 / _safe(density), 0)
        value = x + rate * (moved - stop(moved))

        # strata without mass are passed over: the next cut that differs bounds the neighbour
        beyond, before = stop(_lowest(cuts, cuts > high)), stop(_highest(cuts, cuts < low))
        above, below = beyond - stop(high), stop(low) - before
        up = Offer(site.quantile(stop(high) + above * v), _coefficient(here, above), -high)
        down = Offer(site.quantile(before + below * v), _coefficient(here, below), low)
        return Visit(value, state, (up, down))


def _lowest(cuts: Any, among: Any) -> Any:
    return jnp.min(jnp.where(among, cuts, 1), initial=1)


def _highest(cuts: Any, among: Any) -> Any:
    return jnp.max(jnp.where(among, cuts, 0), initial=0)


def _coefficient(here: Any, there: Any) -> Any:
    """None is offered where there is no neighbour."""
    return jnp.where(there > 0, 1 / _safe(here + there), 0)


def _safe(x: Any) -> Any:
    return jnp.where(x > 0, x, 1)
