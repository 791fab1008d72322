"""Why second derivatives are refused where first ones are not, and what would serve (E609)."""

from __future__ import annotations

from collections.abc import Sequence

from hepppl.diagnostics import Diagnostic, Label
from hepppl.graph import ModelGraph, RoughUse, SiteContext
from hepppl.planning.laws import Law
from hepppl.planning.losses import Loss
from hepppl.planning.refusals import behind, listed
from hepppl.planning.requests import Request
from hepppl.plugin.estimator import Estimator

_SCORE = "score, which can be differentiated twice, serves"


def refusal(estimator: Estimator, law: Law, moving: bool) -> str | None:
    """Why an estimator that is sound for first derivatives is not for second ones. ``moving``: what moves the kinks of
    the density depends on a parameter."""
    if not estimator.twice:
        return "it cannot be differentiated twice"
    if estimator.pathwise and law.jumps:
        return f"the density of {law.text} jumps, so that the derivative of its draws does"
    if not estimator.pathwise and moving:
        return f"the density of {law.text} has a kink that moves with a parameter, which its second derivative misses"
    return None


def from_outside(asked: Request) -> Diagnostic:
    """The program is differentiated as a whole."""
    message = f"estimator '{asked.estimator.name}' gives no second derivatives: it cannot be differentiated twice"
    hint = "leave it out: estimators of single sites are then chosen"
    return Diagnostic("E609", message, asked.span, hints=(hint,))


def unsound(site: SiteContext, request: Request, reason: str, sound: Sequence[str], use: RoughUse | None) -> Diagnostic:
    """The estimator asked for does not allow it at this site."""
    labels = (Label(use.node.span, "here"),) if use is not None else ()
    name = request.estimator.name
    message = f"estimator '{name}' gives no second derivative at site '{site.name}': {reason}"
    serves = f"{listed(sound)} would: --by {site.name}={sound[0]}" if sound else "no estimator that hepppl ships would"
    return Diagnostic("E609", message, request.span or site.node.span, labels, (serves,))


def unserved(site: SiteContext, reasons: str) -> Diagnostic:
    """No estimator allows it at this site."""
    message = f"no estimator gives a second derivative at site '{site.name}' ({reasons})"
    hints = (f"{_SCORE} a site whose density is smooth in the parameter and keeps its support", *_LEAVE)
    return Diagnostic("E609", message, site.node.span, hints=hints)


_LEAVE = ("or take second derivatives with respect to other parameters only",)


def lost(graph: ModelGraph, loss: Loss) -> Diagnostic:
    """First derivatives are served (by ``boundary``, say, or they see no kink), second ones are not."""
    use = loss.use
    numbers, direct = loss.sources
    names = direct or behind(loss.flow, use)
    message = f"no estimator keeps the second derivative with respect to {listed(names)} at {use.what}"
    labels = [Label(p.span, "the parameter") for p in graph.program.params if p.name in names]
    culprits = [graph.site(number) for number in (numbers or use.noise)]
    labels += [Label(site.node.span, "the noise" if direct else "drawn here") for site in culprits]
    drawn = listed([site.name for site in culprits]) if culprits else ""
    if use.kink:
        passes = f"where the value of {drawn} passes a point that moves" if drawn else "at a point that moves"
        reason = f"the derivative of its result jumps {passes}"
    else:
        decided = f"{drawn} decides it" if drawn else "its outcome changes"
        reason = f"{decided}, and what keeps the first derivative there cannot be differentiated twice"
    smooth = f"draw the value itself from a law that holds {listed(names)}, with a smooth density on a fixed support"
    hints = (f"{smooth}: {_SCORE} it", *_LEAVE)
    return Diagnostic("E609", f"{message}: {reason}", use.node.span, tuple(labels), hints)
