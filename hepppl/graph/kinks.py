"""Where the derivative of a value jumps though the value does not: nothing to a first derivative, and lost by a second.

E[max(x, 0)] with x ~ normal(mu, 1) has the second derivative phi(mu), while that of max(x, 0) is 0 wherever it exists:
the kink moves with mu, and the second derivative of a single event does not see it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from hepppl.semantics.ir import OPS, Node, Value

#: Operations with a kink (or, cbrt, a slope without bound inside their domain), and what to call it.
KINKED: Mapping[str, str] = {
    "abs": "the kink of abs", "min": "the kink of min", "max": "the kink of max", "amin": "the kink of the least",
    "amax": "the kink of the greatest", "sort": "the kinks of sorting", "interp": "the kinks of an interpolation",
    "cbrt": "the infinite slope of cbrt at 0", "sign": "the step of a sign",
    "sqrt": "the kink of the square root of a square", "hypot": "the kink of hypot",
}  # fmt: skip
_ROOTS = ("sqrt", "pow")
DEPTH = 12  # to which two expressions are compared
_EXTREMES = {"min": "the kink of the least", "max": "the kink of the greatest"}


def kinked_operands(node: Node, producers: Mapping[Value, Node]) -> tuple[Value, ...]:
    """The operands in which a node has a kink where they pass a value. ``producers``: the nodes that make values."""
    if node.op == "reduce":
        return (node.regions[0].results[0],) if node.attrs["kind"] in _EXTREMES and node.regions else ()
    if node.op == "sign":
        return node.inputs if node.attrs.get("continuous") else ()
    if node.op == "interp":
        return node.inputs[:2]
    if node.op == "extern":
        return node.inputs if node.attrs["smooth"] else ()
    if node.op == "hypot":  # |x|, where the other one is zero
        return tuple(x for x, y in (node.inputs, node.inputs[::-1]) if _constant(y, producers) == 0)
    if node.op in _ROOTS:
        return node.inputs[:1] if _fractional(node, producers) and _square(node.inputs[0], producers) else ()
    return node.inputs if node.op in KINKED else ()


def named(node: Node) -> str:
    if node.op == "reduce":
        return _EXTREMES[node.attrs["kind"]]
    if node.op == "extern":
        return f"the function '{node.attrs['function']}', which promises one derivative,"
    return KINKED["sqrt" if node.op == "pow" else node.op]


def _constant(value: Value, producers: Mapping[Value, Node]) -> float | None:
    node = producers.get(value)
    while node is not None and node.op == "to_real":
        node = producers.get(node.inputs[0])
    held = node.attrs["value"] if node is not None and node.op == "const" else None
    return float(held) if isinstance(held, int | float) else None


def _fractional(node: Node, producers: Mapping[Value, Node]) -> bool:
    """A root: sqrt, or a power that is not a whole number."""
    exponent = 0.5 if node.op == "sqrt" else _constant(node.inputs[1], producers)
    return exponent is None or exponent != int(exponent)


def _square(value: Value, producers: Mapping[Value, Node]) -> bool:
    """A product in which everything but constants occurs an even number of times (x^2, 3 * x * x): it touches zero
    where one of its factors passes it."""
    found = Counter[object]()
    _factors(value, 1, producers, found)
    return bool(found) and all(count % 2 == 0 for count in found.values())


def _factors(value: Value, times: int, producers: Mapping[Value, Node], found: Counter[object]) -> None:
    node = producers.get(value)
    if node is None or node.op == "const":
        found.update({} if node is not None else {value: times})
        return
    exponent = _constant(node.inputs[1], producers) if node.op == "pow" else 2 if node.op == "square" else None
    if node.op in ("mul", "div"):
        for operand in node.inputs:
            _factors(operand, times, producers, found)
    elif exponent is not None and exponent == int(exponent) > 0:
        _factors(node.inputs[0], times * int(exponent), producers, found)
    else:
        found[_form(value, producers, DEPTH)] += times


def _form(value: Value, producers: Mapping[Value, Node], depth: int) -> object:
    """Equal for values that are computed in the same way."""
    node = producers.get(value)
    if node is None or depth == 0 or node.op not in OPS or node.attrs:
        return value if node is None or node.op != "const" else repr(node.attrs["value"])
    return node.op, *(_form(operand, producers, depth - 1) for operand in node.inputs)
