"""The typed program: static single assignment in nested regions, functions inlined, records taken apart.

`hepppl.semantics` makes it, `hepppl.graph` wraps and analyses it, back ends run it. Every value is a tensor of one
event (records become one value per field, an array of records one array per field), in CLHEP base units.

Structural nodes (everything else is a pure operation, see `OPS`):

=========  =====================================================================================================
op         meaning; inputs -> results; attrs; regions
=========  =====================================================================================================
param      () -> (value,); ``name``
data       () -> (value,); ``name``
const      () -> (value,); ``value`` (bool, int, float or nested tuples)
site       distribution arguments -> (value,); ``dist`` (`Dist`), ``name``, ``number``, ``by`` (`By` or None),
           ``observed`` (bool)
branch     (condition,) -> joined values; regions ``then``, ``else`` (no params; results joined one to one)
for        initial carried values -> final ones; ``start``, ``stop`` (ints); region (index, *carried) -> carried
plate      () -> stacked values, a new leading axis each; ``start``, ``stop``; region (index,) -> values. The `Value`s
           a plate binds are independent repetitions; comprehensions become plates without sites
while      initial carried values -> final ones; ``limit`` (int); regions ``cond`` (*carried) -> (bool,), ``body``
           (*carried) -> carried
process    arguments of the first particle -> (collection,); ``process`` (key of `Program.processes`), ``limit``,
           ``name``, ``number``
reduce     (collection, *captured) -> (value,); ``kind`` (count sum mean min max any all hist padded), other attrs per
           kind (``size`` and ``fill`` for padded, ``bins`` for hist); region (*fields of an element, *captured) ->
           (element value [, weight for hist]). ``captured`` are the outer values its expression uses. For hist the
           edges are the last captured value
minimise   where the search starts -> where the region is least; region (*unknowns) -> (value,)
root       the ends of an interval -> where the region is zero; region (unknown,) -> (value,)
element    (array of collections, one index per leading axis) -> (collection or array of them,)
spawn      arguments -> (); ``process`` (key)              only inside a process
emit       fields -> ()                                    only inside a process
weight     (factor,) -> ()
require    (condition,) -> ()
=========  =====================================================================================================

A region may use values of the regions around it (implicit capture); a process body uses its formals only (constants
and parameters of the model that a process mentions become formals: see `Process.formals`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hepppl.diagnostics import Source, Span
from hepppl.semantics.types import CollectionType, Tensor

#: Pure operations, elementwise with NumPy broadcasting of scalars against arrays unless said otherwise. Name -> arity.
OPS: Mapping[str, int] = {
    "add": 2, "sub": 2, "mul": 2, "div": 2, "mod": 2, "pow": 2, "neg": 1,
    "lt": 2, "le": 2, "gt": 2, "ge": 2, "eq": 2, "ne": 2, "and": 2, "or": 2, "not": 1,
    "select": 3,  # condition, value where true, value where false
    "min": 2, "max": 2, "abs": 1, "sign": 1, "floor": 1, "ceil": 1, "round": 1, "trunc": 1,
    "to_real": 1, "to_int": 1,  # int/bool -> real; bool -> int or a real known to be whole -> int
    "sqrt": 1, "cbrt": 1, "square": 1, "exp": 1, "expm1": 1, "exp2": 1, "log": 1, "log1p": 1, "log2": 1, "log10": 1,
    "sin": 1, "cos": 1, "tan": 1, "arcsin": 1, "arccos": 1, "arctan": 1, "arctan2": 2, "hypot": 2,
    "sinh": 1, "cosh": 1, "tanh": 1, "arcsinh": 1, "arccosh": 1, "arctanh": 1,
    "sigmoid": 1, "softplus": 1, "erf": 1, "erfc": 1, "lgamma": 1, "digamma": 1, "isfinite": 1,
    # arrays; attrs in brackets
    "stack": -1,  # n equal shapes -> a new leading axis
    "index": -1,  # array, one scalar int per leading axis indexed -> the rest
    "set_index": -1,  # array, value, indices as above -> array
    "slice": 1,  # [start, stop] of the leading axis
    "fill": 1,  # [size] copies along a new leading axis
    "sum": 1, "prod": 1, "mean": 1, "amin": 1, "amax": 1, "any": 1, "all": 1,  # over the leading axis
    "cumsum": 1, "sort": 1, "argsort": 1, "argmin": 1, "argmax": 1, "reverse": 1,  # of the leading axis
    "dot": 2,  # vectors and matrices
    "concatenate": -1,
    "searchsorted": 2,  # edges, value: how many edges are <= value
    "interp": 3,  # x, xp, fp
    "extern": -1,  # a plugin's [function] of one event's values; [smooth]
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Value:
    """One value of one event. Identity is the object; ``id`` is unique in its program and used for printing."""

    id: int
    type: Tensor | CollectionType
    name: str | None = None

    def __repr__(self) -> str:
        return f"%{self.id}{':' + self.name if self.name else ''}"


@dataclass(frozen=True)
class Dist:
    """A distribution expression. Each argument is the position of its value among the site's inputs, a nested
    distribution, or a tuple of nested distributions (``mixture``)."""

    name: str
    args: tuple[tuple[str, int | Dist | tuple[Dist, ...]], ...]


@dataclass(frozen=True)
class By:
    """The estimator that the author named at a site, with its options (plain Python values)."""

    name: str
    options: tuple[tuple[str, Any], ...]
    span: Span


@dataclass(frozen=True, eq=False)
class Node:
    op: str
    inputs: tuple[Value, ...]
    results: tuple[Value, ...]
    span: Span
    attrs: Mapping[str, Any] = field(default_factory=dict)
    regions: tuple[Region, ...] = ()

    def __repr__(self) -> str:
        name = self.attrs.get("name", "")
        return f"<{self.op}{' ' + name if name else ''} {list(self.inputs)} -> {list(self.results)}>"


@dataclass(frozen=True, eq=False)
class Region:
    params: tuple[Value, ...]
    nodes: tuple[Node, ...]
    results: tuple[Value, ...]


@dataclass(frozen=True, eq=False)
class Process:
    """A branching process, specialised to the types it is called with.

    ``formals`` are its arguments taken apart, then any parameter, data or earlier value of the model it mentions.
    ``fields`` names and types what it emits (``("", type)`` for a bare scalar). All processes that can spawn one
    another emit the same fields.
    """

    key: str
    formals: tuple[Value, ...]
    body: Region
    fields: tuple[tuple[str, Tensor], ...]
    span: Span


@dataclass(frozen=True)
class Support:
    low: float
    high: float
    low_closed: bool
    high_closed: bool

    def contains(self, x: float) -> bool:
        above = x >= self.low if self.low_closed else x > self.low
        below = x <= self.high if self.high_closed else x < self.high
        return above and below


@dataclass(frozen=True, eq=False)
class Param:
    name: str
    value: Value
    support: Support | None
    default: Any  # float or nested tuples in base units; None where the caller must give it
    prior: Region | None  # a region whose one node is a site, or None
    span: Span


@dataclass(frozen=True, eq=False)
class Data:
    name: str
    value: Value
    default: Any
    span: Span


@dataclass(frozen=True, eq=False)
class Output:
    name: str
    value: Value  # a tensor, or a collection field through a reduce of kind "jagged"
    span: Span
    observed: bool = False


@dataclass(frozen=True, eq=False)
class Program:
    name: str
    source: Source
    params: tuple[Param, ...]
    data: tuple[Data, ...]
    body: Region
    processes: Mapping[str, Process]
    outputs: tuple[Output, ...]
    sized_by: Mapping[str, Any] = field(
        default_factory=dict
    )  # data (value or shape) that the program is specialised to


def walk(region: Region) -> Iterator[Node]:
    """Every node of a region and of the regions inside it, in program order."""
    for node in region.nodes:
        yield node
        for inner in node.regions:
            yield from walk(inner)
