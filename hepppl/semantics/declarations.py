"""`param`, `data`: what the caller of a model gives."""

from __future__ import annotations

import math
from typing import Any

from hepppl.diagnostics import Span
from hepppl.semantics import declared, expressions, statements
from hepppl.semantics.arithmetic import Operand
from hepppl.semantics.build import check_integers
from hepppl.semantics.context import Context
from hepppl.semantics.dims import phrase, readable_unit
from hepppl.semantics.folding import FoldError
from hepppl.semantics.ir import OPS, Data, Node, Param, Region, Support, Value
from hepppl.semantics.laws import law
from hepppl.semantics.structure import fit
from hepppl.semantics.types import Dim, RecordType, Tensor, Type
from hepppl.semantics.values import (
    POISON,
    Num,
    Poison,
    Rec,
    Structured,
    describe,
    describe_type,
    is_constant,
    leaves,
    with_article,
)
from hepppl.syntax import ast

# ---------------------------------------------------------------- param


def param(cx: Context, stmt: ast.ParamStmt) -> None:
    """A parameter; its type comes from its annotation, its default or its prior."""
    free = statements.declare(cx, stmt.name, stmt.name_span)
    annotated = declared.type_of_expr(cx, stmt.type) if stmt.type is not None else None
    default = expressions.operand(cx, stmt.default) if stmt.default is not None else None
    prior, prior_type = _prior(cx, stmt) if stmt.prior is not None else (None, None)
    target = _type(cx, stmt, annotated, default, prior_type)
    failed = target is None or (stmt.prior is not None and prior_type is None)
    if target is None:
        if free:
            cx.bind(stmt.name, POISON, stmt.name_span, "param")
        return
    if prior_type is not None and (prior_type.kind != "real" or prior_type.dim != target.dim):
        assert stmt.prior is not None
        labels = ((stmt.prior.span, describe(Num(prior_type))),)
        cx.error(
            "E206",
            f"the prior of '{stmt.name}' draws {with_article(prior_type)}, but the parameter is {phrase(target.dim)}",
            stmt.prior.span,
            labels,
        )
        failed = True
    support = _support(cx, stmt, target.dim) if stmt.support is not None else None
    value = _default(cx, stmt, default, target, annotated is not None) if default is not None else None
    if support is not None and value is not None and stmt.default is not None:
        _inside(cx, stmt, support, value, target.dim)
    if not free:
        return
    (node,) = cx.builder.node("param", [], [target], stmt.span, {"name": stmt.name}, names=[stmt.name])
    cx.bind(stmt.name, POISON if failed else Num(target, node), stmt.name_span, "param")
    cx.params.append(Param(stmt.name, node, support, value, prior, stmt.span))


def _type(
    cx: Context, stmt: ast.ParamStmt, annotated: Type | None, default: Operand | None, prior: Tensor | None
) -> Tensor | None:
    if stmt.type is not None:
        if annotated is None:
            return None
        if not isinstance(annotated, Tensor) or annotated.kind != "real":
            hint = f"an input without gradient is `data {stmt.name}: {stmt.type.span.text}`"
            cx.error(
                "E201",
                f"a parameter must be a real number, not {describe_type(annotated)}",
                stmt.type.span,
                hints=(hint,),
            )
            return None
        return annotated
    if default is not None:
        value = default.value
        if isinstance(value, Poison):
            return None
        if not isinstance(value, Num) or value.type.kind == "bool":
            cx.error("E201", f"a parameter must be a real number, not {with_article(value)}", default.span)
            return None
        return Tensor("real", value.type.dim, value.type.shape)
    if stmt.prior is not None:
        return Tensor("real", prior.dim) if prior is not None else None
    hint = f"write for example: param {stmt.name}: real = 1"
    cx.error(
        "E410",
        f"the parameter '{stmt.name}' has neither a type nor a default nor a prior",
        stmt.name_span,
        hints=(hint,),
    )
    return None


def _prior(cx: Context, stmt: ast.ParamStmt) -> tuple[Region | None, Tensor | None]:
    """The prior as a region that ends in its site. Its number is given at the end, after all sites of the body.

    The region stands by itself: it refers to parameters and data of the model, and copies what is computed from them.
    """
    assert stmt.prior is not None
    inputs: list[Value] = []
    before = len(cx.diagnostics)
    with cx.builder.inside(sealed=True) as frame:
        found = law(cx, stmt.prior, inputs)
        if found is None:
            return None, None
    nodes = _self_contained(cx, frame.nodes, inputs, stmt.prior.span)
    if len(cx.diagnostics) > before:
        return None, None
    attrs = {"dist": found.dist, "name": stmt.name, "number": 0, "by": None, "observed": False}
    value = cx.builder.fresh(found.type, stmt.name)
    return Region((), (*nodes, Node("site", tuple(inputs), (value,), stmt.prior.span, attrs)), (value,)), found.type


