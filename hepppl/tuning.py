"""Pilot runs of a model, for `hepppl.planning.tune`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hepppl import inputs
from hepppl.planning.choose import parameters
from hepppl.planning.plan import Plan
from hepppl.planning.requests import collect
from hepppl.planning.tune import Measured, tune

if TYPE_CHECKING:
    from hepppl.model import By, Model

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

    return tune(graph, collect(graph, by), parameters(graph, wrt), measure, simulation, n)


def fastest(run: Callable[[], Any]) -> tuple[Any, float]:
    """The last result of a run that is repeated, and the seconds of the fastest."""
    seconds: list[float] = []
    while len(seconds) < LEAST or (sum(seconds) < SECONDS and len(seconds) < MOST):
        result = run()
        seconds.append(result.run_seconds)
    return result, min(seconds)
