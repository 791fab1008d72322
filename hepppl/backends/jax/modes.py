"""Which programs can be differentiated in reverse, and how many parameters go forward at once."""

from __future__ import annotations

import math
from collections.abc import Iterator

from hepppl.backends.jax import run
from hepppl.backends.jax.kept import with_kept
from hepppl.graph import ModelGraph, Tensor, places

#: Most tangents carried at once in forward mode.
TANGENTS = 16


def irreversible(graph: ModelGraph) -> str:
    """Why reverse mode cannot go back through a program; empty where it can."""
    for place in places(graph.program):
        inside = place.process is not None or any(e.is_loop for e in place.enclosing)
        if place.node.op in ("while", "process") and inside:
            what = "a `while` loop" if place.node.op == "while" else "a run of a process"
            around = "a process" if place.process is not None else "another loop"
            return f"reverse mode does not go through {what} inside {around}; use mode='forward'"
    if with_kept(graph.program, 1) is not graph.program:
        return "reverse mode does not go through a collection that is reduced after its run; use mode='forward'"
    return ""


def elements(graph: ModelGraph) -> int:
    """Of the outputs that have expectations, all together."""
    shapes = (o.value.type.shape for o in graph.program.outputs if isinstance(o.value.type, Tensor))
    return sum(map(math.prod, shapes))


def chunked(wrt: run.Wrt) -> Iterator[run.Wrt]:
    """Parameters in groups of at most `TANGENTS` elements; an array parameter is not divided."""
    names: list[str] = []
    shapes: list[tuple[int, ...]] = []
    for name, shape in zip(wrt.names, wrt.shapes, strict=True):
        if names and run.Wrt((*names, name), (*shapes, shape)).total > TANGENTS:
            yield run.Wrt(tuple(names), tuple(shapes))
            names, shapes = [], []
        names.append(name)
        shapes.append(shape)
    if names:
        yield run.Wrt(tuple(names), tuple(shapes))
