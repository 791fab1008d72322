"""Whether an event can be followed beside itself with a relaxed value in place of a site's, all else kept.

A value that is computed from the relaxed one moves with it, and so does one whose law holds it, at fixed noise. That
program must be a smooth function of the relaxed value: no draw of it may jump, and nothing be decided by it.
"""

from __future__ import annotations

from collections.abc import Iterable

from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepPlanError
from hepppl.graph import Flow, ModelGraph
from hepppl.planning.laws import law
from hepppl.planning.plan import SitePlan
from hepppl.plugin.estimator import Estimator

RELAXED = ("bernoulli", "categorical")


def moved(graph: ModelGraph, numbers: frozenset[int]) -> tuple[Flow, str | None]:
    """Where a derivative of the relaxed values of these sites goes, through the laws of others (`Flow.pathwise`), and
    what stands in its way, in words."""
    through = frozenset[int]()
    while True:
        flow = graph.carries((), through, (), numbers)
        reached = {site.number for site in graph.sites() if flow.law_depends(site.number)}
        for number in sorted(reached):
            site = graph.site(number)
            if law(site.node).pathwise is None:
                jumps = "jump" if law(site.node).discrete else "cannot be differentiated"
                return flow, f"the law of '{site.name}' in line {site.node.span.line}, whose draws {jumps},"
        if reached <= through:
            break
        through |= reached
    return flow, flow.nonsmooth[0].description if flow.nonsmooth else None


def obstacle(graph: ModelGraph, number: int) -> str | None:
    """What in the program does not go with a relaxed value of a site, in words."""
    if law(graph.site(number).node).text not in RELAXED:
        return None
    return graph.relaxation(number).obstacle or moved(graph, frozenset({number}))[1]


def check(rows: Iterable[tuple[SitePlan, Estimator | None]], graph: ModelGraph) -> None:
    """Raises `HepPlanError` (E604) where sites that are relaxed together beside the event have different options."""
    served = [(row, e) for row, e in rows if e is not None and e.shadows]
    for row, estimator in served:
        first, before = served[0]
        if (estimator.name, row.options) != (before.name, first.options):
            message = (
                f"sites '{first.site}' and '{row.site}' are relaxed together: they need '{estimator.name}' with one"
            )
            raise HepPlanError(Diagnostic("E604", f"{message} set of options", graph.site(row.number).node.span))
