"""Syntax trees as indented text, for ``hepppl dump``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from hepppl.diagnostics import Span


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
