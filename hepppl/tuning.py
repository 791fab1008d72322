"""Pilot runs of a model, for `hepppl.planning.tune`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hepppl import inputs
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
LEAST, MOST, SECONDS = 5, 50, 0.4  # a run is repeated for so long, and the fastest counts


def tuned(model: Model, by: By | None, wrt: Sequence[str] | None, n: int, seed: int, point: Mapping[str, Any]) -> Plan:
    """The model's plan chosen by runs of ``n`` events at ``point``."""
    from hepppl.backends.jax import compile_program

    graph, given = model.model_graph, inputs.data_values(model.program, model.data)

    def measure(plan: Plan) -> Measured:
        compiled = compile_program(graph, plan=plan)
        result, seconds = fastest(lambda: compiled.gradient(n, seed, point, given))
        every = [d for by_param in result.gradient.values() for d in by_param.values()]
        slopes, stds = (np.concatenate([np.ravel(getattr(d, k)) for d in every]) for k in ("value", "std"))
        return Measured(slopes.tolist(), (stds**2).tolist(), seconds)

    def simulation() -> float:
        compiled = compile_program(graph)
        return fastest(lambda: compiled.simulate(n, seed, point, given))[1]

    def pilot(plan: Plan) -> dict[int, Importance]:
        compiled = compile_program(graph, plan=plan)
        return importances(graph, plan, compiled, n, seed, point, given)

    return tune(graph, collect(graph, by), parameters(graph, wrt), measure, simulation, n, pilot)


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


def fastest(run: Callable[[], Any]) -> tuple[Any, float]:
    """The last result of a run that is repeated, and the seconds of the fastest."""
    seconds: list[float] = []
    while len(seconds) < LEAST or (sum(seconds) < SECONDS and len(seconds) < MOST):
        result = run()
        seconds.append(result.run_seconds)
    return result, min(seconds)
