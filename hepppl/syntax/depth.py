"""How deep a syntax tree is. Everything after the parser walks trees by recursion and relies on this limit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from hepppl.syntax import ast
from hepppl.syntax.report import MAX_DEPTH, Report


def children(node: ast.Node) -> Iterator[ast.Node]:
    """The nodes directly below a node, in the order of its fields."""
    for name in _names(type(node)):
        value = getattr(node, name)
        if isinstance(value, ast.Node):
            yield value
        elif isinstance(value, tuple):
            for element in value:
                if isinstance(element, ast.Node):
                    yield element
                elif isinstance(element, tuple):
                    yield from (e for e in element if isinstance(e, ast.Node))


_NAMES: dict[type, tuple[str, ...]] = {}


def _names(kind: type[ast.Node]) -> tuple[str, ...]:
    if kind not in _NAMES:
        _NAMES[kind] = tuple(field.name for field in fields(kind) if field.name != "span")
    return _NAMES[kind]


def check_depth(item: ast.Node, report: Report) -> None:
    """Report the first place where an item is deeper than `MAX_DEPTH`. Itself without recursion."""
    if item.span.end - item.span.start <= MAX_DEPTH:
        return  # each level takes at least one character
    level: list[ast.Node] = [item]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in children(node)]
        if not level:
            return
    hints = ("give parts of it names of their own",)
    report.add("E107", f"this stands inside more than {MAX_DEPTH} nested operations and blocks", level[0].span, *hints)