def _self_contained(cx: Context, own: list[Node], inputs: list[Value], span: Span) -> list[Node]:
    """The nodes that ``inputs`` (changed in place) need, those of the model's body copied."""
    made = {v: node for node in [*cx.builder.frame.nodes, *own] for v in node.results}
    mine = set(own)
    copies: dict[Value, Value] = {}
    nodes: list[Node] = []

    def needed(value: Value) -> Value:
        node = made[value]
        if value in copies or node.op in ("param", "data"):
            return copies.get(value, value)
        if node.op not in OPS and node.op != "const":
            cx.error("E401", "a prior can depend on parameters, data and constants only", span)
            return value
        copy = Node(node.op, tuple(map(needed, node.inputs)), _copied(node), node.span, node.attrs)
        nodes.append(copy)
        copies.update(zip(node.results, copy.results, strict=True))
        return copies[value]

    def _copied(node: Node) -> tuple[Value, ...]:
        return node.results if node in mine else tuple(cx.builder.fresh(v.type, v.name) for v in node.results)

    inputs[:] = [needed(v) for v in inputs]
    return nodes


def _constant(cx: Context, given: Operand, what: str) -> bool:
    if isinstance(given.value, Poison):
        return False
    if not is_constant(given.value):
        cx.error("E401", f"{what} must be a constant", given.span)
        return False
    return True


def _default(cx: Context, stmt: ast.ParamStmt, given: Operand, target: Tensor, annotated: bool) -> Any:
    what = f"the default of '{stmt.name}'"
    if not _constant(cx, given, what):
        return None
    fitted = fit(cx, given, target, what, stmt.type.span if stmt.type is not None and annotated else None)
    if isinstance(fitted, Poison) or not isinstance(fitted, Num):
        return None
    return fitted.static


def _support(cx: Context, stmt: ast.ParamStmt, dim: Dim) -> Support | None:
    interval = stmt.support
    assert interval is not None
    ends: list[float] = []
    for expr in (interval.low, interval.high):
        given = expressions.operand(cx, expr)
        if not _constant(cx, given, f"the support of '{stmt.name}'"):
            continue
        num = given.value
        infinite = isinstance(num, Num) and not num.type.shape and num.type.kind == "real" and math.isinf(num.static)
        if infinite:
            assert isinstance(num, Num)
            ends.append(num.static)
            continue
        fitted = fit(cx, given, Tensor("real", dim), f"the support of '{stmt.name}'", None)
        if isinstance(fitted, Num):
            ends.append(fitted.static)
    if len(ends) < 2:
        return None
    if not ends[0] < ends[1]:
        hint = f"write ({interval.high.span.text}, {interval.low.span.text})" if ends[0] > ends[1] else None
        cx.error(
            "E407",
            f"the support of '{stmt.name}' is empty: its lower end does not lie below its upper end",
            interval.span,
            hints=(hint,),
        )
        return None
    return Support(
        ends[0],
        ends[1],
        interval.low_closed and math.isfinite(ends[0]),
        interval.high_closed and math.isfinite(ends[1]),
    )


def _inside(cx: Context, stmt: ast.ParamStmt, support: Support, value: Any, dim: Dim) -> None:
    def outside(x: Any) -> bool:
        return any(map(outside, x)) if isinstance(x, tuple) else not support.contains(x)

    assert stmt.default is not None
    assert stmt.support is not None
    if outside(value):
        unit = f" {readable_unit(dim)}" if not dim.dimensionless else ""
        shown = "" if isinstance(value, tuple) else f" ({value:g}{unit})"
        message = f"the default of '{stmt.name}'{shown} lies outside its support"
        cx.error("E406", message, stmt.default.span, ((stmt.support.span, "the support"),))


# ---------------------------------------------------------------- data


def data(cx: Context, stmt: ast.DataStmt) -> None:
    """An input. A given (or default) integer may size arrays: the program is then specialised to it."""
    free = statements.declare(cx, stmt.name, stmt.name_span)
    default = expressions.operand(cx, stmt.default) if stmt.default is not None else None
    target = _data_type(cx, stmt, default)
    if target is None:
        if free:
            cx.bind(stmt.name, POISON, stmt.name_span, "data")
        return
    if isinstance(target, RecordType):
        value = _record(cx, stmt, default, target)
        if free:
            cx.bind(stmt.name, value, stmt.name_span, "data")
        return
    fitted = _data_default(cx, stmt, default, target)
    static = fitted.static if isinstance(fitted, Num) else None
    if not free:
        return
    (node,) = cx.builder.node("data", [], [target], stmt.span, {"name": stmt.name}, names=[stmt.name])
    cx.data.append(Data(stmt.name, node, static, stmt.span))
    known = None
    if target.kind == "int" and not target.shape:
        known = _given_int(cx, stmt.name, stmt.name_span) if stmt.name in cx.given else static
        if known is None and stmt.name in cx.given:
            cx.bind(stmt.name, POISON, stmt.name_span, "data")
            return
        if known is not None:
            cx.data_static[stmt.name] = known
    names = frozenset([stmt.name]) if known is not None else frozenset()
    cx.bind(stmt.name, Num(target, node, known, None, names), stmt.name_span, "data")


