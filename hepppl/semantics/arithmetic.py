"""Operators on tensors: kinds, shapes and dimensions of `+ - * / % ^`, comparisons and logic."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from hepppl.diagnostics import Span
from hepppl.semantics.context import Context
from hepppl.semantics.dims import name_of, phrase, suggested_unit, with_unit, without_unit
from hepppl.semantics.folding import FoldError
from hepppl.semantics.types import BOOL, INT, NONE, REAL, Dim, Tensor
from hepppl.semantics.values import (
    KINDS,
    POISON,
    Coll,
    Num,
    Poison,
    Rec,
    Slots,
    Structured,
    describe,
    describe_type,
    with_article,
)

COMPARISONS = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge", "==": "eq", "!=": "ne"}
OPERATIONS = {"+": "add", "-": "sub", "*": "mul", "/": "div", "%": "mod", "^": "pow"}


@dataclass(frozen=True)
class Operand:
    """A value and where it was written."""

    value: Structured
    span: Span


def op(cx: Context, name: str, inputs: list[Num], result: Tensor, span: Span, **attrs: Any) -> Num | Poison:
    """A pure operation; an error where constant operands give no value, or where two collections meet."""
    spaces = {id(n.space) for n in inputs if n.space is not None}
    if len(spaces) > 1:
        return cx.error(
            "E215",
            "elements of two different collections cannot be combined",
            span,
            hints=("reduce each by itself first, e.g. sum(a.energy) + sum(b.energy)",),
        )
    try:
        return cx.builder.apply(name, inputs, result, span, **attrs)
    except FoldError as error:
        return cx.error(error.code, error.message, span)


def const(static: Any, dim: Dim = NONE) -> Num:
    """A scalar constant of the kind of the Python number."""
    kind = "bool" if isinstance(static, bool) else "int" if isinstance(static, int) else "real"
    return Num(Tensor(kind, dim), None, static)


def to_kind(cx: Context, num: Num, kind: str, span: Span) -> Num | Poison:
    """Promote bool -> int -> real; the kind itself is returned as it is."""
    if num.type.kind == kind or KINDS.index(num.type.kind) > KINDS.index(kind):
        return num
    name = "to_real" if kind == "real" else "to_int"
    return op(cx, name, [num], Tensor(kind, num.type.dim, num.type.shape), span)


_REDUCTIONS = ("'sum'", "'mean'", "'min'", "'max'")


def scalar_of(cx: Context, operand: Operand, what: str) -> Num | Poison:
    """The tensor of an operand; a collection of bare scalars stands for its elements."""
    value = operand.value
    if isinstance(value, Num):
        return value
    if isinstance(value, Coll) and isinstance(value.element, Num):
        return value.element
    if isinstance(value, Poison):
        return value
    hint = None
    if isinstance(value, Coll) and isinstance(value.element, Rec):
        field = next(iter(value.element.fields), "field")
        reduction = what.strip("'") if what in _REDUCTIONS else "sum"
        hint = f"use one of its fields in a reduction, e.g. {reduction}({operand.span.text}.{field})"
    elif isinstance(value, Rec) and value.fields:
        hint = f"use one of its fields, e.g. {operand.span.text}.{next(iter(value.fields))}"
    elif isinstance(value, Slots):
        hint = f"inside the plate only {value} is known"
    return cx.error("E201", f"{what} needs a number, but this is {with_article(value)}", operand.span, hints=(hint,))


def join_shapes(cx: Context, operands: list[tuple[Num, Span]], span: Span) -> tuple[int, ...] | None:
    """The shape of an elementwise result; None after an error."""
    shape: tuple[int, ...] = ()
    for num, _ in operands:
        if num.type.shape and shape and num.type.shape != shape:
            labels = [(s, describe_type(n.type)) for n, s in operands]
            cx.error("E209", "arrays of different lengths cannot be combined element by element", span, labels)
            return None
        shape = num.type.shape or shape
    return shape


def dimension_error(cx: Context, left: Operand, right: Operand, op_span: Span, message: str) -> Poison:
    """E203: both operands' dimensions as labels, and the unit that one of them probably lacks."""
    a, b = left.value, right.value
    assert isinstance(a, Num)
    assert isinstance(b, Num)
    hint = None
    for bare, other in ((left, b), (right, a)):
        if isinstance(bare.value, Num) and bare.value.type.dim.dimensionless and bare.value.constant:
            hint = f"give the number a unit: {with_unit(bare.span.text, other.type.dim)}"
    if hint is None and not (a.type.dim.dimensionless or b.type.dim.dimensionless):
        hint = f"divide each by a unit to make it dimensionless, e.g. {without_unit(left.span.text, a.type.dim)}"
    elif hint is None:
        with_dim = left if not a.type.dim.dimensionless else right
        assert isinstance(with_dim.value, Num)
        divided = without_unit(with_dim.span.text, with_dim.value.type.dim)
        hint = f"divide by a unit to make it dimensionless, e.g. {divided}"
    labels = [(left.span, name_of(a.type.dim)), (right.span, name_of(b.type.dim))]
    return cx.error("E203", message, op_span, labels, (hint,))


