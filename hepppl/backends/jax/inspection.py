"""What JAX is given to compile, as text."""

from __future__ import annotations

import jax

from hepppl.backends.jax.program import SMALL, compile_program
from hepppl.backends.jax.pure import stand_in
from hepppl.graph import ModelGraph
from hepppl.planning.plan import Plan


def jaxpr(graph: ModelGraph, plan: Plan | None = None, events: int = SMALL) -> str:
    """JAX's intermediate representation of one call: a batch simulated, or its gradient where there is a plan."""
    compiled = compile_program(graph, plan=plan)
    what, wrt = ("simulate", None) if plan is None else (compiled.mode, compiled.wrt)
    call, _ = compiled.function(what, events, 1, wrt)
    zeros = {param.name: 0 if param.default is None else param.default for param in graph.program.params}
    return str(jax.make_jaxpr(call)(*compiled.arguments(0, 0, events, zeros, stand_in(graph))))
