"""Runs that tell of each event: its joint score, its joint ratios to other points, how its outputs move."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hepppl.backends.jax.joint import WEIGHT
from hepppl.backends.jax.modes import TANGENTS, chunked
from hepppl.backends.jax.program import Compiled, Progress
from hepppl.backends.jax.results import Events, Fault
from hepppl.backends.jax.run import Wrt
from hepppl.graph import Tensor


@dataclass(frozen=True)
class Traces:
    """``events`` and, of each, for each of the derivatives or points (the second axis): ``joint`` (n, …), the
    derivatives of log p(drawn), or log p(drawn | point) - log p(drawn), in 64 bits; None where it was not asked for.
    ``moved``: of outputs (n, …, *shape) (of jagged ones by element), the derivatives at the same draws, or the values
    at the points; what is absent does not move. ``moved_weight``: the same of the weight, (n, …), or None."""

    events: Events
    joint: np.ndarray | None
    moved: Mapping[str, np.ndarray]
    moved_weight: np.ndarray | None


def slices(compiled: Compiled, names: Sequence[str]) -> Wrt:
    shapes = {p.name: p.value.type.shape for p in compiled.graph.program.params if isinstance(p.value.type, Tensor)}
    return Wrt(tuple(names), tuple(shapes[name] for name in names))


def derivatives(
    compiled: Compiled,
    what: str,
    names: Sequence[str],
    n: int,
    seed: int,
    params: Mapping[str, Any],
    data: Mapping[str, Any],
    progress: Progress | None = None,
    own: Mapping[str, np.ndarray] | None = None,
) -> Traces:
    """``what``: "score", at fixed draws, or "move", at fixed noise of the sites that the plan reparameterises. Along
    the elements of the parameters ``names``, one after another. ``own``: (n, *shape), the parameters of which every
    event has its own value."""
    runs = chunked(slices(compiled, names))
    return _together([_run(compiled, what, n, seed, params, data, progress, wrt=wrt, own=own) for wrt in runs])


def curvatures(
    compiled: Compiled,
    steps: Mapping[str, np.ndarray],
    n: int,
    seed: int,
    params: Mapping[str, Any],
    data: Mapping[str, Any],
) -> Traces:
    """Second derivatives of the outputs and the weight (``moved``) along ``steps``, (directions, *shape) of each
    parameter that moves."""
    return _together([_run(compiled, "bend", n, seed, params, data, points=p) for p in _portions(steps)])


def ratios(
    compiled: Compiled,
    points: Mapping[str, np.ndarray],
    n: int,
    seed: int,
    params: Mapping[str, Any],
    data: Mapping[str, Any],
    progress: Progress | None = None,
    own: Mapping[str, np.ndarray] | None = None,
) -> Traces:
    """``points``: (points, *shape) of the parameters that differ there. ``own``: (n, *shape), the parameters of which
    every event has its own value; so it has points, (n, points, *shape)."""
    parts = _portions(points, own or {})
    return _together([_run(compiled, "ratio", n, seed, params, data, progress, points=p, own=own) for p in parts])


def _portions(points: Mapping[str, np.ndarray], own: Collection[str] = ()) -> Iterator[dict[str, np.ndarray]]:
    """Portions of equal size, so that one compilation serves them, but for the last."""
    count = next(values.shape[name in own] for name, values in points.items())
    for first in range(0, count, TANGENTS):
        part = slice(first, first + TANGENTS)
        yield {name: values[:, part] if name in own else values[part] for name, values in points.items()}


def _run(compiled: Compiled, what: str, n: int, *args: Any, **options: Any) -> Traces:
    events, found = compiled.events(what, n, *args, **options)
    joint = found.get("joint")
    total = None if joint is None else joint[0].astype(np.float64) + joint[1]
    moved = dict(found["moved"])
    weight = moved.pop(WEIGHT, None)
    return Traces(events, total, moved, weight)


def same_events(runs: Sequence[Events]) -> Events:
    """Several runs of the same events as one. A fault counts as often as the first run that met it says."""
    faults: dict[Any, Fault] = {}
    for events in runs:
        faults = {(f.kind, f.message, f.span): f for f in events.faults} | faults
    seconds = sum(events.compile_seconds for events in runs), sum(events.run_seconds for events in runs)
    first = runs[0]
    return Events(first.outputs, first.weight, first.fault, tuple(faults.values()), *seconds)


def _together(parts: list[Traces]) -> Traces:
    first, events = parts[0], same_events([part.events for part in parts])
    joint = None if first.joint is None else np.concatenate([part.joint for part in parts if part.joint is not None], 1)
    moved = {name: np.concatenate([part.moved[name] for part in parts], 1) for name in first.moved}
    # a parameter that does not enter the weight leaves it where it is
    weights = [part.moved_weight for part in parts]
    known = next((w for w in weights if w is not None), None)
    if known is not None:
        sizes = [part.joint.shape[1] if part.joint is not None else 0 for part in parts]
        weights = [np.zeros((len(known), k)) if w is None else w for w, k in zip(weights, sizes, strict=True)]
    return Traces(events, joint, moved, None if known is None else np.concatenate(weights, 1))
