"""Numerics of ``blend``.

With two unbiased estimates A and B of one derivative, B + c (A - B) is unbiased for any c that does not depend on the
event, and has least variance for c = Cov(B, B - A) / Var(B - A). The engine fits c on other events.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hepppl.plugin import EstimatorNumerics, Event, Visit, VisitSite
from hepppl_estimators.blend import part


@dataclass(frozen=True)
class Alone:
    """An output without the rest of the batch, on which the coefficients of its events are fitted."""

    value: Any

    def leave_one_out_mean(self) -> Any:
        raise ValueError("an estimator in a blend must not use other events of the batch")


class Blended(EstimatorNumerics):
    """State: the two estimators' states. The one that makes offers, if any does, comes second."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        parts = sorted((part(text) for text in options.values()), key=lambda p: p[0].offers)
        self.a, self.b = (estimator.load()(**given) for estimator, given in parts)

    def init(self) -> Any:
        return self.a.init(), self.b.init()

    def visit(self, state: Any, site: VisitSite) -> Visit:
        a, b = self.a.visit(state[0], site), self.b.visit(state[1], site)
        return Visit(b.value, (a.state, b.state), b.offers)

    def contribution(self, state: Any, event: Event) -> Any:
        return self.b.contribution(state[1], Alone(event.value))

    def second(self, state: Any, event: Event) -> Any:
        return self.a.contribution(state[0], Alone(event.value))

    def control(self, state: Any) -> Any:
        """Score's own, so that its baseline is fitted together with the coefficient."""
        found = self.a.control(state[0])
        return self.b.control(state[1]) if found is None else found
