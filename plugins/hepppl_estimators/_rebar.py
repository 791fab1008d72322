"""Numerics of ``rebar``.

The value b is drawn where its noisy logit z is positive (for a categorical site: largest). f at the relaxed value
σ(z / τ) is near f(b) and has a pathwise derivative; so has f at σ(z̃ / τ), z̃ the noisy logit drawn anew given b. Here
z̃ = z, with the part of the noise that b leaves free held fixed in place of all of it (arXiv:1703.07370, sec. 3 and
appendix B): with u < p where b is true, u = v p there, and 1 - u = (1 - v) (1 - p) elsewhere, v is uniform whatever b.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from hepppl.plugin import Event, VisitSite
from hepppl_estimators._relaxation import LEAST, gumbels, stop
from hepppl_estimators._score import ScoreFunction
from hepppl_estimators.rebar import TEMPERATURE


class RelaxedControl(ScoreFunction):
    """The score with the optimal baseline. Option ``temperature``: of the relaxed values; ``eta``: the multiple of
    what they tell that is subtracted, None for the one of least variance."""

    def contribution(self, state: Any, event: Event) -> Any:
        return stop(event.value) * state[0]

    def control(self, state: Any) -> Any:
        return state

    def shadow(self, site: VisitSite, given: bool) -> Any:
        temperature = self.options.get("temperature", TEMPERATURE)
        p = site.params[0]
        if stop(site.sample()).dtype == jnp.bool_:
            return jax.nn.sigmoid(_logit(jnp.clip(p, LEAST, 1 - 1e-7), site, given) / temperature)
        logs = jnp.log(jnp.maximum(p / jnp.sum(p), LEAST))
        noisy = gumbels(site, logs)
        return jax.nn.softmax((noisy if given else logs + stop(noisy - logs)) / temperature)


def _logit(p: Any, site: VisitSite, given: bool) -> Any:
    """The noisy logit: log(p / (1 - p)) + log((1 - u) / u), which is positive where u < p. Its value is that of the
    event's uniform; its derivative keeps u, or v, fixed."""
    u, fixed = stop(site.uniform), stop(p)
    z = jnp.log(p) - jnp.log1p(-p) + jnp.log1p(-u) - jnp.log(u)
    if not given:
        return z
    # d log((1 - u) / u) / du = -1 / (u (1 - u)), and du / dp = u / p below p, (1 - u) / (1 - p) above it
    moved = jnp.where(stop(site.sample()), 1 / (fixed * (1 - u)), 1 / (u * (1 - fixed)))
    return stop(z) + (p - fixed) * (1 / (fixed * (1 - fixed)) - moved)
