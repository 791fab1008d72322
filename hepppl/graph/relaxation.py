"""Where the value of a discrete site could go as a real number: what a relaxation of it would touch."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Set
from dataclasses import dataclass

from hepppl.graph.flow import ROUGH, differentiable, reach, rough_operands
from hepppl.graph.wires import Point
from hepppl.semantics.ir import OPS, Node, Program, Value, walk
from hepppl.semantics.types import Tensor

#: Operations that make sense of a truth between 0 and 1, or of a number between two integers, in every operand.
_ARITHMETIC = ("add", "sub", "mul", "neg", "square", "to_real", "to_int", "not", "and", "or", "select")


@dataclass(frozen=True)
class Relaxation:
    """``soft``: the integers and truths that become real numbers when the site's value does, in no order. ``exits``:
    the reals that are computed from them. ``obstacle``: the first use of one that has no relaxation, in words."""

    soft: frozenset[Value]
    exits: frozenset[Value]
    obstacle: str | None


def relaxation(program: Program, site: Node, forward: Mapping[Point, Collection[Point]]) -> Relaxation:
    """Of a site in the model's own body. ``forward``: where derivatives go from a value, sites left out."""
    own = site.results[0]
    if own not in {v for node in walk(program.body) for v in node.results}:
        return Relaxation(frozenset(), frozenset(), "a branching process takes decisions, not relaxed values")
    producer = {v: node for node in walk(program.body) for v in node.results}
    soft, exits = {own}, set[Value]()
    obstacle, size = None, 0
    while size != len(soft) + len(exits):
        size = len(soft) + len(exits)
        for node in walk(program.body):
            results = _results(node, soft)
            if results is None:
                continue
            if not _relaxes(node, own, soft, producer):
                obstacle = obstacle or _named(node)
                continue
            for result in results:
                (exits if differentiable(result) else soft).add(result)
    moving = reach(exits, forward)
    bodies = [program.body, *(process.body for process in program.processes.values())]
    everything = (node for body in bodies for node in walk(body))
    jump = next((n for n in everything if not moving.isdisjoint(rough_operands(n))), None)
    obstacle = obstacle or (_named(jump) if jump is not None else None)
    return Relaxation(frozenset(soft), frozenset(exits), obstacle)


def _results(node: Node, soft: Set[Value]) -> tuple[Value, ...] | None:
    """What a node makes of soft values; None where it takes none."""
    if any(v in soft for v in node.inputs):
        return node.results
    if any(v in soft for region in node.regions for v in region.results):
        if node.op != "branch":
            return node.results
        ways = [region.results for region in node.regions]
        return tuple(r for r, vs in zip(node.results, zip(*ways, strict=True), strict=True) if not soft.isdisjoint(vs))
    return None


def _relaxes(node: Node, own: Value, soft: Collection[Value], producer: Mapping[Value, Node]) -> bool:
    operands = [v for v in node.inputs if v in soft]
    if node.op == "branch":
        inside = {n.op for region in node.regions for n in walk(region)}
        return not operands or (inside <= {*OPS, "const", "branch"} and inside.isdisjoint(ROUGH))
    if any(v.type.shape for v in node.inputs if v in soft and isinstance(v.type, Tensor)):
        return False
    if node.op == "index":
        table = node.inputs[0].type
        return operands == [own] and len(node.inputs) == 2 and _fits(table, producer[own])
    if node.op in ("eq", "ne"):
        (other,) = [v for v in node.inputs if v is not own] or [own]
        return operands == [own] and _is_int(own) and producer.get(other, node).op == "const"
    if node.op == "pow":
        return operands == [node.inputs[0]] and producer.get(node.inputs[1], node).op == "const"
    return node.op in _ARITHMETIC


def _fits(table: object, site: Node) -> bool:
    """The table has a row for every value of a categorical site."""
    probs = site.inputs[0].type if site.inputs else None
    known = isinstance(table, Tensor) and isinstance(probs, Tensor) and bool(probs.shape)
    return known and table.shape[0] >= probs.shape[0]  # type: ignore[union-attr, attr-defined]


def _is_int(value: Value) -> bool:
    return isinstance(value.type, Tensor) and value.type.kind == "int"


def _named(node: Node) -> str:
    what = {
        "for": "the loop", "while": "the loop", "plate": "the plate", "process": "the branching process",
        "branch": "the branch", "site": "the distribution", "index": "the index",
    }  # fmt: skip
    return f"{ROUGH.get(node.op) or what.get(node.op) or f'the operation {node.op}'} in line {node.span.line}"
