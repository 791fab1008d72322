"""`ModelGraph`: a program and its analyses, each computed once, when first asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from hepppl.graph import bounded as _bounded
from hepppl.graph import crossings as _crossings
from hepppl.graph import flow as _flow
from hepppl.graph import influence as _influence
from hepppl.graph import kinks as _kinks
from hepppl.graph import processes as _processes
from hepppl.graph import relaxation as _relaxation
from hepppl.graph import scope as _scope
from hepppl.graph import shared as _shared
from hepppl.graph import survey as _survey
from hepppl.graph import wires as _wires
from hepppl.graph.expressions import Pool
from hepppl.semantics.ir import Node, Program, Region, Value, walk

if TYPE_CHECKING:
    import networkx

    from hepppl.graph.outline import Outline

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class ModelGraph:
    """A checked program with everything that can be known of it before it runs. Immutable; analyses are memoised."""

    program: Program
    _memo: dict[Hashable, Any] = field(default_factory=dict, repr=False)

    def _once(self, key: Hashable, compute: Callable[[], T]) -> T:
        if key not in self._memo:
            self._memo[key] = compute()
        return self._memo[key]

    # Structure

    @property
    def nx(self) -> networkx.DiGraph:
        """Every node of the program and what depends on what. See `hepppl.graph.network` for the attributes."""
        from hepppl.graph.network import network

        return self._once("nx", lambda: network(self.program))

    @property
    def outputs(self) -> tuple[str, ...]:
        return tuple(output.name for output in self.program.outputs)

    def captures(self, region: Region) -> tuple[Value, ...]:
        """The values from around ``region`` that it or a region inside it uses, in order of first use."""
        return self._once(("captures", region), lambda: _scope.captures(region))

    def sites(self) -> tuple[_scope.SiteContext, ...]:
        """Every random site with its surroundings, in program order (the model's body first, then the processes)."""
        return self._once("sites", lambda: _scope.sites(self.program))

    def site(self, number: int) -> _scope.SiteContext:
        """The site of that number. Raises KeyError where there is none."""
        return self._by_number()[number]

    def _by_number(self) -> Mapping[int, _scope.SiteContext]:
        return self._once("by number", lambda: {site.number: site for site in self.sites()})

    def known_at(self, number: int) -> tuple[Value, ...]:
        """The values that are there when the site of that number draws."""
        return self._once(("known", number), lambda: _scope.known_at(self.program, self.site(number)))

    def process_facts(self, root: str) -> Mapping[str, _processes.ProcessFacts]:
        """Facts of all processes that a first particle of process ``root`` can give rise to, by key."""
        return self._once(("facts", root), lambda: _processes.facts(self.program, root))

    def shared(self) -> Mapping[str, Value]:
        """By process, the formal that a particle shares among those that it spawns (`hepppl.graph.shared`)."""
        return self._once("shared", lambda: _shared.shared(self.program))

    def shared_at(self, number: int) -> Value | None:
        """What is shared in the process of the site of that number; None outside processes, and where nothing is."""
        process = self.site(number).process
        return None if process is None else self.shared().get(process)

    def reduces_of(self, collection: Value) -> tuple[Node, ...]:
        """The reductions over a collection, in program order."""
        return tuple(
            node for place in self._places() if (node := place.node).op == "reduce" and node.inputs[0] is collection
        )

    def nodes(self) -> tuple[Node, ...]:
        """Every node of the body and of the processes, outer before inner, in program order."""
        return tuple(place.node for place in self._places())

    def walk(self, region: Region) -> tuple[Node, ...]:
        return self._once(("walk", region), lambda: tuple(walk(region)))

    def _places(self) -> tuple[_scope.Place, ...]:
        return self._once("places", lambda: tuple(_scope.places(self.program)))

    # Views

    def outline(self) -> Outline:
        """The program without its arithmetic: what the views below show."""
        from hepppl.graph.outline import outline

        return self._once("outline", lambda: outline(self.program, self.wires()))

    def to_text(self) -> str:
        """A tree with lines of the source, and what each item depends on."""
        from hepppl.graph.text import to_text

        return to_text(self.outline())

    def to_dot(self) -> str:
        """A Graphviz file."""
        from hepppl.graph.text import to_dot

        return to_dot(self.outline())

    def to_svg(self) -> str:
        """A picture, drawn here (no other program is needed)."""
        from hepppl.graph.svg import to_svg

        return to_svg(self.outline())

    def to_json(self) -> str:
        """Everything, for other tools; the form is that of `hepppl.graph.jsonform`."""
        from hepppl.graph.jsonform import to_dict

        return json.dumps(to_dict(self), indent=2, ensure_ascii=False) + "\n"

    # Dependence

    def wires(self) -> tuple[_wires.Wire, ...]:
        """Dependence between values as a flat list."""
        return self._once("wires", lambda: _wires.wires(self.program))

    def finite(self, values: Iterable[Value]) -> bool:
        """Whether these are finite wherever they are computed, also where the event does not use them."""
        unbounded = self._once("unbounded", lambda: _bounded.unbounded(self.program, self.wires()))
        return unbounded.isdisjoint(values)

    def influences(self, number: int) -> frozenset[str]:
        """Names of the outputs that the site of that number can change, by its value or by what it decides (``weight``
        too, where that is the event's weight)."""
        return self._once(("influences", number), lambda: self.influences_of((self.site(number).value,)))

    def influences_of(self, values: Iterable[Value]) -> frozenset[str]:
        return _influence.influences(self.program, self._downstream(), tuple(values))

    def moves(self, number: int, others: Iterable[int]) -> bool:
        """Whether a derivative that the value of the site of that number carries comes to the laws of ``others``."""
        start = (self.site(number).value,)
        reached = self._once(("reached", number), lambda: _flow.reach(start, self._without_laws()))
        return any(not reached.isdisjoint(self.site(other).node.inputs) for other in others)

    def _downstream(self) -> Mapping[_wires.Point, Collection[_wires.Point]]:
        return self._once("downstream", lambda: _influence.downstream(self.wires()))

    def interplay(self, number: int, flow: _flow.Flow) -> bool:
        """Whether a derivative that ``flow`` carries to an output may differ with the value of the site of that number:
        some operation that is not linear takes both, or the value decides which derivative goes on."""
        if not any(output.value in flow for output in self.program.outputs):
            return False
        below = _flow.reach((self.site(number).value,), self._downstream())
        return any(
            node.op not in _influence.LINEAR
            and any(v in below for v in node.inputs)
            and any(r in flow for r in node.results)
            for node in self.nodes()
        )

    def carries(
        self,
        wrt: Collection[str],
        pathwise: Collection[int],
        stratified: Collection[int] = (),
        relaxed: Collection[int] = (),
        order: int = 1,
    ) -> _flow.Flow:
        """The flow of derivatives with respect to the parameters ``wrt`` when the sites numbered in ``pathwise`` are
        reparameterised. The values of those in ``stratified`` carry a derivative whatever their law, and so do the
        reals made of the values of those in ``relaxed``. Uses that influence no output are left out of
        `Flow.nonsmooth`; kinks are among them where second derivatives are taken (``order`` 2)."""
        wrt, cut = frozenset(wrt), frozenset(stratified)
        moving = frozenset(pathwise) | cut
        exits = frozenset[Value]().union(*(self.relaxation(number).exits for number in relaxed))
        if cut:  # those whose law depends carry one anyway: most sets that are asked for are the same
            known = self._carries(wrt, moving, frozenset(), exits, order).carrying
            cut = frozenset(n for n in cut if self._by_number()[n].value not in known)
        return self._carries(wrt, moving, cut, exits, order)

    def law_depends(self, wrt: Collection[str], pathwise: Collection[int], site: int) -> bool:
        """`Flow.law_depends` of `carries` without strata and relaxed sites, looked up for one site alone."""
        starts = {p.value for p in self.program.params if p.name in wrt and _flow.differentiable(p.value)}
        return self._smooth().reached(self._by_number()[site].node.inputs, starts, pathwise)

    def _carries(self, *chosen: Any) -> _flow.Flow:
        return self._once(("carries", *chosen), lambda: self._new_flow(*chosen))

    def _new_flow(
        self,
        wrt: frozenset[str],
        pathwise: frozenset[int],
        stratified: frozenset[int],
        exits: frozenset[Value],
        order: int,
    ) -> _flow.Flow:
        rough, smooth = self._once(("rough", order), lambda: self._rough(order)), self._smooth()
        nothing = frozenset[Any]()
        still = self._carries(wrt, nothing, nothing, nothing, order) if pathwise else None
        kinks = frozenset(self._kinks()) if order > 1 else nothing
        sites = self._by_number()
        return _flow.Flow(self.program, sites, smooth, rough, wrt, pathwise, stratified, still, exits, kinks)

    def relaxation(self, number: int) -> _relaxation.Relaxation:
        """What a relaxation of a discrete site's value would touch."""
        site = self._by_number()[number].node
        return self._once(
            ("relaxation", number), lambda: _relaxation.relaxation(self.program, site, self._without_laws())
        )

    def _without_laws(self) -> dict[_wires.Point, list[_wires.Point]]:
        return {p: [t for t, law in steps if law is None] for p, steps in self._smooth().forward.items()}

    def crossings(self, use: Node) -> tuple[_crossings.Case, ...]:
        """Where a rough use (a node of `RoughUse`) flips, as values of the last noise that decides it; one for every
        way through the program that leads there, or what stands in the way."""
        return self._once(("crossings", use), lambda: self._tracer().cases(use))

    def _tracer(self) -> _crossings.Tracer:
        def make() -> _crossings.Tracer:
            return _crossings.Tracer(_survey.survey(self.program), self._diffuse(), Pool())

        return self._once("tracer", make)

    def _smooth(self) -> _flow.Smooth:
        return self._once("smooth", lambda: _flow.smooth(self.wires(), self.sites()))

    def _kinks(self) -> Mapping[Node, tuple[Value, ...]]:
        """The nodes whose derivative jumps, and at which operands."""

        def find() -> Mapping[Node, tuple[Value, ...]]:
            producers = {result: node for node in self.nodes() for result in node.results}
            found = {node: _kinks.kinked_operands(node, producers) for node in self.nodes()}
            return {node: operands for node, operands in found.items() if operands}

        return self._once("kinks", find)

    def _rough(self, order: int) -> tuple[tuple[Node, tuple[Value, ...]], ...]:
        kinks = self._kinks() if order > 1 else {}
        found = ((n, tuple(dict.fromkeys(_flow.rough_operands(n) or kinks.get(n, ())))) for n in self.nodes())
        diffuse = self._diffuse()
        return tuple((n, vs) for n, vs in found if not diffuse.isdisjoint(vs) and self.influences_of(n.results))

    def _diffuse(self) -> frozenset[_wires.Point]:
        def find() -> frozenset[_wires.Point]:
            starts = [site.value for site in self.sites() if _flow.differentiable(site.value)]
            return _flow.reach(starts, self._without_laws())

        return self._once("diffuse", find)
