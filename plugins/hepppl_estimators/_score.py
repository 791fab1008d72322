"""Numerics of ``score``."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from hepppl.plugin import EstimatorNumerics, Event, Visit, VisitSite
from hepppl_estimators.score import DEFAULT


@jax.custom_jvp
def slope(y: Any) -> Any:
    """0 with the derivatives of y, of which nothing else is asked for: the logarithm itself is not computed."""
    return jnp.zeros_like(y)


slope.defjvp(lambda primals, tangents: (jnp.zeros_like(primals[0]), tangents[0]))


class ScoreFunction(EstimatorNumerics):
    """State: a number with the derivatives of the sum of log p(x; θ) over the instances visited, the event's score;
    where the baseline is steered, of a weighted sum too."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.baseline = options.get("baseline", DEFAULT)

    def init(self) -> Any:
        return tuple(jnp.zeros(()) for _ in range(2 if self.baseline == "steered" else 1))

    def visit(self, state: Any, site: VisitSite) -> Visit:
        x = jax.lax.stop_gradient(site.sample())
        term = slope(site.log_prob(x))
        terms = (term, jax.lax.stop_gradient(_weight(site, x)) * term) if self.baseline == "steered" else (term,)
        return Visit(x, tuple(total + more for total, more in zip(state, terms, strict=True)))

    def contribution(self, state: Any, event: Event) -> Any:
        """(f - b) Σ log p, shape (events,). The mean over the *other* events is independent of this event's score,
        whose expectation is zero: subtracting it adds no bias."""
        f = event.value
        if self.baseline == "loo":
            f = f - event.leave_one_out_mean()
        return jax.lax.stop_gradient(f) * state[0]

    def density(self, state: Any) -> Any:
        return state[0]

    def control(self, state: Any) -> Any:
        """With the optimal baseline, the score itself is the control variate: its multiple of least variance is
        b = E[f s²] / E[s²] for each parameter, if nothing else contributes. A steered one is b + c w, where w is the
        weight of the draw that a term of the score belongs to: known before it, so that the terms with it as a
        weight have expectation zero too."""
        return state if self.baseline in ("optimal", "steered") else None


def _weight(site: VisitSite, x: Any) -> Any:
    """The importance of a draw, known before it; of one between two values, times the square of the probability of the
    rarer one, which docs/estimators.md measures."""
    if x.dtype != jnp.bool_:
        return site.importance
    mass = site.prob(x)
    return site.importance * jnp.minimum(mass, 1 - mass) ** 2
