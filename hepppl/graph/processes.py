"""What is known of a branching process before it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hepppl.graph.scope import turns
from hepppl.semantics.ir import Node, Process, Program, Region, Value, walk


@dataclass(frozen=True)
class ProcessFacts:
    """Facts of one process within the group that a first particle of process ``root`` can give rise to.

    ``invariant``: per formal, the position of the root's argument that it always equals, or None where it varies from
    particle to particle. ``max_spawns`` and ``max_emits``: the most that one step of one particle can execute.
    ``targets``: keys of the processes it may spawn, in order of first mention.
    """

    key: str
    root: str
    invariant: tuple[int | None, ...]
    max_spawns: int
    max_emits: int
    targets: tuple[str, ...]

    @property
    def spawns(self) -> bool:
        return bool(self.targets)

    @property
    def varying(self) -> tuple[int, ...]:
        """Positions of the formals that each particle must carry itself."""
        return tuple(i for i, origin in enumerate(self.invariant) if origin is None)


def spawn_nodes(process: Process) -> tuple[Node, ...]:
    return tuple(node for node in walk(process.body) if node.op == "spawn")


def group(program: Program, root: str) -> tuple[str, ...]:
    """The keys of the processes that particles descending from one of ``root`` may be of, ``root`` first."""
    found: dict[str, None] = {root: None}
    pending = [root]
    while pending:
        for node in spawn_nodes(program.processes[pending.pop(0)]):
            target = node.attrs["process"]
            if target not in found:
                found[target] = None
                pending.append(target)
    return tuple(found)


def facts(program: Program, root: str) -> Mapping[str, ProcessFacts]:
    """The facts of every process in the group of ``root``, by key."""
    members = {key: program.processes[key] for key in group(program, root)}
    origins = _origins(members, root)
    return {
        key: ProcessFacts(
            key,
            root,
            tuple(origins[formal] for formal in process.formals),
            most(process.body, "spawn"),
            most(process.body, "emit"),
            tuple(dict.fromkeys(node.attrs["process"] for node in spawn_nodes(process))),
        )
        for key, process in members.items()
    }


def most(region: Region, op: str) -> int:
    """The greatest number of ``op`` nodes that one run of a region can execute."""
    total = 0
    for node in region.nodes:
        if node.op == op:
            total += 1
        elif node.op == "branch":
            total += max(most(inner, op) for inner in node.regions)
        else:
            total += turns(node) * sum(most(inner, op) for inner in node.regions)
    return total


_VARIES = -1


def _origins(members: Mapping[str, Process], root: str) -> dict[Value, int | None]:
    """Which argument of the root each formal always equals: the greatest solution that every spawn agrees with."""
    origin: dict[Value, int] = {formal: i for i, formal in enumerate(members[root].formals)}
    spawns = [node for process in members.values() for node in spawn_nodes(process)]
    changed = True
    while changed:
        changed = False
        for node in spawns:
            for formal, given in zip(members[node.attrs["process"]].formals, node.inputs, strict=True):
                passed = origin.get(given)
                if passed is None:  # not a formal, or one of a process not reached yet
                    if any(given in process.formals for process in members.values()):
                        continue
                    passed = _VARIES
                merged = passed if origin.get(formal, passed) == passed else _VARIES
                if origin.get(formal) != merged:
                    origin[formal] = merged
                    changed = True
    return {
        formal: None if origin.get(formal, _VARIES) == _VARIES else origin[formal]
        for process in members.values()
        for formal in process.formals
    }
