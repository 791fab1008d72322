"""A layered layout of nested boxes (Sugiyama's method, once per box, inner boxes first), in plain Python.

Positions are in pixels, y downwards. Links point down: each level's boxes are put into rows by longest path, ordered by
the barycentre of their neighbours, and then moved sideways as close to their neighbours as the widths allow.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from hepppl.graph.outline import Item, Link

GAP_X, GAP_Y, PAD, HEAD, HEIGHT, CHAR = 18.0, 34.0, 12.0, 22.0, 26.0, 6.7


@dataclass(eq=False)
class Box:
    """``x``, ``y``: the upper left corner, relative to the box around it until `place` makes it absolute."""

    id: str
    kind: str
    title: str
    children: list[Box] = field(default_factory=list)
    width: float = 0.0
    height: float = HEIGHT
    x: float = 0.0
    y: float = 0.0

    @property
    def centre(self) -> float:
        return self.x + self.width / 2

    def walk(self) -> Iterable[Box]:
        yield self
        for child in self.children:
            yield from child.walk()


def layout(items: Sequence[Item], links: Sequence[Link]) -> Box:
    """The root box (without a title), with absolute positions."""
    root = Box("", "root", "", [_box(item) for item in items])
    _arrange(root, links)
    _place(root, 0.0, 0.0)
    return root


def _box(item: Item) -> Box:
    if len(item.sections) == 1 and item.kind != "branch":
        children = [_box(child) for child in item.sections[0][1]]
    else:
        children = [
            Box(f"{item.id}/{name}", "section", name, [_box(child) for child in inside])
            for name, inside in item.sections
        ]
    return Box(item.id, item.kind, item.title, children)


def _arrange(box: Box, links: Sequence[Link]) -> None:
    """Sizes of everything inside, and positions relative to their parents."""
    text = len(box.title) * CHAR + 2 * PAD
    if not box.children:
        box.width = text
        return
    for child in box.children:
        _arrange(child, links)
    rows = _rows(box.children, _between(box.children, links))
    head = HEAD + 4 if box.title else 0.0
    y = PAD + head
    for row in rows:
        for child in row:
            child.y = y
        y += max(child.height for child in row) + GAP_Y
    box.width = max(text, max(child.x + child.width for child in box.children) + PAD)
    box.height = y - GAP_Y + PAD


def _between(children: Sequence[Box], links: Sequence[Link]) -> list[tuple[Box, Box]]:
    """Links lifted to this level: from the child that holds the source to the child that holds the target."""
    home = {inner.id: child for child in children for inner in child.walk()}
    pairs: dict[tuple[Box, Box], None] = {}
    for link in links:
        source, target = home.get(link.source), home.get(link.target)
        if source is not None and target is not None and source is not target:
            pairs[source, target] = None
    return list(pairs)


def _rows(children: Sequence[Box], pairs: Sequence[tuple[Box, Box]]) -> list[list[Box]]:
    """Children in rows, ordered, with ``x`` set. Long links get narrow stand-ins, so that room is left for them."""
    down = _acyclic(children, pairs)
    level = _levels(children, down)
    rows: list[list[Box]] = [[] for _ in range(max(level.values()) + 1)]
    for child in children:
        rows[level[child]].append(child)
    steps: list[tuple[Box, Box]] = []
    for source, target in down:
        chain = [source]
        for between in range(level[source] + 1, level[target]):
            stand_in = Box("", "stand-in", "", width=6.0, height=0.0)
            rows[between].append(stand_in)
            chain.append(stand_in)
        steps.extend(pairwise([*chain, target]))
    _order(rows, steps)
    _spread(rows, steps)
    return [[box for box in row if box.kind != "stand-in"] for row in rows]


def _acyclic(children: Sequence[Box], pairs: Sequence[tuple[Box, Box]]) -> list[tuple[Box, Box]]:
    """The links without those that would close a cycle, found depth first in program order."""
    after: dict[Box, list[Box]] = {child: [] for child in children}
    for source, target in pairs:
        after[source].append(target)
    kept: list[tuple[Box, Box]] = []
    state: dict[Box, int] = {}

    def visit(box: Box) -> None:
        state[box] = 1
        for target in after[box]:
            if state.get(target) != 1:
                kept.append((box, target))
            if target not in state:
                visit(target)
        state[box] = 2

    for child in children:
        if child not in state:
            visit(child)
    return kept


def _levels(children: Sequence[Box], down: Sequence[tuple[Box, Box]]) -> dict[Box, int]:
    level = dict.fromkeys(children, 0)
    for _ in children:
        moved = False
        for source, target in down:
            if level[target] <= level[source]:
                level[target] = level[source] + 1
                moved = True
        if not moved:
            break
    for source in reversed(children):  # sources sink towards what uses them
        below = [level[t] for s, t in down if s is source]
        above = [level[s] for s, t in down if t is source]
        if below and not above:
            level[source] = min(below) - 1
    return level


def _neighbours(steps: Sequence[tuple[Box, Box]]) -> tuple[dict[Box, list[Box]], dict[Box, list[Box]]]:
    above: dict[Box, list[Box]] = {}
    below: dict[Box, list[Box]] = {}
    for source, target in steps:
        below.setdefault(source, []).append(target)
        above.setdefault(target, []).append(source)
    return above, below


def _order(rows: list[list[Box]], steps: Sequence[tuple[Box, Box]], sweeps: int = 6) -> None:
    above, below = _neighbours(steps)
    for sweep in range(sweeps):
        forward = sweep % 2 == 0
        near = above if forward else below
        sequence = range(1, len(rows)) if forward else range(len(rows) - 2, -1, -1)
        for i in sequence:
            other = rows[i - 1] if forward else rows[i + 1]
            rank = {box: (k + 0.5) / len(other) for k, box in enumerate(other)}
            own = {box: (k + 0.5) / len(rows[i]) for k, box in enumerate(rows[i])}

            def barycentre(box: Box, near=near, rank=rank, own=own) -> float:
                places = [rank[n] for n in near.get(box, ()) if n in rank]
                return sum(places) / len(places) if places else own[box]

            rows[i].sort(key=barycentre)


def _spread(rows: list[list[Box]], steps: Sequence[tuple[Box, Box]], sweeps: int = 8) -> None:
    above, below = _neighbours(steps)
    for row in rows:
        x = 0.0
        for box in row:
            box.x, x = x, x + box.width + GAP_X
    widest = max(row[-1].x + row[-1].width for row in rows if row)
    for row in rows:
        shift = (widest - row[-1].x - row[-1].width) / 2
        for box in row:
            box.x += shift
    for sweep in range(sweeps):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            wanted = []
            for box in row:
                around = [*above.get(box, ()), *below.get(box, ())]
                wanted.append(sum(n.centre for n in around) / len(around) if around else box.centre)
            _settle(row, wanted)
    left = min(box.x for row in rows for box in row)
    for row in rows:
        for box in row:
            box.x += PAD - left


def _settle(row: list[Box], wanted: list[float]) -> None:
    """Centres as close to ``wanted`` as possible (least squares) without overlap: pool adjacent violators."""
    offset, offsets = 0.0, []
    for left, right in pairwise([None, *row]):
        if left is not None and right is not None:
            offset += (left.width + right.width) / 2 + GAP_X
        offsets.append(offset)
    blocks: list[tuple[float, int]] = []
    for want, shift in zip(wanted, offsets, strict=True):
        mean, count = want - shift, 1
        while blocks and blocks[-1][0] > mean:
            before, number = blocks.pop()
            mean, count = (before * number + mean * count) / (number + count), number + count
        blocks.append((mean, count))
    positions = [mean for mean, count in blocks for _ in range(count)]
    for box, position, shift in zip(row, positions, offsets, strict=True):
        box.x = position + shift - box.width / 2


def _place(box: Box, x: float, y: float) -> None:
    box.x += x
    box.y += y
    for child in box.children:
        _place(child, box.x, box.y)