def _record(cx: Context, stmt: ast.DataStmt, default: Operand | None, target: RecordType) -> Structured:
    """One input for each number or array in a record, ``track.pt``; of an array of records, an array for each."""

    def build(t: Type, name: str, known: Structured) -> Structured:
        if isinstance(t, RecordType):
            inner = known.fields if isinstance(known, Rec) else {}
            return Rec(t.name, {n: build(f, f"{name}.{n}", inner.get(n, POISON)) for n, f in t.fields}, t.shape)
        assert isinstance(t, Tensor)
        (node,) = cx.builder.node("data", [], [t], stmt.span, {"name": name}, names=[name])
        cx.data.append(Data(name, node, known.static if isinstance(known, Num) else None, stmt.span))
        return Num(t, node)

    return build(target, stmt.name, _data_default(cx, stmt, default, target))


def _data_default(cx: Context, stmt: ast.DataStmt, default: Operand | None, target: Tensor | RecordType) -> Structured:
    """The default as a value of the type; without one, or where data of another length are given, nothing."""
    what = f"the default of '{stmt.name}'"
    if default is None or (_given(cx, stmt.name) is not None and _other_length(default.value, target)):
        return POISON
    if not _constant(cx, default, what):
        return POISON
    fitted = fit(cx, default, target, what, stmt.type.span)
    for leaf in [] if isinstance(fitted, Poison) else leaves(fitted):
        if leaf.type.kind == "int" and leaf.static is not None:
            try:
                check_integers(leaf.static)
            except FoldError as error:
                return cx.error(error.code, error.message, default.span)
    return fitted


def _other_length(value: Structured, target: Tensor | RecordType) -> bool:
    """Whether a default would fit but for its length."""
    if isinstance(value, Num) and isinstance(target, Tensor):
        return value.type.dim == target.dim and value.type.shape != target.shape
    return isinstance(value, Rec) and isinstance(target, RecordType) and value.shape != target.shape


def _given(cx: Context, name: str) -> Any:
    """What is given for data, or for a field of theirs; None where nothing is."""
    return next((value for key, value in cx.given.items() if key == name or key.startswith(f"{name}.")), None)


def _given_int(cx: Context, name: str, span: Span) -> int | None:
    try:
        value = int(cx.given[name])
        if value == cx.given[name]:
            return value
    except (TypeError, ValueError):
        pass
    cx.error("E412", f"the given '{name}' must be an integer, not {cx.given[name]!r}", span)
    return None


def _data_type(cx: Context, stmt: ast.DataStmt, default: Operand | None) -> Tensor | RecordType | None:
    """The declared type; empty brackets take their lengths from what is given, from the default, or for checking alone
    a stand-in."""
    lengths = list(stmt.type.lengths)
    if None in lengths:
        shape = _given_shape(cx, stmt, default)
        if shape is None:
            return None
        open_type = ast.TypeExpr(stmt.type.span, stmt.type.name, stmt.type.unit, ())
        inner = declared.type_of_expr(cx, open_type)
        full = []
        for n, expr in zip(shape, lengths, strict=True):
            size = n if expr is None else declared.length(cx, expr)
            if size is None:
                return None
            full.append(size)
        if inner is None or not declared.sizes_fit(cx, tuple(full), stmt.type.span):
            return None
        target: Type | None = declared.with_shape(inner, tuple(full))
        cx.sized_by[stmt.name] = tuple(full)
    else:
        target = declared.type_of_expr(cx, stmt.type)
    if target is None:
        return None
    assert isinstance(target, Tensor | RecordType)
    return target


def _given_shape(cx: Context, stmt: ast.DataStmt, default: Operand | None) -> tuple[int, ...] | None:
    rank = len(stmt.type.lengths)
    inner = _given(cx, stmt.name)
    if inner is not None:
        shape = []
        for _ in range(rank):
            if not hasattr(inner, "__len__") or isinstance(inner, str) or len(inner) == 0:
                cx.error("E412", f"the given '{stmt.name}' must be an array with {rank} axes", stmt.name_span)
                return None
            shape.append(len(inner))
            inner = inner[0]
        return tuple(shape)
    if default is not None and isinstance(default.value, (Num, Rec)):
        found = default.value.type.shape if isinstance(default.value, Num) else default.value.shape
        if len(found) == rank:
            return found
    if default is None or not isinstance(default.value, Poison):
        cx.unsized[stmt.name] = stmt.type.span
        return (cx.stand_in,) * rank
    return None
