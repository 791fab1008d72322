"""`a[i]`, slices, comprehensions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from hepppl.diagnostics import Span
from hepppl.semantics import expressions
from hepppl.semantics.arithmetic import Operand, const, op, static_int, whole
from hepppl.semantics.build import wrap
from hepppl.semantics.context import Context, Scope
from hepppl.semantics.declared import sizes_fit
from hepppl.semantics.folding import size
from hepppl.semantics.ir import Region, Value
from hepppl.semantics.limits import MAX_ELEMENTS, MAX_FOLDED
from hepppl.semantics.structure import leading, leafwise, slice_of, stack
from hepppl.semantics.types import INT, REAL, CollectionType, Tensor
from hepppl.semantics.values import (
    POISON,
    Coll,
    Colls,
    Num,
    Poison,
    Rec,
    Slots,
    Structured,
    describe,
    is_constant,
    leaves,
    plain,
    rebuild,
    reshaped,
    with_article,
)
from hepppl.syntax import ast


def index(cx: Context, e: ast.Index) -> Structured:
    base = expressions.operand(cx, e.base)
    value = base.value
    if isinstance(value, Slots):
        return _slot(cx, value, e)
    indices = list(_indices(cx, e, value))
    if isinstance(value, Poison):
        return value
    if isinstance(value, Colls):
        return _collection(cx, value, indices, base, e)
    if isinstance(value, Coll) or (isinstance(value, Num) and value.space and not value.type.shape):
        padded = f"turn it into an array first: padded({e.base.span.text}, 16)"
        return cx.error("E215", "the elements of a collection have no order and no number", e.span, hints=(padded,))
    return _pick(cx, value, list(zip(indices, e.indices, strict=True)), base, e.span)


def _collection(
    cx: Context, value: Colls, indices: list[Operand | tuple[int, int] | Poison], base: Operand, e: ast.Index
) -> Structured:
    """One of an array of collections, or a row of them."""
    type_ = value.value.type
    assert isinstance(type_, CollectionType)
    if len(indices) > len(type_.shape) or any(isinstance(i, tuple) for i in indices):
        hint = f"{base.span.text} has {len(type_.shape)}, one for each plate"
        return cx.error("E210", "an array of collections is indexed by numbers alone", e.span, hints=(hint,))
    nums = [
        POISON if isinstance(i, Poison) else check_index(cx, i, n, base.span, base.span.text)  # type: ignore[arg-type]
        for i, n in zip(indices, type_.shape, strict=False)
    ]
    if any(isinstance(n, Poison) for n in nums):
        return POISON
    inputs = [value.value, *(cx.builder.value(n, e.span) for n in nums if isinstance(n, Num))]
    (one,) = cx.builder.node("element", inputs, [replace(type_, shape=type_.shape[len(nums) :])], e.span)
    return cx.builder.collection(one, value.element)


def _indices(cx: Context, e: ast.Index, value: Structured) -> Iterator[Operand | tuple[int, int] | Poison]:
    """The indices evaluated: one each for the leading axes of ``value``, a slice as its bounds."""
    shape = _shape(value)
    for k, i in enumerate(e.indices):
        size = shape[k] if k < len(shape) else None
        yield _slice(cx, i, size, e.base.span) if isinstance(i, ast.Slice) else expressions.operand(cx, i)


def _shape(value: Structured) -> tuple[int, ...]:
    if isinstance(value, Num):
        return value.type.shape
    if isinstance(value, Colls):
        return value.value.type.shape
    return value.shape if isinstance(value, Rec) else ()


def _pick(
    cx: Context, value: Structured, indices: list[tuple[Any, ast.Expr | ast.Slice]], base: Operand, span: Span
) -> Structured:
    """What the indices leave of a value; those after a slice are taken of each of its rows."""
    if not indices or isinstance(value, Poison):
        return value
    (i, where), *rest = indices
    if isinstance(i, Poison):
        return POISON
    size = leading(value)
    if size is None:
        hint = "it has fields, not elements" if isinstance(value, Rec) else None
        return cx.error(
            "E210", f"this {describe(value)} cannot be indexed", where.span, ((base.span, describe(value)),), (hint,)
        )
    if not isinstance(i, tuple):
        return _pick(cx, element(cx, value, i, base.span, span), rest, base, span)  # type: ignore[arg-type]
    start, stop = i
    rows = slice_of(cx, value, start, stop, span)  # type: ignore[arg-type]
    if not rest or isinstance(rows, Poison):
        return rows
    picked = []
    for k in range(stop - start):
        row = element(cx, rows, Operand(const(k), where.span), base.span, span)  # type: ignore[arg-type]
        picked.append(Operand(_pick(cx, row, rest, base, span), span))
        if isinstance(picked[-1].value, Poison):
            return POISON
    return stack(cx, picked, span)


def _slot(cx: Context, slots: Slots, e: ast.Index) -> Structured:
    given = [i.name if isinstance(i, ast.Name) else None for i in e.indices]
    base: ast.Expr = e.base
    while isinstance(base, ast.Index):
        given = [*(i.name if isinstance(i, ast.Name) else None for i in base.indices), *given]
        base = base.base
    if tuple(given) == slots.indices:
        return slots.element
    if tuple(given) == slots.indices[: len(given)]:
        return slots
    return cx.error(
        "E201", f"inside the plate only {slots} is known", e.span, hints=("use the whole array after the plate",)
    )


def _slice(cx: Context, s: ast.Slice, size: int | None, array: Span) -> tuple[int, int] | Poison:
    low, high = 0, size
    failed = False
    if s.low is not None:
        low = static_int(cx, expressions.operand(cx, s.low), "the start of a slice")  # type: ignore[assignment]
    if s.high is not None:
        high = static_int(cx, expressions.operand(cx, s.high), "the end of a slice")
    failed = low is None or high is None or size is None
    if failed:
        return POISON
    assert size is not None
    assert high is not None
    if not 0 <= low < high <= size:
        why = "is empty" if low == high else f"does not lie in 0..{size}"
        return cx.error("E403", f"the slice {low}..{high} {why}", s.span, ((array, f"{size} elements"),))
    return low, high


def check_index(cx: Context, i: Operand, size: int, array: Span, name: str) -> Num | Poison:
    """An index as an integer; where it is static (or a loop's own variable) its range is checked."""
    num = i.value
    if isinstance(num, Poison):
        return num
    if not isinstance(num, Num) or num.type != INT:
        plain_real = isinstance(num, Num) and num.type == REAL
        if not (isinstance(num, Num) and plain_real and num.constant and whole(num.static)):
            hint = f"convert it: int({i.span.text})" if plain_real else None
            found = with_article(num, "a real number")
            return cx.error("E201", f"an index must be an integer, not {found}", i.span, hints=(hint,))
        num = const(int(num.static))
    if num.constant and not 0 <= num.static < size:
        hint = f"the last element is {name}[{size - 1}]"
        return cx.error(
            "E403",
            f"index {num.static} is out of range",
            i.span,
            ((array, f"{size} elements, 0 to {size - 1}"),),
            (hint,),
        )
    turns = cx.turns.get(num.value) if num.value is not None else None
    guarded = turns is not None and not {"if", "while"}.isdisjoint(cx.scope.enclosing[turns[2] :])
    if turns is not None and not guarded and not (turns[0] >= 0 and turns[1] <= size):
        bad = turns[0] if turns[0] < 0 else turns[1] - 1
        return cx.error(
            "E403",
            f"index {bad} is out of range",
            i.span,
            ((array, f"{size} elements, 0 to {size - 1}"),),
            (f"'{i.span.text}' runs over {turns[0]}..{turns[1]}",),
        )
    return num


def element(cx: Context, value: Num | Rec, i: Operand, array: Span, span: Span) -> Structured:
    size = leading(value)
    assert size is not None
    num = check_index(cx, i, size, array, array.text)
    return num if isinstance(num, Poison) else leafwise(cx, "index", value, [num], 1, span)


def set_element(
    cx: Context, value: Num | Rec, indices: Sequence[Operand], new: Num | Rec, name: str, span: Span
) -> Structured:
    """`value` with one element (or row) replaced; `new` fits it already."""
    nums: list[Num] = []
    inner: Structured = value
    for i in indices:
        size = leading(inner)
        if size is None:
            return cx.error("E210", f"'{name}' has only {len(nums)} indices", i.span)
        num = check_index(cx, i, size, span, name)
        if isinstance(num, Poison):
            return num
        nums.append(num)
        inner = _row(inner)
    out = []
    for leaf, other in zip(leaves(value), leaves(new), strict=True):
        changed = op(cx, "set_index", [leaf, other, *nums], leaf.type, span)
        if isinstance(changed, Poison):
            return changed
        out.append(changed)
    return rebuild(value, iter(out))


def _row(value: Structured) -> Structured:
    """A stand-in of the type of one element."""
    stand_in = Value(0, INT)
    new = [Num(Tensor(x.type.kind, x.type.dim, x.type.shape[1:]), stand_in) for x in leaves(value)]
    return reshaped(rebuild(value, iter(new)), lambda shape: shape[1:])


def row_type(value: Num | Rec, depth: int) -> Num | Rec | None:
    """A stand-in of the type of an element under ``depth`` indices, None where there are fewer axes."""
    inner: Structured = value
    for _ in range(depth):
        if leading(inner) is None:
            return None
        inner = _row(inner)
    return inner  # type: ignore[return-value]


def bounds(cx: Context, low: ast.Expr, high: ast.Expr, what: str, most: int) -> tuple[int, int] | None:
    """The static range of a loop, plate or comprehension; None after an error."""
    a = static_int(cx, expressions.operand(cx, low), f"the start of {what}")
    b = static_int(cx, expressions.operand(cx, high), f"the end of {what}")
    if a is None or b is None:
        return None
    span = low.span.to(high.span)
    if b < a:
        cx.error(
            "E402",
            f"the range {a}..{b} runs backwards",
            span,
            hints=(f"the end is excluded: {b}..{a}" if a > b else None,),
        )
        return None
    if b - a > most or abs(a) > 2**31 - 1 or abs(b) > 2**31 - 1:
        cx.error("E402", f"{what} over {b - a:.6g} values is too large (at most {most:,})", span)
        return None
    return a, b


def comprehension(cx: Context, e: ast.Comprehension) -> Structured:
    """`[body for i in a..b]`: computed at compile time where the body is constant, a plate otherwise."""
    limits = bounds(cx, e.low, e.high, "an array", MAX_ELEMENTS)
    if limits is None:
        _body(cx, e, POISON)
        return POISON
    start, stop = limits
    if start == stop:
        return cx.error("E402", "an array needs at least one element", e.span)
    if stop - start <= MAX_FOLDED:
        known = _constant_body(cx, e, start, stop)
        if known is not None:
            return known
    i = cx.builder.fresh(INT, e.var)
    cx.turns[i] = (start, stop, len(cx.scope.enclosing))
    with cx.builder.inside() as frame:
        value = _body(cx, e, Num(INT, i))
        if isinstance(value, Poison):
            return POISON
        if not plain(value):
            return cx.error("E201", "an array holds numbers or records, not collections", e.body.span)
        results = tuple(cx.builder.values(value, e.span))
    n = stop - start
    if any(not sizes_fit(cx, (n, *leaf.type.shape), e.span) for leaf in leaves(value)):
        return POISON
    types = [Tensor(r.type.kind, r.type.dim, (n, *r.type.shape)) for r in results]  # type: ignore[union-attr]
    region = Region((i,), tuple(frame.nodes), results)
    stacked = cx.builder.node("plate", [], types, e.span, {"start": start, "stop": stop}, [region])
    return reshaped(wrap(value, stacked), lambda shape: (n, *shape))


def _body(cx: Context, e: ast.Comprehension, i: Structured) -> Structured:
    with cx.block("comprehension") as scope:
        assert isinstance(scope, Scope)
        cx.bind(e.var, i, e.var_span, "loop variable")
        return expressions.evaluate(cx, e.body)


def _constant_body(cx: Context, e: ast.Comprehension, start: int, stop: int) -> Structured | None:
    """The array where every element is known now; None (and no trace) where the first one is not."""
    saved = cx.snapshot()
    with cx.builder.inside():
        first = _body(cx, e, const(start))
    if not is_constant(first):
        cx.restore(saved)
        return None
    assert isinstance(first, (Num, Rec))
    if (stop - start) * sum(size(leaf.static) for leaf in leaves(first)) > MAX_FOLDED:
        cx.restore(saved)
        return None
    items = [Operand(first, e.body.span)]
    for i in range(start + 1, stop):
        with cx.builder.inside():
            items.append(Operand(_body(cx, e, const(i)), e.body.span))
        if isinstance(items[-1].value, Poison):
            return POISON
    return stack(cx, items, e.span)
