"""The whole program as a `networkx.DiGraph`.

Node ids: ``param:NAME``, ``data:NAME``, ``output:NAME``, ``process:KEY`` for a process's definition, and ``n0``,
``n1``, … for the program's nodes in program order. Node attributes:

=========  ========================================================================================================
kind       param, data, site, value, observe, weight, require, output, branch, loop, plate, process, reduce, spawn, emit
op         the operation (``for`` and ``while`` are both of kind loop; ``add``, ``const``… of kind value)
name       the author's name, or ""
label      a short text for pictures
line       line in the source, counted from 1
region     path of the regions around it, outermost first: ``("process:shower", "n7/else")``
=========  ========================================================================================================

An edge says that its target uses its source; attribute ``kind`` is "data" where a number goes along, "control" where
the source decides whether the target happens.
"""

from __future__ import annotations

from collections.abc import Iterator

import networkx as nx

from hepppl.graph.scope import Enclosing, Place, places
from hepppl.graph.titles import kind_of, title
from hepppl.semantics.ir import Node, Program, Region, Value, walk

EFFECTS = ("site", "process", "spawn", "emit", "weight", "require")


def node_ids(program: Program) -> dict[Node, str]:
    return {place.node: f"n{i}" for i, place in enumerate(places(program))}


def path_of(place: Place, ids: dict[Node, str]) -> tuple[str, ...]:
    process = () if place.process is None else (f"process:{place.process}",)
    return (*process, *(section(around, ids) for around in place.enclosing))


def section(around: Enclosing, ids: dict[Node, str]) -> str:
    return f"{ids[around.node]}/{around.name}"


def network(program: Program) -> nx.DiGraph:
    ids = node_ids(program)
    graph = nx.DiGraph(model=program.name)
    for param in program.params:
        _add(graph, f"param:{param.name}", "param", "param", param.name, f"param {param.name}", param.span.line)
    for datum in program.data:
        _add(graph, f"data:{datum.name}", "data", "data", datum.name, f"data {datum.name}", datum.span.line)
    for key, process in program.processes.items():
        _add(graph, f"process:{key}", "process", "process", key, f"process {key}", process.span.line)
    for place in places(program):
        node = place.node
        if node.op in ("param", "data"):
            continue
        name = node.attrs.get("name") or next((v.name for v in node.results if v.name), "")
        path = path_of(place, ids)
        _add(graph, ids[node], kind_of(node), node.op, name, title(node), node.span.line, path)
    for output in program.outputs:
        _add(graph, f"output:{output.name}", "output", "output", output.name, f"output {output.name}", output.span.line)
    for source, target, kind in _edges(program, ids):
        if source != target and graph.get_edge_data(source, target, {}).get("kind") != "data":
            graph.add_edge(source, target, kind=kind)
    return graph


def _add(
    graph: nx.DiGraph, key: str, kind: str, op: str, name: str, label: str, line: int, region: tuple[str, ...] = ()
) -> None:
    graph.add_node(key, kind=kind, op=op, name=name, label=label, line=line, region=region)


def _producers(program: Program, ids: dict[Node, str]) -> dict[Value, str]:
    """What gives each value: a node; for a region's parameters the node around it; for formals their process."""
    made: dict[Value, str] = {}
    for place in places(program):
        made.update((value, ids[place.node]) for value in place.node.results)
        for region in place.node.regions:
            made.update((value, ids[place.node]) for value in region.params)
    for key, process in program.processes.items():
        made.update((formal, f"process:{key}") for formal in process.formals)
    made.update((param.value, f"param:{param.name}") for param in program.params)
    made.update((datum.value, f"data:{datum.name}") for datum in program.data)
    return made


def _edges(program: Program, ids: dict[Node, str]) -> Iterator[tuple[str, str, str]]:
    made = _producers(program, ids)
    for place in places(program):
        node, key = place.node, ids[place.node]
        if node.op in ("param", "data"):
            continue
        for value in node.inputs:
            yield made[value], key, "control" if node.op in ("branch", "require") else "data"
        for position, region in enumerate(node.regions):
            decides = node.op == "while" and position == 0
            for value in region.results:
                yield made[value], key, "control" if decides else "data"
        if node.op in ("branch", "while"):
            for region in node.regions:
                yield from ((key, ids[inner], "control") for inner in _effects(region))
        if node.op in ("process", "spawn"):
            yield key, f"process:{node.attrs['process']}", "data"
        if node.op == "emit":
            yield key, f"process:{place.process}", "data"
    for run in (place.node for place in places(program) if place.node.op == "process"):
        yield f"process:{run.attrs['process']}", ids[run], "data"
    for output in program.outputs:
        yield made[output.value], f"output:{output.name}", "data"


def _effects(region: Region) -> Iterator[Node]:
    return (node for node in walk(region) if node.op in EFFECTS)
