"""`if c then a else b`, `and`, `or`: the side that is not taken must not be evaluated where that could be noticed."""

from __future__ import annotations

from collections.abc import Sequence

from hepppl.diagnostics import Span
from hepppl.semantics import expressions
from hepppl.semantics.arithmetic import Operand, condition, const, logic
from hepppl.semantics.build import Frame, wrap
from hepppl.semantics.context import Context
from hepppl.semantics.ir import Region
from hepppl.semantics.structure import convert, fill, select, unify
from hepppl.semantics.types import BOOL
from hepppl.semantics.values import POISON, Num, Poison, Rec, Structured, leaves
from hepppl.syntax import ast

# Defined and smooth enough everywhere: evaluating both sides and choosing is right, also for derivatives.
_TOTAL = {
    "const", "add", "sub", "mul", "neg", "lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not", "select", "min", "max",
    "abs", "sign", "floor", "ceil", "round", "trunc", "to_real", "to_int", "square", "sin", "cos", "arctan", "tanh",
    "sigmoid", "softplus", "erf", "erfc", "isfinite", "stack", "fill", "slice",
}  # fmt: skip


def _total(cx: Context, frame: Frame) -> bool:
    for node in frame.nodes:
        if node.op == "div" and node.inputs[1] in cx.builder.known:
            continue
        if node.op == "index" and all(i in cx.builder.known for i in node.inputs[1:]):
            continue
        if (
            node.op == "pow"
            and isinstance(cx.builder.known.get(node.inputs[1]), int)
            and cx.builder.known[node.inputs[1]] >= 0
        ):
            continue
        if node.op not in _TOTAL:
            return False
    return True


def hoist(cx: Context, frames: Sequence[Frame]) -> None:
    for frame in frames:
        cx.builder.frame.nodes.extend(frame.nodes)
        for key, value in frame.constants.items():
            cx.builder.frame.constants.setdefault(key, value)


def mute(cx: Context, start: int, dead: bool) -> None:
    """In a branch that is never taken, values out of range are no error."""
    if dead:
        cx.diagnostics[start:] = [d for d in cx.diagnostics[start:] if not d.code.startswith("E4")]


def choose(
    cx: Context, cond: Num, then: Num | Rec, then_frame: Frame, other: Num | Rec, other_frame: Frame, span: Span
) -> Structured:
    """A value out of two of one type, each with the frame that computes it."""
    if cond.constant and isinstance(cond.static, bool):
        hoist(cx, [then_frame if cond.static else other_frame])
        return then if cond.static else other
    elements = cond.space or cond.type.shape or any(leaf.space for v in (then, other) for leaf in leaves(v))
    if elements or (_total(cx, then_frame) and _total(cx, other_frame)):
        hoist(cx, (then_frame, other_frame))
        return select(cx, cond, then, other, span)
    regions = []
    for value, frame in ((then, then_frame), (other, other_frame)):
        with cx.builder.into(frame):
            results = tuple(cx.builder.values(value, span))
        regions.append(Region((), tuple(frame.nodes), results))
    types = [leaf.type for leaf in leaves(then)]
    return wrap(then, cx.builder.node("branch", [cx.builder.value(cond, span)], types, span, regions=regions))


def if_expression(cx: Context, e: ast.IfExpr) -> Structured:
    cond = condition(cx, expressions.operand(cx, e.cond), "what follows `if`")
    fixed = cond.static if isinstance(cond, Num) and cond.constant else None
    with cx.builder.inside() as then_frame:
        then = _side(cx, e.then, muted=fixed is False)
    with cx.builder.inside() as other_frame:
        other = _side(cx, e.other, muted=fixed is True)
    if fixed is not None and isinstance((other if fixed else then).value, Poison):
        hoist(cx, [then_frame if fixed else other_frame])
        return (then if fixed else other).value
    if isinstance(cond, Num) and cond.type.shape:
        then, other = (_spread(cx, side, cond, frame) for side, frame in ((then, then_frame), (other, other_frame)))
    target = unify(cx, then, other, "the two sides of this `if` must be of one type", e.span)
    if target is None or isinstance(cond, Poison):
        return POISON
    sides = []
    for side, frame in ((then, then_frame), (other, other_frame)):
        with cx.builder.into(frame):
            sides.append(convert(cx, side.value, target, side.span))  # type: ignore[arg-type]
    a, b = sides
    if isinstance(a, Poison) or isinstance(b, Poison):
        return POISON
    return choose(cx, cond, a, then_frame, b, other_frame, e.span)


def _spread(cx: Context, side: Operand, cond: Num, frame: Frame) -> Operand:
    """A plain number goes with every element of an array of conditions."""
    value: Structured = side.value
    with cx.builder.into(frame):
        for size in reversed(cond.type.shape if isinstance(value, Num) and not value.type.shape else ()):
            value = value if isinstance(value, Poison) else fill(cx, value, size, side.span)  # type: ignore[arg-type]
    return Operand(value, side.span)


def _side(cx: Context, e: ast.Expr, muted: bool) -> Operand:
    """One side. In a side that is never taken, values out of range are no error."""
    before = len(cx.diagnostics)
    with cx.guarded():
        value = expressions.operand(cx, e)
    mute(cx, before, muted)
    return value


def short_circuit(cx: Context, e: ast.Binary, left: Operand) -> Structured:
    """`and`, `or`: the right side counts only where the left one leaves the result open."""
    word = f"each side of '{e.op}'"
    a = condition(cx, left, word)
    with cx.builder.inside() as frame, cx.guarded():
        b = condition(cx, expressions.operand(cx, e.right), word)
    if isinstance(a, Poison) or isinstance(b, Poison):
        return POISON
    partial = any(node.op in ("index", "set_index") for node in frame.nodes) and not _total(cx, frame)
    if not partial or a.type.shape or b.type.shape or a.space or b.space:
        hoist(cx, [frame])
        return logic(cx, e.op, a, b, e.span, e.op_span)
    fixed = const(e.op == "or")
    assert fixed.type == BOOL
    empty = Frame(cx.builder.frame)
    if e.op == "and":
        return choose(cx, a, b, frame, fixed, empty, e.span)
    return choose(cx, a, fixed, empty, b, frame, e.span)
