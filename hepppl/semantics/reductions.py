"""`sum`, `count`, `mean`, `min`, `max`, `any`, `all`, `hist`, `padded`: of collections (reduce nodes) and of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from hepppl.diagnostics import Span
from hepppl.semantics.arithmetic import (
    Operand,
    arithmetic,
    compare,
    condition,
    const,
    dimension_error,
    logic,
    op,
    scalar_of,
    static_int,
    to_kind,
)
from hepppl.semantics.arrays import array_of
from hepppl.semantics.build import wrap
from hepppl.semantics.context import Context
from hepppl.semantics.declared import sizes_fit
from hepppl.semantics.dims import phrase
from hepppl.semantics.functions import Function
from hepppl.semantics.ir import Node, Region, Value
from hepppl.semantics.limits import MAX_FOLDED
from hepppl.semantics.structure import fit, leafwise, select
from hepppl.semantics.types import BOOL, INT, NONE, REAL, Tensor
from hepppl.semantics.values import POISON, Coll, Num, Poison, Rec, Space, Structured, leaves, reshaped, with_article

_RESULT = {"min": "amin", "max": "amax", "sum": "sum", "mean": "mean", "any": "any", "all": "all"}


def space_of(value: Structured) -> Space | None:
    """The collection that a value is made of, if any."""
    if isinstance(value, Coll):
        return value.space
    return next((leaf.space for leaf in leaves(value) if leaf.space is not None), None)


def element_region(cx: Context, space: Space, results: Sequence[Num], span: Span) -> tuple[Region, list[Value]]:
    """The part of a collection's expressions that ``results`` need, as a region of its own over fresh values.

    Also the values from outside that it uses, in the order of the region's parameters after the fields.
    """
    wanted = [cx.builder.value(r, span, space) for r in results]
    defined = {v: node for node in space.nodes for v in node.results}
    needed: set[Node] = set()
    captured: dict[Value, None] = {}
    todo = list(wanted)
    while todo:
        value = todo.pop()
        node = defined.get(value)
        if node is None:
            if value not in space.fields:
                captured[value] = None
        elif node not in needed:
            needed.add(node)
            todo.extend(node.inputs)
    outer = sorted(captured, key=lambda v: v.id)
    new = {v: cx.builder.fresh(v.type, v.name) for v in (*space.fields, *outer)}
    params = tuple(new.values())
    nodes = []
    for node in space.nodes:
        if node in needed:
            for v in node.results:
                new[v] = cx.builder.fresh(v.type, v.name)
            inputs = tuple(new[v] for v in node.inputs)
            nodes.append(Node(node.op, inputs, tuple(new[v] for v in node.results), node.span, node.attrs))
    return Region(params, tuple(nodes), tuple(new[v] for v in wanted)), outer


def reduce(
    cx: Context, kind: str, space: Space, elements: Sequence[Num], result: Tensor, span: Span, **attrs: Any
) -> Num:
    """A reduction of one expression on a collection's elements. ``last``: a further input (the edges of `hist`)."""
    last = attrs.pop("last", None)
    region, captured = element_region(cx, space, elements, span)
    if last is not None:
        extra = cx.builder.fresh(last.type, "edges")
        region = Region((*region.params, extra), region.nodes, region.results)
        captured = [*captured, last]
    inputs = [space.collection, *captured]
    (value,) = cx.builder.node("reduce", inputs, [result], span, {"kind": kind, **attrs}, [region])
    return Num(result, value)


def reduction(kind: str, cx: Context, args: Sequence[Operand | None], span: Span) -> Structured:
    """`sum`, `mean`, `min`, `max`, `any`, `all` of one argument."""
    x = next(a for a in args if a is not None)
    if isinstance(x.value, Poison):
        return x.value
    if kind in ("any", "all"):
        num = condition(cx, x, f"the argument of '{kind}'")
    else:
        num = scalar_of(cx, x, f"'{kind}'")
    if isinstance(num, Poison):
        return num
    if kind == "mean":
        num = to_kind(cx, num, "real", x.span)
    elif kind not in ("any", "all"):
        num = to_kind(cx, num, "int", x.span)
    if isinstance(num, Poison):
        return num
    if num.space is not None:
        return reduce(cx, kind, num.space, [num], num.type, span)
    if not num.type.shape:
        return cx.error("E209", f"'{kind}' needs an array or a collection, not {with_article(num)}", x.span)
    t = num.type
    return op(cx, _RESULT[kind], [num], Tensor(t.kind, t.dim, t.shape[1:]), span)


