"""What the author and the caller ask for: ``by`` in the program, and ``by`` of a run, checked against the program."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hepppl.diagnostics import Diagnostic, Span
from hepppl.diagnostics.errors import HepPlanError, HepPluginError
from hepppl.diagnostics.suggest import nearest
from hepppl.graph import ModelGraph, SiteContext
from hepppl.planning.plan import Plan
from hepppl.plugin.estimator import Estimator
from hepppl.plugin.registry import load_estimator, parse

#: What a run may give per site: ``"score"``, ``"score(baseline='none')"`` or ``("score", {"baseline": "none"})``.
Named = str | tuple[str, Mapping[str, Any]]
EVERY = "*"


@dataclass(frozen=True)
class Request:
    """An estimator asked for. ``by``: who asks, in words. ``span``: where, if in the program."""

    estimator: Estimator
    options: Mapping[str, Any]
    by: str
    span: Span | None = None


@dataclass(frozen=True)
class Requests:
    """What is asked for, by site number: by the caller, and by the author, who comes second. ``every`` is the caller's
    wish for all other sites that need an estimator and that it can serve; it comes before the author's."""

    caller: Mapping[int, Request]
    author: Mapping[int, Request]
    every: Request | None


def collect(graph: ModelGraph, by: Mapping[str, Named] | None) -> Requests:
    """All requests. Raises `HepPlanError` with everything that is at fault in them."""
    problems: list[Diagnostic] = []
    author: dict[int, Request] = {}
    for site in graph.sites():
        asked = site.node.attrs.get("by")
        if asked is not None:
            request = resolve(asked.name, dict(asked.options), "the program", asked.span, problems)
            if request is not None:
                author[site.number] = request
    caller: dict[int, Request] = {}
    every = None
    for key, named in (by or {}).items():
        request = _named(key, named, problems)
        if key == EVERY:
            every = request
            continue
        matching = [site for site in graph.sites() if site.name == key]
        if not matching:
            problems.append(_unknown_site(key, graph.sites()))
        elif request is not None:
            caller.update((site.number, request) for site in matching)
    problems.extend(_misplaced({number: author[number] for number in author.keys() - caller.keys()}, every, graph))
    problems.extend(_misplaced(caller, every, graph))
    if problems:
        raise HepPlanError(problems)
    return Requests(caller, author, every)


def _misplaced(asked: Mapping[int, Request], every: Request | None, graph: ModelGraph) -> Iterator[Diagnostic]:
    """What differentiates a whole program is asked for with "*", and goes with no request of the caller's."""
    for number, request in asked.items():
        name, site = request.estimator.name, graph.site(number)
        if request.estimator.whole_program:
            message = f"estimator '{name}' differentiates the whole program, not site '{site.name}' alone"
            yield Diagnostic("E602", message, request.span or site.node.span, hints=(f"--by '*={name}'",))
        elif every is not None and every.estimator.whole_program and request.span is None:
            message = f"'{every.estimator.name}' differentiates the whole program: '{name}' has no part in it"
            yield Diagnostic("E602", message, site.node.span, hints=("ask for one of the two",))


def _named(key: str, named: Named, problems: list[Diagnostic]) -> Request | None:
    try:
        name, options = parse(named) if isinstance(named, str) else (named[0], dict(named[1]))
    except ValueError:
        hint = "write NAME or NAME(option=value), e.g. score(baseline='none')"
        problems.append(Diagnostic("E604", f"cannot read the estimator '{named}' for site '{key}'", hints=(hint,)))
        return None
    return resolve(name, options, "the caller", None, problems)


def resolve(
    name: str, options: dict[str, Any], by: str, span: Span | None, problems: list[Diagnostic]
) -> Request | None:
    try:
        estimator = load_estimator(name, span)
    except HepPluginError as error:
        problems.extend(error.diagnostics)
        return None
    reason = estimator.check_options(options)
    if reason is not None:
        unknown = next((option for option in options if option not in estimator.options), None)
        closest = nearest(unknown, estimator.options) if unknown else None
        hints = (f"did you mean '{closest}'?",) if closest else ()
        problems.append(Diagnostic("E604", reason, span, hints=hints))
        return None
    return given(estimator, options, by, span)


def given(estimator: Estimator, options: Mapping[str, Any], by: str, span: Span | None = None) -> Request:
    """The request for an estimator with these options, which it accepts; the others keep their defaults."""
    every = {**estimator.options, **options}
    return Request(estimator.given(every), every, by, span)


def of_plan(plan: Plan, by: str) -> Requests:
    """The estimators of a plan as the caller's requests. Raises `HepPlanError` where one cannot be had any more."""
    problems: list[Diagnostic] = []
    if plan.whole is not None:
        every = resolve(plan.whole[0], dict(plan.whole[1]), by, None, problems)
        if problems:
            raise HepPlanError(problems)
        return Requests({}, {}, every)
    asked = {
        row.number: resolve(row.estimator, dict(row.options), by, None, problems)
        for row in plan.rows
        if row.estimator is not None
    }
    if problems:
        raise HepPlanError(problems)
    return Requests({number: request for number, request in asked.items() if request is not None}, {}, None)


def _unknown_site(name: str, sites: tuple[SiteContext, ...]) -> Diagnostic:
    known = tuple(dict.fromkeys(site.name for site in sites))
    closest = nearest(name, known)
    hint = f"did you mean '{closest}'?" if closest else f"sites: {', '.join(known) or 'none'}"
    return Diagnostic("E603", f"the program has no random site called '{name}'", hints=(hint,))
