"""Operations on structured values as wholes: conversion to a type, choice, indexing, stacking."""

from __future__ import annotations

from collections.abc import Sequence

from hepppl.diagnostics import Span
from hepppl.semantics.arithmetic import Operand, op, to_kind
from hepppl.semantics.context import Context
from hepppl.semantics.dims import with_unit, without_unit
from hepppl.semantics.types import RecordType, Tensor, Type
from hepppl.semantics.values import (
    POISON,
    Coll,
    Colls,
    Held,
    Num,
    Poison,
    Rec,
    Structured,
    describe,
    describe_type,
    joined,
    leaves,
    rebuild,
    reshaped,
    type_of,
    with_article,
)


def convert(cx: Context, value: Num | Rec, target: Type, span: Span) -> Num | Rec | Poison:
    """``value`` as a value of ``target``, which is known to hold it: kinds promoted, fields in its order."""
    if isinstance(value, Num) and isinstance(target, Tensor):
        return to_kind(cx, value, target.kind, span)
    assert isinstance(value, Rec)
    assert isinstance(target, RecordType)
    fields = {}
    for name, inner in target.fields:
        new = convert(cx, value.fields[name], inner, span)  # type: ignore[arg-type]
        if isinstance(new, Poison):
            return POISON
        fields[name] = new
    return Rec(target.name, fields, target.shape)


def widened(cx: Context, value: Held, target: Type, span: Span) -> Held:
    """`convert`; where a constant is out of range for the wider kind, which is reported, the value as it is."""
    if isinstance(value, (Coll, Colls)):
        return value
    new = convert(cx, value, target, span)
    return value if isinstance(new, Poison) else new


def accepts(target: Type, found: Type) -> bool:
    """Whether a value of type ``found`` can stand where ``target`` is declared."""
    if isinstance(target, Tensor) and isinstance(found, Tensor):
        order = {"bool": 0, "int": 1, "real": 2}
        same = target.kind == found.kind or (order[found.kind] < order[target.kind] and found.kind != "bool")
        return same and target.dim == found.dim and target.shape == found.shape
    if isinstance(target, RecordType) and isinstance(found, RecordType):
        fields = dict(found.fields)
        return (
            target.shape == found.shape
            and (found.name is None or found.name == target.name)
            and set(fields) == {n for n, _ in target.fields}
            and all(accepts(t, fields[n]) for n, t in target.fields)
        )
    return False


def fit(
    cx: Context, operand: Operand, target: Type, what: str, declared: Span | None, code: str = "E206"
) -> Structured:
    """The operand as a value of a declared type, or an error that points at the value and the declaration."""
    value = operand.value
    if isinstance(value, Poison):
        return value
    if isinstance(value, (Num, Rec)) and accepts(target, type_of(value)):
        return convert(cx, value, target, operand.span)
    hint = None
    if isinstance(value, Num) and isinstance(target, Tensor):
        if value.type.dim != target.dim and value.type.dim.dimensionless and not target.dim.dimensionless:
            hint = f"give it a unit, e.g. {with_unit(operand.span.text, target.dim)}"
        elif value.type.dim != target.dim and target.dim.dimensionless:
            hint = f"divide it by a unit, e.g. {without_unit(operand.span.text, value.type.dim)}"
        elif target.kind == "int" and value.type.kind == "real":
            hint = f"convert it: int({operand.span.text})"
    label = None if declared is None else (declared, f"declared as {describe_type(target)}")
    whole = isinstance(target, Tensor) and target.kind == "int"
    found = with_article(value, "a real number" if whole else "a dimensionless number")
    if isinstance(value, Rec) and isinstance(target, RecordType):
        found = describe(value)
    return cx.error(
        code,
        f"{what} must be {with_article(target)}, not {found}",
        operand.span,
        ((operand.span, describe(value)), label),
        (hint,),
    )


def lacks_unit(bare: Tensor, other: Tensor) -> bool:
    """Whether a unit is all that keeps ``bare`` from being of the type of ``other``."""
    return bare.dim.dimensionless and not other.dim.dimensionless and bare.shape == other.shape


