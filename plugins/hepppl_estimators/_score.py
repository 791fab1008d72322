"""Numerics of ``score``."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from hepppl.plugin import EstimatorNumerics, Event, Visit, VisitSite
from hepppl_estimators.score import DEFAULT


class ScoreFunction(EstimatorNumerics):
    """State: the sum of log p(x; θ) over the instances visited, a scalar whose derivative is the event's score."""

    def init(self) -> Any:
        return jnp.zeros(())

    def visit(self, state: Any, site: VisitSite) -> Visit:
        x = jax.lax.stop_gradient(site.sample())
        return Visit(x, state + site.log_prob(x))

    def contribution(self, state: Any, event: Event) -> Any:
        """(f - b) Σ log p, shape (events,). The mean over the *other* events is independent of this event's score,
        whose expectation is zero: subtracting it adds no bias."""
        f = event.value
        if self.options.get("baseline", DEFAULT) == "loo":
            f = f - event.leave_one_out_mean()
        return jax.lax.stop_gradient(f) * state

    def density(self, state: Any) -> Any:
        return state

    def control(self, state: Any) -> Any:
        """With the optimal baseline, the score itself is the control variate: its multiple of least variance is
        b = E[f s²] / E[s²] for each parameter, if nothing else contributes."""
        return state if self.options.get("baseline", DEFAULT) == "optimal" else None
