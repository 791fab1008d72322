"""Which values are finite wherever they are computed: on the side of a branch that is not taken, too.

A product has the other factor for its slope. Where that is finite, no derivative can become 0 · inf there, and reverse
mode needs no guard against it. Numbers so large that single precision overflows are not thought of.
"""

from __future__ import annotations

from collections.abc import Iterable

from hepppl.graph.wires import Point, Wire
from hepppl.semantics.ir import Node, Program, Value, walk
from hepppl.semantics.types import Tensor

#: Operations that give finite numbers of finite ones.
_TAME = frozenset({
    "add", "sub", "mul", "neg", "square", "select", "min", "max", "abs", "sign", "floor", "ceil", "round", "trunc",
    "to_real", "sin", "cos", "arctan", "arctan2", "hypot", "tanh", "arcsinh", "sigmoid", "softplus", "erf", "erfc",
    "stack", "index", "set_index", "slice", "fill", "sum", "prod", "mean", "amin", "amax", "cumsum", "sort", "reverse",
    "dot", "concatenate",
})  # fmt: skip
#: Laws whose values are finite where their arguments are, valid or not.
_LAWS = frozenset({"normal", "uniform"})
_STRUCTURE = frozenset({"param", "const", "branch", "for", "plate", "while", "process", "element"})


def unbounded(program: Program, wires: Iterable[Wire]) -> frozenset[Point]:
    """The points that may be infinite or NaN. Integers and truths never are."""
    forward: dict[Point, list[Point]] = {}
    for wire in wires:
        if wire.kind != "control":
            forward.setdefault(wire.source, []).append(wire.target)
    bodies = [program.body, *(p.body for p in program.processes.values())]
    nodes = [node for body in bodies for node in walk(body)]
    constants = {n.results[0]: n.attrs["value"] for n in nodes if n.op == "const"}
    found: set[Point] = set()
    ahead: list[Point] = [v for n in nodes if not _tame(n, constants) for v in n.results]
    while ahead:
        point = ahead.pop()
        whole = isinstance(point, Value) and isinstance(point.type, Tensor) and point.type.kind != "real"
        if point not in found and not whole:
            found.add(point)
            ahead.extend(forward.get(point, ()))
    return frozenset(found)


def _tame(node: Node, constants: dict[Value, object]) -> bool:
    match node.op:
        case "div":
            divisor = constants.get(node.inputs[1])
            return isinstance(divisor, int | float) and divisor != 0
        case "pow":
            exponent = constants.get(node.inputs[1])
            return isinstance(exponent, int | float) and exponent >= 0 and float(exponent).is_integer()
        case "site":
            return node.attrs["dist"].name in _LAWS
        case "reduce":
            return node.attrs["kind"] in ("count", "sum", "padded")
        case _:
            return node.op in _TAME or node.op in _STRUCTURE
