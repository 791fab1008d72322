"""The plan: which estimator serves which site, and why. Made by `hepppl.planning.choose`, read by back ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hepppl.planning.tune import Tuning


@dataclass(frozen=True)
class SitePlan:
    """One site's row. ``estimator`` is None where no gradient flows through the site's law ("why" says so).

    ``influences``: the outputs downstream of the site. ``relative_cost``: simulations beside the one that gives f.
    ``measured``: variance × time of the plan with this choice relative to the plan before tuning; None if not measured.
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


@dataclass(frozen=True)
class Plan:
    """Rows in program order. ``wrt``: the parameters that gradients are taken with respect to. ``tuning``: what a pilot
    run measured, if the plan was chosen by one. ``whole``: the estimator that differentiates the program from outside,
    and its options, where one does; its rows then say which sites a derivative comes by."""

    model: str
    rows: tuple[SitePlan, ...]
    wrt: tuple[str, ...]
    tuning: Tuning | None = None
    whole: tuple[str, Mapping[str, Any]] | None = None

    @property
    def relative_cost(self) -> float:
        """What a gradient is expected to cost beside the simulation, in simulations: one share for each kind of cost,
        since an event has one alternative and one sum of scores, whatever the number of its sites."""
        return sum({row.cost: row.relative_cost for row in self.rows}.values())

    @property
    def key(self) -> tuple[object, ...]:
        """What tells plans apart that differentiate otherwise: plans of one key compile to the same."""
        rows = tuple((row.number, row.estimator, repr(sorted(row.options.items()))) for row in self.rows)
        return self.wrt, repr(self.whole), rows

    def __getitem__(self, number: int) -> SitePlan:
        return next(row for row in self.rows if row.number == number)

    def __str__(self) -> str:
        from hepppl.planning.show import table

        return table(self)
