"""The sites of a program as estimators see them, while their estimators are being chosen."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from math import prod

from hepppl.graph import Flow, ModelGraph
from hepppl.planning import second, shadows
from hepppl.planning.laws import law
from hepppl.planning.losses import Loss, Losses, Sites
from hepppl.planning.requests import Request, Requests
from hepppl.plugin.estimator import Estimator, SiteInfo
from hepppl.plugin.registry import own_estimators

#: More parameters than this, and than the outputs have elements, are differentiated in reverse mode, where the program
#: allows it: a derivative that is carried forward serves all elements.
FORWARD = 8


class Situation:
    """``wrt``: the parameters of which derivatives are taken. ``pinned``: what was asked for, site by site; of these,
    the ones in ``soft`` follow "*" and may be given up. Sets of sites are those whose values carry a derivative."""

    def __init__(
        self, graph: ModelGraph, wrt: tuple[str, ...], requests: Requests, order: int = 1, mode: str = "auto"
    ) -> None:
        self.graph = graph
        self.order = order
        self.mode = mode
        self.wrt = wrt
        self.requests = requests
        self.sites = {site.number: site for site in graph.sites()}
        self.laws = {number: law(site.node) for number, site in self.sites.items()}
        self._losses: dict[Sites, Losses] = {}
        self._interplay: dict[tuple[int, Sites], bool] = {}
        every = () if requests.every is None else (requests.every,)
        named = (*every, *requests.author.values(), *requests.caller.values())
        self.relaxing = any(request.estimator.relaxes for request in named)
        self.shadowing = any(request.estimator.shadows for request in named)
        ranked = tuple(e for e in own_estimators() if e.rank > 0 and e.unbiased)
        self.own = tuple(e for e in ranked if e.twice or order == 1)
        self.stratifying = any(e.stratifies for e in self.own)
        self.once = tuple(e for e in ranked if e not in self.own)
        self.pinned: dict[int, Request] = dict(requests.author) | dict(requests.caller)
        self.soft: set[int] = set()

    @property
    def losses(self) -> Losses:
        """With those sites relaxed for which that is asked, and whose law can hold a parameter at all."""
        if not self.relaxing:
            return self._losses.setdefault(frozenset(), Losses(self.graph, self.wrt, order=self.order))
        asked = {n for n, request in self.pinned.items() if request.estimator.relaxes and self.laws[n].discrete}
        found: Sites = frozenset()
        while True:
            flow = self.graph.carries(self.wrt, self.sites, (), found)
            new = found | {n for n in asked if flow.law_depends(n)}
            if new == found:
                return self._losses.setdefault(found, Losses(self.graph, self.wrt, found, self.order))
            found = new

    def flow(self, pathwise: Iterable[int]) -> Flow:
        chosen = frozenset(pathwise)
        return self.losses.flow(chosen, self.cut_sites(chosen))

    def cut_sites(self, pathwise: Sites) -> Sites:
        """Of the pathwise sites, those that an estimator stratifies."""
        pinned = pathwise & self.pinned.keys()
        free = pathwise - pinned if self.stratifying else frozenset[int]()
        asked = {n for n in pinned if self.pinned[n].estimator.stratifies and not self.laws[n].discrete}
        return self.losses.cuts(pathwise, free | asked)

    def lost(self, pathwise: Sites) -> tuple[Loss, ...]:
        return self.losses.of(pathwise, self.cut_sites(pathwise))

    def info(self, number: int, pathwise: Sites, uses: bool = True) -> SiteInfo:
        """The site, with the others in ``pathwise`` reparameterised, and its ``uses`` as if it were too."""
        site, its_law = self.sites[number], self.laws[number]
        depends = self.graph.law_depends(self.wrt, pathwise, number) or self.flow(pathwise).law_depends(number)
        nonsmooth: tuple[str, ...] = ()
        crossings: tuple[str, ...] = ()
        obstacles: tuple[str, ...] = ()
        if uses and not its_law.discrete:
            moving = pathwise | {number}
            others = self.cut_sites(moving) - {number}
            nonsmooth = tuple(loss.use.description for loss in self.through(number, moving, others))
            crossings = self.losses.crossed(number, moving, others)
            obstacles = tuple(loss.reason(self.graph) for loss in self.through(number, moving, others | {number}))
        varies = any(loop.kind == "while" for loop in site.loops)
        return SiteInfo(
            name=site.name,
            number=number,
            distribution=its_law.text,
            discrete=its_law.discrete,
            pathwise=its_law.pathwise,
            support_size=its_law.support_size,
            law_depends=depends,
            nonsmooth=nonsmooth,
            in_process=site.process is not None,
            in_loop=bool(site.loops),
            instances=None if site.process is not None or varies else site.instances,
            moving_support=any(site.node.inputs[i] in self.flow(pathwise) for i in its_law.bounds),
            crossings=crossings,
            obstacles=obstacles,
            fixed_length=self.fixed_length,
            shares=None if (shared := self.graph.shared_at(number)) is None else shared.name,
            by_event=self.fixed_length or self.forward,
            spectrum=depends and its_law.rescaled and self.graph.moves(number, self.cut_sites(pathwise) - {number}),
            interplay=its_law.discrete and depends and self.interplay(number, pathwise),
            unrelaxed=self.graph.relaxation(number).obstacle if its_law.discrete and self.relaxing else None,
            unshadowed=shadows.obstacle(self.graph, number) if self.shadowing else "a use that was not looked at",
            moving=tuple(name for name, i in its_law.arguments.items() if depends and site.node.inputs[i] in self.most),
        )

    def interplay(self, number: int, pathwise: Sites) -> bool:
        if not self.fixed_length:
            return False
        key = (number, pathwise)
        if key not in self._interplay:
            self._interplay[key] = self.graph.interplay(number, self.flow(pathwise))
        return self._interplay[key]

    @cached_property
    def forward(self) -> bool:
        """Derivatives are carried forward, whatever else the program is."""
        shapes = (p.value.type.shape for p in self.graph.program.params if p.name in self.wrt)
        return self.mode == "forward" or (self.mode == "auto" and sum(map(prod, shapes)) <= FORWARD)

    @cached_property
    def fixed_length(self) -> bool:
        return not any(node.op in ("while", "process") for node in self.graph.nodes())

    @cached_property
    def most(self) -> Flow:
        """What may carry a derivative in any plan: with every continuous value cut, every discrete one relaxed."""
        discrete = {n for n in self.sites if self.laws[n].discrete}
        return self.graph.carries(self.wrt, self.sites, self.sites.keys() - discrete, discrete if self.relaxing else ())

    def through(self, number: int, pathwise: Sites, cut: Sites) -> tuple[Loss, ...]:
        """The losses that a derivative carried by the site's value comes to first."""
        return tuple(loss for loss in self.losses.of(pathwise, cut) if number in loss.sources[0])

    def sound(self, info: SiteInfo) -> tuple[Estimator, ...]:
        """The estimators that do not refuse the site, the preferred ones first."""
        able = [e for e in self.own if self.refusal(e, info) is None]
        return tuple(sorted(able, key=lambda e: -e.preference(info)))

    def refusal(self, estimator: Estimator, info: SiteInfo) -> str | None:
        """Why an estimator cannot serve a site."""
        reason = estimator.refuses(info)
        if reason is None and self.order == 2:
            its_law = self.laws[info.number]
            moving = any(self.sites[info.number].node.inputs[i] in self.most for i in its_law.kinks)
            return second.refusal(estimator, its_law, moving)
        return reason
