"""Functions on arrays."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from hepppl.diagnostics import Span
from hepppl.semantics import functions
from hepppl.semantics.arithmetic import Operand, const, op, scalar_of, static_int, to_kind
from hepppl.semantics.context import Context
from hepppl.semantics.declared import sizes_fit
from hepppl.semantics.dims import phrase
from hepppl.semantics.structure import fill, leading, stack
from hepppl.semantics.types import NONE, Tensor
from hepppl.semantics.values import (
    KINDS,
    POISON,
    Coll,
    Num,
    Poison,
    Rec,
    Structured,
    describe,
    leaves,
    with_article,
)

Rule = Callable[[Context, list[Operand | None], Span], Structured]


def array_of(cx: Context, o: Operand, what: str, rank: int | None = None) -> Num | Poison:
    """An operand that must be an array of numbers (of ``rank`` axes)."""
    value = o.value
    if isinstance(value, Poison):
        return value
    if isinstance(value, Coll) or (isinstance(value, Num) and value.space and not value.type.shape):
        hint = f"turn it into an array first: padded({o.span.text}, 16)"
        return cx.error("E215", f"{what} needs an array, not a collection", o.span, hints=(hint,))
    if not isinstance(value, Num) or not value.type.shape or (rank is not None and len(value.type.shape) != rank):
        return cx.error(
            "E209", f"{what} needs an array, not {with_article(value)}", o.span, ((o.span, describe(value)),)
        )
    return value


def _same(name: str, cx: Context, args: list[Operand | None], span: Span) -> Structured:
    """`cumsum`, `sort`, `reverse`: an array of the same type."""
    (a,) = (x for x in args if x is not None)
    num = array_of(cx, a, f"'{name}'", 1 if name == "sort" else None)
    if isinstance(num, Num):
        num = to_kind(cx, num, "int", span) if name == "cumsum" else num
    return num if isinstance(num, Poison) else op(cx, name, [num], num.type, span)


def _positions(name: str, cx: Context, args: list[Operand | None], span: Span) -> Structured:
    """`argsort`, `argmin`, `argmax`."""
    given = [x for x in args if x is not None]
    num = array_of(cx, given[0], f"'{name}'", 1)
    if isinstance(num, Poison):
        return num
    return op(cx, name, [num], Tensor("int", NONE, num.type.shape if name == "argsort" else ()), span)


def _len(cx: Context, args: list[Operand | None], span: Span) -> Structured:
    (a,) = (x for x in args if x is not None)
    if isinstance(a.value, Poison):
        return a.value
    if isinstance(a.value, Coll) or (isinstance(a.value, Num) and a.value.space and not a.value.type.shape):
        return cx.error(
            "E215", "a collection has no fixed length", span, hints=(f"count its elements: count({a.span.text})",)
        )
    size = leading(a.value)
    if size is None:
        return cx.error("E209", f"'len' needs an array, not {with_article(a.value)}", a.span)
    return const(size)


def _prod(cx: Context, args: list[Operand | None], span: Span) -> Structured:
    (a,) = (x for x in args if x is not None)
    num = array_of(cx, a, "'prod'")
    if isinstance(num, Num):
        num = to_kind(cx, num, "int", span)
    if isinstance(num, Poison):
        return num
    t = num.type
    return op(cx, "prod", [num], Tensor(t.kind, t.dim ** t.shape[0], t.shape[1:]), span)


def dot(cx: Context, left: Operand, right: Operand, span: Span) -> Structured:
    """Vector·vector, matrix·vector, vector·matrix, matrix·matrix."""
    a, b = array_of(cx, left, "'dot'"), array_of(cx, right, "'dot'")
    if isinstance(a, Poison) or isinstance(b, Poison):
        return POISON
    inner = a.type.shape[-1], b.type.shape[0]
    if inner[0] != inner[1] or len(a.type.shape) > 2 or len(b.type.shape) > 2:
        labels = ((left.span, describe(a)), (right.span, describe(b)))
        return cx.error("E209", f"'dot' cannot contract lengths {inner[0]} and {inner[1]}", span, labels)
    kind = max(a.type.kind, b.type.kind, "int", key=KINDS.index)
    x, y = to_kind(cx, a, kind, span), to_kind(cx, b, kind, span)
    if isinstance(x, Poison) or isinstance(y, Poison):
        return POISON
    shape = (*a.type.shape[:-1], *b.type.shape[1:])
    return op(cx, "dot", [x, y], Tensor(kind, a.type.dim * b.type.dim, shape), span)


def _fill(cx: Context, args: list[Operand | None], span: Span) -> Structured:
    n, value = (x for x in args if x is not None)
    size = static_int(cx, n, "the length of 'fill'")
    if size is None or isinstance(value.value, Poison):
        return POISON
    if not isinstance(value.value, (Num, Rec)):
        return cx.error("E201", f"'fill' repeats a number or record, not {with_article(value.value)}", value.span)
    shapes = [(size, *leaf.type.shape) for leaf in leaves(value.value)]
    if not all(sizes_fit(cx, shape, n.span) for shape in shapes):
        return POISON
    return fill(cx, value.value, size, span)


def _concatenate(cx: Context, args: list[Operand | None], span: Span) -> Structured:
    given = [x for x in args if x is not None]
    nums = [array_of(cx, x, "'concatenate'") for x in given]
    if any(isinstance(n, Poison) for n in nums):
        return POISON
    arrays = [n for n in nums if isinstance(n, Num)]
    first = arrays[0]
    kind = max((n.type.kind for n in arrays), key=KINDS.index)
    for n, o in zip(arrays[1:], given[1:], strict=True):
        if n.type.dim != first.type.dim or n.type.shape[1:] != first.type.shape[1:]:
            labels = ((given[0].span, describe(first)), (o.span, describe(n)))
            return cx.error("E207", "'concatenate' needs arrays of one type", o.span, labels)
    same = [to_kind(cx, n, kind, span) for n in arrays]
    if any(isinstance(n, Poison) for n in same):
        return POISON
    shape = (sum(n.type.shape[0] for n in arrays), *first.type.shape[1:])
    return op(cx, "concatenate", same, Tensor(kind, first.type.dim, shape), span)  # type: ignore[arg-type]


def _searchsorted(cx: Context, args: list[Operand | None], span: Span) -> Structured:
    """How many edges are at or below x."""
    edges, x = (a for a in args if a is not None)
    a, b = array_of(cx, edges, "'searchsorted'", 1), scalar_of(cx, x, "'searchsorted'")
    if isinstance(a, Poison) or isinstance(b, Poison):
        return POISON
    if a.type.dim != b.type.dim:
        message = f"'searchsorted' needs values of one dimension, not {phrase(a.type.dim)} and {phrase(b.type.dim)}"
        return functions.dimension_error(cx, Operand(a, edges.span), Operand(b, x.span), span, message)
    kind = max(a.type.kind, b.type.kind, key=KINDS.index)
    p, q = to_kind(cx, a, kind, span), to_kind(cx, b, kind, span)
    if isinstance(p, Poison) or isinstance(q, Poison):
        return POISON
    return op(cx, "searchsorted", [p, q], Tensor("int", NONE, b.type.shape), span)


def _interp(cx: Context, args: list[Operand | None], span: Span) -> Structured:
    """Linear interpolation, constant outside, as in NumPy."""
    x, xp, fp = (a for a in args if a is not None)
    a, b, c = scalar_of(cx, x, "'interp'"), array_of(cx, xp, "'interp'", 1), array_of(cx, fp, "'interp'", 1)
    if isinstance(a, Poison) or isinstance(b, Poison) or isinstance(c, Poison):
        return POISON
    if a.type.dim != b.type.dim:
        message = f"'interp' needs x and xp of one dimension, not {phrase(a.type.dim)} and {phrase(b.type.dim)}"
        return functions.dimension_error(cx, Operand(a, x.span), Operand(b, xp.span), span, message)
    if b.type.shape != c.type.shape:
        labels = ((xp.span, describe(b)), (fp.span, describe(c)))
        return cx.error("E209", "'interp' needs xp and fp of one length", span, labels)
    reals = [to_kind(cx, n, "real", span) for n in (a, b, c)]
    if any(isinstance(n, Poison) for n in reals):
        return POISON
    return op(cx, "interp", reals, Tensor("real", c.type.dim, a.type.shape), span)  # type: ignore[arg-type]


def _linspace(cx: Context, args: list[Operand | None], span: Span) -> Structured:
    """n values from low to high, both included."""
    from hepppl.semantics.arithmetic import arithmetic

    low, high, n = (a for a in args if a is not None)
    size = static_int(cx, n, "the length of 'linspace'")
    if size is None or not sizes_fit(cx, (size,), n.span):
        return POISON
    if size > 4096:
        return cx.error("E402", "'linspace' makes at most 4,096 values", n.span)
    step = Operand(arithmetic(cx, "-", high, low, span), span)
    items = []
    for i in range(size):
        part = Operand(arithmetic(cx, "*", step, Operand(const(i / max(size - 1, 1)), span), span), span)
        items.append(Operand(arithmetic(cx, "+", low, part, span), span))
    return stack(cx, items, span)


FUNCTIONS = {
    "cumsum": functions.Function(("x",), 1, partial(_same, "cumsum")),
    "sort": functions.Function(("x",), 1, partial(_same, "sort")),
    "reverse": functions.Function(("x",), 1, partial(_same, "reverse")),
    "argsort": functions.Function(("x",), 1, partial(_positions, "argsort")),
    "argmin": functions.Function(("x",), 1, partial(_positions, "argmin")),
    "argmax": functions.Function(("x",), 1, partial(_positions, "argmax")),
    "len": functions.Function(("x",), 1, _len),
    "prod": functions.Function(("x",), 1, _prod),
    "fill": functions.Function(("n", "value"), 2, _fill),
    "concatenate": functions.Function(("x", "y"), 1, _concatenate, variadic=True),
    "searchsorted": functions.Function(("edges", "x"), 2, _searchsorted),
    "interp": functions.Function(("x", "xp", "fp"), 3, _interp),
    "linspace": functions.Function(("low", "high", "n"), 3, _linspace),
}
