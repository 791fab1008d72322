"""A few lines of typed program, written by hand: what the front end would make of a text."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any

from hepppl.diagnostics import Source, Span
from hepppl.semantics import ir
from hepppl.semantics.types import BOOL, INT, REAL, CollectionType, Tensor

SOURCE = Source("<test>", "")
SPAN = Span(SOURCE, 0, 0)


class Builder:
    """Collects nodes; ``with b.region(...)`` collects those of an inner region."""

    def __init__(self) -> None:
        self.nodes: list[ir.Node] = []
        self.values = 0
        self.sites = 0
        self.params: list[ir.Param] = []
        self.processes: dict[str, ir.Process] = {}

    def value(self, type: Any = REAL, name: str | None = None) -> ir.Value:
        self.values += 1
        return ir.Value(self.values, type, name)

    def add(self, op: str, *inputs: ir.Value, types: Any = (), regions: Any = (), **attrs: Any) -> tuple[ir.Value, ...]:
        results = tuple(self.value(t) for t in types)
        self.nodes.append(ir.Node(op, inputs, results, SPAN, attrs, tuple(regions)))
        return results

    def pure(self, op: str, *inputs: ir.Value, type: Tensor = REAL, **attrs: Any) -> ir.Value:
        return self.add(op, *inputs, types=(type,), **attrs)[0]

    def const(self, value: Any, type: Tensor | None = None) -> ir.Value:
        kinds = {bool: BOOL, int: INT, float: REAL}
        return self.pure("const", type=type or kinds[type_of(value)], value=value)

    def param(self, name: str, default: float) -> ir.Value:
        (value,) = self.add("param", types=(REAL,), name=name)
        self.params.append(ir.Param(name, value, None, default, None, SPAN))
        return value

    def site(self, name: str, dist: str, type: Tensor = REAL, observed: bool = False, **args: ir.Value) -> ir.Value:
        self.sites += 1
        law = ir.Dist(dist, tuple((arg, i) for i, arg in enumerate(args)))
        attrs = {"dist": law, "name": name, "number": self.sites, "by": None, "observed": observed}
        return self.add("site", *args.values(), types=(type,), **attrs)[0]

    @contextmanager
    def region(self, *params: ir.Value) -> Any:
        """Yields a list for the results; the region is ``.made`` of that list once closed."""
        outer, self.nodes = self.nodes, []
        made = _Open()
        yield made
        made.region = ir.Region(params, tuple(self.nodes), tuple(made.results))
        self.nodes = outer

    def process(self, key: str, formals: tuple[ir.Value, ...], body: ir.Region, *fields: tuple[str, Tensor]) -> None:
        self.processes[key] = ir.Process(key, formals, body, fields, SPAN)

    def run_process(self, key: str, *args: ir.Value, limit: int, fields: Any) -> ir.Value:
        self.sites += 1
        attrs = {"process": key, "limit": limit, "name": key, "number": self.sites}
        return self.add("process", *args, types=(CollectionType(tuple(fields)),), **attrs)[0]

    def program(self, **outputs: ir.Value) -> ir.Program:
        body = ir.Region((), tuple(self.nodes), ())
        made = tuple(ir.Output(name, value, SPAN) for name, value in outputs.items())
        return ir.Program("test", SOURCE, tuple(self.params), (), body, self.processes, made)


class _Open:
    def __init__(self) -> None:
        self.results: list[ir.Value] = []
        self.region: ir.Region


def type_of(value: Any) -> type:
    while isinstance(value, tuple):
        value = value[0]
    return type(value)
