"""`argmin(f, start)` and `root(f, low, high)`: nodes whose region is the function that is solved."""

from __future__ import annotations

import math

from hepppl.diagnostics import Span
from hepppl.semantics import calls, closures, expressions
from hepppl.semantics.arithmetic import Operand, dimension_error, scalar_of, to_kind
from hepppl.semantics.build import wrap
from hepppl.semantics.context import Context
from hepppl.semantics.dims import phrase
from hepppl.semantics.ir import Region
from hepppl.semantics.limits import MAX_UNKNOWNS
from hepppl.semantics.types import Tensor
from hepppl.semantics.values import (
    POISON,
    Fn,
    Num,
    Poison,
    Rec,
    Structured,
    leaves,
    plain,
    rebuild,
    with_article,
)
from hepppl.syntax import ast

PARAMS = {"argmin": ("f", "start"), "root": ("f", "low", "high")}


def solves(cx: Context, e: ast.Call, name: str) -> bool:
    """Whether a call is one of these; `argmin(a)` is the position of an array's least element."""
    if name == "root":
        return True
    first = e.args[0].value if e.args else None
    return name == "argmin" and (len(e.args) > 1 or (first is not None and closures.of(cx, first) is not None))


def solve(cx: Context, e: ast.Call, name: str) -> Structured:
    params = PARAMS[name]
    bound = calls.bind(cx, e.args, params, [True] * len(params), f"'{name}'", e.span)
    if bound is None:
        return POISON
    first, *rest = (a for a in bound if a is not None)
    function = closures.of(cx, first.value)
    if function is None:
        value = expressions.evaluate(cx, first.value)
        if not isinstance(value, Poison):
            message = f"'{name}' needs a function, not {with_article(value)}"
            cx.error("E226", message, first.span, hints=(_EXAMPLE[name],))
    given = [expressions.operand(cx, a.value) for a in rest]
    unknown = _start(cx, given[0]) if name == "argmin" else _interval(cx, *given)
    if function is None or unknown is None:
        return POISON
    return _node(cx, name, Operand(function, first.span), *unknown, e.span)


_EXAMPLE = {"argmin": "argmin(v -> (v - 1)^2, start = 0)", "root": "root(u -> u^2 - 2, 0, 2)"}


def _start(cx: Context, given: Operand) -> tuple[Num | Rec, list[Num]] | None:
    """Where the search starts: real numbers, arrays and records of them. The unknown, and the node's inputs."""
    value = given.value
    if isinstance(value, Poison):
        return None
    if not plain(value):
        cx.error("E201", f"'argmin' starts from numbers, not from {with_article(value)}", given.span)
        return None
    nums: list[Num] = []
    for leaf in leaves(value):
        if leaf.type.kind == "bool":
            cx.error("E201", f"'argmin' starts from numbers, not from {with_article(leaf)}", given.span)
            return None
        num = to_kind(cx, leaf, "real", given.span)
        if isinstance(num, Poison):
            return None
        nums.append(num)
    count = sum(math.prod(n.type.shape) for n in nums)
    if not 1 <= count <= MAX_UNKNOWNS:
        cx.error("E402", f"'argmin' has 1 to {MAX_UNKNOWNS} unknowns, not {count}", given.span)
        return None
    return rebuild(value, iter(nums)), nums  # type: ignore[return-value]


def _interval(cx: Context, low: Operand, high: Operand) -> tuple[Num, list[Num]] | None:
    ends: list[Num] = []
    for end in (low, high):
        num = scalar_of(cx, end, "an end of the interval of 'root'")
        num = to_kind(cx, num, "real", end.span) if isinstance(num, Num) else num
        if isinstance(num, Poison):
            continue
        if num.type.shape or num.space is not None or num.type.kind != "real":
            cx.error("E201", f"the interval of 'root' lies between two numbers, not {with_article(num)}", end.span)
            continue
        ends.append(num)
    if len(ends) < 2:
        return None
    a, b = ends
    if a.type.dim != b.type.dim:
        text = f"the interval of 'root' cannot go from {phrase(a.type.dim)} to {phrase(b.type.dim)}"
        dimension_error(cx, Operand(a, low.span), Operand(b, high.span), high.span, text)
        return None
    return a, ends


def _node(cx: Context, name: str, given: Operand, unknown: Num | Rec, inputs: list[Num], span: Span) -> Structured:
    """The node: its region takes the unknown, leaf by leaf, and gives the function's one value."""
    variable, params = cx.builder.adopt(unknown)
    with cx.builder.inside() as frame, cx.guarded():
        assert isinstance(given.value, Fn)
        value = closures.apply(cx, given.value, variable, given.span)
        num = to_kind(cx, value, "real", given.span) if isinstance(value, Num) else value
        if isinstance(num, Poison):
            return num
        if not isinstance(num, Num) or num.type.shape or num.space is not None or num.type.kind != "real":
            each = isinstance(num, Num) and num.space is not None
            what = "one for each element of a collection" if each else with_article(num)
            return cx.error("E226", f"the function of '{name}' must give one number, not {what}", given.span)
        result = cx.builder.value(num, span)
    region = Region(tuple(params), tuple(frame.nodes), (result,))
    types: list[Tensor] = [leaf.type for leaf in leaves(unknown)]
    op = {"argmin": "minimise", "root": "root"}[name]
    values = [cx.builder.value(n, span) for n in inputs]
    return wrap(unknown, cx.builder.node(op, values, types, span, regions=[region]))
