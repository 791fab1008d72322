"""The outline as indented text, and as a `dot` file."""

from __future__ import annotations

from collections.abc import Iterator

from hepppl.graph.outline import Item, Outline


def to_text(outline: Outline) -> str:
    """A tree: one line per item with its source line; ``<-`` what it is computed from, ``?-`` what decides about it."""
    names = {item.id: _short(item) for item in outline.walk()}
    lines = [(f"model {outline.model}", "", "")]
    for item in outline.items:
        lines.extend(_lines(item, 1, outline, names))
    width = max(len(text) for text, _, _ in lines)
    number = max(len(line) for _, line, _ in lines)
    return "\n".join(f"{text:<{width}}  {line:>{number}}  {rest}".rstrip() for text, line, rest in lines) + "\n"


def _lines(item: Item, depth: int, outline: Outline, names: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    parts = []
    for sign, kind in (("<-", "data"), ("?-", "control")):
        sources = list(dict.fromkeys(names[s] for s in outline.sources(item.id, kind)))
        if sources:
            parts.append(f"{sign} {', '.join(sources)}")
    yield "    " * depth + _headed(item), str(item.line), "  ".join(parts)
    for name, items in item.sections:
        inner = depth + 1
        if name == "else":
            yield "    " * depth + "else", "", ""
        for child in items:
            yield from _lines(child, inner, outline, names)


def _headed(item: Item) -> str:
    return f"site {item.title}" if item.kind == "site" else item.title


def _short(item: Item) -> str:
    if item.kind == "emit":
        return f"emit:{item.line}"
    return item.title.removeprefix("param ").removeprefix("data ").removeprefix("observe ").split(" ~ ")[0]


_SHAPES = {
    "param": "box, style=filled, fillcolor=lightblue",
    "data": "box, style=filled, fillcolor=lightgrey",
    "site": "ellipse, style=filled, fillcolor=lightyellow",
    "observe": "ellipse, style=filled, fillcolor=lightgrey",
    "output": "box, style=filled, fillcolor=palegreen",
}


def to_dot(outline: Outline) -> str:
    """The same for Graphviz: clusters for branches, loops, plates and processes; dashed edges for control."""
    lines = [f"digraph {_quoted(outline.model)} {{", "    node [fontname=Helvetica, shape=box];"]
    clusters = {item.id for item in outline.walk() if item.sections}
    for item in outline.items:
        lines.extend(_dot_lines(item, 1))
    for link in outline.links:
        if link.source in clusters or link.target in clusters:
            continue
        style = " [style=dashed]" if link.kind == "control" else ""
        lines.append(f"    {_quoted(link.source)} -> {_quoted(link.target)}{style};")
    return "\n".join([*lines, "}"]) + "\n"


def _dot_lines(item: Item, depth: int) -> Iterator[str]:
    pad = "    " * depth
    if not item.sections:
        yield f"{pad}{_quoted(item.id)} [label={_quoted(item.title)}, shape={_SHAPES.get(item.kind, 'box')}];"
        return
    yield f"{pad}subgraph {_quoted('cluster_' + item.id)} {{"
    yield f"{pad}    label={_quoted(item.title)};"
    for _, items in item.sections:
        for child in items:
            yield from _dot_lines(child, depth + 1)
    yield f"{pad}}}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
