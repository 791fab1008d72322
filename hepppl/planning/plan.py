"""The plan: which estimator serves which site, and why. Made by `hepppl.planning.choose`, read by back ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class SitePlan:
    """One site's row. ``estimator`` is None where no gradient flows through the site's law ("why" says so).

    ``influences``: the outputs downstream of the site. ``relative_cost``: simulations beside the one that gives f.
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


@dataclass(frozen=True)
class Plan:
    """Rows in program order. ``wrt``: the parameters that gradients are taken with respect to."""

    model: str
    rows: tuple[SitePlan, ...]
    wrt: tuple[str, ...]

    def __getitem__(self, number: int) -> SitePlan:
        return next(row for row in self.rows if row.number == number)

    def __str__(self) -> str:
        from hepppl.planning.show import table

        return table(self)
