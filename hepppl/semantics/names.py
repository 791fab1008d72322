"""What a name refers to: a local value, a constant of the file, a unit, a constant of nature."""

from __future__ import annotations

from collections.abc import Iterator

from hepppl import distributions
from hepppl.diagnostics import Span
from hepppl.semantics import declared, functions, units
from hepppl.semantics.context import Binding, Context, Scope
from hepppl.semantics.modules import Module
from hepppl.semantics.types import Tensor
from hepppl.semantics.values import POISON, Fn, Num, Structured
from hepppl.syntax import ast


def lookup(cx: Context, name: str, span: Span) -> Structured:
    """The value of a name at this place, or a diagnostic."""
    scope = cx.scope
    binding = scope.names.get(name)
    if binding is not None:
        return _use(cx, binding, name, span)
    if name in scope.later:
        return _once(
            cx, name, "E301", f"'{name}' is used before it is given a value", span, (scope.later[name], "given here")
        )
    if name in cx.constants:
        return file_constant(cx, cx.constants[name])
    if name in units.CONSTANTS:
        value, dim = units.CONSTANTS[name]
        return Num(Tensor("real", dim), None, value)
    if name in cx.units or name in cx.unit_items:
        unit = unit_named(cx, name, span)
        return POISON if unit is None else Num(Tensor("real", unit[1]), None, unit[0])
    # What is left are names of the model that runs the process. They come last: what a process means never changes
    # because the model binds one more name.
    outer = scope.outer
    while outer is not None:
        if name in outer.names:
            return _use(cx, outer.names[name], name, span)
        outer = outer.outer
    if cx.group is not None and scope.body in ("process", "submodel"):
        captured = cx.group.capture(cx, name, span)
        if captured is not None:
            return captured
    return _undefined(cx, name, span)


def _use(cx: Context, binding: Binding, name: str, span: Span) -> Structured:
    if binding.why is not None:
        first, *_ = binding.why.message.split("\n")
        return _once(
            cx,
            name,
            binding.why.code,
            first,
            span,
            *((x.span, x.text) for x in binding.why.labels),
            hints=binding.why.hints,
        )
    outer = cx.scope.plate_outer
    if outer is not None and name in outer and outer[name] is None:
        outer[name] = span
    if isinstance(binding.value, Fn):
        return _once(cx, name, "E211", f"'{name}' is a function, not a value", span, hints=(f"call it: {name}(...)",))
    return binding.value


def _once(
    cx: Context, name: str, code: str, message: str, span: Span, *labels: tuple[Span, str], hints: tuple[str, ...] = ()
) -> Structured:
    """Report a faulty name at its first use in a body; the uses that follow stay silent."""
    item = cx.scope.item
    key = (item.span if item is not None else None, cx.scope.body, cx.scope.name, name)
    if key not in cx.reported:
        cx.reported.add(key)
        cx.error(code, message, span, labels, hints)
    return POISON


def _undefined(cx: Context, name: str, span: Span) -> Structured:
    labels: list[tuple[Span, str]] = []
    if name in cx.module.spaces:
        hint = f"name something of it: {name}.{next(iter(cx.module.spaces[name].own.names()), '...')}"
        return _once(cx, name, "E211", f"'{name}' is an imported file, not a value", span, hints=(hint,))
    for table, word, use in (
        (cx.functions, "function", f"call it: {name}(...)"),
        (cx.processes, "process", f"draw from it: x ~ {name}(...)"),
        (cx.records, "type", f"make one: {name}(...)"),
        (cx.models, "model", None),
    ):
        if name in table:
            labels.append((table[name].name_span, "declared here"))
            return _once(
                cx, name, "E211", f"'{name}' is a {word}, not a value", span, *labels, hints=(use,) if use else ()
            )
    if name in functions.names():
        return _once(cx, name, "E211", f"'{name}' is a function, not a value", span, hints=(f"call it: {name}(...)",))
    if name in distributions.known():
        hint = f"draw from it: x ~ {name}(...)"
        return _once(cx, name, "E211", f"'{name}' is a distribution, not a value", span, hints=(hint,))
    hints = [cx.close_to(name, visible(cx))]
    if hints == [None] and cx.scope.body == "function" and name in cx.model_names:
        labels.append((cx.model_names[name], "a name of the model"))
        hints = ["a function sees its arguments and the constants of the file: pass it as an argument"]
    return _once(cx, name, "E301", f"'{name}' is not defined", span, *labels, hints=tuple(h for h in hints if h))


def imported(cx: Context, e: ast.Attr, module: Module) -> Structured:
    """The value of `kin.name`: a constant, or a unit of an imported file."""
    table, alias = module.own, e.base.span.text
    if e.name in table.constants:
        return file_constant(cx, table.constants[e.name])
    if e.name in table.units:
        unit = declared.user_unit(cx, table.units[e.name])
        return POISON if unit is None else Num(Tensor("real", unit[1]), None, unit[0])
    item = table.get(e.name)
    if item is not None:
        word = {ast.TypeItem: "type", ast.ProcessItem: "process"}.get(type(item), "function")
        label = ((item.name_span, "declared here"),)
        return cx.error("E211", f"'{alias}.{e.name}' is a {word}, not a value", e.span, label)
    hint = cx.close_to(e.name, [*table.constants, *table.units])
    return cx.error("E301", f"'{e.name}' is not defined in {module.source.name}", e.name_span, hints=(hint,))


def visible(cx: Context) -> Iterator[str]:
    """Names that could have been meant, nearest surroundings first."""
    yield from cx.scope.names
    yield from cx.scope.later
    yield from cx.constants
    yield from units.CONSTANTS
    yield from (u for u in cx.units if len(u) > 1)


def file_constant(cx: Context, item: ast.ConstStmt) -> Structured:
    """A constant of a file, worked out at its first use, in any order."""
    from hepppl.semantics.statements import constant_value

    key = item.name_span
    if key not in cx.memo:
        cx.memo[key] = None
        with cx.within(Scope("constant", item.name, item=item)):
            cx.memo[key] = constant_value(cx, item)
    if cx.memo[key] is None:
        cx.memo[key] = cx.error("E306", f"the constant '{item.name}' is defined in terms of itself", item.name_span)
    return cx.memo[key]


def unit_named(cx: Context, name: str, span: Span) -> declared.Unit | None:
    """Factor to base units and dimension of a unit by name; None after an error."""
    if name in cx.unit_items:
        return declared.user_unit(cx, cx.unit_items[name])
    if name in cx.units:
        return cx.units[name]
    hints = units.unit_hints(name, [*cx.unit_items, *cx.units])
    if name in cx.scope.names and not hints:
        hints = (f"to multiply, write * between the number and '{name}'",)
    cx.error("E311", f"there is no unit '{name}'", span, hints=hints)
    return None
