"""Processes: specialised to the types they are called with, run with `~`, `spawn` and `emit` inside."""

from __future__ import annotations

from typing import Any

from hepppl.diagnostics import Span
from hepppl.semantics import bodies, calls, expressions, groups, modules
from hepppl.semantics.arithmetic import static_int
from hepppl.semantics.context import Context, Scope
from hepppl.semantics.ir import Value
from hepppl.semantics.limits import MAX_PARTICLES
from hepppl.semantics.structure import accepts, convert
from hepppl.semantics.types import CollectionType, RecordType, Tensor, Type
from hepppl.semantics.values import (
    POISON,
    Fn,
    Num,
    Poison,
    Rec,
    Structured,
    describe,
    describe_type,
    is_constant,
    joined,
    paths,
    plain,
    type_of,
    with_article,
)
from hepppl.syntax import ast

# ---------------------------------------------------------------- drawing from a process


def named(cx: Context, dist: ast.Expr) -> tuple[ast.ProcessItem, ast.Call] | None:
    """The process that the right side of `~` calls, if it is one."""
    while isinstance(dist, ast.Paren):
        dist = dist.inner
    found = modules.table(cx, dist.func) if isinstance(dist, ast.Call) else None
    if found is None or found[1] not in found[0].processes:
        return None
    assert isinstance(dist, ast.Call)
    return found[0].processes[found[1]], dist


def branching(item: ast.ProcessItem) -> bool:
    return bodies.contains(item.body.stmts, ast.SpawnStmt, ast.EmitStmt)


def draw(cx: Context, stmt: ast.SampleStmt, item: ast.ProcessItem, call: ast.Call) -> Structured:
    """`x ~ proc(args)`: what a plain process returns, or the collection of what a branching one emits."""
    if stmt.by is not None:
        hint = f"write `by` at the sites inside '{item.name}'"
        cx.error(
            "E222",
            "`by` belongs to a distribution, not to a process",
            stmt.by.span,
            ((item.name_span, "a process"),),
            (hint,),
        )
    if not branching(item):
        if stmt.limit is not None:
            message = f"'{item.name}' does not spawn: it takes no `limit`"
            cx.error("E222", message, stmt.limit.span, ((item.name_span, "declared here"),))
        return _inline(cx, stmt, item, call)
    limit = _limit(cx, stmt, item)
    values = arguments(cx, item, call)
    if values is None:
        return POISON
    roots = [group.root for group in cx.group.around()][::-1] if cx.in_process() else []
    full = cx.full(item)
    if full in roots:
        chain = " -> ".join([*roots[roots.index(full) :], full])
        message = f"'{item.name}' runs itself ({chain})"
        hint = f"spawn {item.name}(...): what it emits joins the collection of the first"
        return cx.error("E224", message, stmt.span, ((item.name_span, "declared here"),), (hint,))
    number, name = cx.number(), cx.site_name(stmt.target.name)
    group, spec = groups.group_for(cx, item, values)
    if group.failed or limit is None or None in spec.types:  # of an argument only known to be wrong
        return POISON
    if not group.fields:
        return cx.error(
            "E223",
            f"nothing that '{item.name}' leads to emits anything",
            stmt.dist.span,
            ((item.name_span, "declared here"),),
        )
    inputs = _inputs(cx, spec, values, call.span)
    for captured, value in group.captures.items():
        if not is_constant(value):
            given = cx.group.capture(cx, captured, call.span) if cx.in_process() else cx.scope.names[captured].value
            inputs += cx.builder.values(given, call.span)
    attrs = {"process": spec.key, "limit": limit, "name": name, "number": number}
    (out,) = cx.builder.node(
        "process", inputs, [CollectionType(group.fields)], stmt.span, attrs, names=[stmt.target.name]
    )
    return cx.builder.collection(out, group.template)  # type: ignore[arg-type]


def _limit(cx: Context, stmt: ast.SampleStmt, item: ast.ProcessItem) -> int | None:
    if stmt.limit is None:
        message = f"'{item.name}' spawns: say how many particles may be alive at once"
        cx.error(
            "E222", message, stmt.dist.span, ((item.name_span, "declared here"),), (f"{stmt.span.text} limit 256",)
        )
        return None
    limit = static_int(cx, expressions.operand(cx, stmt.limit), "the limit of a process")
    if limit is not None and not 1 <= limit <= MAX_PARTICLES:
        cx.error("E402", f"the limit of a process must lie between 1 and {MAX_PARTICLES:,}", stmt.limit.span)
        return None
    return limit


def arguments(cx: Context, item: ast.ProcessItem, call: ast.Call) -> list[Structured] | None:
    """The arguments in the order of the formals, as values of the declared types."""
    params = [f.name for f in item.formals]
    required = [f.default is None for f in item.formals]
    bound = calls.bind(cx, call.args, params, required, f"'{item.name}'", call.span, item.name_span)
    if bound is None:
        for given in call.args:
            expressions.evaluate(cx, given.value)
        return None
    values: list[Structured] = []
    for formal, arg in zip(item.formals, bound, strict=True):
        value = calls.argument(cx, formal, arg, item)
        if not isinstance(value, Poison) and not plain(value):
            span = arg.span if arg is not None else call.span
            value = cx.error(
                "E215",
                f"a process takes values of the event, not {with_article(value)}",
                span,
                hints=() if isinstance(value, Fn) else ("reduce it first",),
            )
        values.append(value)
    return values


