"""The syntax tree as text, one node a line: `hepppl dump --stage ast`."""

from __future__ import annotations

from dataclasses import fields

from hepppl.diagnostics import Span
from hepppl.syntax import ast


def dump(file: ast.Node, positions: bool = True) -> str:
    """A readable, indented tree: each node with what it holds and, unless told otherwise, its line and column."""
    lines: list[str] = []
    _node(file, "", 0, positions, lines)
    return "\n".join(lines) + "\n"


def _node(node: ast.Node, label: str, level: int, positions: bool, lines: list[str]) -> None:
    plain: list[str] = []
    below: list[tuple[str, object]] = []
    for field in fields(node):
        value = getattr(node, field.name)
        if isinstance(value, Span) or value is None or value == () or field.name in ("op_span", "op_spans"):
            continue
        if isinstance(value, ast.Node | ast.Comment) or (isinstance(value, tuple) and not isinstance(value[0], str)):
            below.append((field.name, value))
        else:
            plain.append(f"{field.name}={value!r}" if field.name != "text" else repr(value))
    place = f" @{node.span.line}:{node.span.column}" if positions else ""
    lines.append(f"{'  ' * level}{label}{type(node).__name__}{''.join(f' {p}' for p in plain)}{place}")
    for name, value in below:
        _below(name, value, level + 1, positions, lines)


def _below(name: str, value: object, level: int, positions: bool, lines: list[str]) -> None:
    if isinstance(value, ast.Node):
        _node(value, f"{name}: ", level, positions, lines)
    elif isinstance(value, ast.Comment):
        lines.append(
            f"{'  ' * level}{value.text!r}" + (f" @{value.span.line}:{value.span.column}" if positions else "")
        )
    elif isinstance(value, tuple):
        lines.append(f"{'  ' * level}{name}:")
        for i, element in enumerate(value):
            _below(str(i), element, level + 1, positions, lines)
    else:
        lines.append(f"{'  ' * level}{name}: none")
