"""Short ways to a tree, and to compare trees."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from hepppl.diagnostics import Source, Span
from hepppl.syntax import ast, parse


def file(text: str) -> ast.File:
    return parse(Source("test.hep", text))


def item(text: str) -> Any:
    (found,) = file(text).items
    return found


def stmt(text: str) -> Any:
    """The only statement of a model."""
    (found,) = item(f"model m {{\n{text}\n}}").body.stmts
    return found


def expr(text: str) -> Any:
    return stmt(f"return {text}").value


def plain(node: Any) -> Any:
    """A node without its places, as nested tuples: what two texts that mean the same have in common."""
    if isinstance(node, ast.File):
        return plain(node.items)
    if isinstance(node, ast.Node):
        parts = (getattr(node, field.name) for field in fields(node))
        return (type(node).__name__, *(plain(part) for part in parts if not _is_place(part)))
    return tuple(plain(part) for part in node) if isinstance(node, tuple) else node


def _is_place(part: Any) -> bool:
    return isinstance(part, Span) or (isinstance(part, tuple) and bool(part) and isinstance(part[0], Span))


def shape(node: Any) -> str:
    """An expression with all its structure in brackets: ``(a + (b * c))``."""
    match node:
        case ast.Binary():
            return f"({shape(node.left)} {node.op} {shape(node.right)})"
        case ast.Unary():
            return f"({node.op} {shape(node.operand)})"
        case ast.Compare():
            rest = "".join(f" {op} {shape(o)}" for op, o in zip(node.ops, node.operands[1:], strict=True))
            return f"({shape(node.operands[0])}{rest})"
        case ast.IfExpr():
            return f"(if {shape(node.cond)} then {shape(node.then)} else {shape(node.other)})"
        case ast.Lambda():
            return f"({node.param} -> {shape(node.body)})"
        case ast.Paren():
            return f"<{shape(node.inner)}>"
        case ast.Quantity():
            return f"{{{node.number.text} {node.unit.name}^{node.unit.power}}}"
        case ast.Call():
            args = ", ".join((f"{a.name} = " if a.name else "") + shape(a.value) for a in node.args)
            return f"{shape(node.func)}({args})"
        case ast.Index():
            return f"{shape(node.base)}[{', '.join(shape(i) for i in node.indices)}]"
        case ast.Slice():
            return f"{shape(node.low) if node.low else ''}..{shape(node.high) if node.high else ''}"
        case ast.Attr():
            return f"{shape(node.base)}.{node.name}"
        case ast.Name():
            return node.name
        case ast.Number():
            return node.text
        case ast.Bool():
            return str(node.value).lower()
        case ast.String():
            return f'"{node.value}"'
        case ast.ArrayLit():
            return f"[{', '.join(map(shape, node.items))}]"
        case ast.Record():
            return f"({', '.join(f'{a.name} = {shape(a.value)}' for a in node.fields)})"
        case ast.Comprehension():
            return f"[{shape(node.body)} for {node.var} in {shape(node.low)}..{shape(node.high)}]"
    raise AssertionError(node)
