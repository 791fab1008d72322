"""Whether the events of a program can be moved: every value that a parameter reaches is a smooth function of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepPlanError
from hepppl.graph import ModelGraph
from hepppl.planning.choose import choose
from hepppl.planning.plan import Plan
from hepppl.plugin.registry import load_estimator

REWEIGHT = "reweight (method='reweight', --method reweight) serves wherever the parameter acts through laws"


def moving_plan(graph: ModelGraph, wrt: Sequence[str]) -> Plan:
    """The plan in which every site whose law depends on the parameters is reparameterised.

    Raises `HepPlanError` where events jump: E601 and E607 as for a gradient, E623 for a site that can only be served
    by an estimator of how often they do.
    """
    try:
        plan = choose(graph, wrt=wrt)
    except HepPlanError as error:
        raise HepPlanError([replace(d, hints=(*d.hints, REWEIGHT)) for d in error.diagnostics]) from error
    problems = []
    for row in plan.rows:
        if row.estimator is None:
            continue
        estimator = load_estimator(row.estimator)
        if not estimator.pathwise or estimator.stratifies or not estimator.unbiased:
            text = f"events cannot be moved: site '{row.site}' is one for {row.estimator} ({row.why})"
            problems.append(Diagnostic("E623", text, graph.site(row.number).node.span, hints=(REWEIGHT,)))
    if problems:
        raise HepPlanError(problems)
    return plan
