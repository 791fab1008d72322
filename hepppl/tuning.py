"""Pilot runs of a model, for `hepppl.planning.tune`.

What other programs do to the machine must not decide: a candidate and the plan before tuning run in turn, with the same
seeds, and the median of the ratios of their CPU times counts (of the times that pass, where the work is done beyond the
CPU). Variances are means over the seeds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from hepppl import inputs
from hepppl.inferring import MAX_STEPS
from hepppl.planning.choose import parameters
from hepppl.planning.importance import Importance, features
from hepppl.planning.learning import Candidates
from hepppl.planning.learning import learned as learn
from hepppl.planning.plan import Plan
from hepppl.planning.requests import collect
from hepppl.planning.tune import Measured, tune
from hepppl.plugin.registry import load_estimator

if TYPE_CHECKING:
    from hepppl.backends.jax.program import Compiled
    from hepppl.graph import ModelGraph
    from hepppl.model import By, Model

KEPT = ("noted", "total", "slope")  # of the candidates of a pilot run
LEAST, MOST, SECONDS = 5, 25, 0.4  # rounds of a candidate: for so many seconds
HOPELESS = 2.5  # times the plan before: a candidate as bad as that after two rounds is not run again
SHORT, EVENTS = 0.02, 65_536  # a run of fewer seconds tells the cost of calling rather than of events: make it longer


def tuned(model: Model, by: By | None, wrt: Sequence[str] | None, n: int, seed: int, point: Mapping[str, Any]) -> Plan:
    """The model's plan chosen by runs of ``n`` events at ``point``, or of more, where those are over at once."""
    graph = model.model_graph
    pilot = Pilot(model, n, seed, point)
    return tune(
        graph, collect(graph, by), parameters(graph, wrt), pilot.measure, pilot.simulation, n, pilot.importances
    )


@dataclass
class Runs:
    """What a contestant gave, round by round: derivatives, one event's variances, seconds."""

    slopes: list[np.ndarray] = field(default_factory=list)
    variances: list[np.ndarray] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def measured(self, seconds: float) -> Measured:
        slopes, variances = (np.mean(rounds, axis=0).tolist() for rounds in (self.slopes, self.variances))
        return Measured(slopes, variances, seconds)


@dataclass
class Pilot:
    """Runs the plans of one tuning; all are measured against the first."""

    model: Model
    n: int
    seed: int
    point: Mapping[str, Any]
    _base: Callable[[int], Any] | None = None
    _first: Measured | None = None

    def measure(self, plan: Plan) -> Measured:
        run = self._gradient(plan)
        if self._base is None or self._first is None:
            run(0)  # compiles
            if _timed(run, 0)[1] < SHORT and self.n < EVENTS:
                self.n = EVENTS
                run(0)
            base = Runs()
            for i in range(LEAST):
                _add(base, *_timed(run, i))
            self._base, self._first = run, base.measured(median(base.seconds))
            return self._first
        own, ratios = Runs(), list[float]()
        run(0)
        while len(ratios) < LEAST or (sum(own.seconds) < SECONDS and len(ratios) < MOST):
            pair = self._pair(run, len(ratios))
            _add(own, *pair[0])
            ratios.append(pair[0][1] / pair[1][1])
            found = own.measured(median(ratios) * self._first.seconds)
            if len(ratios) > 1 and not found.relative(self._first) < HOPELESS:
                break
        return found

    def importances(self, plan: Plan) -> dict[int, Importance]:
        """The importance of the candidates of each site of a plan that makes some."""
        compiled = self.model._compiled(plan, mode="auto", **ENGINE)
        return importances(self.model.model_graph, plan, compiled, self.n, self.seed, self.point, self._given)

    def simulation(self) -> float:
        """Seconds of the same events without derivatives."""
        assert self._first is not None
        compiled, given = self.model._compiled(None, **ENGINE), self._given
        run = lambda i: compiled.simulate(self.n, self.seed + i, self.point, given)  # noqa: E731
        run(0)
        pairs = [self._pair(run, i) for i in range(LEAST)]
        return median(own[1] / base[1] for own, base in pairs) * self._first.seconds

    def _pair(self, run: Callable[[int], Any], i: int) -> tuple[tuple[Any, float], tuple[Any, float]]:
        """A run and one of the plan before tuning, now the one first and now the other."""
        assert self._base is not None
        if i % 2 == 0:
            own = _timed(run, i)
            return own, _timed(self._base, i)
        base = _timed(self._base, i)
        return _timed(run, i), base

    @property
    def _given(self) -> dict[str, Any]:
        return inputs.data_values(self.model.program, self.model.data)

    def _gradient(self, plan: Plan) -> Callable[[int], Any]:
        compiled, given = self.model._compiled(plan, mode="auto", **ENGINE), self._given
        return lambda i: compiled.gradient(self.n, self.seed + i, self.point, given)


def importances(
    graph: ModelGraph, plan: Plan, compiled: Compiled, n: int, seed: int, point: Mapping[str, Any], given: Any
) -> dict[int, Importance]:
    """The importance of the candidates of each site of a plan that makes some, learned from ``n`` events."""
    served = [r.number for r in plan.rows if r.estimator is not None and load_estimator(r.estimator).offers]
    if plan.whole is not None or not served:
        return {}
    guessed = compiled.mode == "reverse"
    calls = compiled.calls("guessed" if guessed else "pilot", n, seed, point, given, None, compiled.wrt)
    parts = [part for _, part, *_ in calls]
    noted, total, slope = (np.concatenate([part[k] for part in parts], -1, dtype=float) for k in KEPT)
    noted = noted.T
    with np.errstate(divide="ignore", invalid="ignore"):
        every = (np.concatenate([part["change"][k] for part in parts], -1) for k in parts[0]["change"])
        changes = [slope * total * change.reshape(-1, n) for change in every]
        scaled = [row / size for row in np.concatenate(changes) if (size := np.sqrt(np.mean(row**2))) > 0]
        h = noted[:, 1]
        effect = h / total * np.sum(np.square(scaled), axis=0)
    alive = (noted[:, 0] >= 0) & (total > 0)
    usual = math.sqrt(effect[alive].sum() / (total / h)[alive].sum()) if alive.any() else 0.0
    learned: dict[int, Importance] = {}
    for number in served if usual > 0 else ():
        own, known = alive & (noted[:, 0] == number), features(graph, number)
        kept = Candidates(noted[own, 2 : 2 + len(known)], (total / h)[own], effect[own])
        importance = learn(known, kept, guessed)
        if importance is not None:  # that of a site of which nothing was learned is 1
            learned[number] = replace(importance, level=float(f"{importance.level / usual:.4g}"))
    told = len(served) > 1 or any(importance.factors for importance in learned.values())
    return learned if told else {}


ENGINE = inputs.engine(32, 13, None, None, MAX_STEPS)


def _timed(run: Callable[[int], Any], i: int) -> tuple[Any, float]:
    from hepppl.backends.jax.devices import clock

    start = clock()
    result = run(i)
    return result, max(clock() - start, 1e-9)


def _add(runs: Runs, result: Any, seconds: float) -> None:
    every = [d for by_param in result.gradient.values() for d in by_param.values()]
    slopes, stds = (np.concatenate([np.ravel(getattr(d, k)) for d in every]) for k in ("value", "std"))
    runs.slopes.append(slopes)
    runs.variances.append(stds**2)
    runs.seconds.append(seconds)
