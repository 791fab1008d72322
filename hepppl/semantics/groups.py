"""The processes that a run leads to: specialised to their argument types, their bodies elaborated together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from hepppl.diagnostics import Span
from hepppl.semantics import bodies
from hepppl.semantics.context import Binding, Context, Scope
from hepppl.semantics.ir import Node, Process, Region, Value
from hepppl.semantics.rewrite import rewritten
from hepppl.semantics.types import RecordType, Tensor, Type
from hepppl.semantics.values import (
    POISON,
    Num,
    Poison,
    Rec,
    Structured,
    is_constant,
    leaves,
    paths,
    storable,
    type_of,
)
from hepppl.syntax import ast


class Promote(Exception):
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
    """The processes that a run of ``root`` leads to. ``outer``: the group whose bodies hold that run, if any."""

    def __init__(self, root: str, environment: Mapping[str, Binding], outer: Group | None = None):
        self.root, self.outer = root, outer
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

    def around(self) -> Iterator[Group]:
        """This group and those that it runs in, innermost first."""
        group: Group | None = self
        while group is not None:
            yield group
            group = group.outer

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
        if not storable(value):
            message = f"'{name}' holds a number for each element: use the collection itself in a process"
            return cx.error("E215", message, span)
        self.captures[name] = value
        if name not in self.current.captured:
            self.current.captured[name], _ = cx.builder.adopt(value, name)
        return self.current.captured[name]


def group_for(cx: Context, item: ast.ProcessItem, values: list[Structured]) -> tuple[Group, Spec]:
    types = [None if isinstance(v, Poison) else type_of(v) for v in values]  # type: ignore[arg-type]
    for done in cx.specialised:
        spec = done.specs.get(cx.full(item))
        if spec is not None and spec.types == types and _same_captures(cx, done):
            return done, spec
    group = Group(cx.full(item), dict(_environment(cx)), cx.group)
    while True:
        saved = cx.snapshot()
        group.start_again()
        try:
            spec = specialise(cx, group, item, types)
            elaborate(cx, group)
        except Promote:
            cx.restore(saved)
            continue
        break
    if len(cx.diagnostics) > saved[0] or None in types:
        group.failed = True
    else:
        _finish(cx, group)
    cx.specialised.append(group)
    return group, spec


def _environment(cx: Context) -> Mapping[str, Binding]:
    """The names that the processes of a run may mention: those of the model, wherever the run stands."""
    return cx.scope.names if cx.group is None else cx.group.environment


def _same_captures(cx: Context, group: Group) -> bool:
    for name, old in group.captures.items():
        binding = _environment(cx).get(name)
        if binding is None or not storable(binding.value) or type_of(binding.value) != type_of(old):  # type: ignore[arg-type]
            return False
        if is_constant(old) and [leaf.static for leaf in leaves(old)] != [
            leaf.static for leaf in leaves(binding.value)
        ]:
            return False
        if is_constant(old) != is_constant(binding.value):
            return False
    return not group.failed


def specialise(cx: Context, group: Group, item: ast.ProcessItem, types: list[Type | None]) -> Spec:
    taken = {spec.key for g in (*cx.specialised, *group.around()) for spec in g.specs.values()}
    key, n = item.name, 1
    while key in taken:
        n += 1
        key = f"{item.name}_{n}"
    full = cx.full(item)
    spec = Spec(item, key, group.wider.get(full, types))
    group.specs[full] = spec
    group.queue.append(spec)
    cx.inlined.add(full)
    return spec


def elaborate(cx: Context, group: Group) -> None:
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
    group = Group(cx.full(item), {})
    while True:
        saved = cx.snapshot()
        group.start_again()
        specialise(cx, group, item, types)
        try:
            return elaborate(cx, group)
        except Promote:
            cx.restore(saved)


def body(cx: Context, spec: Spec) -> None:
    item = spec.item
    scope = Scope("process", item.name, later=bodies.first_bindings(item.body.stmts), path=f"{spec.key}.", item=item)
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
    return Rec(t.name, {n: placeholder(cx, f, f"{name}.{n}") for n, f in t.fields}, t.shape)


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
        handed = [v for n in names for v in cx.builder.values(spec.captured[n], spec.item.span)]
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


def finished(cx: Context) -> dict[str, Process]:
    """The processes of a program, by key."""
    return {
        spec.key: Process(spec.key, tuple(spec.formals), spec.body, group.fields, spec.item.span)
        for group in cx.specialised
        if not group.failed
        for spec in group.specs.values()
        if spec.body is not None
    }
