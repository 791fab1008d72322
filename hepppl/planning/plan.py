"""The plan: which estimator serves which site, and why. Made by `hepppl.planning.choose`, read by back ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hepppl.planning.importance import Importance
from hepppl.plugin.estimator import ALL
from hepppl.plugin.registry import load_estimator

if TYPE_CHECKING:
    from hepppl.planning.tune import Tuning


@dataclass(frozen=True)
class SitePlan:
    """One site's row. ``estimator`` is None where no gradient flows through the site's law ("why" says so).

    ``influences``: the outputs downstream of the site. ``relative_cost``: simulations beside the one that gives f.
    ``measured``: variance × time of the plan with this choice relative to the plan before tuning; None if not measured.
    ``importance``: of its candidates for the event's alternative, where one was learned.
    """

    site: str
    number: int
    distribution: str
    estimator: str | None
    options: Mapping[str, Any]
    why: str
    cost: str
    relative_cost: float
    influences: frozenset[str]
    line: int
    measured: float | None = None
    importance: Importance | None = None

    def steered(self, other: SitePlan) -> SitePlan:
        """This row with the importance of another plan's, where both estimators make candidates."""
        if other.importance is None or self.estimator is None or not load_estimator(self.estimator).offers:
            return self
        return replace(self, importance=other.importance)

    @property
    def reason(self) -> str:
        """Why this estimator, and what the importance of its candidates was learned from."""
        return self.why if self.importance is None else f"{self.why}; {self.importance.why}"


@dataclass(frozen=True)
class Plan:
    """Rows in program order. ``wrt``: the parameters that gradients are taken with respect to. ``tuning``: what a pilot
    run measured, if the plan was chosen by one. ``whole``: the estimator that differentiates the program from outside,
    and its options, where one does; its rows then say which sites a derivative comes by. ``order``: 2 where it is for
    second derivatives."""

    model: str
    rows: tuple[SitePlan, ...]
    wrt: tuple[str, ...]
    tuning: Tuning | None = None
    whole: tuple[str, Mapping[str, Any]] | None = None
    order: int = 1

    @property
    def relative_cost(self) -> float:
        """What a gradient is expected to cost beside the simulation, in simulations: one share for each kind of cost,
        since an event has one alternative and one sum of scores, whatever the number of its sites; one for every site
        whose candidates each have an alternative of their own."""
        shared: dict[str, float] = {}
        alone = 0.0
        for row in self.rows:
            if row.estimator is not None and load_estimator(row.estimator).given(row.options).alternatives == ALL:
                alone += row.relative_cost
            else:
                shared[row.cost] = row.relative_cost
        return alone + sum(shared.values())

    @property
    def key(self) -> tuple[object, ...]:
        """What tells plans apart that differentiate otherwise: plans of one key compile to the same."""
        rows = tuple(
            (row.number, row.estimator, repr(sorted(row.options.items())), repr(row.importance)) for row in self.rows
        )
        return self.wrt, repr(self.whole), rows

    def __getitem__(self, number: int) -> SitePlan:
        return next(row for row in self.rows if row.number == number)

    def __str__(self) -> str:
        from hepppl.planning.show import table

        return table(self)
