"""The choice of an estimator for every site, from what the graph knows.

The rules, for each site on whose law the derivative depends and which influences an output: what the caller or the
author asked for, if it is sound; otherwise the estimator of highest rank that does not refuse. A site whose drawn value
decides a comparison that a derivative comes to is cut there, by an estimator that stratifies, where the threshold can
be solved for. Else it is not differentiated pathwise; of the sites in question the fewest are changed, those nearest
the comparison. Where no change makes the program sound, `choose` refuses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hepppl import _memory
from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepPlanError
from hepppl.diagnostics.suggest import nearest
from hepppl.graph import ModelGraph, SiteContext, differentiable
from hepppl.planning import refusals, second, shadows
from hepppl.planning.importance import natural
from hepppl.planning.plan import Plan, SitePlan
from hepppl.planning.reasons import cost_of, declared, either
from hepppl.planning.reasons import reason as reason_of
from hepppl.planning.requests import Named, Request, Requests, collect
from hepppl.planning.situation import Situation
from hepppl.plugin.estimator import Estimator, SiteInfo


def choose(
    graph: ModelGraph,
    by: Mapping[str, Named] | None = None,
    wrt: Sequence[str] | None = None,
    order: int = 1,
    mode: str = "auto",
) -> Plan:
    """The plan for derivatives of the program's outputs with respect to the parameters ``wrt`` (all by default).

    ``by`` names estimators per site, ``{"shower.interacts": "score(baseline='none')"}``; the key ``"*"`` stands for
    every site that needs one and that it can serve, or for the program as a whole. Biased estimators serve only where
    they are named. With ``wrt=()`` no site needs an estimator, whatever the program. ``order`` 2: a plan for second
    derivatives, of estimators that allow them. ``mode``: "forward", "reverse" or "auto", as the plan is to be used.

    Raises `HepPlanError`: E601 where a derivative would be lost and nothing helps, E602 where an estimator asked for is
    not sound, E603 and E604 for unknown sites and options, E605 for unknown parameters, E607 where no estimator serves
    a site; E609 where first derivatives can be had, but not second ones; E801 to E804 for estimators that cannot be
    had.
    """
    return decide(graph, collect(graph, by), wrt, order, mode)


@_memory.uncollected
def decide(
    graph: ModelGraph, requests: Requests, wrt: Sequence[str] | None, order: int = 1, mode: str = "auto"
) -> Plan:
    """As `choose`, with the requests read."""
    names = parameters(graph, wrt)
    if order == 1:
        return _Chooser(graph, names, requests, mode=mode).plan()
    try:
        return _Chooser(graph, names, requests, order).plan()
    except HepPlanError:
        _Chooser(graph, names, requests).plan()  # has more to say where first derivatives cannot be had either
        raise


def parameters(graph: ModelGraph, wrt: Sequence[str] | None) -> tuple[str, ...]:
    """The names in ``wrt``, checked, in the program's order; every real parameter where it is None."""
    params = {p.name: p for p in graph.program.params}
    if wrt is None:
        return tuple(name for name, p in params.items() if differentiable(p.value))
    problems = []
    for name in wrt:
        if name not in params:
            closest = nearest(name, params)
            hint = f"did you mean '{closest}'?" if closest else f"parameters: {', '.join(params) or 'none'}"
            problems.append(Diagnostic("E605", f"the model has no parameter called '{name}'", hints=(hint,)))
        elif not differentiable(params[name].value):
            message = f"parameter '{name}' is not real, so that there is no derivative with respect to it"
            problems.append(Diagnostic("E605", message, params[name].span))
    if problems:
        raise HepPlanError(problems)
    return tuple(name for name in params if name in wrt)


@dataclass(frozen=True)
class _Choice:
    """``estimator`` is None where none is needed, or where none is sound (``unserved``). ``why``: the reason in words.
    ``asked``: the request it follows. ``options``: where there is none."""

    estimator: Estimator | None
    why: str
    asked: Request | None = None
    unserved: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)