def unify(cx: Context, a: Operand, b: Operand, message: str, span: Span) -> Type | None:
    """The type that holds both values; E207 with a label at each where there is none."""
    if isinstance(a.value, Poison) or isinstance(b.value, Poison):
        return None
    both = None
    if isinstance(a.value, (Num, Rec)) and isinstance(b.value, (Num, Rec)):
        both = joined(type_of(a.value), type_of(b.value))
    if both is None:
        hint = None
        for x, y in ((a, b), (b, a)):
            bare, other = x.value, y.value
            if isinstance(bare, Num) and isinstance(other, Num) and bare.constant and lacks_unit(bare.type, other.type):
                hint = f"give the number a unit: {with_unit(x.span.text, other.type.dim)}"
        cx.error("E207", message, span, ((a.span, describe(a.value)), (b.span, describe(b.value))), (hint,))
    return both


def select(cx: Context, cond: Num, a: Num | Rec, b: Num | Rec, span: Span) -> Structured:
    """Leaf by leaf ``a`` where ``cond`` holds, else ``b``; both of one type."""
    out = []
    for x, y in zip(leaves(a), leaves(b), strict=True):
        shape = x.type.shape or y.type.shape or cond.type.shape
        new = op(cx, "select", [cond, x, y], Tensor(x.type.kind, x.type.dim, shape), span)
        if isinstance(new, Poison):
            return POISON
        out.append(new)
    return rebuild(a, iter(out))


def leafwise(cx: Context, name: str, value: Num | Rec, extra: Sequence[Num], drop: int, span: Span) -> Structured:
    """``index`` applied to every leaf, taking ``drop`` leading axes away."""
    out = []
    for leaf in leaves(value):
        t = leaf.type
        new = op(cx, name, [leaf, *extra], Tensor(t.kind, t.dim, t.shape[drop:]), span)
        if isinstance(new, Poison):
            return POISON
        out.append(new)
    return reshaped(rebuild(value, iter(out)), lambda shape: shape[drop:])


def slice_of(cx: Context, value: Num | Rec, start: int, stop: int, span: Span) -> Structured:
    out = []
    for leaf in leaves(value):
        t = leaf.type
        new = op(cx, "slice", [leaf], Tensor(t.kind, t.dim, (stop - start, *t.shape[1:])), span, start=start, stop=stop)
        if isinstance(new, Poison):
            return POISON
        out.append(new)
    return reshaped(rebuild(value, iter(out)), lambda shape: (stop - start, *shape[1:]) if shape else shape)


def stack(cx: Context, items: Sequence[Operand], span: Span) -> Structured:
    """Equal types along a new leading axis."""
    target = None
    for item in items:
        if isinstance(item.value, Poison):
            return POISON
        if not isinstance(item.value, (Num, Rec)):
            return cx.error("E201", "an array holds numbers or records, not collections", item.span)
        if target is None:
            target = type_of(item.value)
            continue
        first = Operand(items[0].value, items[0].span)
        both = joined(target, type_of(item.value))
        if both is None:
            unify(cx, first, item, "the elements of an array must be of one type", item.span)
            return POISON
        target = both
    assert target is not None
    rows = []
    for item in items:
        row = convert(cx, item.value, target, item.span)  # type: ignore[arg-type]
        if isinstance(row, Poison):
            return POISON
        rows.append(row)
    out = []
    for column in zip(*(leaves(r) for r in rows), strict=True):
        t = column[0].type
        new = op(cx, "stack", list(column), Tensor(t.kind, t.dim, (len(rows), *t.shape)), span)
        if isinstance(new, Poison):
            return POISON
        out.append(new)
    return reshaped(rebuild(rows[0], iter(out)), lambda shape: (len(rows), *shape))


def fill(cx: Context, value: Num | Rec, size: int, span: Span) -> Structured:
    """``size`` copies along a new leading axis."""
    out = []
    for leaf in leaves(value):
        t = leaf.type
        new = op(cx, "fill", [leaf], Tensor(t.kind, t.dim, (size, *t.shape)), span, size=size)
        if isinstance(new, Poison):
            return POISON
        out.append(new)
    return reshaped(rebuild(value, iter(out)), lambda shape: (size, *shape))


def leading(value: Structured) -> int | None:
    """The length of the leading axis, None for a scalar or record."""
    if isinstance(value, Num):
        return value.type.shape[0] if value.type.shape else None
    return value.shape[0] if isinstance(value, Rec) and value.shape else None
