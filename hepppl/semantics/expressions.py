"""Expressions: from syntax to values."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from hepppl.diagnostics import Span
from hepppl.semantics import calls, choice, closures, fourvectors, indexing, modules, names
from hepppl.semantics.arithmetic import (
    Operand,
    arithmetic,
    compare,
    condition,
    const,
    logic,
    negate,
    op,
    scalar_of,
    to_kind,
)
from hepppl.semantics.build import TooLarge
from hepppl.semantics.context import Context
from hepppl.semantics.folding import FoldError
from hepppl.semantics.limits import MAX_STEPS
from hepppl.semantics.structure import stack
from hepppl.semantics.types import BOOL, Tensor
from hepppl.semantics.values import POISON, Coll, Num, Poison, Rec, Slots, Structured, describe
from hepppl.syntax import ast


def evaluate(cx: Context, expr: ast.Expr) -> Structured:
    """The value of an expression in the current scope; poisoned after a diagnostic."""
    cx.steps += 1
    if cx.steps > MAX_STEPS:
        raise TooLarge(f"the program is too large: more than {MAX_STEPS:,} expressions, functions inlined", expr.span)
    try:
        return _rules()[type(expr)](cx, expr)
    except FoldError as error:
        return cx.error(error.code, error.message, expr.span)


def operand(cx: Context, expr: ast.Expr) -> Operand:
    return Operand(evaluate(cx, expr), expr.span)


def _number(cx: Context, e: ast.Number) -> Structured:
    return const(e.value)


def _quantity(cx: Context, e: ast.Quantity) -> Structured:
    found = names.unit_named(cx, e.unit.name, e.unit.span)
    if found is None:
        return POISON
    factor, dim = found
    try:
        value = float(e.number.value) * factor**e.unit.power
    except OverflowError:
        return cx.error("E405", "this quantity is out of range in base units", e.span)
    return Num(Tensor("real", dim**e.unit.power), None, value)


def _name(cx: Context, e: ast.Name) -> Structured:
    return names.lookup(cx, e.name, e.span)


def _string(cx: Context, e: ast.String) -> Structured:
    return cx.error(
        "E201", "a text in quotes is only understood by mass, width and charge", e.span, hints=('mass("Z0")',)
    )


def _bool(cx: Context, e: ast.Bool) -> Structured:
    return Num(BOOL, None, e.value)


def _paren(cx: Context, e: ast.Paren) -> Structured:
    return evaluate(cx, e.inner)


def _unary(cx: Context, e: ast.Unary) -> Structured:
    x = operand(cx, e.operand)
    if e.op == "-":
        return negate(cx, x, e.span)
    if e.op == "not":
        value = condition(cx, x, "the operand of 'not'")
        return value if isinstance(value, Poison) else op(cx, "not", [value], value.type, e.span)
    if isinstance(x.value, Rec):
        return x.value
    num = scalar_of(cx, x, "'+'")
    return num if isinstance(num, Poison) else to_kind(cx, num, "int", e.span)


def _binary(cx: Context, e: ast.Binary) -> Structured:
    """A chain such as `a + b - c` leans left: walk down its spine rather than recurse."""
    spine = []
    left: ast.Expr = e
    while isinstance(left, ast.Binary):
        spine.append(left)
        left = left.left
    value = operand(cx, left)
    for node in reversed(spine):
        if node.op in ("and", "or"):
            new = choice.short_circuit(cx, node, value)
        else:
            new = arithmetic(cx, node.op, value, operand(cx, node.right), node.op_span)
        value = Operand(new, node.span)
    return value.value


def _compare(cx: Context, e: ast.Compare) -> Structured:
    values = [operand(cx, x) for x in e.operands]
    result: Num | None = None
    failed = False
    for left, right, symbol, op_span in zip(values, values[1:], e.ops, e.op_spans, strict=False):
        one = compare(cx, symbol, left, right, op_span)
        if isinstance(one, Poison):
            failed = True
        elif result is None:
            result = one
        else:
            both = logic(cx, "and", result, one, e.span, op_span)
            if isinstance(both, Poison):
                return both
            result = both
    return POISON if failed or result is None else result


def _if(cx: Context, e: ast.IfExpr) -> Structured:
    return choice.if_expression(cx, e)


def _lambda(cx: Context, e: ast.Lambda) -> Structured:
    hint = "pass it to argmin, root or a function of yours, or give it a name: fn f(x) = ..."
    return cx.error("E226", "a function is no value: it can only be an argument", e.span, hints=(hint,))


def _attr(cx: Context, e: ast.Attr) -> Structured:
    module = modules.space(cx, e)
    if module is not None:
        return names.imported(cx, e, module)
    base = operand(cx, e.base)
    value = base.value
    if isinstance(value, Poison):
        return value
    if isinstance(value, Coll):
        value = value.element
    if isinstance(value, Slots):
        return cx.error("E201", f"inside the plate only {value} is known", e.base.span)
    if isinstance(value, Rec):
        if e.name in value.fields:
            return value.fields[e.name]
        if value.name == "p4" and e.name in fourvectors.DERIVED:
            return fourvectors.derived(cx, value, e.name, e.span)
        known = [*value.fields, *(fourvectors.DERIVED if value.name == "p4" else ())]
        hint = cx.close_to(e.name, known) or (f"it has: {', '.join(known)}" if known else None)
        what = f"'{value.name}'" if value.name else "this record"
        return cx.error("E210", f"{what} has no field '{e.name}'", e.name_span, hints=(hint,))
    return cx.error("E210", f"this {describe(value)} has no fields", e.name_span, ((e.base.span, describe(value)),))


def _record(cx: Context, e: ast.Record) -> Structured:
    fields: dict[str, Structured] = {}
    seen: dict[str, Span] = {}
    for arg in e.fields:
        assert arg.name is not None
        assert arg.name_span is not None
        if arg.name in seen:
            cx.error(
                "E302", f"the field '{arg.name}' is given twice", arg.name_span, ((seen[arg.name], "first given here"),)
            )
        seen[arg.name] = arg.name_span
        value = evaluate(cx, arg.value)
        if isinstance(value, Slots):
            value = cx.error("E201", f"inside the plate only {value} is known", arg.value.span)
        fields[arg.name] = value
    return POISON if any(isinstance(v, Poison) for v in fields.values()) else Rec(None, fields)


def _array(cx: Context, e: ast.ArrayLit) -> Structured:
    if not e.items:
        return cx.error("E402", "an array needs at least one element", e.span)
    return stack(cx, [operand(cx, item) for item in e.items], e.span)


@cache
def _rules() -> dict[type, Callable[[Context, Any], Structured]]:
    return {
        ast.Number: _number,
        ast.Quantity: _quantity,
        ast.Name: _name,
        ast.String: _string,
        ast.Bool: _bool,
        ast.Paren: _paren,
        ast.Unary: _unary,
        ast.Binary: _binary,
        ast.Compare: _compare,
        ast.IfExpr: _if,
        ast.Lambda: _lambda,
        ast.Call: calls.call,
        ast.Index: indexing.index,
        ast.Attr: _attr,
        ast.Record: _record,
        ast.ArrayLit: _array,
        ast.Comprehension: indexing.comprehension,
        closures.Given: lambda cx, e: e.value,
    }
