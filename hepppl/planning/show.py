"""A plan as aligned text."""

from __future__ import annotations

from hepppl.planning.plan import Plan, SitePlan

HEADER = ("site", "line", "distribution", "estimator", "cost", "why")


def table(plan: Plan) -> str:
    """One row per site: name, line, distribution, estimator with its options, cost beside the simulation, reason."""
    wrt = ", ".join(plan.wrt) or "nothing"
    head = f"{plan.model}: derivatives with respect to {wrt}"
    if not plan.rows:
        return f"{head}\nno random sites"
    rows = [HEADER, *(_cells(row) for row in plan.rows)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADER))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    rule = "  ".join("-" * min(width, 100) for width in widths)
    return "\n".join([head, lines[0], rule, *lines[1:]])


def _cells(row: SitePlan) -> tuple[str, ...]:
    return (row.site, str(row.line), row.distribution, estimator(row), row.cost, row.why)


def estimator(row: SitePlan) -> str:
    """``score(baseline='loo')``, or ``-`` where none is needed."""
    if row.estimator is None:
        return "-"
    options = ", ".join(f"{name}={value!r}" for name, value in row.options.items())
    return f"{row.estimator}({options})" if options else row.estimator
