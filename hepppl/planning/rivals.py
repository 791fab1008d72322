"""Plans that differ from a plan in the estimator of one site: what `verify` compares it with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from hepppl.diagnostics.errors import HepPlanError
from hepppl.graph import ModelGraph
from hepppl.planning.choose import decide
from hepppl.planning.plan import Plan, SitePlan
from hepppl.planning.requests import Requests, given, of_plan
from hepppl.plugin.estimator import Estimator
from hepppl.plugin.registry import own_estimators


def rivals(graph: ModelGraph, plan: Plan, row: SitePlan) -> Iterator[tuple[str, Plan]]:
    """Each other estimator that hepppl ships, is unbiased and sound at the site of ``row``, with the plan in which it
    serves that site and every other site keeps its own; the preferred ones first. One that is made of another is no
    judge of that one, nor the reverse.

    Where the site's value carries a derivative in one plan only, sites below it need an estimator in that plan only.
    """
    if plan.whole is not None:  # nothing of it is in what the planner chooses
        with suppress(HepPlanError):
            yield "the planner's choice", decide(graph, Requests({}, {}, None), plan.wrt)
        return
    kept = of_plan(plan, "the plan").caller
    own = _names(kept[row.number].estimator)
    for rival in own_estimators():
        request = given(rival, {}, "verify")
        if not rival.unbiased or not own.isdisjoint(_names(request.estimator)):
            continue
        asked = {**kept, row.number: request}
        try:
            yield rival.name, decide(graph, Requests(asked, {}, None), plan.wrt)
        except HepPlanError:
            continue


def _names(estimator: Estimator) -> set[str]:
    return {estimator.name, *estimator.parts}
