"""Where things are: what a region takes from outside, and what surrounds a site."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from hepppl.semantics.ir import Node, Program, Region, Value

#: The names of a node's regions, by op.
REGION_NAMES = {
    "branch": ("then", "else"),
    "for": ("body",),
    "plate": ("body",),
    "while": ("cond", "body"),
    "reduce": ("element",),
    "minimise": ("function",),
    "root": ("function",),
}


def captures(region: Region) -> tuple[Value, ...]:
    """The values from around ``region`` that it or a region inside it uses, in order of first use."""
    bound: set[Value] = set()
    used: dict[Value, None] = {}

    def visit(inner: Region) -> None:
        bound.update(inner.params)
        for node in inner.nodes:
            used.update((value, None) for value in node.inputs if value not in bound)
            for sub in node.regions:
                visit(sub)
            bound.update(node.results)
        used.update((value, None) for value in inner.results if value not in bound)

    visit(region)
    return tuple(used)


@dataclass(frozen=True)
class Enclosing:
    """One structured node around another. ``region`` is the position of the region among the node's own.

    ``start`` and ``extent`` are those of a loop's or plate's index (0 and ``limit`` for a while, 0 and 1 for a branch).
    """

    node: Node
    region: int

    @property
    def kind(self) -> str:
        return self.node.op

    @property
    def name(self) -> str:
        return REGION_NAMES[self.node.op][self.region]

    @property
    def is_loop(self) -> bool:
        return self.node.op in ("for", "plate", "while")

    @property
    def start(self) -> int:
        return self.node.attrs["start"] if self.node.op in ("for", "plate") else 0

    @property
    def extent(self) -> int:
        return turns(self.node)


def turns(node: Node) -> int:
    """The greatest number of times that a node's regions run when it does (for a plate or loop: its turns)."""
    if node.op in ("for", "plate"):
        return max(0, node.attrs["stop"] - node.attrs["start"])
    return node.attrs["limit"] if node.op == "while" else 1


@dataclass(frozen=True)
class SiteContext:
    """A site and what is around it: the key of its process (None in the model itself), and the branches, loops and
    plates there, outermost first."""

    node: Node
    process: str | None
    enclosing: tuple[Enclosing, ...]

    @property
    def name(self) -> str:
        return self.node.attrs["name"]

    @property
    def number(self) -> int:
        return self.node.attrs["number"]

    @property
    def value(self) -> Value:
        return self.node.results[0]

    @property
    def loops(self) -> tuple[Enclosing, ...]:
        return tuple(e for e in self.enclosing if e.is_loop)

    @property
    def instances(self) -> int:
        """How often the site may be reached in one event, or in one step of a particle: the product of its extents."""
        return prod(loop.extent for loop in self.loops)


@dataclass(frozen=True)
class Place:
    """A node and what is around it; for any node, where `SiteContext` is for sites."""

    node: Node
    process: str | None
    enclosing: tuple[Enclosing, ...]


def places(program: Program) -> Iterator[Place]:
    """Every node of the model's body, then of each process, in program order, outer nodes before inner ones."""

    def visit(region: Region, process: str | None, around: tuple[Enclosing, ...]) -> Iterator[Place]:
        for node in region.nodes:
            yield Place(node, process, around)
            for position, inner in enumerate(node.regions):
                yield from visit(inner, process, (*around, Enclosing(node, position)))

    yield from visit(program.body, None, ())
    for key, process in program.processes.items():
        yield from visit(process.body, key, ())


def known_at(program: Program, site: SiteContext) -> tuple[Value, ...]:
    """The values that are there when a site draws, in the order in which they come to be: of its process or of the
    model, what every turn of the loops around it carries, what the text computes before it. Without constants and the
    model's own inputs."""
    process = None if site.process is None else program.processes[site.process]
    found = [*process.formals] if process else []
    region, unfit = process.body if process else program.body, ("const", "param", "data")
    for inside in (*site.enclosing, None):
        node = site.node if inside is None else inside.node
        found.extend(region.params)
        before = region.nodes[: region.nodes.index(node)]
        found.extend(v for n in before if n.op not in unfit and n.attrs.get("kind") != "jagged" for v in n.results)
        if inside is not None:
            region = node.regions[inside.region]
    return tuple(dict.fromkeys(found))


def sites(program: Program) -> tuple[SiteContext, ...]:
    """Every random site of a program, in program order (the model's body first, then the processes)."""
    return tuple(SiteContext(p.node, p.process, p.enclosing) for p in places(program) if p.node.op == "site")