class _Chooser(Situation):
    def plan(self) -> Plan:
        if self.requests.every is not None and self.requests.every.estimator.whole_program:
            if self.order == 2:
                raise HepPlanError(second.from_outside(self.requests.every))
            return self.from_outside(self.requests.every)
        pathwise = self.start()
        if self.requests.every is not None:
            pathwise = self.spread(self.requests.every, pathwise)
        pathwise = self.mend(pathwise)
        pathwise = self.improve(pathwise)
        self.refuse(pathwise)
        choices = {number: self.choice(number, pathwise) for number in self.sites}
        unserved = refusals.unserved if self.order == 1 else second.unserved
        missing = [unserved(self.sites[n], c.why) for n, c in choices.items() if c.unserved]
        if missing:
            raise HepPlanError(missing)
        rows = tuple(self.row(self.sites[number], choice) for number, choice in choices.items())
        shadows.check(zip(rows, (c.estimator for c in choices.values()), strict=True), self.graph)
        return Plan(self.graph.program.name, rows, self.wrt, order=self.order)

    def from_outside(self, asked: Request) -> Plan:
        """Nothing is asked of any site. The rows name those whose law would need an estimator otherwise."""
        served = _Choice(asked.estimator, f"asked for by {asked.by}{declared(asked.estimator)}", asked)
        pathwise = self.start()
        rows = []
        for number, site in self.sites.items():
            unasked = self.unasked(number, self.info(number, pathwise))
            rows.append(self.row(site, unasked or served))
        whole = asked.estimator.name, dict(asked.options)
        return Plan(self.graph.program.name, tuple(rows), self.wrt, whole=whole)

    def start(self) -> frozenset[int]:
        """The sites that are reparameterised if nothing forbids it."""
        smooth = {n: replace(self.info(n, frozenset(), uses=False), law_depends=True) for n in self.sites}
        moving = [e for e in self.own if e.pathwise]
        able = {n for n, info in smooth.items() if any(self.refusal(e, info) is None for e in moving)}
        return frozenset(self._with_pins(able))

    def _with_pins(self, able: Iterable[int]) -> Iterable[int]:
        pinned = {n for n, request in self.pinned.items() if request.estimator.pathwise and not self.laws[n].discrete}
        return (set(able) - set(self.pinned)) | pinned

    def spread(self, every: Request, pathwise: frozenset[int]) -> frozenset[int]:
        """Give the one asked for to every site that needs an estimator, was not named, and that it serves soundly."""
        for number in self.sites:
            if number in self.requests.caller or not self.graph.influences(number):
                continue
            info = self.info(number, pathwise)
            if info.law_depends and self.refusal(every.estimator, info) is None:
                lost = len(self.lost(pathwise))
                before = self.pinned.get(number)
                self.pinned[number] = every
                changed = pathwise | {number} if every.estimator.pathwise else pathwise - {number}
                if len(self.lost(changed)) > lost:  # a threshold moves, which this estimator does not see
                    self.pinned.pop(number)
                    self.pinned.update({} if before is None else {number: before})
                    continue
                self.soft.add(number)
                pathwise = changed
        return pathwise

    def mend(self, pathwise: frozenset[int]) -> frozenset[int]:
        """Change as few sites as possible until no derivative is lost that need not be."""
        changed: set[int] = set()
        while True:
            changes = [self.change(*loss.sources, pathwise) for loss in self.lost(pathwise)]
            new = set().union(*(change for change in changes if change is not None)) - changed
            if not new:
                break
            changed |= new
            pathwise -= new
        lost = len(self.lost(pathwise))
        for number in sorted(changed):
            back = pathwise | {number}
            if len(self.lost(back)) <= lost and self.all_served(changed - {number}, back):
                pathwise, changed = back, changed - {number}
        for number in self.soft & changed:
            del self.pinned[number]
        return pathwise

    def improve(self, pathwise: frozenset[int]) -> frozenset[int]:
        """Without the spectra that an estimator that is not pathwise prefers to serve, and can without a loss."""
        for number in sorted(pathwise - self.pinned.keys()):
            if not self.laws[number].rescaled or number in self.cut_sites(pathwise):
                continue
            sound, without = self.sound(self.info(number, pathwise)), pathwise - {number}
            if sound and not sound[0].pathwise and len(self.lost(without)) <= len(self.lost(pathwise)):
                pathwise = without
        return pathwise

    def change(self, sites: tuple[int, ...], params: tuple[str, ...], pathwise: frozenset[int]) -> set[int] | None:
        """The sites nearest to a use that must not be pathwise for it to be sound; None where no choice helps."""
        if params:
            return None
        found: set[int] = set()
        pending, seen = list(sites), set()
        while pending:
            number = pending.pop(0)
            if number in seen:
                continue
            seen.add(number)
            if number in self.pinned and number not in self.soft:
                return None
            if self.all_served({number}, pathwise - {number}):
                found.add(number)
                continue
            above, direct = self.flow(pathwise).sources(self.sites[number].node.inputs)
            if direct:
                return None
            pending.extend(above)
        return found

    def all_served(self, numbers: Iterable[int], pathwise: frozenset[int]) -> bool:
        """Each of these sites has a sound estimator that is not pathwise, or needs none."""
        still = [e for e in self.own if not e.pathwise]  # how the value is used is nothing to them
        infos = [self.info(number, pathwise, uses=False) for number in numbers]
        return all(not i.law_depends or any(self.refusal(e, i) is None for e in still) for i in infos)

    def refuse(self, pathwise: frozenset[int]) -> None:
        """Raise with every loss that is left, and with every request that is not sound."""
        problems = []
        losses, cut = self.lost(pathwise), self.cut_sites(pathwise)
        for number, request in self.pinned.items():
            info = self.info(number, pathwise - {number} if not request.estimator.pathwise else pathwise)
            if not (info.law_depends or number in cut) or not self.graph.influences(number):
                continue
            reason = self.refusal(request.estimator, info)
            if reason is not None:
                use = next((loss.use for loss in losses if number in loss.sources[0]), None)
                sound = tuple(e.name for e in self.sound(info))
                unsound = refusals.unsound if self.order == 1 else second.unsound
                problems.append(unsound(self.sites[number], request, reason, sound, use))
        blamed = {n for n, request in self.pinned.items() if request.estimator.pathwise}
        for loss in losses:
            sites, params = loss.sources
            if not (blamed & set(sites) and not params):
                lost = refusals.lost if self.order == 1 else second.lost
                problems.append(lost(self.graph, loss))
        if problems:
            raise HepPlanError(refusals.distinct(problems))

    # A row

    def choice(self, number: int, pathwise: frozenset[int]) -> _Choice:
        info = self.info(number, pathwise)
        cut = number in self.cut_sites(pathwise)
        unasked = self.unasked(number, info, cut)
        if unasked is not None:
            return unasked
        request = self.pinned.get(number)
        if request is not None:
            return _Choice(request.estimator, f"asked for by {request.by}{declared(request.estimator)}", request)
        sound = [e for e in self.sound(info) if e.pathwise == (number in pathwise) and e.stratifies == cut]
        if not sound:
            reasons = "; ".join(f"{e.name}: {self.refusal(e, info) or 'a derivative would be lost'}" for e in self.own)
            return _Choice(None, reasons, unserved=True)
        why = reason_of(info, self.laws[number], sound[0])
        every = self.requests.every
        if every is not None and number not in self.requests.caller:
            why += f"; {every.estimator.name} is not sound here"
        better = next((e.name for e in self.once if e.rank > sound[0].rank and e.refuses(info) is None), None)
        if better is not None:
            why += f"; {better} cannot be differentiated twice"
        options = sound[0].suggested(info)
        return _Choice(sound[0].given(options), why, options=options)

    def unasked(self, number: int, info: SiteInfo, cut: bool = False) -> _Choice | None:
        """Why the site needs no estimator; None where it does."""
        if not self.wrt:
            return _Choice(None, "no derivative is taken")
        if not (info.law_depends or cut):
            return _Choice(None, f"its law does not depend on {either(self.wrt)}")
        if not self.graph.influences(number):
            return _Choice(None, "it influences no output")
        return None

    def row(self, site: SiteContext, choice: _Choice) -> SitePlan:
        estimator = choice.estimator
        options = choice.asked.options if choice.asked else choice.options
        steered = estimator is not None and estimator.offers and choice.asked is None
        return SitePlan(
            site=site.name,
            number=site.number,
            distribution=self.laws[site.number].text,
            estimator=estimator.name if estimator else None,
            options=dict(options),
            why=choice.why,
            cost=estimator.cost if estimator else "none",
            relative_cost=cost_of(estimator, site) if estimator else 0.0,
            influences=self.graph.influences(site.number),
            line=site.node.span.line,
            importance=natural(self.graph, site.number) if steered else None,
        )
