"""The outline as a picture, without any other program."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

import networkx as nx

from hepppl.graph.layout import HEAD, PAD, Box, layout
from hepppl.graph.outline import Link, Outline

_FILL = {
    "param": "#cfe3f5", "data": "#e4e4e4", "site": "#fff2c4", "observe": "#e4e4e4", "output": "#d3ecd0",
    "process": "#f3dff0", "reduce": "#ffffff", "weight": "#fbd9cf", "require": "#fbd9cf",
    "emit": "#f3dff0", "spawn": "#f3dff0",
}  # fmt: skip
_STYLE = (
    "text{font:12px Helvetica,Arial,sans-serif;fill:#222}.head{font-style:italic;fill:#555}"
    ".box{stroke:#555}.group{stroke:#999}.part{stroke:#bbb;stroke-dasharray:2 3}"
    ".link{fill:none;stroke:#444;stroke-width:1.1}.control{stroke:#999;stroke-dasharray:5 3}"
)


def to_svg(outline: Outline) -> str:
    """Boxes in rows, what depends on something below it. Solid lines carry a number, dashed ones a decision.

    A link that follows from others (there is a longer way between the same two boxes) is left out.
    """
    links = reduced(outline)
    root = layout(outline.items, links)
    boxes = {box.id: box for box in root.walk() if not box.children}
    width, height = root.width + PAD, root.height + PAD
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="model graph of {escape(outline.model)}">'
        f"<style>{_STYLE}</style>"
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 L8 4 L0 8 z" fill="#444"/></marker></defs>'
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="#ffffff"/>'
    )
    parts = [head]
    for child in root.children:
        parts.extend(_groups(child))
    parts.extend(_line(boxes[link.source], boxes[link.target], link.kind) for link in links)
    parts.extend(_leaf(box) for box in boxes.values())
    return "\n".join([*parts, "</svg>"]) + "\n"


def reduced(outline: Outline) -> list[Link]:
    """The links between single boxes that no longer way implies (for a link of data: a way of data alone); those that
    close a cycle are kept."""
    leaves = {item.id for item in outline.walk() if not item.sections}
    links = [link for link in outline.links if link.source in leaves and link.target in leaves]
    needed = {"data": _needed([link for link in links if link.kind == "data"]), "control": _needed(links)}
    return [link for link in links if link in needed[link.kind]]


def _needed(links: list[Link]) -> set[Link]:
    forward = nx.DiGraph()
    closing = set()
    for link in links:
        forward.add_nodes_from((link.source, link.target))
        if nx.has_path(forward, link.target, link.source):
            closing.add(link)
        else:
            forward.add_edge(link.source, link.target)
    kept = set(nx.transitive_reduction(forward).edges)
    return closing | {link for link in links if (link.source, link.target) in kept}


def _groups(box: Box) -> Iterator[str]:
    if not box.children:
        return
    look = "part" if box.kind == "section" else "group"
    yield (
        f'<rect class="{look}" x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" '
        f'rx="6" fill="{"#faf5fa" if box.kind == "definition" else "none"}"/>'
    )
    yield f'<text class="head" x="{box.x + PAD:.1f}" y="{box.y + HEAD - 5:.1f}">{escape(box.title)}</text>'
    for child in box.children:
        yield from _groups(child)


def _leaf(box: Box) -> str:
    round_ = box.height / 2 if box.kind in ("site", "observe") else 3
    y = box.y + box.height / 2 + 4
    return (
        f'<rect class="box" x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" '
        f'rx="{round_:.0f}" fill="{_FILL.get(box.kind, "#ffffff")}"/>'
        f'<text x="{box.centre:.1f}" y="{y:.1f}" text-anchor="middle">{escape(box.title)}</text>'
    )


def _line(source: Box, target: Box, kind: str) -> str:
    """From the lower edge of one box to the upper edge of another; a link upwards leaves and arrives at the sides."""
    look = "link control" if kind == "control" else "link"
    x0, y0, x1, y1 = source.centre, source.y + source.height, target.centre, target.y
    if y1 > y0:
        bend = min(max((y1 - y0) / 2, 12.0), 60.0)
        path = f"M{x0:.1f} {y0:.1f} C{x0:.1f} {y0 + bend:.1f} {x1:.1f} {y1 - bend:.1f} {x1:.1f} {y1 - 1:.1f}"
    else:
        x0, y0 = source.x + source.width, source.y + source.height / 2
        x1, y1 = target.x + target.width, target.y + target.height / 2
        out = max(x0, x1) + 30
        path = f"M{x0:.1f} {y0:.1f} C{out:.1f} {y0:.1f} {out:.1f} {y1:.1f} {x1 + 1:.1f} {y1:.1f}"
    return f'<path class="{look}" d="{path}" marker-end="url(#tip)"/>'