def _count(cx: Context, args: list[Operand | None], span: Span) -> Structured:
    """The number of elements (for which a condition holds)."""
    x = args[0]
    assert x is not None
    if isinstance(x.value, Coll):
        return reduce(cx, "count", x.value.space, [const(True)], INT, span)
    space = space_of(x.value)
    if (
        isinstance(x.value, (Num, Rec))
        and space is not None
        and not (isinstance(x.value, Num) and x.value.type.kind == "bool")
    ):
        return reduce(cx, "count", space, [const(True)], INT, span)
    num = condition(cx, x, "the argument of 'count'")
    if isinstance(num, Poison):
        return num
    if num.space is not None and num.type.shape:
        hint = "write the one to count by: any of its components, or a scalar made of them"
        return cx.error("E209", "'count' needs one condition for each element, not an array", x.span, hints=(hint,))
    if num.space is not None:
        return reduce(cx, "count", num.space, [num], INT, span)
    if not num.type.shape:
        return cx.error("E209", "'count' needs a collection or an array of conditions", x.span)
    ints = to_kind(cx, num, "int", span)
    return ints if isinstance(ints, Poison) else op(cx, "sum", [ints], Tensor("int", NONE, num.type.shape[1:]), span)


def _padded(cx: Context, args: list[Operand | None], span: Span) -> Structured:
    x, n, fill = args
    assert x is not None
    assert n is not None
    size = static_int(cx, n, "the length of 'padded'")
    value = x.value.element if isinstance(x.value, Coll) else x.value
    space = space_of(x.value)
    if isinstance(value, Poison) or size is None or not sizes_fit(cx, (size,), n.span):
        return POISON
    if space is None or not isinstance(value, (Num, Rec)):
        return cx.error("E215", f"'padded' needs a collection, not {with_article(x.value)}", x.span)
    out = []
    for leaf in leaves(value):
        kind = leaf.type.kind
        filling: bool | int | float = {"bool": False, "int": 0, "real": 0.0}[kind]
        if fill is not None:
            fitted = fit(cx, fill, Tensor(leaf.type.kind, leaf.type.dim), "the fill value", None)
            if isinstance(fitted, Poison):
                return POISON
            if not isinstance(fitted, Num) or not fitted.constant:
                return cx.error("E401", "the fill value must be a constant", fill.span)
            filling = fitted.static
        t = Tensor(kind, leaf.type.dim, (size, *leaf.type.shape))
        out.append(reduce(cx, "padded", space, [leaf], t, span, size=size, fill=filling))
    values = [n.value for n in out if n.value is not None]
    return reshaped(wrap(value, values), lambda shape: (size, *shape))


