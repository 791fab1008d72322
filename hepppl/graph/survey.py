"""Where every value is defined and what lies around every region: for walking a program backwards."""

from __future__ import annotations

from dataclasses import dataclass

from hepppl.graph.processes import group
from hepppl.semantics.ir import OPS, Node, Program, Region, Value, walk


@dataclass(frozen=True, eq=False)
class Map:
    """``defined``: region and position of a value's node there (-1 for a region's own parameters and for formals).
    ``around``: the region of a node and its position. ``outside``: the node that a region belongs to and the region of
    that node; none for bodies, of which ``process_of`` gives the process. ``roots`` and ``spawns``: for each process
    the nodes that give its particles their arguments, with their regions."""

    program: Program
    defined: dict[Value, tuple[Region, int]]
    around: dict[Node, tuple[Region, int]]
    outside: dict[Region, tuple[Node, Region]]
    process_of: dict[Region, str]
    roots: dict[str, list[tuple[Node, Region]]]
    spawns: dict[str, list[tuple[Node, Region]]]
    emits: dict[str, list[tuple[Node, Region]]]

    def emissions(self, reduce: Node) -> list[tuple[Node, Region]] | None:
        """The emit nodes whose elements a reduction takes as they are emitted; None where it has to wait, because the
        collection was joined, carried or chosen, or because it needs what is only known after the process."""
        region, position = self.defined[reduce.inputs[0]]
        if position < 0 or region.nodes[position].op != "process":
            return None
        process = region.nodes[position]
        if unknown(process, region) & set(reduce.inputs[1:]):
            return None
        return [found for key in group(self.program, process.attrs["process"]) for found in self.emits[key]]


def unknown(process: Node, region: Region) -> set[Value]:
    """The values of a region that cannot be known before a process of it runs."""
    found: set[Value] = set(process.results)
    for node in region.nodes[region.nodes.index(process) + 1 :]:
        if (node.op not in OPS and node.op not in ("const", "param", "data")) or found & set(node.inputs):
            found.update(node.results)
        for inner in node.regions:
            found.update(inner.params)
            for child in walk(inner):
                found.update(child.results)
                found.update(v for r in child.regions for v in r.params)
    return found


def survey(program: Program) -> Map:
    def empty() -> dict[str, list[tuple[Node, Region]]]:
        return {key: [] for key in program.processes}

    found = Map(program, {}, {}, {}, {p.body: key for key, p in program.processes.items()}, empty(), empty(), empty())

    def visit(region: Region, process: str | None) -> None:
        found.defined.update((value, (region, -1)) for value in region.params)
        for position, node in enumerate(region.nodes):
            found.around[node] = (region, position)
            found.defined.update((value, (region, position)) for value in node.results)
            match node.op:
                case "process":
                    found.roots[node.attrs["process"]].append((node, region))
                case "spawn":
                    found.spawns[node.attrs["process"]].append((node, region))
                case "emit":
                    assert process is not None
                    found.emits[process].append((node, region))
            for inner in node.regions:
                found.outside[inner] = (node, region)
                visit(inner, process)

    visit(program.body, None)
    for key, process in program.processes.items():
        found.defined.update((formal, (process.body, -1)) for formal in process.formals)
        visit(process.body, key)
    return found
