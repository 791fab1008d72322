"""Plans in files: `dumps` to JSON, `loads` from it, `apply` to a program again."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepPlanError
from hepppl.graph import ModelGraph
from hepppl.planning.choose import decide
from hepppl.planning.importance import Importance, features
from hepppl.planning.plan import Plan, SitePlan
from hepppl.planning.requests import of_plan
from hepppl.planning.tune import Trial, Tuning

FORMAT = "hepppl plan"
VERSION = 1


def to_dict(plan: Plan) -> dict[str, Any]:
    """The plan as plain data, with the keys of `SitePlan`."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "model": plan.model,
        "wrt": list(plan.wrt),
        "sites": [
            {
                "site": row.site,
                "number": row.number,
                "line": row.line,
                "distribution": row.distribution,
                "estimator": row.estimator,
                "options": dict(row.options),
                "why": row.why,
                "cost": row.cost,
                "relative_cost": row.relative_cost,
                "influences": sorted(row.influences),
                "measured": row.measured,
                "importance": None if row.importance is None else asdict(row.importance),
            }
            for row in plan.rows
        ],
        "tuning": None if plan.tuning is None else asdict(plan.tuning),
        "whole": None if plan.whole is None else {"estimator": plan.whole[0], "options": dict(plan.whole[1])},
    }


def dumps(plan: Plan) -> str:
    """A plan as JSON text."""
    return json.dumps(to_dict(plan), indent=2, ensure_ascii=False) + "\n"


def loads(text: str) -> Plan:
    """A plan from JSON text. Raises `HepPlanError` (E606) where that is not one."""
    try:
        data = json.loads(text)
        if data["format"] != FORMAT or data["version"] != VERSION:
            raise ValueError(f"format {data['format']!r}, version {data['version']!r}")
        rows = tuple(_row(row) for row in data["sites"])
        tuning = data.get("tuning")
        if tuning is not None:
            tuning = Tuning(**{**tuning, "trials": tuple(Trial(**trial) for trial in tuning["trials"])})
        whole = data.get("whole")
        if whole is not None:
            whole = str(whole["estimator"]), dict(whole["options"])
        return Plan(str(data["model"]), rows, tuple(data["wrt"]), tuning, whole)
    except (ValueError, KeyError, TypeError) as error:
        hint = "a plan is what `hepppl plan FILE -o plan.json` writes"
        raise HepPlanError(Diagnostic("E606", f"this is not a saved plan: {error}", hints=(hint,))) from error


def _row(row: dict[str, Any]) -> SitePlan:
    importance = row.get("importance")
    if importance is not None:
        importance = Importance.read(importance)
    return SitePlan(**{**row, "influences": frozenset(row["influences"]), "importance": importance})


def apply(graph: ModelGraph, plan: Plan, order: int = 1) -> Plan:
    """The saved plan for this program, checked anew, for derivatives of this ``order``.

    Raises `HepPlanError`: E606 where the program's sites are not those of the plan, E602 where a choice is not sound,
    E609 where it allows no second derivative.
    """
    found = {site.number: site.name for site in graph.sites()}
    saved = {row.number: row.site for row in plan.rows}
    if plan.model != graph.program.name or found != saved:
        raise HepPlanError(Diagnostic("E606", _mismatch(graph, plan, found, saved), hints=("make the plan again",)))
    for row in plan.rows:
        unknown = () if row.importance is None else row.importance.unknown(features(graph, row.number))
        if unknown:
            why = f"the importance of site '{row.site}' is learned from '{unknown[0].text}', which is not known there"
            raise HepPlanError(Diagnostic("E606", why, hints=("make the plan again",)))
    made = decide(graph, of_plan(plan, "the saved plan"), plan.wrt, order)
    rows = tuple(replace(row, measured=plan[row.number].measured).steered(plan[row.number]) for row in made.rows)
    return replace(made, rows=rows, tuning=plan.tuning)


def _mismatch(graph: ModelGraph, plan: Plan, found: dict[int, str], saved: dict[int, str]) -> str:
    if plan.model != graph.program.name:
        return f"the plan is for model '{plan.model}', the program's is '{graph.program.name}'"
    gone = [name for name in saved.values() if name not in found.values()]
    new = [name for name in found.values() if name not in saved.values()]
    if gone:
        return f"the plan has a site '{gone[0]}' that the program has not"
    if new:
        return f"the program has a site '{new[0]}' that the plan has not"
    return "the plan's sites come in another order than the program's"
