"""What is downstream of what: which outputs a site's value can change, by its value or by what it decides."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from hepppl.graph.flow import adjacency, reach
from hepppl.graph.wires import WEIGHT, Point, Wire
from hepppl.semantics.ir import Program, Value

#: The name under which the mean weight is reported beside a program's own outputs.
WEIGHT_OUTPUT = "weight"

#: Operations whose derivative does not depend on their operands' values.
LINEAR = frozenset(("add", "sub", "neg", "to_real", "stack", "concatenate", "sum", "mean", "cumsum", "reverse"))


def downstream(wires: tuple[Wire, ...]) -> Mapping[Point, Collection[Point]]:
    return adjacency((w.source, w.target) for w in wires)


def influences(program: Program, edges: Mapping[Point, Collection[Point]], values: tuple[Value, ...]) -> frozenset[str]:
    """Names of the outputs that depend on one of ``values``. The event's weight multiplies every output, so what it
    depends on influences all of them, and `WEIGHT_OUTPUT`."""
    touched = reach(values, edges)
    if WEIGHT in touched:
        return frozenset(output.name for output in program.outputs) | {WEIGHT_OUTPUT}
    return frozenset(output.name for output in program.outputs if output.value in touched)
