"""Where derivatives would be lost, and which sites' values can be cut so that they are not."""

from __future__ import annotations

from collections.abc import Collection
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
class Losses:
    """The losses of a program for derivatives with respect to ``wrt``, by which sites are pathwise."""

    graph: ModelGraph
    wrt: tuple[str, ...]
    _cuts: dict[tuple[Sites, Sites], Sites] = field(default_factory=dict, repr=False)
    _lost: dict[tuple[Sites, Sites], tuple[Loss, ...]] = field(default_factory=dict, repr=False)

    def flow(self, pathwise: Collection[int], cut: Collection[int]) -> Flow:
        return self.graph.carries(self.wrt, pathwise, cut)

    def carried(self, flow: Flow, use: RoughUse) -> tuple[Case, ...]:
        """The ways to a use on which a derivative comes to it."""
        return tuple(c for c in self.graph.crossings(use.node) if not flow.carrying.isdisjoint(c.leaves))

    def cuts(self, pathwise: Sites, able: Sites) -> Sites:
        """The sites among ``able`` (all of them pathwise) whose values must be cut: a derivative is carried to a use
        that they decide. A value that is cut carries one itself, so that more uses may ask for it."""
        if (pathwise, able) not in self._cuts:
            found: Sites = frozenset()
            while True:
                flow = self.flow(pathwise, found)
                cases = [case for use in flow.nonsmooth for case in self.carried(flow, use)]
                new = {c.site for c in cases if isinstance(c, Crossing)} & able - found
                if not new:
                    break
                found |= new
            self._cuts[pathwise, able] = found
        return self._cuts[pathwise, able]

    def of(self, pathwise: Sites, cut: Sites) -> tuple[Loss, ...]:
        """What is lost, in program order."""
        if (pathwise, cut) not in self._lost:
            flow = self.flow(pathwise, cut)
            losses = []
            for use in flow.nonsmooth:
                lost = [c for c in self.carried(flow, use) if not (isinstance(c, Crossing) and c.site in cut)]
                if lost:
                    losses.append(Loss(use, tuple(lost), flow))
            self._lost[pathwise, cut] = tuple(losses)
        return self._lost[pathwise, cut]

    def crossed(self, number: int, pathwise: Sites, cut: Sites) -> tuple[str, ...]:
        """Descriptions of the uses that carry a derivative and that the site decides."""
        flow = self.flow(pathwise, cut)
        uses = [
            use.description
            for use in flow.nonsmooth
            if any(isinstance(c, Crossing) and c.site == number for c in self.carried(flow, use))
        ]
        return tuple(dict.fromkeys(uses))
