"""The choice of estimators by a pilot run: variance × time of sound candidates, one site after the other.

What is compared is the cost of a given error. A plan's figure is the geometric mean over outputs and parameters of one
event's variance, times the seconds that the run takes, relative to the plan that `choose` makes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hepppl.diagnostics.errors import HepPlanError
from hepppl.graph import ModelGraph
from hepppl.planning.choose import decide
from hepppl.planning.importance import Importance
from hepppl.planning.plan import Plan, SitePlan
from hepppl.planning.requests import Request, Requests, given, of_plan
from hepppl.plugin.registry import own_estimators

GAIN = 0.9  # a choice is changed for a tenth less variance × time: clocks are no better than that
SWEEPS = 2
FLOOR = 1e-5  # of the squared derivative: one event tells it to 0.3 %, and what is less may be rounding


@dataclass(frozen=True)
class Trial:
    """A candidate measured: ``site`` ("*": every site that it can serve), the estimator with its ``options``, and
    variance × time ``relative`` to the plan before tuning (infinite where an estimate was not finite). ``learned``: the
    plan was the same but for the importance of its candidates, learned from what ``estimator`` says."""

    site: str
    estimator: str
    options: Mapping[str, Any]
    relative: float
    chosen: bool
    learned: bool = False


@dataclass(frozen=True)
class Tuning:
    """``events`` of the pilot run for each candidate; ``simulations``: what the chosen plan's gradient takes, the
    simulation included, in simulations."""

    events: int
    simulations: float
    trials: tuple[Trial, ...]


@dataclass(frozen=True)
class Measured:
    """A pilot run: derivatives and one event's variances, flat, and the seconds it took."""

    slopes: Sequence[float]
    variances: Sequence[float]
    seconds: float

    def relative(self, base: Measured) -> float:
        if not all(map(math.isfinite, (*self.slopes, *self.variances))):
            return math.inf
        floors = [FLOOR * (v + slope**2) + 1e-30 for v, slope in zip(base.variances, base.slopes, strict=True)]
        logs = [
            math.log((v + floor) / (was + floor))
            for v, was, floor in zip(self.variances, base.variances, floors, strict=True)
        ]
        return math.exp(sum(logs) / len(logs)) * self.seconds / base.seconds


def tune(
    graph: ModelGraph,
    requests: Requests,
    wrt: tuple[str, ...] | None,
    measure: Callable[[Plan], Measured],
    simulation: Callable[[], float],
    events: int,
    pilot: Callable[[Plan], Mapping[int, Importance]] = lambda plan: {},
) -> Plan:
    """The plan of least measured variance × time. What the caller names stays; what the author named is one candidate.

    ``measure`` runs a plan, ``simulation`` gives the seconds of the same events without derivatives, ``pilot`` learns
    the importance of the candidates that the sites of a plan make.
    """
    start = decide(graph, requests, wrt)
    free = [row for row in start.rows if row.estimator is not None and row.number not in requests.caller]
    free = [] if start.whole is not None else free
    base = measure(start)
    plan, best, last = start, 1.0, base
    adopted: dict[int, float] = {row.number: 1.0 for row in free}
    seen, trials = {start.key}, []
    for _ in range(SWEEPS):
        before = plan
        for site, numbers, asked in _moves(free):
            candidate = _changed(graph, plan, start.wrt, numbers, asked)
            if candidate is None or candidate.key in seen:
                continue
            seen.add(candidate.key)
            measured = measure(candidate)
            relative = measured.relative(base)
            better = relative < GAIN * best
            trials.append(Trial(site, asked.estimator.name, dict(asked.options), relative, better))
            if better:
                adopted |= {n: relative for n in numbers if _differs(plan, candidate, n)}
                plan, best, last = candidate, relative, measured
        steered = _steered(plan, pilot(plan))
        if steered.key not in seen:
            seen.add(steered.key)
            measured = measure(steered)
            relative = measured.relative(base)
            better = relative < GAIN * best
            told = {row.number: row.importance.why for row in steered.rows if row.importance is not None}
            site = "*" if len(told) > 1 else steered[next(iter(told))].site
            trials.append(Trial(site, "; ".join(dict.fromkeys(told.values())), {}, relative, better, learned=True))
            if better:
                plan, best, last = steered, relative, measured
                adopted |= dict.fromkeys(told, relative)
        if plan is before:
            break
    rows = tuple(_explained(row, start, adopted) for row in plan.rows)
    return replace(plan, rows=rows, tuning=Tuning(events, last.seconds / simulation(), tuple(trials)))


def _moves(free: list[SitePlan]) -> Iterator[tuple[str, list[int], Request]]:
    """Changes of every site together, then of one at a time."""
    groups = [("*", [row.number for row in free])] if len(free) > 1 else []
    groups += [(row.site, [row.number]) for row in free]
    for site, numbers in groups:
        for estimator in own_estimators():
            if estimator.unbiased and estimator.rank > 0:
                for options in estimator.variants or ({},):
                    yield site, numbers, given(estimator, options, "tuning")


def _changed(graph: ModelGraph, plan: Plan, wrt: tuple[str, ...], numbers: list[int], asked: Request) -> Plan | None:
    """The plan with these sites served as asked, where that is sound; None where it is for none of them."""
    current = of_plan(plan, "the plan").caller
    changed = False
    for number in numbers:
        attempt = {**current, number: asked}
        try:
            found = decide(graph, Requests(attempt, {}, None), wrt)
        except HepPlanError:
            continue
        rows = tuple(row.steered(plan[row.number]) for row in found.rows)
        current, plan, changed = attempt, replace(found, rows=rows), True
    return plan if changed else None


def _steered(plan: Plan, learned: Mapping[int, Importance]) -> Plan:
    """The plan with these importances, by site number, in place of all that it has."""
    return replace(plan, rows=tuple(replace(row, importance=learned.get(row.number)) for row in plan.rows))


def _explained(row: SitePlan, start: Plan, adopted: Mapping[int, float]) -> SitePlan:
    relative = adopted.get(row.number)
    first = start[row.number]
    if (row.estimator, row.options) == (first.estimator, first.options):
        return replace(first, measured=relative, importance=row.importance)
    if relative is None or relative == 1.0:
        return replace(row, measured=relative)
    was = "its choice" if first.estimator == row.estimator else first.estimator or "none"
    return replace(row, why=f"measured: {relative:.2g} times the variance × time of {was} before", measured=relative)


def _differs(plan: Plan, other: Plan, number: int) -> bool:
    return (plan[number].estimator, plan[number].options) != (other[number].estimator, other[number].options)
