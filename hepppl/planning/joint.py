"""Whether a program has a joint score: the derivative of the log-density of all that it draws, at fixed values of it.

It has one where a parameter acts through the laws of sites alone. Where a parameter decides something itself (at fixed
values of all sites), or bounds the values that can be drawn, the set of possible traces moves with it; where an output
is computed from it, the density of that output is another one than that of what is drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hepppl.diagnostics import Diagnostic, Label
from hepppl.diagnostics.errors import HepPlanError
from hepppl.graph import Flow, ModelGraph
from hepppl.planning.choose import parameters
from hepppl.planning.laws import law
from hepppl.planning.refusals import distinct, listed

NO_WAY = "or leave the parameter out (of wrt, or where it is)"


def check_joint(graph: ModelGraph, wrt: Sequence[str] | None, outputs: bool = True) -> tuple[str, ...]:
    """The parameters ``wrt`` (default: all real ones), checked: the density of what is drawn has a derivative in them.

    ``outputs``: whether outputs may not be computed from them. Raises `HepPlanError`: E605 for unknown names, E621
    where the set of possible traces moves, E622 for outputs.
    """
    names = parameters(graph, wrt)
    flow = graph.carries(names, ())
    problems = [*_decisions(graph, flow), *_bounds(graph, flow), *(_outputs(graph, flow) if outputs else ())]
    if problems:
        raise HepPlanError(distinct(problems))
    return names


def _labels(graph: ModelGraph, names: Sequence[str]) -> tuple[Label, ...]:
    return tuple(Label(p.span, "the parameter") for p in graph.program.params if p.name in names)


def _decisions(graph: ModelGraph, flow: Flow) -> Iterator[Diagnostic]:
    for use in flow.nonsmooth:
        names = use.params
        text = f"{listed(names)} acts on {use.what} directly, whatever is drawn: what can be drawn moves with it"
        hints = (
            f"draw the compared value itself, as a site whose law holds {listed(names)}",
            f"or draw the decision: a bernoulli site whose probability is a function of {listed(names)}",
            NO_WAY,
        )
        yield Diagnostic("E621", text, use.node.span, _labels(graph, names), hints)


def _bounds(graph: ModelGraph, flow: Flow) -> Iterator[Diagnostic]:
    for site in graph.sites():
        its_law = law(site.node)
        moving = [site.node.inputs[i] for i in its_law.bounds if site.node.inputs[i] in flow]
        if moving:
            names = flow.sources(moving)[1]
            text = f"the values that {its_law.text} can give at site '{site.name}' are bounded by {listed(names)}"
            hints = (f"take a law with fixed bounds whose shape holds {listed(names)}", NO_WAY)
            yield Diagnostic("E621", text, site.node.span, _labels(graph, names), hints)


def _outputs(graph: ModelGraph, flow: Flow) -> Iterator[Diagnostic]:
    for output in graph.program.outputs:
        if output.value in flow:
            names = flow.sources([output.value])[1]
            text = (
                f"output '{output.name}' is computed from {listed(names)} directly, so that the score of what is drawn "
                "is not that of what is returned"
            )
            hints = (f"draw it: a site whose law holds {listed(names)}", "or leave it out of what is returned", NO_WAY)
            yield Diagnostic("E622", text, output.span, _labels(graph, names), hints)
