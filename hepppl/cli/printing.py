"""Syntax trees and typed programs as indented text, for ``hepppl dump``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from hepppl.diagnostics import Span
from hepppl.graph import CollectionType, Dist, Node, Program, Region, Support, Tensor, Value
from hepppl.semantics.dims import name_of

# ---------------------------------------------------------------- syntax


def tree(node: Any, indent: str = "", name: str = "") -> Iterator[str]:
    """A line per node of a syntax tree: its class, its plain fields; spans are left out."""
    children, plain = [], []
    for field in fields(node):
        value = getattr(node, field.name)
        if isinstance(value, Span) or field.name.endswith("_spans"):
            continue
        if _has_nodes(value):
            children.append((field.name, value))
        elif value is not None and value != ():
            plain.append(f"{field.name}={value!r}")
    yield f"{indent}{name}{type(node).__name__}{' ' if plain else ''}{' '.join(plain)}"
    for label, value in children:
        yield from _branch(value, indent + "  ", f"{label}: ")


def _branch(value: Any, indent: str, name: str) -> Iterator[str]:
    if is_dataclass(value):
        yield from tree(value, indent, name)
    elif isinstance(value, tuple):
        for item in value:
            yield from _branch(item, indent, name)
    elif value is not None:
        yield f"{indent}{name}{value!r}"


def _has_nodes(value: Any) -> bool:
    if isinstance(value, tuple):
        return any(_has_nodes(item) for item in value)
    return is_dataclass(value) and not isinstance(value, Span)


# ---------------------------------------------------------------- typed programs


def program(typed: Program) -> Iterator[str]:
    """A line per node: results, operation, attributes, inputs, type."""
    yield f"model {typed.name}"
    for param in typed.params:
        support = f" in {_interval(param.support)}" if param.support else ""
        default = "" if param.default is None else f" = {param.default}"
        yield f"  param {param.name}: {type_text(param.value.type)}{support}{default}"
        if param.prior is not None:
            yield from _region("prior", param.prior, "    ")
    for item in typed.data:
        yield f"  data {item.name}: {type_text(item.value.type)}"
    yield from _region("body", typed.body, "  ")
    for output in typed.outputs:
        yield f"  output {output.name} = {_value(output.value)}{' (observed)' if output.observed else ''}"
    for key, process in typed.processes.items():
        emitted = ", ".join(f"{name or 'value'}: {type_text(kind)}" for name, kind in process.fields)
        yield f"process {key} emits ({emitted})"
        formals = ", ".join(f"{_value(v)}: {type_text(v.type)}" for v in process.formals)
        yield from _region(f"body({formals})", process.body, "  ")


def _region(title: str, region: Region, indent: str) -> Iterator[str]:
    params = f" ({', '.join(map(_value, region.params))})" if region.params and "(" not in title else ""
    yield f"{indent}{title}{params}:"
    for node in region.nodes:
        yield from _node(node, indent + "  ")
    if region.results:
        yield f"{indent}  -> {', '.join(map(_value, region.results))}"


def _node(node: Node, indent: str) -> Iterator[str]:
    results = ", ".join(f"{_value(r)}: {type_text(r.type)}" for r in node.results)
    attrs = ", ".join(
        f"{key}={_attribute(value, node)}" for key, value in node.attrs.items() if value not in (None, False)
    )
    inputs = ", ".join(map(_value, node.inputs))
    yield f"{indent}{results}{' = ' if results else ''}{node.op}({inputs}){f'  [{attrs}]' if attrs else ''}"
    names = {"branch": ("then", "else"), "while": ("cond", "body")}.get(node.op, ("body",))
    for title, region in zip(names, node.regions):
        yield from _region(title, region, indent + "  ")


def _attribute(value: Any, node: Node) -> str:
    if isinstance(value, Dist):
        return _law(value, node)
    return str(getattr(value, "name", value))


def _law(dist: Dist, node: Node) -> str:
    def argument(value: Any) -> str:
        if isinstance(value, Dist):
            return _law(value, node)
        if isinstance(value, tuple):
            return f"[{', '.join(argument(v) for v in value)}]"
        return _value(node.inputs[value])

    return f"{dist.name}({', '.join(f'{name}={argument(value)}' for name, value in dist.args)})"


def _value(value: Value) -> str:
    return f"%{value.id}{'.' + value.name if value.name else ''}"


def _interval(support: Support) -> str:
    low, high = "[" if support.low_closed else "(", "]" if support.high_closed else ")"
    return f"{low}{support.low:g}, {support.high:g}{high}"


def type_text(kind: Tensor | CollectionType) -> str:
    """``real``, ``length[3]``, ``collection(r: length)``."""
    if isinstance(kind, CollectionType):
        return f"collection({', '.join(f'{name or chr(95)}: {type_text(t)}' for name, t in kind.fields)})"
    base = kind.kind if kind.dim.dimensionless else name_of(kind.dim)
    return base + "".join(f"[{n}]" for n in kind.shape)
