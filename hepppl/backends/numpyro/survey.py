"""What becomes of each random site of a program when some of its observables are given: static, before anything runs.

A site whose value is given is *conditioned*. Of the others, those on which no conditioned site depends are *left out*:
integrated over, they contribute a factor of one. The rest is *latent*: continuous values are sampled, discrete ones are
summed over. Programs for which this is impossible are refused here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from hepppl.diagnostics import Diagnostic, Label
from hepppl.diagnostics.errors import HepUnsupportedError
from hepppl.distributions import get
from hepppl.graph import Dist, ModelGraph, Node, Place, Region, Value, places, walk

#: Most combinations of discrete values that are summed over in one scope.
MOST_TERMS = 4096
#: Most turns of loops that hold random sites, which are written out one by one.
MOST_TURNS = 1000

SBI = "a simulation-based method needs no density: `hepppl.inference.METHODS` lists those that are installed"


def discrete(dist: Dist) -> bool:
    """Whether a distribution expression draws from a countable set."""
    args = dict(dist.args)
    if dist.name == "mixture":
        return discrete(args["components"][0])
    if dist.name in ("truncated", "affine"):
        return discrete(args["base"])
    return get(dist.name).discrete


def draws(region: Region) -> bool:
    """Whether a region holds random sites or factors of the density."""
    return any(n.op in ("site", "weight", "require") or any(map(draws, n.regions)) for n in region.nodes)


@dataclass(frozen=True, eq=False)
class Survey:
    """``given``: the observables that are conditioned on; None: none, the program is sampled from."""

    graph: ModelGraph
    given: frozenset[str] | None

    @cached_property
    def _places(self) -> tuple[Place, ...]:
        return tuple(places(self.graph.program))

    @cached_property
    def sites(self) -> tuple[Place, ...]:
        return tuple(p for p in self._places if p.node.op == "site")

    @cached_property
    def conditioned(self) -> frozenset[Node]:
        given = self.given or frozenset()
        return frozenset(p.node for p in self.sites if p.node.attrs["observed"] and p.node.attrs["name"] in given)

    @cached_property
    def _edges(self) -> Mapping[Any, Collection[Any]]:
        """What each value reaches; through given values nothing does."""
        blocked = {node.results[0] for node in self.conditioned}
        found: dict[Any, set[Any]] = {}
        pairs = [(w.source, w.target) for w in self.graph.wires()]
        for place in self._places:
            if place.node.op in ("site", "weight", "require"):
                targets = place.node.results or (place.node,)
                around = [e.node.inputs[0] for e in place.enclosing if e.kind == "branch"]
                pairs += [(c, t) for c in around for t in targets]
            if place.node.op in ("weight", "require"):
                pairs.append((place.node.inputs[0], place.node))
        for source, target in pairs:
            if source not in blocked:
                found.setdefault(source, set()).add(target)
        return found

    def reached(self, start: Iterable[Any]) -> frozenset[Any]:
        """Everything that depends on these values, themselves included."""
        todo = list(start)
        seen = set(todo)
        while todo:
            for target in self._edges.get(todo.pop(), ()):
                if target not in seen:
                    seen.add(target)
                    todo.append(target)
        return frozenset(seen)

    def reached_by(self, node: Node) -> frozenset[Any]:
        return self.reached(node.results)

    @cached_property
    def latent(self) -> frozenset[Node]:
        """The sites to sample or to sum over."""
        if self.given is None:
            return frozenset(p.node for p in self.sites)
        targets = {node.results[0] for node in self.conditioned}
        free = [p.node for p in self.sites if p.node not in self.conditioned]
        return frozenset(node for node in free if not targets.isdisjoint(self.reached_by(node) - set(node.results)))

    @cached_property
    def summed(self) -> frozenset[Node]:
        """The discrete ones among them (none where the program is sampled from)."""
        if self.given is None:
            return frozenset()
        return frozenset(node for node in self.latent if discrete(node.attrs["dist"]))

    @cached_property
    def under_sums(self) -> frozenset[Value]:
        """The values that depend on a value summed over."""
        return self.reached(node.results[0] for node in self.summed)

    def gathered(self, loop: Node) -> tuple[Value, ...] | None:
        """What each turn puts into the arrays that a `for` loop makes, where its turns may be taken side by side, as
        those of a plate: nothing else is carried from one to the next, and all that is drawn in them is given."""
        (body,) = loop.regions
        inside = list(walk(body))
        if not self.conditioned.issuperset(node for node in inside if node.op == "site"):
            return None
        counter, start = body.params[0], loop.attrs["start"]
        producers = {v: node for node in body.nodes for v in node.results}

        def counts(v: Value) -> bool:
            node = producers.get(v)
            if node is None or node.op != "sub" or node.inputs[0] is not counter:
                return v is counter and start == 0
            first = producers.get(node.inputs[1])
            return first is not None and first.op == "const" and first.attrs["value"] == start

        uses = Counter(v for node in inside for v in (*node.inputs, *(r for g in node.regions for r in g.results)))
        found = []
        for array, result in zip(body.params[1:], body.results, strict=True):
            node, shape = producers.get(result), getattr(result.type, "shape", ())
            once = node is not None and node.op == "set_index" and node.inputs[0] is array and uses[array] == 1
            if not once or len(node.inputs) != 3 or not counts(node.inputs[2]) or uses[result]:
                return None
            if shape[0] != loop.attrs["stop"] - start:
                return None
            found.append(node.inputs[1])
        return tuple(found)

    # ------------------------------------------------------------ refusals

    def check(self) -> None:
        """Raises `HepUnsupportedError` with everything that stands in the way of a density."""
        found = [*self._random_length(), *self._turns(), *self._factors(), *self._escaping()]
        if found:
            raise HepUnsupportedError(found)

    def _random_length(self) -> Iterable[Diagnostic]:
        for place in self._places:
            if place.process is None and place.node.op in ("while", "process"):
                what = "a `while` loop" if place.node.op == "while" else "a branching process"
                message = f"{what} has no likelihood that can be written down: how much it draws is random itself"
                yield Diagnostic("E711", message, place.node.span, hints=(SBI,))

    def _turns(self) -> Iterable[Diagnostic]:
        for place in self._places:
            if place.node.op == "for" and draws(place.node.regions[0]) and place.process is None:
                count = place.node.attrs["stop"] - place.node.attrs["start"]
                for around in place.enclosing:
                    count *= around.extent if around.kind == "for" else 1
                if count > MOST_TURNS:
                    message = f"a loop with random draws is written out turn by turn, and {count} turns are too many"
                    hint = f"use `plate` for independent repetitions (at most {MOST_TURNS} turns)"
                    yield Diagnostic("E712", message, place.node.span, hints=(hint,))

    def _factors(self) -> Iterable[Diagnostic]:
        free = [p.node for p in self.sites if p.node not in self.conditioned]
        reached = self.reached(node.results[0] for node in free)
        for place in self._places:
            if place.node in reached and place.process is None:
                message = f"`{place.node.op}` on something random: the density of the data would need its mean"
                hint = "write the law with `truncated`, or use a simulation-based method"
                yield Diagnostic("E713", message, place.node.span, hints=(hint,))

    def _escaping(self) -> Iterable[Diagnostic]:
        """A value that is summed over inside a plate must not be used outside of it."""
        where = {p.node: p.enclosing for p in self.sites}
        for node in self.summed:
            plates = [e.node for e in where[node] if e.kind == "plate"]
            if not plates:
                continue
            inside = set(self.graph.walk(plates[-1].regions[0]))
            reached = self.reached_by(node)
            for place in self.sites:
                late = place.node in self.conditioned | self.latent and place.node not in inside
                if late and place.node.results[0] in reached:
                    message = f"'{node.attrs['name']}' is summed over in its plate, but is used outside of it"
                    labels = (Label(place.node.span, "here"),)
                    hints = ("observe inside the plate, element by element",)
                    yield Diagnostic("E714", message, node.span, labels, hints)
                    break
