"""A plan as aligned text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hepppl.planning.plan import Plan, SitePlan
from hepppl.planning.tune import Tuning

HEADER = ("site", "line", "distribution", "estimator", "cost", "why")
MEASURED = "variance × time"


def table(plan: Plan) -> str:
    """One row per site: name, line, distribution, estimator with its options, cost beside the simulation, reason."""
    wrt = ", ".join(plan.wrt) or "nothing"
    second = "second " if plan.order == 2 else ""
    head = f"{plan.model}: {second}derivatives with respect to {wrt}"
    if plan.whole is not None:
        head += f", of the whole program by {called(*plan.whole)}"
    if not plan.rows:
        return f"{head}\nno random sites"
    rows = [_cells(row) for row in plan.rows]
    if plan.tuning is None:
        expected = f"expected cost of a gradient: about {1 + plan.relative_cost:.2g} simulations"
        return "\n".join([head, *_aligned(HEADER, rows), "", expected])
    figures = ["-" if row.measured is None else f"{row.measured:.3g}" for row in plan.rows]
    chosen = [(*cells[:5], figure, cells[5]) for cells, figure in zip(rows, figures, strict=True)]
    return "\n".join([head, *_aligned((*HEADER[:5], MEASURED, HEADER[5]), chosen), "", *_tried(plan.tuning)])


def _tried(tuning: Tuning) -> list[str]:
    """What the pilot run measured, a line each."""
    cost = f"measured cost of a gradient: {tuning.simulations:.2g} simulations"
    if not tuning.trials:
        return [cost, f"no other sound choice to measure ({tuning.events:,} events)"]
    rows = [
        (
            t.site,
            t.estimator if t.learned else called(t.estimator, t.options),
            f"{t.relative:.3g}",
            "taken" if t.chosen else "",
        )
        for t in tuning.trials
    ]
    head = f"tried with {tuning.events:,} events each; {MEASURED} is relative to the plan before:"
    return [cost, head, *_aligned(("site", "estimator", MEASURED, ""), rows)]


def _aligned(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    every = [header, *rows]
    widths = [max(len(row[i]) for row in every) for i in range(len(header))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in every]
    return [lines[0], "  ".join("-" * min(width, 100) for width in widths).rstrip(), *lines[1:]]


def _cells(row: SitePlan) -> tuple[str, ...]:
    return (row.site, str(row.line), row.distribution, estimator(row), row.cost, row.reason)


def estimator(row: SitePlan) -> str:
    """``score(baseline='loo')``, or ``-`` where none is needed."""
    if row.estimator is None:
        return "-"
    return called(row.estimator, row.options)


def called(name: str, options: Mapping[str, Any]) -> str:
    """An estimator as ``--by`` takes it."""
    given = ", ".join(f"{option}={value!r}" for option, value in options.items())
    return f"{name}({given})" if given else name
