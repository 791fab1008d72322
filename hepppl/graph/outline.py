"""A program without its arithmetic: what is random, what surrounds it, and what depends on what.

The readable views (text, dot, svg) are drawn from this. Pure values are left out; a link goes from what made a number
to what uses it, however many values lie between.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hepppl.graph.flow import adjacency, reach
from hepppl.graph.network import node_ids
from hepppl.graph.scope import REGION_NAMES, places
from hepppl.graph.titles import kind_of, title
from hepppl.graph.wires import Field, Point, Size, Wire, conditions
from hepppl.semantics.ir import Node, Program, Region, Value, walk

_SHOWN = ("site", "process", "reduce", "spawn", "emit", "weight", "require")


@dataclass(frozen=True)
class Item:
    """One line of an outline. ``sections`` hold what is inside a branch, loop, plate or process, under their names."""

    id: str
    kind: str
    title: str
    line: int
    sections: tuple[tuple[str, tuple[Item, ...]], ...] = ()

    def walk(self) -> Iterator[Item]:
        yield self
        for _, items in self.sections:
            for item in items:
                yield from item.walk()


@dataclass(frozen=True)
class Link:
    """``target`` depends on ``source``: by a number ("data") or in whether it happens ("control")."""

    source: str
    target: str
    kind: str


@dataclass(frozen=True)
class Outline:
    model: str
    items: tuple[Item, ...]
    links: tuple[Link, ...]

    def walk(self) -> Iterator[Item]:
        for item in self.items:
            yield from item.walk()

    def sources(self, target: str, kind: str) -> tuple[str, ...]:
        return tuple(link.source for link in self.links if link.target == target and link.kind == kind)


def outline(program: Program, wires: tuple[Wire, ...]) -> Outline:
    ids = node_ids(program)
    items = [Item(f"param:{p.name}", "param", f"param {p.name}", p.span.line) for p in program.params]
    items += [Item(f"data:{d.name}", "data", f"data {d.name}", d.span.line) for d in program.data]
    items += _items(program.body, ids)
    for key, process in program.processes.items():
        inside = (("", _items(process.body, ids)),)
        items.append(Item(f"process:{key}", "definition", f"process {key}", process.span.line, inside))
    items += [Item(f"output:{o.name}", "output", f"output {o.name}", o.span.line) for o in program.outputs]
    return Outline(program.name, tuple(items), tuple(_links(program, wires, ids)))


def _items(region: Region, ids: dict[Node, str]) -> tuple[Item, ...]:
    found = []
    for node in region.nodes:
        if node.op in _SHOWN:
            found.append(Item(ids[node], kind_of(node), title(node), node.span.line))
        elif any(inner.op in _SHOWN for region in node.regions for inner in walk(region)):
            names = REGION_NAMES[node.op]
            inside = tuple((name, _items(r, ids)) for name, r in zip(names, node.regions, strict=True))
            shown = tuple((name, items) for name, items in inside if items)
            found.append(Item(ids[node], kind_of(node), title(node), node.span.line, shown))
    return tuple(found)


def _links(program: Program, wires: tuple[Wire, ...], ids: dict[Node, str]) -> Iterator[Link]:
    anchors = _anchors(program, ids)
    data = adjacency((w.target, w.source) for w in wires if w.kind != "control" and w.target not in anchors)
    both = adjacency((w.target, w.source) for w in wires if w.target not in anchors)

    def behind(points: list[Point], edges: dict[Point, list[Point]]) -> dict[str, None]:
        return dict.fromkeys(a for p in reach(points, edges) if (a := anchors.get(p)) is not None)

    def links(target: str, used: list[Point], decided: list[Point]) -> Iterator[Link]:
        numbers = behind(used, data)
        rest = [*behind(used, both), *behind(decided, both)]
        for kind, sources in (("data", [*numbers]), ("control", [s for s in rest if s not in numbers])):
            yield from (Link(s, target, kind) for s in sorted(set(sources), key=_order) if s != target)

    for place in places(program):
        node = place.node
        if node.op not in _SHOWN:
            continue
        decided: list[Point] = list(conditions(place))
        used: list[Point] = list(node.inputs)
        if node.op == "require":
            used, decided = [], [*decided, *used]
        yield from links(ids[node], used, decided)
        if node.op == "emit":
            yield from (
                Link(ids[node], anchors[w.target], "data") for w in _unique_targets(w for w in wires if w.node is node)
            )
    for output in program.outputs:
        yield from links(f"output:{output.name}", [output.value], [])


def _unique_targets(wires: Iterator[Wire]) -> Iterator[Wire]:
    seen = set()
    for wire in wires:
        run = wire.target.collection if isinstance(wire.target, Field | Size) else None
        if run is not None and run not in seen:
            seen.add(run)
            yield wire


def _anchors(program: Program, ids: dict[Node, str]) -> dict[Point, str]:
    found: dict[Point, str] = {p.value: f"param:{p.name}" for p in program.params}
    found.update((d.value, f"data:{d.name}") for d in program.data)
    for place in places(program):
        node = place.node
        if node.op in ("site", "reduce"):
            found[node.results[0]] = ids[node]
        elif node.op == "process":
            collection: Value = node.results[0]
            found[collection] = found[Size(collection)] = ids[node]
            for position in range(len(program.processes[node.attrs["process"]].fields)):
                found[Field(collection, position)] = ids[node]
    return found


def _order(key: str) -> tuple[int, int, str]:
    """Parameters and data first, then nodes in program order."""
    return (1, int(key[1:]), "") if key[1:].isdigit() else (0, 0, key)
