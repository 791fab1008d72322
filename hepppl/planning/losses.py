"""Where derivatives would be lost, and which sites' values can be cut so that they are not."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from hepppl.graph import Case, Crossing, Flow, ModelGraph, RoughUse

Sites = frozenset[int]


@dataclass(frozen=True)
class Loss:
    """A use that loses a derivative on the ways ``cases``."""

    use: RoughUse
    cases: tuple[Case, ...]
    flow: Flow

    @property
    def sources(self) -> tuple[tuple[int, ...], tuple[str, ...]]:
        """The nearest pathwise sites, and the parameters reached without passing through any, on those ways."""
        return self.flow.sources(dict.fromkeys(value for case in self.cases for value in case.leaves))

    def reason(self, graph: ModelGraph) -> str:
        """Why no value is cut there."""
        case = self.cases[0]
        if isinstance(case, Crossing):
            name = graph.site(case.site).name
            return f"{self.use.description} is decided by '{name}', which another estimator serves"
        return f"{self.use.description}: {case.reason}"


@dataclass(frozen=True)
class _Ways:
    """The rough uses of a flow, in program order, each with the ways on which a derivative comes to it; and where among
    them are the ways that a site decides (``crossed``) and those that none does (``blocked``)."""

    uses: tuple[tuple[RoughUse, tuple[Case, ...]], ...]
    crossed: Mapping[int, tuple[int, ...]]
    blocked: frozenset[int]

    @classmethod
    def of(cls, graph: ModelGraph, flow: Flow) -> _Ways:
        uses, crossed, blocked = [], dict[int, dict[int, None]](), set()
        apart = flow.carrying.isdisjoint
        for i, use in enumerate(flow.nonsmooth):
            cases = tuple([c for c in graph.crossings(use.node) if not apart(c.leaves)])
            uses.append((use, cases))
            for case in cases:
                if isinstance(case, Crossing):
                    crossed.setdefault(case.site, {})[i] = None
                else:
                    blocked.add(i)
        return cls(tuple(uses), {site: tuple(at) for site, at in crossed.items()}, frozenset(blocked))


@dataclass(frozen=True)
class Losses:
    """The losses of a program for derivatives of an order with respect to ``wrt``, by which sites are pathwise, the
    values of ``relaxed`` being relaxed."""

    graph: ModelGraph
    wrt: tuple[str, ...]
    relaxed: Sites = frozenset()
    order: int = 1
    _cuts: dict[tuple[Sites, Sites], Sites] = field(default_factory=dict, repr=False)
    _ways: dict[Flow, _Ways] = field(default_factory=dict, repr=False)

    def flow(self, pathwise: Collection[int], cut: Collection[int]) -> Flow:
        return self.graph.carries(self.wrt, pathwise, cut, self.relaxed, self.order)

    def ways(self, flow: Flow) -> _Ways:
        if flow not in self._ways:
            self._ways[flow] = _Ways.of(self.graph, flow)
        return self._ways[flow]

    def cuts(self, pathwise: Sites, able: Sites) -> Sites:
        """The sites among ``able`` (all of them pathwise) whose values must be cut: a derivative is carried to a use
        that they decide. A value that is cut carries one itself, so that more uses may ask for it."""
        if (pathwise, able) not in self._cuts:
            found: Sites = frozenset()
            while new := (self.ways(self.flow(pathwise, found)).crossed.keys() & able) - found:
                found |= new
            self._cuts[pathwise, able] = found
        return self._cuts[pathwise, able]

    def of(self, pathwise: Sites, cut: Sites) -> tuple[Loss, ...]:
        """What is lost, in program order."""
        flow = self.flow(pathwise, cut)
        ways = self.ways(flow)
        open_ = {i for site, at in ways.crossed.items() if site not in cut for i in at}
        losses = []
        for i in sorted(open_ | ways.blocked):
            use, cases = ways.uses[i]
            losses.append(Loss(use, tuple(c for c in cases if not (isinstance(c, Crossing) and c.site in cut)), flow))
        return tuple(losses)

    def crossed(self, number: int, pathwise: Sites, cut: Sites) -> tuple[str, ...]:
        """Descriptions of the uses that carry a derivative and that the site decides."""
        ways = self.ways(self.flow(pathwise, cut))
        return tuple(dict.fromkeys(ways.uses[i][0].description for i in ways.crossed.get(number, ())))