def _inline(cx: Context, stmt: ast.SampleStmt, item: ast.ProcessItem, call: ast.Call) -> Structured:
    """A process that neither spawns nor emits: its sites become ``x.site``."""
    values = arguments(cx, item, call)
    if values is None:
        return POISON
    full = cx.full(item)
    if full in cx.calls:
        chain = " -> ".join([*cx.calls[cx.calls.index(full) :], full])
        return cx.error(
            "E224",
            f"'{item.name}' runs itself ({chain})",
            call.span,
            ((item.name_span, "declared here"),),
            ("use `spawn`, or a loop",),
        )
    cx.inlined.add(full)
    path = f"{cx.scope.path}{stmt.target.name}."
    cx.calls.append(full)
    try:
        return submodel(cx, item, values, path)
    finally:
        cx.calls.pop()


def submodel(cx: Context, item: ast.ProcessItem, values: list[Structured], path: str) -> Structured:
    later = bodies.first_bindings(item.body.stmts)
    scope = Scope("submodel", item.name, later=later, path=path, outer=cx.scope, item=item)
    with cx.within(scope):
        for formal, value in zip(item.formals, values, strict=True):
            cx.bind(formal.name, value, formal.span, "argument")
        if not bodies.contains(item.body.stmts, ast.ReturnStmt):  # reported where it is declared
            bodies.execute(cx, item.body)
            return POISON
        return bodies.run(cx, item.body.stmts, item.name_span, f"the process '{item.name}'").value


def _inputs(cx: Context, spec: groups.Spec, values: list[Structured], span: Span) -> list[Value]:
    inputs: list[Value] = []
    for value, t in zip(values, spec.types, strict=True):
        assert t is not None
        inputs += cx.builder.values(convert(cx, value, t, span), span)  # type: ignore[arg-type]
    return inputs


# ---------------------------------------------------------------- statements inside a process


def spawn(cx: Context, stmt: ast.SpawnStmt) -> None:
    """`spawn proc(args)`: one more particle to follow."""
    found = named(cx, stmt.call)
    if found is None:
        for arg in stmt.call.args:
            expressions.evaluate(cx, arg.value)
        name, near = stmt.call.func.span.text, modules.table(cx, stmt.call.func)
        hint = cx.close_to(name, [near[2] + p for p in near[0].processes]) if near else None
        what, labels = f"there is no process '{name}'", tuple[tuple[Span, str], ...]()
        if near and near[1] in near[0].functions:
            what = f"'{name}' is a function, not a process"
            labels = ((near[0].functions[near[1]].name_span, "declared here"),)
        cx.error("E312", what, stmt.call.func.span, labels, (hint,))
        return
    item, call = found
    values = arguments(cx, item, call)
    if values is None:
        return
    if not branching(item):
        message = f"'{item.name}' neither spawns nor emits: draw from it instead"
        cx.error("E216", message, stmt.call.span, ((item.name_span, "declared here"),), (f"x ~ {item.name}(...)",))
        return
    group: groups.Group = cx.group
    types = [None if isinstance(v, Poison) else type_of(v) for v in values]  # type: ignore[arg-type]
    spec = group.specs.get(cx.full(item))
    if spec is None:
        spec = groups.specialise(cx, group, item, types)
    if None in types or None in spec.types:
        return
    for formal, arg_type, known in zip(item.formals, types, spec.types, strict=True):
        assert arg_type is not None
        assert known is not None
        if accepts(known, arg_type):
            continue
        both = joined(known, arg_type)
        if both is not None:
            group.wider[cx.full(item)] = [joined(a, b) or a for a, b in zip(spec.types, types, strict=True)]  # type: ignore[arg-type]
            raise groups.Promote
        differ = f"{describe_type(known)} in its first call, but {describe_type(arg_type)} here"
        message = f"'{formal.name}' of '{item.name}' is {differ}"
        cx.error("E214", message, stmt.call.span, ((formal.span, "declared here, without a type"),))
        return
    cx.builder.node("spawn", _inputs(cx, spec, values, stmt.span), [], stmt.span, {"process": spec.key})


def emit(cx: Context, stmt: ast.EmitStmt) -> None:
    """`emit e`: one element of the collection."""
    given = expressions.operand(cx, stmt.value)
    value = given.value
    if isinstance(value, Poison):
        return
    group: groups.Group = cx.group
    if not plain(value):
        cx.error("E201", f"a process emits numbers and records, not {with_article(value)}", given.span)
        return
    if isinstance(value, Rec) and not value.fields:
        cx.error("E201", "an empty record holds nothing to emit", given.span)
        return
    if isinstance(group.template, Poison):
        group.template = value
    else:
        both = joined(type_of(group.template), type_of(value))  # type: ignore[arg-type]
        if both is None:
            first = group.emissions[0]
            labels = ((first.span, describe(first.value)), (given.span, describe(value)))
            cx.error(
                "E213",
                "all that is emitted must be of one type",
                given.span,
                labels,
                (_difference(first.value, value),),
            )
            return
        group.template = _template(both)
    group.emissions.append(groups.Emission(value, given.span))
    attrs = {"fields": tuple(name for name, _ in paths(value))}
    cx.builder.node("emit", cx.builder.values(value, stmt.span), [], stmt.span, attrs)


def _template(t: Type) -> Structured:
    if isinstance(t, Tensor):
        return Num(t)
    assert isinstance(t, RecordType)
    return Rec(t.name, {n: _template(f) for n, f in t.fields}, t.shape)


def _difference(first: Structured, second: Structured) -> str | None:
    """The first field in which two records differ, for a hint."""
    if not isinstance(first, Rec) or not isinstance(second, Rec):
        return None
    for name in [*first.fields, *second.fields]:
        a: Any = first.fields.get(name)
        b: Any = second.fields.get(name)
        if a is None or b is None:
            return f"the field '{name}' is missing from the {'first' if a is None else 'second'}"
        if joined(type_of(a), type_of(b)) is None:
            return f"the field '{name}' is {describe(a)} in one and {describe(b)} in the other"
    return None
