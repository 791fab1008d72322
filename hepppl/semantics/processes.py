"""Processes: specialised to the types they are called with, run with `~`, `spawn` and `emit` inside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hepppl.diagnostics import Span
from hepppl.semantics import bodies, calls, declared, expressions
from hepppl.semantics.arithmetic import Operand, static_int
from hepppl.semantics.build import wrap
from hepppl.semantics.context import Binding, Context, Scope
from hepppl.semantics.ir import Node, Process, Region, Value
from hepppl.semantics.limits import MAX_PARTICLES
from hepppl.semantics.rewrite import rewritten
from hepppl.semantics.structure import accepts, convert
from hepppl.semantics.types import CollectionType, RecordType, Tensor, Type
from hepppl.semantics.values import (
    POISON, Coll, Num, Poison, Rec, Space, Structured, describe, describe_type, is_constant, joined, leaves, paths, rebuild, type_of, with_article,
)
from hepppl.syntax import ast


class _Promote(Exception):
    """A later call gives real numbers where the first one gave integers: start again with the wider types."""


@dataclass
class Spec:
    """One process of a group, for one list of argument types."""

    item: ast.ProcessItem
    key: str
    types: list[Type | None]  # of the arguments; None where erroneous
    formals: list[Value] = field(default_factory=list)
    captured: dict[str, Structured] = field(default_factory=dict)
    body: Region | None = None


@dataclass
class Emission:
    value: Structured
    span: Span


class Group:
    """The processes that a run leads to."""

    def __init__(self, environment: Mapping[str, Binding]):
        self.environment = environment
        self.wider: dict[str, list[Type | None]] = {}
        self.start_again()

    def start_again(self) -> None:
        self.specs: dict[str, Spec] = {}
        self.queue: list[Spec] = []
        self.current: Spec | None = None
        self.emissions: list[Emission] = []
        self.captures: dict[str, Structured] = {}  # names of the model that bodies mention
        self.external: dict[str, tuple[Spec, Group]] = {}
        self.fields: tuple[tuple[str, Tensor], ...] = ()
        self.template: Structured = POISON
        self.failed = False

    def capture(self, cx: Context, name: str, span: Span) -> Structured | None:
        """A name of the model that a process mentions becomes one more formal; None where there is none."""
        binding = self.environment.get(name)
        if binding is None or self.current is None or binding.why is not None:
            return None
        value = binding.value
        if isinstance(value, Poison) or is_constant(value):
            if not isinstance(value, Poison):
                self.captures[name] = value
            return value
        if not isinstance(value, (Num, Rec)) or any(leaf.space for leaf in leaves(value)):
            return cx.error("E708", f"a process cannot use the collection '{name}' of the model", span)
        self.captures[name] = value
        if name not in self.current.captured:
            self.current.captured[name], _ = cx.builder.adopt(value, name)
        return self.current.captured[name]


# ---------------------------------------------------------------- drawing from a process


def named(cx: Context, dist: ast.Expr) -> tuple[ast.ProcessItem, ast.Call] | None:
    """The process that the right side of `~` calls, if it is one."""
    while isinstance(dist, ast.Paren):
        dist = dist.inner
    if isinstance(dist, ast.Call) and isinstance(dist.func, ast.Name) and dist.func.name in cx.processes:
        return cx.processes[dist.func.name], dist
    return None


def branching(item: ast.ProcessItem) -> bool:
    return bodies.contains(item.body.stmts, ast.SpawnStmt, ast.EmitStmt)


def draw(cx: Context, stmt: ast.SampleStmt, item: ast.ProcessItem, call: ast.Call) -> Structured:
    """`x ~ proc(args)`: what a plain process returns, or the collection of what a branching one emits."""
    if stmt.by is not None:
        hint = f"write `by` at the sites inside '{item.name}'"
        cx.error("E222", "`by` belongs to a distribution, not to a process", stmt.by.span, ((item.name_span, "a process"),), (hint,))
    if not branching(item):
        if stmt.limit is not None:
            message = f"'{item.name}' does not spawn: it takes no `limit`"
            cx.error("E222", message, stmt.limit.span, ((item.name_span, "declared here"),))
        return _inline(cx, stmt, item, call)
    limit = _limit(cx, stmt, item)
    values = arguments(cx, item, call)
    if values is None:
        return POISON
    if cx.in_process():
        return cx.error("E707", "a process that spawns cannot run inside another one yet", stmt.span, hints=(f"spawn {item.name}(...)",))
    number, name = cx.number(), cx.site_name(stmt.target.name)
    group, spec = _group(cx, item, values)
    if group.failed or limit is None:
        return POISON
    if not group.fields:
        return cx.error("E223", f"nothing that '{item.name}' leads to emits anything", stmt.dist.span, ((item.name_span, "declared here"),))
    inputs = _inputs(cx, spec, values, call.span)
    for captured, value in group.captures.items():
        inputs += cx.builder.values(cx.scope.names[captured].value, call.span) if not is_constant(value) else []
    attrs = {"process": spec.key, "limit": limit, "name": name, "number": number}
    (out,) = cx.builder.node("process", inputs, [CollectionType(group.fields)], stmt.span, attrs, names=[stmt.target.name])
    fresh = tuple(cx.builder.fresh(t, f) for f, t in group.fields)
    space = Space(out, fresh)
    element = rebuild(group.template, iter([Num(v.type, v, None, space) for v in fresh]))  # type: ignore[arg-type]
    return Coll(out, element, space)  # type: ignore[arg-type]


def _limit(cx: Context, stmt: ast.SampleStmt, item: ast.ProcessItem) -> int | None:
    if stmt.limit is None:
        message = f"'{item.name}' spawns: say how many particles may be alive at once"
        cx.error("E222", message, stmt.dist.span, ((item.name_span, "declared here"),), (f"{stmt.span.text} limit 256",))
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
        for arg in call.args:
            expressions.evaluate(cx, arg.value)
        return None
    values: list[Structured] = []
    for formal, arg in zip(item.formals, bound, strict=True):
        value = calls.argument(cx, formal, arg, item.name)
        if not isinstance(value, (Num, Rec, Poison)) or any(leaf.space for leaf in leaves(value)):
            span = arg.span if arg is not None else call.span
            value = cx.error("E215", f"a process takes values of the event, not {with_article(value)}", span, hints=("reduce it first",))
        values.append(value)
    return values


def _inline(cx: Context, stmt: ast.SampleStmt, item: ast.ProcessItem, call: ast.Call) -> Structured:
    """A process that neither spawns nor emits: its sites become ``x.site``."""
    values = arguments(cx, item, call)
    if values is None:
        return POISON
    if item.name in cx.calls:
        chain = " -> ".join([*cx.calls[cx.calls.index(item.name) :], item.name])
        return cx.error("E224", f"'{item.name}' runs itself ({chain})", call.span, ((item.name_span, "declared here"),), ("use `spawn`, or a loop",))
    cx.inlined.add(item.name)
    path = f"{cx.scope.path}{stmt.target.name}."
    cx.calls.append(item.name)
    try:
        return submodel(cx, item, values, path)
    finally:
        cx.calls.pop()


def submodel(cx: Context, item: ast.ProcessItem, values: list[Structured], path: str) -> Structured:
    scope = Scope("submodel", item.name, later=bodies.first_bindings(item.body.stmts), path=path, outer=cx.scope)
    with cx.within(scope):
        for formal, value in zip(item.formals, values, strict=True):
            cx.bind(formal.name, value, formal.span, "argument")
        return bodies.run(cx, item.body.stmts, item.name_span, f"the process '{item.name}'").value


# ---------------------------------------------------------------- groups


def _group(cx: Context, item: ast.ProcessItem, values: list[Structured]) -> tuple[Group, Spec]:
    types = [None if isinstance(v, Poison) else type_of(v) for v in values]  # type: ignore[arg-type]
    for done in cx.specialised:
        spec = done.specs.get(item.name)
        if spec is not None and spec.types == types and _same_captures(cx, done):
            return done, spec
    group = Group(dict(cx.scope.names))
    while True:
        saved = cx.snapshot()
        group.start_again()
        try:
            spec = _specialise(cx, group, item, types)
            _elaborate(cx, group)
        except _Promote:
            cx.restore(saved)
            continue
        break
    if len(cx.diagnostics) > saved[0] or None in types:
        group.failed = True
    else:
        _finish(cx, group)
    cx.specialised.append(group)
    return group, spec


def _same_captures(cx: Context, group: Group) -> bool:
    for name, old in group.captures.items():
        binding = cx.scope.names.get(name)
        if binding is None or not isinstance(binding.value, (Num, Rec)) or type_of(binding.value) != type_of(old):  # type: ignore[arg-type]
            return False
        if is_constant(old) and [leaf.static for leaf in leaves(old)] != [leaf.static for leaf in leaves(binding.value)]:
            return False
        if is_constant(old) != is_constant(binding.value):
            return False
    return not group.failed


def _specialise(cx: Context, group: Group, item: ast.ProcessItem, types: list[Type | None]) -> Spec:
    taken = {spec.key for done in cx.specialised for spec in done.specs.values()}
    key, n = item.name, 1
    while key in taken:
        n += 1
        key = f"{item.name}_{n}"
    spec = Spec(item, key, group.wider.get(item.name, types))
    group.specs[item.name] = spec
    group.queue.append(spec)
    cx.inlined.add(item.name)
    return spec


def _elaborate(cx: Context, group: Group) -> None:
    """The bodies of all processes that the first one leads to."""
    outer = cx.group
    cx.group = group
    try:
        while group.queue:
            spec = group.current = group.queue.pop(0)
            body(cx, spec)
    finally:
        cx.group = outer


def elaborate_alone(cx: Context, item: ast.ProcessItem, values: list[Structured]) -> None:
    """Elaborate a process that nothing runs, for its errors only."""
    types = [None if isinstance(v, Poison) else type_of(v) for v in values]  # type: ignore[arg-type]
    group = Group({})
    while True:
        saved = cx.snapshot()
        group.start_again()
        _specialise(cx, group, item, types)
        try:
            return _elaborate(cx, group)
        except _Promote:
            cx.restore(saved)


def body(cx: Context, spec: Spec) -> None:
    item = spec.item
    scope = Scope("process", item.name, later=bodies.first_bindings(item.body.stmts), path=f"{spec.key}.")
    with cx.builder.inside(sealed=True) as frame, cx.within(scope):
        for formal, t in zip(item.formals, spec.types, strict=True):
            if t is None:
                cx.bind(formal.name, POISON, formal.span, "argument")
                continue
            value = placeholder(cx, t, formal.name)
            spec.formals += [leaf.value for leaf in leaves(value) if leaf.value is not None]
            cx.bind(formal.name, value, formal.span, "argument")
        bodies.execute(cx, item.body)
    spec.body = Region((), tuple(frame.nodes), ())


def placeholder(cx: Context, t: Type, name: str) -> Structured:
    """A value of a type, known only while an event runs."""
    if isinstance(t, Tensor):
        return Num(t, cx.builder.fresh(t, name))
    assert isinstance(t, RecordType)
    return Rec(t.name, {n: placeholder(cx, f, f"{name}.{n}") for n, f in t.fields}, t.shape)  # type: ignore[arg-type]


def _finish(cx: Context, group: Group) -> None:
    """Settle what is emitted, and hand captured values down to every process of the group."""
    if group.emissions:
        fields = list(paths(group.template))
        group.fields = tuple((name, leaf.type) for name, leaf in fields)
    names = [n for n, value in group.captures.items() if not is_constant(value)]
    for spec in group.specs.values():
        for name in names:
            if name not in spec.captured:
                spec.captured[name], _ = cx.builder.adopt(group.captures[name], name)
        handed = [leaf.value for n in names for leaf in leaves(spec.captured[n]) if leaf.value is not None]
        spec.formals += handed
        assert spec.body is not None

        def patched(node: Node, handed: list[Value] = handed) -> list[Node]:
            if node.op == "spawn":
                return [Node("spawn", (*node.inputs, *handed), (), node.span, node.attrs)]
            return _emitted(cx, group, node) if node.op == "emit" else [node]

        spec.body = rewritten(spec.body, patched)


def _emitted(cx: Context, group: Group, node: Node) -> list[Node]:
    """An `emit` with its fields in the common order and of the common kinds."""
    given = dict(zip(node.attrs["fields"], node.inputs, strict=True))
    nodes, inputs = [], []
    for name, t in group.fields:
        value = given[name]
        if value.type != t:
            assert isinstance(value.type, Tensor)
            new = cx.builder.fresh(t)
            nodes.append(Node("to_real" if t.kind == "real" else "to_int", (value,), (new,), node.span))
            value = new
        inputs.append(value)
    return [*nodes, Node("emit", tuple(inputs), (), node.span)]


def _inputs(cx: Context, spec: Spec, values: list[Structured], span: Span) -> list[Value]:
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
        name = stmt.call.func.name if isinstance(stmt.call.func, ast.Name) else None
        hint = cx.close_to(name, cx.processes) if name else None
        cx.error("E312", f"there is no process '{name or stmt.call.func.span.text}'", stmt.call.func.span, hints=(hint,))
        return
    item, call = found
    values = arguments(cx, item, call)
    if values is None:
        return
    if not branching(item):
        message = f"'{item.name}' neither spawns nor emits: draw from it instead"
        cx.error("E216", message, stmt.call.span, ((item.name_span, "declared here"),), (f"x ~ {item.name}(...)",))
        return
    group: Group = cx.group
    types = [None if isinstance(v, Poison) else type_of(v) for v in values]  # type: ignore[arg-type]
    spec = group.specs.get(item.name)
    if spec is None:
        spec = _specialise(cx, group, item, types)
    if None in types or None in spec.types:
        return
    for formal, arg_type, known in zip(item.formals, types, spec.types, strict=True):
        assert arg_type is not None and known is not None
        if accepts(known, arg_type):
            continue
        both = joined(known, arg_type)
        if both is not None:
            group.wider[item.name] = [joined(a, b) or a for a, b in zip(spec.types, types, strict=True)]  # type: ignore[arg-type]
            raise _Promote
        message = f"'{formal.name}' of '{item.name}' is {describe_type(known)} in its first call, but {describe_type(arg_type)} here"
        cx.error("E214", message, stmt.call.span, ((formal.span, "declared here, without a type"),))
        return
    cx.builder.node("spawn", _inputs(cx, spec, values, stmt.span), [], stmt.span, {"process": spec.key})


def emit(cx: Context, stmt: ast.EmitStmt) -> None:
    """`emit e`: one element of the collection."""
    given = expressions.operand(cx, stmt.value)
    value = given.value
    if isinstance(value, Poison):
        return
    group: Group = cx.group
    if not isinstance(value, (Num, Rec)):
        cx.error("E201", f"a process emits numbers and records, not {with_article(value)}", given.span)
        return
    if any(leaf.type.shape for leaf in leaves(value)):
        cx.error("E708", "a process cannot emit arrays yet", given.span, ((given.span, describe(value)),))
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
            cx.error("E213", "all that is emitted must be of one type", given.span, labels, (_difference(first.value, value),))
            return
        group.template = _template(both)
    group.emissions.append(Emission(value, given.span))
    attrs = {"fields": tuple(name for name, _ in paths(value))}
    cx.builder.node("emit", cx.builder.values(value, stmt.span), [], stmt.span, attrs)


def _template(t: Type) -> Structured:
    if isinstance(t, Tensor):
        return Num(t)
    assert isinstance(t, RecordType)
    return Rec(t.name, {n: _template(f) for n, f in t.fields}, t.shape)  # type: ignore[misc]


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


def finished(cx: Context) -> dict[str, Process]:
    """The processes of a program, by key."""
    return {
        spec.key: Process(spec.key, tuple(spec.formals), spec.body, group.fields, spec.item.span)
        for group in cx.specialised
        if not group.failed
        for spec in group.specs.values()
        if spec.body is not None
    }


__all__ = ["Group", "branching", "declared", "draw", "emit", "finished", "named", "spawn", "wrap"]
