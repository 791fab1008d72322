"""What to say where no plan is sound: which derivative is lost, where, and what the author can do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hepppl.diagnostics import Diagnostic, Label
from hepppl.graph import Flow, ModelGraph, RoughUse, SiteContext
from hepppl.planning.losses import Loss
from hepppl.planning.requests import Request


def distinct(problems: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Without repetitions: a function inlined twice, or a chain of comparisons, gives the same message twice."""
    return tuple({(d.code, d.message, d.span): d for d in problems}.values())


def lost(graph: ModelGraph, loss: Loss) -> Diagnostic:
    """E601: no choice of estimators keeps the derivative that this use loses."""
    use, flow = loss.use, loss.flow
    params = use.params or behind(flow, use)
    names = listed(params)
    message = f"no estimator keeps the derivative with respect to {names} at {use.what}"
    labels = [Label(p.span, "the parameter") for p in graph.program.params if p.name in params]
    decision = f"draw the decision: a bernoulli site whose probability is a function of {names}"
    hints = [f"boundary, which cuts the drawn value at the threshold, does not help: {loss.reason(graph)}"]
    if use.params and not use.noise:
        reason = f"{names} moves the threshold itself, and no random value's law holds it"
        hints.append(decision)
        hints.append("or smooth the step: sigmoid((a - b) / width) in place of a > b, at the price of a known bias")
    elif use.params:
        noise = [site for site in graph.sites() if site.number in use.noise]
        drawn = listed([site.name for site in noise])
        labels += [Label(site.node.span, "the noise") for site in noise]
        reason = f"the compared value is made from {drawn} by a transformation that holds {names}"
        hints.append(f"draw the transformed value itself, as a site whose law holds {names}: score is sound there")
    else:
        culprits = [site for site in graph.sites() if site.number in use.sites]
        labels += [Label(site.node.span, "drawn here") for site in culprits]
        drawn = listed([site.name for site in culprits])
        reason = f"it decides by the value of {drawn}, and the support of that law moves with {names}"
        hints.append(decision)
    hints.append("or take derivatives with respect to other parameters only; without them, simulate runs as it is")
    return Diagnostic("E601", f"{message}: {reason}", use.node.span, tuple(labels), tuple(hints))


def unsound(site: SiteContext, request: Request, reason: str, sound: Sequence[str], use: RoughUse | None) -> Diagnostic:
    """E602: the estimator asked for would be wrong at this site."""
    labels = (Label(use.node.span, "here"),) if use is not None else ()
    hint = f"sound here: {', '.join(sound)}" if sound else "no estimator that hepppl ships is sound here"
    message = f"estimator '{request.estimator.name}' cannot serve site '{site.name}': {reason}"
    return Diagnostic("E602", message, request.span or site.node.span, labels, (hint,))


def unserved(site: SiteContext, reasons: str) -> Diagnostic:
    """E607: a site needs an estimator and none serves it."""
    if not reasons:
        message = f"no estimator serves site '{site.name}': none is installed"
        hint = "install hepppl with pip: a copy that is only on Python's path brings no plugins, not even its own"
        return Diagnostic("E607", message, site.node.span, hints=(hint,))
    message = f"no estimator serves site '{site.name}' ({reasons})"
    return Diagnostic("E607", message, site.node.span)


def listed(names: Sequence[str]) -> str:
    """``'a'``, ``'a' and 'b'``, ``'a', 'b' and 'c'``."""
    quoted = [f"'{name}'" for name in names]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)


def behind(flow: Flow, use: RoughUse) -> tuple[str, ...]:
    """The parameters that a use depends on through sites."""
    names: dict[str, None] = {}
    pending, seen = list(use.sites), set()
    while pending:
        number = pending.pop()
        if number in seen:
            continue
        seen.add(number)
        above, params = flow.sources(flow.sites[number].node.inputs)
        names.update((name, None) for name in params)
        pending.extend(above)
    return tuple(names)
