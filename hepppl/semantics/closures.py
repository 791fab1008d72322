"""Functions given as arguments: `x -> e`, or the name of a function. Like every function they are inlined."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hepppl.diagnostics import Span
from hepppl.semantics import calls, expressions, functions, modules
from hepppl.semantics.arithmetic import Operand
from hepppl.semantics.build import TooLarge
from hepppl.semantics.context import Binding, Context, Scope
from hepppl.semantics.limits import MAX_CALLS
from hepppl.semantics.values import Fn, Structured
from hepppl.syntax import ast


@dataclass(frozen=True)
class Lambda:
    """`x -> e` where it was written: the names that it saw there, and the calls that led there."""

    expr: ast.Lambda
    scope: Scope
    calls: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Given(ast.Expr):
    """A value that is worked out already, as an argument."""

    value: Structured


def operand(cx: Context, expr: ast.Expr) -> Operand:
    """An argument: a function where the expression names one, or else its value."""
    function = of(cx, expr)
    return expressions.operand(cx, expr) if function is None else Operand(function, expr.span)


def of(cx: Context, expr: ast.Expr) -> Fn | None:
    """The function that an expression names; None where it is anything else."""
    while isinstance(expr, ast.Paren):
        expr = expr.inner
    if isinstance(expr, ast.Lambda):
        scope = replace(cx.scope, names=dict(cx.scope.names))
        return Fn("x -> ...", Lambda(expr, scope, tuple(cx.calls)))
    if isinstance(expr, ast.Name) and expr.name in cx.scope.names:
        return bound(cx, expr)
    found = modules.table(cx, expr)
    if found is None or (not found[2] and (found[1] in found[0].constants or found[1] in cx.scope.later)):
        return None
    table, name, alias = found
    if name in table.functions:
        return Fn(alias + name, table.functions[name])
    return Fn(name, name) if not alias and name in functions.table() else None


def bound(cx: Context, expr: ast.Expr) -> Fn | None:
    """The function that a name is bound to, as the argument of a function."""
    value = cx.scope.names[expr.name].value if isinstance(expr, ast.Name) and expr.name in cx.scope.names else None
    return value if isinstance(value, Fn) else None


def call(cx: Context, function: Fn, e: ast.Call) -> Structured:
    """What a function gives for the arguments of a call, elaborated where the call stands."""
    if isinstance(function.target, str):
        return calls.builtin(cx, e, function.target)
    if isinstance(function.target, Lambda):
        return _apply(cx, function.target, e)
    return calls.of_file(cx, function.target, e)


def apply(cx: Context, function: Fn, value: Structured, span: Span) -> Structured:
    """A function of one value."""
    e = ast.Call(span, ast.Name(span, function.name), (ast.Arg(span, None, None, Given(span, value)),))
    return call(cx, function, e)


def _apply(cx: Context, function: Lambda, e: ast.Call) -> Structured:
    formal, where = function.expr.param, function.expr.param_span
    given = calls.bind(cx, e.args, [formal], [True], "this function", e.span, where)
    if given is None or given[0] is None:
        calls.evaluated(cx, e)
        return expressions.POISON
    value = operand(cx, given[0].value).value
    names = {**function.scope.names, formal: Binding(value, "argument", where)}
    outer, cx.calls = cx.calls, [*function.calls, f"{formal} -> ..."]
    cx.closures += 1
    if cx.closures > MAX_CALLS:
        raise TooLarge(f"functions are nested more than {MAX_CALLS} deep", e.span)
    try:
        with cx.within(replace(function.scope, names=names)):
            return expressions.evaluate(cx, function.expr.body)
    finally:
        cx.calls = outer
        cx.closures -= 1
