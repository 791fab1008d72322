"""Which values carry a pathwise derivative, and where one would be lost.

At fixed noise, a parameter's derivative reaches a value through pure operations, through the arguments and the drawn
value of a site that is reparameterised (its value is a differentiable function of them), through loops, processes and
reductions. It ends at a site that is not: there the estimator's own term takes over, which reads the derivative that
the site's arguments carry.

The derivative of the expectation is the expectation of the derivative as long as nothing jumps. It jumps where a value
that carries a derivative is compared, rounded or binned, and the difference compared has a continuous law: then the
probability of the outcome moves with the parameter and the pathwise derivative does not see it. Comparisons of
parameters and constants alone, or with discrete values alone, are sound: for almost all parameters they do not change.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from hepppl.graph import kinks
from hepppl.graph.scope import SiteContext
from hepppl.graph.wires import Field, Point, Wire
from hepppl.semantics.ir import Node, Program, Value
from hepppl.semantics.types import CollectionType, Tensor

T = TypeVar("T")

#: Operations whose result jumps when an operand moves, and what to call that.
ROUGH: Mapping[str, str] = {
    "lt": "the comparison", "le": "the comparison", "gt": "the comparison", "ge": "the comparison",
    "eq": "the comparison", "ne": "the comparison",
    "floor": "rounding by floor", "ceil": "rounding by ceil", "round": "rounding", "trunc": "rounding by trunc",
    "sign": "taking the sign", "mod": "the remainder", "to_int": "the conversion to int",
    "argsort": "sorting into an order", "argmin": "finding the position of the least",
    "argmax": "finding the position of the greatest", "searchsorted": "finding the bin",
    "arctan2": "the step of arctan2 from pi to -pi",
}  # fmt: skip
#: Of these, the ones whose result moves with its operands between two jumps.
_MOVES = ("mod", "arctan2")
_HIST = "filling the histogram's bins"


@dataclass(frozen=True, eq=False)
class RoughUse:
    """A use that loses the derivative of its ``carried`` inputs in a ``flow``; the second one only, where it is a
    ``kink``."""

    node: Node
    carried: tuple[Value, ...]
    flow: Flow
    kink: bool = False

    @cached_property
    def _sources(self) -> tuple[tuple[int, ...], tuple[str, ...]]:
        return self.flow.sources(self.carried)

    @property
    def sites(self) -> tuple[int, ...]:
        """The numbers of the pathwise sites whose value reaches it without passing through another one."""
        return self._sources[0]

    @property
    def params(self) -> tuple[str, ...]:
        """The names of the parameters that reach it without passing through a site."""
        return self._sources[1]

    @property
    def noise(self) -> tuple[int, ...]:
        """The numbers of the sites, carrying or not, whose values ``carried`` is computed from."""
        return self.flow.smooth.behind(self.carried)

    @property
    def what(self) -> str:
        if self.kink:
            return kinks.named(self.node)
        if self.node.op == "extern":
            return f"the function '{self.node.attrs['function']}', which is not smooth,"
        return _HIST if self.node.op == "reduce" else ROUGH[self.node.op]

    @property
    def description(self) -> str:
        return f"{self.what} in line {self.node.span.line}"


def tensor_of(point: Point) -> Tensor | CollectionType | None:
    if isinstance(point, Value):
        return point.type
    if isinstance(point, Field) and isinstance(point.collection.type, CollectionType):
        return point.collection.type.fields[point.position][1]
    return None


def differentiable(point: Point) -> bool:
    """Only reals (and collections, for the reals in them) can carry a derivative."""
    kind = tensor_of(point)
    return isinstance(kind, CollectionType) or (kind is not None and kind.kind == "real")


def passes(wire: Wire) -> bool:
    """A derivative goes along this wire (along a law's, if the site is reparameterised)."""
    if wire.kind == "control" or not (differentiable(wire.source) and differentiable(wire.target)):
        return False
    if wire.node.op == "reduce" and wire.kind == "reduce":
        return not (wire.node.attrs["kind"] == "hist" and wire.source in rough_operands(wire.node))
    return wire.node.op not in ROUGH or wire.node.op in _MOVES


def rough_operands(node: Node) -> tuple[Value, ...]:
    """The operands that a node compares, rounds or bins; none where its result is ``continuous`` all the same."""
    rough = node.op in ROUGH and not node.attrs.get("continuous")
    if rough or (node.op == "extern" and not node.attrs["smooth"]):
        return node.inputs
    if node.op == "reduce" and node.attrs["kind"] == "hist":
        return (node.regions[0].results[0], node.inputs[-1])
    return ()


def reach(starts: Iterable[Point], edges: Mapping[Point, Collection[Point]]) -> frozenset[Point]:
    seen = set(starts)
    pending = list(seen)
    while pending:
        for target in edges.get(pending.pop(), ()):
            if target not in seen:
                seen.add(target)
                pending.append(target)
    return frozenset(seen)


def adjacency(pairs: Iterable[tuple[Point, T]]) -> dict[Point, list[T]]:
    edges: dict[Point, list[T]] = {}
    for source, target in pairs:
        edges.setdefault(source, []).append(target)
    return edges


#: A point next to another, and the number of the site whose law lies between, or None.
Step = tuple[Point, int | None]


@dataclass(frozen=True, eq=False)
class Smooth:
    """The wires along which derivatives pass, in both directions; shared by every `Flow` of a program."""

    forward: Mapping[Point, Collection[Step]]
    backward: Mapping[Point, Collection[Step]]
    sites: Mapping[Point, int]  # drawn value -> number

    @cached_property
    def _back(self) -> Mapping[Point, Collection[Point]]:
        return {point: [near for near, _ in steps] for point, steps in self.backward.items()}

    def behind(self, values: Iterable[Point]) -> tuple[int, ...]:
        """The sites that ``values`` are computed from, through the laws of others too."""
        everything = reach(values, self._back)
        return tuple(number for value, number in self.sites.items() if value in everything)

    def reached(self, values: Iterable[Point], starts: Collection[Point], pathwise: Collection[int]) -> bool:
        """Whether a derivative of one of ``starts`` comes to one of ``values``, if these sites are reparameterised."""
        pending: list[Point] = list(values)
        seen = set(pending)
        while pending:
            point = pending.pop()
            if point in starts:
                return True
            for near, law in self.backward.get(point, ()):
                if near not in seen and (law is None or law in pathwise):
                    seen.add(near)
                    pending.append(near)
        return False


def smooth(wires: Iterable[Wire], sites: Iterable[SiteContext]) -> Smooth:
    laws = [(w.source, w.target, w.node.attrs["number"] if w.kind == "law" else None) for w in wires if passes(w)]
    forward = adjacency((source, (target, law)) for source, target, law in laws)
    backward = adjacency((target, (source, law)) for source, target, law in laws)
    return Smooth(forward, backward, {site.value: site.number for site in sites})


@dataclass(frozen=True, eq=False)
class Flow:
    """The flow of derivatives with respect to ``wrt`` when the sites numbered in ``pathwise`` are reparameterised."""

    program: Program
    sites: Mapping[int, SiteContext]
    smooth: Smooth
    rough: tuple[tuple[Node, tuple[Value, ...]], ...]  # what compares or rounds values with a continuous law, and those
    wrt: frozenset[str]
    pathwise: frozenset[int]
    stratified: frozenset[int] = frozenset()  # sites whose values carry a derivative whatever their law
    still: Flow | None = None  # the flow where no site is reparameterised, part of every other
    exits: frozenset[Value] = frozenset()  # reals that are made of relaxed values
    kinks: frozenset[Node] = frozenset()  # of what is ``rough``, that which loses second derivatives only

    @cached_property
    def carrying(self) -> frozenset[Point]:
        """The values (and fields of collections) that carry a derivative."""
        forward, pathwise = self.smooth.forward, self.pathwise
        start: set[Point] = {*self.exits, *(self.sites[number].value for number in self.stratified)}
        if self.still is None:
            start |= {p.value for p in self.program.params if p.name in self.wrt and differentiable(p.value)}
            seen = set(start)
        else:
            seen = set(self.still.carrying)
            drawn = (self.sites[number].value for number in pathwise)
            start |= {v for v in drawn if any(near in seen for near, _ in self.smooth.backward.get(v, ()))}
            seen |= start
        pending = list(start)
        while pending:
            for target, law in forward.get(pending.pop(), ()):
                if target not in seen and (law is None or law in pathwise):
                    seen.add(target)
                    pending.append(target)
        return frozenset(seen)

    def _behind(self, point: Point) -> Iterator[Point]:
        for source, law in self.smooth.backward.get(point, ()):
            if source in self.carrying and (law is None or law in self.pathwise):
                yield source

    def __contains__(self, value: Value) -> bool:
        return value in self.carrying

    def law_depends(self, number: int) -> bool:
        """An argument of the site's distribution carries a derivative."""
        return any(value in self.carrying for value in self.sites[number].node.inputs)

    def sources(self, values: Iterable[Value]) -> tuple[tuple[int, ...], tuple[str, ...]]:
        """Where the derivative that ``values`` carry comes from: the nearest pathwise sites (numbers) and the
        parameters (names) that are reached without passing through a site."""
        sites: dict[int, None] = {}
        direct: set[Point] = set()
        seen: set[Point] = set()
        pending: list[Point] = [value for value in values if value in self.carrying]
        while pending:
            point = pending.pop(0)
            if point in seen:
                continue
            seen.add(point)
            if point in self.smooth.sites:
                sites[self.smooth.sites[point]] = None
                continue
            direct.add(point)
            pending.extend(self._behind(point))
        params = tuple(p.name for p in self.program.params if p.name in self.wrt and p.value in direct)
        return tuple(sites), params

    @cached_property
    def nonsmooth(self) -> tuple[RoughUse, ...]:
        """The uses where a derivative is lost, in program order."""
        carrying = self.carrying
        lossy = (way for way in self.rough if not carrying.isdisjoint(way[1]))
        return tuple(
            RoughUse(node, tuple(v for v in operands if v in carrying), self, node in self.kinks)
            for node, operands in lossy
        )