def arithmetic(cx: Context, symbol: str, left: Operand, right: Operand, op_span: Span) -> Structured:
    """`left symbol right`, elementwise."""
    if isinstance(left.value, Rec) or isinstance(right.value, Rec):
        from hepppl.semantics.fourvectors import combine

        return combine(cx, symbol, left, right, op_span)
    a, b = scalar_of(cx, left, f"'{symbol}'"), scalar_of(cx, right, f"'{symbol}'")
    if isinstance(a, Poison) or isinstance(b, Poison):
        return POISON
    span = left.span.to(right.span)
    shape = join_shapes(cx, [(a, left.span), (b, right.span)], op_span)
    if shape is None:
        return POISON
    if symbol == "^":
        return power(cx, a, b, left, right, op_span, shape)
    left, right = Operand(a, left.span), Operand(b, right.span)
    da, db = a.type.dim, b.type.dim
    if symbol in "+-%" and da != db:
        text = {
            "+": f"cannot add {phrase(db)} to {phrase(da)}",
            "-": f"cannot subtract {phrase(db)} from {phrase(da)}",
            "%": f"cannot take the remainder of {phrase(da)} and {phrase(db)}",
        }[symbol]
        return dimension_error(cx, left, right, op_span, text)
    dim = da * db if symbol == "*" else da / db if symbol == "/" else da
    kind = "real" if symbol == "/" else max(a.type.kind, b.type.kind, "int", key=KINDS.index)
    x, y = to_kind(cx, a, kind, left.span), to_kind(cx, b, kind, right.span)
    if isinstance(x, Poison) or isinstance(y, Poison):
        return POISON
    if symbol in "/%" and y.constant and y.static == 0 and not y.space:
        return cx.error("E404", "division by zero", op_span, ((right.span, "always 0"),))
    return op(cx, OPERATIONS[symbol], [x, y], Tensor(kind, dim, shape), span)


def exponent(static: Any) -> Fraction | None:
    """A constant exponent as the small fraction it stands for, None where it is none."""
    if isinstance(static, int):
        return Fraction(static)
    if isinstance(static, float) and abs(static) < 1e6:
        close = Fraction(static).limit_denominator(64)
        return close if abs(float(close) - static) < 1e-12 * max(1.0, abs(static)) else None
    return None


def power(
    cx: Context, a: Num, b: Num, left: Operand, right: Operand, op_span: Span, shape: tuple[int, ...]
) -> Num | Poison:
    """`a ^ b`. A constant rational exponent scales the dimension; any other needs a dimensionless base."""
    if not b.type.dim.dimensionless:
        return cx.error(
            "E204",
            f"an exponent must be dimensionless, but this is {phrase(b.type.dim)}",
            right.span,
            hints=(f"divide it by a unit, e.g. {without_unit(right.span.text, b.type.dim)}",),
        )
    fixed = exponent(b.static) if b.constant and not b.type.shape else None
    dim = NONE
    if not a.type.dim.dimensionless:
        if fixed is None:
            return cx.error(
                "E204",
                f"{phrase(a.type.dim)} can only be raised to a constant, rational power",
                op_span,
                ((left.span, name_of(a.type.dim)), (right.span, "not a constant")),
                (f"make the base dimensionless first, e.g. ({without_unit(left.span.text, a.type.dim)})",),
            )
        dim = a.type.dim**fixed
    whole = fixed is not None and fixed.denominator == 1
    if whole and b.type.kind != "int":
        assert fixed is not None
        b = const(int(fixed))
    stays_int = a.type.kind != "real" and whole and fixed is not None and fixed >= 0
    kind = "int" if stays_int else "real"
    x = to_kind(cx, a, kind, left.span)
    y = to_kind(cx, b, "int", right.span)
    if isinstance(x, Poison) or isinstance(y, Poison):
        return POISON
    return op(cx, "pow", [x, y], Tensor(kind, dim, shape), left.span.to(right.span))


