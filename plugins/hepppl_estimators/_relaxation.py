"""Numerics of ``gumbel_softmax`` and ``straight_through``.

With Gumbel noise g_i, the largest of log p_i + g_i is at i with probability p_i; softmax((log p + g) / τ) are weights
that go to that value as τ goes to 0. The noise is drawn so that the largest is at the value that the site draws anyway.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from hepppl.plugin import EstimatorNumerics, Visit, VisitSite
from hepppl_estimators.relaxation import TEMPERATURE

stop = jax.lax.stop_gradient
LEAST = 1e-20  # of a probability whose logarithm is taken


class GumbelSoftmax(EstimatorNumerics):
    """Stateless. Option ``temperature``: small is near the discrete value, with derivatives of large variance."""

    def visit(self, state: Any, site: VisitSite) -> Visit:
        return Visit(relaxed(site, self.options.get("temperature", TEMPERATURE)), state)


class StraightThrough(EstimatorNumerics):
    """Stateless. The derivative is that of the probabilities, or with a ``temperature`` that of `GumbelSoftmax`."""

    def visit(self, state: Any, site: VisitSite) -> Visit:
        temperature = self.options.get("temperature")
        x, p = stop(site.sample()), site.params[0]
        if x.dtype == jnp.bool_:
            drawn, soft = x.astype(p.dtype), p
        else:
            drawn, soft = jax.nn.one_hot(x, p.shape[-1], dtype=p.dtype), p / jnp.sum(p)
        if temperature is not None:
            soft = relaxed(site, temperature)
        return Visit(drawn + (soft - stop(soft)), state)


def relaxed(site: VisitSite, temperature: float) -> Any:
    """A truth, or weights (values,), with the derivative at fixed noise."""
    p = site.params[0]
    if stop(site.sample()).dtype == jnp.bool_:
        p = jnp.clip(p, LEAST, 1 - 1e-7)
        u = stop(site.uniform)  # True where u < p, so 1 - u is the uniform behind the logistic noise
        return jax.nn.sigmoid((jnp.log(p) - jnp.log1p(-p) + jnp.log1p(-u) - jnp.log(u)) / temperature)
    logs = jnp.log(jnp.maximum(p / jnp.sum(p), LEAST))
    noise = stop(gumbels(site, logs) - logs)
    return jax.nn.softmax((logs + noise) / temperature)


def gumbels(site: VisitSite, logs: Any) -> Any:
    """log p_i + g_i given where the largest is: exp(-largest) is an exponential, beyond which those of the others begin
    (C. J. Maddison, D. Tarlow and T. Minka, A* sampling, arXiv:1411.0030)."""
    noise = -jnp.log(site.further(len(logs)))
    chosen = jnp.arange(len(logs)) == site.sample()
    first = jnp.sum(jnp.where(chosen, noise, 0))
    return -jnp.log(jnp.where(chosen, first, noise / jnp.exp(logs) + first))
