"""Dependence between values, across regions, processes and collections, as one flat list of wires.

Both analyses that follow derivatives (`flow`) and that follow any influence (`influence`) are reachability along these.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from hepppl.graph.processes import group
from hepppl.graph.scope import Place, places
from hepppl.semantics.ir import Node, Program, Value
from hepppl.semantics.types import CollectionType


@dataclass(frozen=True)
class Field:
    """One field of what a process run emitted, over all its elements."""

    collection: Value
    position: int


@dataclass(frozen=True)
class Exists:
    """Whether (and how many) particles of a process are followed."""

    process: str


@dataclass(frozen=True)
class Size:
    """How many elements a collection has."""

    collection: Value


@dataclass(frozen=True)
class Weight:
    """The event's weight."""


Point = Value | Field | Exists | Size | Weight
WEIGHT = Weight()


@dataclass(frozen=True)
class Wire:
    """``target`` depends on ``source`` because of ``node``.

    ``kind``: "copy" (the same number), "op" (a pure operation's operand), "law" (an argument of a site's distribution),
    "reduce" (an element into a reduction) or "control" (whether something happens at all).
    """

    source: Point
    target: Point
    node: Node
    kind: str


def wires(program: Program) -> tuple[Wire, ...]:
    runs = _runs(program)
    found: list[Wire] = []
    for place in places(program):
        found.extend(_of_node(place, program, runs))
        found.extend(_control(place, runs))
    return tuple(found)


def _runs(program: Program) -> Mapping[str, tuple[Node, ...]]:
    """For each process, the process nodes whose particles may be of it."""
    runs: dict[str, list[Node]] = {key: [] for key in program.processes}
    for place in places(program):
        if place.node.op == "process":
            for key in group(program, place.node.attrs["process"]):
                runs[key].append(place.node)
    return {key: tuple(nodes) for key, nodes in runs.items()}


def _copies(node: Node, sources: Iterable[Point], targets: Iterable[Point]) -> Iterator[Wire]:
    for source, target in zip(sources, targets, strict=True):
        yield Wire(source, target, node, "copy")
        if isinstance(source, Value) and isinstance(target, Value):
            yield from (Wire(s, t, node, "copy") for s, t in zip(_inside(source), _inside(target), strict=True))


def _inside(value: Value) -> tuple[Point, ...]:
    """The fields and the size of a collection."""
    if not isinstance(value.type, CollectionType):
        return ()
    return (Size(value), *(Field(value, i) for i in range(len(value.type.fields))))


def _decided(node: Node, condition: Value) -> Iterator[Wire]:
    """The results of a node that hang on a condition."""
    for result in node.results:
        yield from (Wire(condition, point, node, "control") for point in (result, *_inside(result)))


def _of_node(place: Place, program: Program, runs: Mapping[str, tuple[Node, ...]]) -> Iterator[Wire]:
    node = place.node
    match node.op:
        case "branch":
            for region in node.regions:
                yield from _copies(node, region.results, node.results)
            yield from _decided(node, node.inputs[0])
        case "for":
            (body,) = node.regions
            for targets in (body.params[1:], node.results):
                yield from _copies(node, node.inputs, targets)
                yield from _copies(node, body.results, targets)
        case "while":
            cond, body = node.regions
            for targets in (cond.params, body.params, node.results):
                yield from _copies(node, node.inputs, targets)
                yield from _copies(node, body.results, targets)
            yield from _decided(node, cond.results[0])
        case "plate":
            yield from _copies(node, node.regions[0].results, node.results)
        case "element":
            yield from _copies(node, node.inputs[:1], node.results)
            for index in node.inputs[1:]:
                yield from _decided(node, index)
        case "process":
            key = node.attrs["process"]
            yield from _copies(node, node.inputs, program.processes[key].formals)
            yield Wire(Size(node.results[0]), node.results[0], node, "control")
            for position in range(len(program.processes[key].fields)):
                yield Wire(Field(node.results[0], position), node.results[0], node, "copy")
        case "spawn":
            yield from _copies(node, node.inputs, program.processes[node.attrs["process"]].formals)
        case "emit":
            assert place.process is not None
            for run in runs[place.process]:
                yield from _copies(node, node.inputs, (Field(run.results[0], i) for i in range(len(node.inputs))))
        case "reduce":
            yield from _of_reduce(node)
        case "minimise" | "root":
            # The solution moves with the function alone; where the search starts decides which one is found.
            (region,) = node.regions
            yield from _copies(node, node.results, region.params)
            yield from (Wire(region.results[0], result, node, "op") for result in node.results)
            yield from (Wire(value, result, node, "control") for value in node.inputs for result in node.results)
        case "weight" | "require":
            yield Wire(node.inputs[0], WEIGHT, node, "op" if node.op == "weight" else "control")
        case "site":
            yield from (Wire(value, node.results[0], node, "law") for value in node.inputs)
        case _:
            yield from (Wire(value, result, node, "op") for value in node.inputs for result in node.results)


def _of_reduce(node: Node) -> Iterator[Wire]:
    collection, *captured = node.inputs
    (result,) = node.results
    yield Wire(Size(collection), result, node, "control")
    if not node.regions:
        yield Wire(collection, result, node, "reduce")
        return
    (region,) = node.regions
    fields = len(region.params) - len(captured)
    yield from _copies(node, (Field(collection, i) for i in range(fields)), region.params[:fields])
    yield from _copies(node, captured, region.params[fields:])
    yield from (Wire(value, result, node, "reduce") for value in region.results)
    if node.attrs["kind"] == "hist":
        yield Wire(captured[-1], result, node, "reduce")


def conditions(place: Place) -> Iterator[Point]:
    """What decides whether a node is reached."""
    for around in place.enclosing:
        if around.kind == "branch":
            yield around.node.inputs[0]
        elif around.kind == "while":
            yield around.node.regions[0].results[0]
    if place.process is not None:
        yield Exists(place.process)


def _control(place: Place, runs: Mapping[str, tuple[Node, ...]]) -> Iterator[Wire]:
    """Effects depend on whether they are reached; values do not, for the joins of their regions do."""
    node = place.node
    targets: tuple[Point, ...]
    match node.op:
        case "spawn":
            targets = (Exists(node.attrs["process"]),)
        case "process":
            targets = (Exists(node.attrs["process"]), Size(node.results[0]))
        case "emit":
            assert place.process is not None
            targets = tuple(Size(run.results[0]) for run in runs[place.process])
        case "weight" | "require":
            targets = (WEIGHT,)
        case _:
            return
    for condition in conditions(place):
        for target in targets:
            yield Wire(condition, target, node, "control")
