"""Plans that differ from a plan in the estimator of one site: what `verify` compares it with."""

from __future__ import annotations

from collections.abc import Iterator

from hepppl.diagnostics.errors import HepPlanError
from hepppl.graph import ModelGraph
from hepppl.planning.choose import decide
from hepppl.planning.plan import Plan, SitePlan
from hepppl.planning.requests import Request, Requests, of_plan
from hepppl.plugin.registry import own_estimators


def rivals(graph: ModelGraph, plan: Plan, row: SitePlan) -> Iterator[tuple[str, Plan]]:
    """Each other estimator that hepppl ships, is unbiased and sound at the site of ``row``, with the plan in which it
    serves that site and every other site keeps its own; the preferred ones first.

    Where the site's value carries a derivative in one plan only, sites below it need an estimator in that plan only.
    """
    kept = of_plan(plan, "the plan")
    for rival in own_estimators():
        if rival.name == row.estimator or not rival.unbiased:
            continue
        asked = {**kept, row.number: Request(rival, dict(rival.options), "verify")}
        try:
            yield rival.name, decide(graph, Requests(asked, {}, None), plan.wrt)
        except HepPlanError:
            continue