def negate(cx: Context, operand: Operand, span: Span) -> Structured:
    if isinstance(operand.value, Rec):
        from hepppl.semantics.fourvectors import combine

        return combine(cx, "*", Operand(const(-1), span), operand, span)
    num = scalar_of(cx, operand, "'-'")
    if isinstance(num, Num):
        num = to_kind(cx, num, "int", span)
    return num if isinstance(num, Poison) else op(cx, "neg", [num], num.type, span)


def compare(cx: Context, symbol: str, left: Operand, right: Operand, op_span: Span) -> Num | Poison:
    """One comparison; both sides of one dimension."""
    a, b = scalar_of(cx, left, f"'{symbol}'"), scalar_of(cx, right, f"'{symbol}'")
    if isinstance(a, Poison) or isinstance(b, Poison):
        return POISON
    shape = join_shapes(cx, [(a, left.span), (b, right.span)], op_span)
    if shape is None:
        return POISON
    if a.type.dim != b.type.dim and not _infinite(a) and not _infinite(b):
        text = f"cannot compare {phrase(a.type.dim)} with {phrase(b.type.dim)}"
        return dimension_error(cx, Operand(a, left.span), Operand(b, right.span), op_span, text)
    kind = max(a.type.kind, b.type.kind, key=KINDS.index)
    x, y = to_kind(cx, a, kind, left.span), to_kind(cx, b, kind, right.span)
    if isinstance(x, Poison) or isinstance(y, Poison):
        return POISON
    return op(cx, COMPARISONS[symbol], [x, y], Tensor("bool", NONE, shape), left.span.to(right.span))


def _infinite(num: Num) -> bool:
    """An infinite constant compares with anything."""
    return num.constant and num.type.dim.dimensionless and num.static in (float("inf"), float("-inf"))


def condition(cx: Context, operand: Operand, what: str) -> Num | Poison:
    """A scalar or elementwise bool, or E202 saying what ``what`` needs."""
    value = operand.value
    if isinstance(value, Coll) and isinstance(value.element, Num):
        value = value.element
    if isinstance(value, Poison) or (isinstance(value, Num) and value.type.kind == "bool"):
        return value
    hint = "compare it with something, e.g. " + f"{operand.span.text} > 0" if isinstance(value, Num) else None
    if isinstance(value, Num) and not value.type.dim.dimensionless:
        hint = f"compare it with something, e.g. {operand.span.text} > 1 {suggested_unit(value.type.dim)}"
    return cx.error(
        "E202", f"{what} must be a condition (true or false), not {with_article(value)}", operand.span, hints=(hint,)
    )


def logic(cx: Context, word: str, a: Num, b: Num, span: Span, op_span: Span) -> Num | Poison:
    shape = join_shapes(cx, [(a, span), (b, span)], op_span)
    return POISON if shape is None else op(cx, word, [a, b], Tensor("bool", NONE, shape), span)


def whole(static: Any) -> bool:
    """Whether a known number is an integer in value, though perhaps written as a real one: 1e4."""
    return math.isfinite(static) and static == math.floor(static)


def static_int(cx: Context, operand: Operand, what: str) -> int | None:
    """An integer known before the run (a whole real constant too); None after an error. Notes the data it rests on."""
    num = operand.value
    if isinstance(num, Poison):
        return None
    if not isinstance(num, Num) or num.type.shape or num.type.kind == "bool" or not num.type.dim.dimensionless:
        cx.error("E201", f"{what} must be an integer, not {with_article(num, 'a real number')}", operand.span)
        return None
    if num.static is None:
        cx.error(
            "E401",
            f"{what} must be known before the run",
            operand.span,
            ((operand.span, f"this {describe(num)} is only known while an event runs"),),
            ("use a constant, a `data` integer or len(...); for a random number of turns use `while ... limit`",),
        )
        return None
    if not whole(num.static):
        cx.error("E201", f"{what} must be an integer, not {num.static:g}", operand.span)
        return None
    for name in num.data:
        cx.sized_by[name] = cx.data_static[name]
    return int(num.static)


def dimensionless(cx: Context, operand: Operand, num: Num, what: str) -> bool:
    if num.type.dim.dimensionless:
        return True
    cx.error(
        "E204",
        f"{what} needs a dimensionless number, but this is {phrase(num.type.dim)}",
        operand.span,
        hints=(f"divide by a unit, e.g. {without_unit(operand.span.text, num.type.dim)}",),
    )
    return False


__all__ = [
    "BOOL",
    "INT",
    "REAL",
    "Operand",
    "arithmetic",
    "compare",
    "condition",
    "const",
    "negate",
    "op",
    "power",
    "static_int",
]
