"""The model graph as JSON: a stable form for other tools.

``{"format": "hepppl graph", "version": 1, "model", "nodes", "edges", "sites", "processes", "outputs"}``

- ``nodes``: ``id``, ``kind``, ``op``, ``name``, ``label``, ``line``, ``region`` (see `hepppl.graph.network`)
- ``edges``: ``source``, ``target`` (node ids), ``kind`` ("data" or "control")
- ``sites``: ``id``, ``name``, ``number``, ``distribution``, ``line``, ``observed``, ``process`` (key or null),
  ``instances`` (how often it may be reached in an event, or in a step of a particle), ``influences`` (names of outputs)
- ``processes``: ``key``, ``arguments``, ``invariant`` (per argument: never changes from particle to particle),
  ``max_spawns`` and ``max_emits`` per step, ``targets`` (keys of what it may spawn), ``fields`` (names emitted)
- ``outputs``: ``name``, ``line``, ``observed``

Keys may be added; what is here keeps its meaning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hepppl.graph.network import node_ids
from hepppl.graph.titles import law_text

if TYPE_CHECKING:
    from hepppl.graph.model import ModelGraph

FORMAT = "hepppl graph"
VERSION = 1


def to_dict(graph: ModelGraph) -> dict[str, Any]:
    program, ids = graph.program, node_ids(graph.program)
    return {
        "format": FORMAT,
        "version": VERSION,
        "model": program.name,
        "nodes": [{"id": key, **data, "region": list(data["region"])} for key, data in graph.nx.nodes(data=True)],
        "edges": [{"source": s, "target": t, "kind": kind} for s, t, kind in graph.nx.edges(data="kind")],
        "sites": [
            {
                "id": ids[site.node],
                "name": site.name,
                "number": site.number,
                "distribution": law_text(site.node.attrs["dist"]),
                "line": site.node.span.line,
                "observed": bool(site.node.attrs.get("observed")),
                "process": site.process,
                "instances": site.instances,
                "influences": sorted(graph.influences(site.number)),
            }
            for site in graph.sites()
        ],
        "processes": [_process(graph, key) for key in program.processes],
        "outputs": [{"name": o.name, "line": o.span.line, "observed": o.observed} for o in program.outputs],
    }


def _process(graph: ModelGraph, key: str) -> dict[str, Any]:
    process, facts = graph.program.processes[key], graph.process_facts(key)[key]
    return {
        "key": key,
        "arguments": [formal.name or f"%{formal.id}" for formal in process.formals],
        "invariant": [origin is not None for origin in facts.invariant],
        "max_spawns": facts.max_spawns,
        "max_emits": facts.max_emits,
        "targets": list(facts.targets),
        "fields": [name for name, _ in process.fields],
    }
