"""How deep a syntax tree is. Everything after the parser walks trees by recursion and relies on this limit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from hepppl.syntax import ast
from hepppl.syntax.report import MAX_DEPTH, Report


def children(node: ast.Node) -> Iterator[ast.Node]:
    """The nodes directly below a node, in the order of its fields."""
    for field in fields(node):
        value = getattr(node, field.name)
        if isinstance(value, ast.Node):
            yield value
        elif isinstance(value, tuple):
            for element in value:
                if isinstance(element, ast.Node):
                    yield element
                elif isinstance(element, tuple):
                    yield from (e for e in element if isinstance(e, ast.Node))


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
    report.add("E107", f"this is part of more than {MAX_DEPTH} nested operations", level[0].span, *hints)