def _hist(cx: Context, args: list[Operand | None], span: Span) -> Structured:
    """Sum of weights per bin; a bin holds its lower edge."""
    x, edges, weights = args
    assert x is not None
    assert edges is not None
    num, grid = scalar_of(cx, x, "'hist'"), array_of(cx, edges, "the second argument of 'hist'", 1)
    w = scalar_of(cx, weights, "the weights of 'hist'") if weights is not None else const(1.0)
    if isinstance(num, Poison) or isinstance(grid, Poison) or isinstance(w, Poison):
        return POISON
    if num.type.dim != grid.type.dim:
        text = f"cannot sort {phrase(num.type.dim)} into bins of {phrase(grid.type.dim)}"
        return dimension_error(cx, Operand(num, x.span), Operand(grid, edges.span), span, text)
    if grid.space is not None:
        return cx.error("E215", "the edges of 'hist' must be the same for all elements", edges.span)
    bins = grid.type.shape[0] - 1
    if bins < 1:
        return cx.error("E402", "a histogram needs two edges at least", edges.span)
    if grid.static is not None and any(b <= a for a, b in zip(grid.static, grid.static[1:], strict=False)):
        return cx.error("E402", "the edges of a histogram must increase", edges.span)
    reals = [to_kind(cx, v, "real", span) for v in (num, grid, w)]
    if any(isinstance(v, Poison) for v in reals):
        return POISON
    num, grid, w = reals
    assert isinstance(num, Num)
    assert isinstance(grid, Num)
    assert isinstance(w, Num)
    result = Tensor("real", w.type.dim, (bins,))
    space = num.space or w.space
    if space is not None:
        if num.type.shape or w.type.shape:
            return cx.error("E209", "'hist' needs one number for each element, not an array", x.span)
        if num.space is not None and w.space is not None and num.space is not w.space:
            return cx.error("E215", "elements of two different collections cannot be combined", span)
        last = cx.builder.value(grid, span)
        return reduce(cx, "hist", space, [num, w], result, span, bins=bins, last=last)
    if len(num.type.shape) != 1 or (w.type.shape and w.type.shape != num.type.shape):
        return cx.error("E209", "'hist' needs a collection or an array, and weights of the same length", span)
    if bins > MAX_FOLDED:
        return cx.error("E402", f"a histogram has at most {MAX_FOLDED} bins", edges.span)
    return _hist_array(cx, Operand(num, x.span), Operand(grid, span), Operand(w, span), span)


def _hist_array(cx: Context, x: Operand, grid: Operand, w: Operand, span: Span) -> Structured:
    """Bins as a plate: the weights of the values between two edges."""
    assert isinstance(grid.value, Num)
    assert isinstance(x.value, Num)
    assert isinstance(w.value, Num)
    bins = grid.value.type.shape[0] - 1
    i = cx.builder.fresh(INT, "bin")
    with cx.builder.inside() as frame:
        low = leafwise(cx, "index", grid.value, [Num(INT, i)], 1, span)
        after = arithmetic(cx, "+", Operand(Num(INT, i), span), Operand(const(1), span), span)
        high = leafwise(cx, "index", grid.value, [after], 1, span)  # type: ignore[list-item]
        above, below = compare(cx, ">=", x, Operand(low, span), span), compare(cx, "<", x, Operand(high, span), span)
        if isinstance(above, Poison) or isinstance(below, Poison):
            return POISON
        inside = logic(cx, "and", above, below, span, span)
        if isinstance(inside, Poison):
            return inside
        zero = Num(Tensor("real", w.value.type.dim), None, 0.0)
        chosen = select(cx, inside, w.value, zero, span)
        total = reduction("sum", cx, [Operand(chosen, span)], span)
        if isinstance(total, Poison):
            return total
        results = tuple(cx.builder.values(total, span))
    region = Region((i,), tuple(frame.nodes), results)
    result = Tensor("real", w.value.type.dim, (bins,))
    (value,) = cx.builder.node("plate", [], [result], span, {"start": 0, "stop": bins}, [region])
    return Num(result, value)


def jagged(cx: Context, num: Num, span: Span) -> Num:
    """An expression on a collection's elements as an output of the event."""
    assert num.space is not None
    return reduce(cx, "jagged", num.space, [num], num.type, span)


FUNCTIONS = {
    "sum": Function(("x",), 1, partial(reduction, "sum")),
    "mean": Function(("x",), 1, partial(reduction, "mean")),
    "any": Function(("x",), 1, partial(reduction, "any")),
    "all": Function(("x",), 1, partial(reduction, "all")),
    "count": Function(("x",), 1, _count),
    "hist": Function(("x", "edges", "weights"), 2, _hist),
    "padded": Function(("x", "n", "fill"), 2, _padded),
}

__all__ = ["BOOL", "FUNCTIONS", "REAL", "jagged", "reduce", "reduction", "space_of"]
