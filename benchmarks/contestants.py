"""The rows of the table of estimators: every way to differentiate a program that a registered estimator offers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import hepppl
from hepppl.diagnostics.errors import HepPlanError
from hepppl.planning import Plan, SitePlan
from hepppl.planning.choose import decide
from hepppl.planning.requests import Request, Requests, given
from hepppl.planning.show import called
from hepppl.plugin.estimator import Estimator
from hepppl.plugin.registry import load_estimator, own_estimators


def default(model: hepppl.Model) -> Plan:
    """The planner's own choice, whatever the program asks for."""
    return decide(model.model_graph, Requests({}, {}, None), None)


def contestants(model: hepppl.Model) -> dict[str, Plan]:
    """Plans by what they are called, the default among them. Each estimator, with each of the options that tuning
    would try, serves every site that it can, and then, where there are several sites, each one alone."""
    start = default(model)
    found = {start.key: start}
    for plan in _changed(model, start):
        found.setdefault(plan.key, plan)
    return {label(plan): plan for plan in found.values()}


def _changed(model: hepppl.Model, start: Plan) -> Iterator[Plan]:
    sites = [row.number for row in start.rows if row.estimator is not None]
    for estimator in own_estimators():
        for options in estimator.variants or ({},):
            asked = given(estimator, options, "the table")
            every = [Requests({}, {}, asked)]
            one = [Requests({number: asked}, {}, None) for number in sites] if len(sites) > 1 else []
            for requests in every + ([] if estimator.whole_program else one):
                plan = _planned(model, requests)
                if plan is not None and _serves(plan, asked):
                    yield plan


def _planned(model: hepppl.Model, requests: Requests) -> Plan | None:
    try:
        return decide(model.model_graph, requests, None)
    except HepPlanError:
        return None


def _serves(plan: Plan, asked: Request) -> bool:
    if plan.whole is not None:
        return True
    return any(row.estimator == asked.estimator.name and dict(row.options) == dict(asked.options) for row in plan.rows)


def label(plan: Plan) -> str:
    """The estimators by site, or the one where one site needs any; options where they are not the defaults, and what
    the importance of its candidates is where the planner gave one."""
    if plan.whole is not None:
        return named(*plan.whole)
    served = [(row.site, named(row.estimator, row.options) + _steered(row)) for row in plan.rows if row.estimator]
    return served[0][1] if len(served) == 1 else ", ".join(f"{site}: {name}" for site, name in served)


def _steered(row: SitePlan) -> str:
    return "" if row.importance is None or row.importance.guessed is not None else ", by part"


def named(name: str, options: Mapping[str, Any]) -> str:
    defaults = load_estimator(name).options
    return called(name, {k: v for k, v in options.items() if v != defaults.get(k)})


def unbiased(plan: Plan) -> bool:
    names = [plan.whole[0]] if plan.whole is not None else [row.estimator for row in plan.rows if row.estimator]
    estimators: list[Estimator] = [load_estimator(name) for name in names]
    return all(estimator.unbiased for estimator in estimators)
