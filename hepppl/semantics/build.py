"""Making IR: regions under construction, constants, pure operations with folding."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from hepppl.diagnostics import Span
from hepppl.semantics.folding import FoldError, fold
from hepppl.semantics.ir import Node, Region, Value
from hepppl.semantics.limits import INT_RANGE, MAX_FOLDING, MAX_NODES
from hepppl.semantics.types import CollectionType, Tensor
from hepppl.semantics.values import Coll, Colls, Held, Num, Rec, Space, Structured, leaves, rebuild


class TooLarge(Exception):
    """The program exceeds a bound of `limits`; says which, and where it was noticed."""

    def __init__(self, message: str, span: Span):
        super().__init__(message)
        self.span = span


@dataclass
class Frame:
    """A region under construction. ``sealed``: it sees nothing of the regions around it (a process body)."""

    parent: Frame | None
    sealed: bool = False
    nodes: list[Node] = field(default_factory=list)
    constants: dict[Any, Value] = field(default_factory=dict)


class Builder:
    """Hands out values and nodes in the current frame."""

    def __init__(self) -> None:
        self.frame = Frame(None)
        self.next_id = 0
        self.count = 0
        self.folding = 0
        self.known: dict[Value, Any] = {}  # the values of `const` nodes

    def fresh(self, t: Tensor | CollectionType, name: str | None = None) -> Value:
        self.next_id += 1
        return Value(self.next_id, t, name)

    @contextmanager
    def inside(self, sealed: bool = False) -> Iterator[Frame]:
        """A new frame; what is built in the block lands there."""
        outer = self.frame
        self.frame = Frame(outer, sealed)
        try:
            yield self.frame
        finally:
            self.frame = outer

    @contextmanager
    def into(self, frame: Frame) -> Iterator[None]:
        """Build in a frame made before."""
        outer, self.frame = self.frame, frame
        try:
            yield
        finally:
            self.frame = outer

    def add(self, node: Node, space: Space | None = None) -> Node:
        self.count += 1
        if self.count > MAX_NODES:
            raise TooLarge(
                f"the program has more than {MAX_NODES:,} operations once its functions are inlined", node.span
            )
        (self.frame.nodes if space is None else space.nodes).append(node)
        return node

    def node(
        self,
        op: str,
        inputs: Sequence[Value],
        types: Sequence[Tensor | CollectionType],
        span: Span,
        attrs: Mapping[str, Any] | None = None,
        regions: Sequence[Region] = (),
        names: Sequence[str | None] = (),
    ) -> tuple[Value, ...]:
        """A structural node in the current frame; its results."""
        results = tuple(self.fresh(t, name) for t, name in zip_longest(types, names))
        self.add(Node(op, tuple(inputs), results, span, attrs or {}, tuple(regions)))
        return results

    def constant(self, num: Num, span: Span, space: Space | None = None) -> Value:
        """A constant as a value of the current frame (or space), made once per frame."""
        t = num.type
        key = f"{t.kind} {'' if t.dim.dimensionless else t.dim.exponents} {t.shape} {num.static!r}"
        frame: Frame | None = self.frame
        if space is not None:
            if key not in space.constants:
                space.constants[key] = self._const(num, span, space)
            return space.constants[key]
        while frame is not None:
            if key in frame.constants:
                return frame.constants[key]
            frame = None if frame.sealed else frame.parent
        value = self._const(num, span, None)
        self.frame.constants[key] = value
        return value

    def _const(self, num: Num, span: Span, space: Space | None) -> Value:
        if num.type.kind == "int":
            check_integers(num.static)
        value = self.fresh(num.type)
        self.known[value] = num.static
        self.add(Node("const", (), (value,), span, {"value": num.static}), space)
        return value

    def value(self, num: Num, span: Span, space: Space | None = None) -> Value:
        """The IR value of a tensor; a constant becomes a node."""
        return self.constant(num, span, space) if num.value is None else num.value

    def values(self, structured: Structured, span: Span) -> list[Value]:
        if isinstance(structured, (Coll, Colls)):
            return [structured.value]
        return [self.value(leaf, span) for leaf in leaves(structured)]

    def apply(self, op: str, inputs: Sequence[Num], result: Tensor, span: Span, **attrs: Any) -> Num:
        """A pure operation, folded where every operand is known. Raises `FoldError` where it has no value."""
        static, data = None, frozenset[str]().union(*(n.data for n in inputs))
        constant = all(n.constant and n.space is None for n in inputs)
        self.folding += sum(math.prod(n.type.shape) for n in inputs if n.type.shape)
        if all(n.static is not None for n in inputs) and (op == "stack" or self.folding < MAX_FOLDING):
            try:
                static = fold(op, tuple(n.static for n in inputs), attrs)
            except FoldError:
                if constant:
                    raise
            if static is not None and constant:
                return Num(result, None, static)
        space = next((n.space for n in inputs if n.space is not None), None)
        values = tuple(self.value(n, span, space) for n in inputs)
        out = self.fresh(result)
        self.add(Node(op, values, (out,), span, attrs), space)
        return Num(result, out, static if data else None, space, data if static is not None else frozenset())

    def collection(self, value: Value, element: Num | Rec) -> Coll | Colls:
        """A collection (or an array of them) with elements like ``element``."""
        assert isinstance(value.type, CollectionType)
        if value.type.shape:
            return Colls(value, element)
        fields = tuple(self.fresh(t, name) for name, t in value.type.fields)
        space = Space(value, fields)
        new = rebuild(element, iter([Num(v.type, v, None, space) for v in fields]))  # type: ignore[arg-type]
        return Coll(value, new, space)  # type: ignore[arg-type]

    def wrap(self, structure: Held, values: Iterator[Value]) -> Structured:
        """A structure over new values, taken in the order of `values`."""
        if isinstance(structure, (Coll, Colls)):
            return self.collection(next(values), structure.element)
        return rebuild(structure, (Num(v.type, v) for v in values))  # type: ignore[arg-type]

    def adopt(self, structured: Structured, name: str | None = None) -> tuple[Structured, list[Value]]:
        """The same structure over fresh values (a region's parameters), and those values in order of leaves."""
        if isinstance(structured, (Coll, Colls)):
            value = self.fresh(structured.value.type, name)
            return self.collection(value, structured.element), [value]
        fresh = [self.fresh(leaf.type, name) for leaf in leaves(structured)]
        return rebuild(structured, iter([Num(v.type, v) for v in fresh])), fresh  # type: ignore[arg-type]


def check_integers(static: Any) -> None:
    if isinstance(static, tuple):
        for inner in static:
            check_integers(inner)
    elif not INT_RANGE[0] <= static <= INT_RANGE[1]:
        raise FoldError(
            "E411",
            f"the integer {static:.6g} does not fit in 32 bits"
            if abs(static) < 1e300
            else "an integer does not fit in 32 bits",
        )


def wrap(structure: Num | Rec, values: Sequence[Value]) -> Structured:
    """A structure over new values, in the order of its leaves."""
    return rebuild(structure, iter([Num(v.type, v) for v in values]))  # type: ignore[arg-type]


def call_it(structured: Structured, name: str) -> None:
    """Name the values of a structure that have no name yet, for printing."""
    for leaf in leaves(structured):
        if leaf.value is not None and leaf.value.name is None and leaf.space is None:
            object.__setattr__(leaf.value, "name", name)
