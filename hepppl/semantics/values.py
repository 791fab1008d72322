"""What a name stands for while a program is elaborated: tensors, records of them, collections.

Records exist here only; the IR sees their leaves. An array of records is a record of arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from hepppl.semantics.dims import name_of, phrase
from hepppl.semantics.ir import Node, Value
from hepppl.semantics.types import CollectionType, RecordType, Tensor, Type

KINDS = ("bool", "int", "real")


@dataclass(frozen=True, eq=False)
class Num:
    """A tensor. Without ``value`` it is a constant, made into a node where it is used. ``static`` is what is known
    before the run: of a constant, and of a `data` integer whose given value sizes arrays (``data`` names those). With
    ``space`` it is an expression on the elements of a collection."""

    type: Tensor
    value: Value | None = None
    static: Any = None
    space: Space | None = None
    data: frozenset[str] = frozenset()

    @property
    def constant(self) -> bool:
        return self.value is None


@dataclass(frozen=True, eq=False)
class Rec:
    name: str | None
    fields: Mapping[str, Structured]
    shape: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Space:
    """Where expressions on a collection's elements are collected until a reduction takes the part it needs."""

    collection: Value
    fields: tuple[Value, ...]
    nodes: list[Node] = field(default_factory=list)
    constants: dict[Any, Value] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Coll:
    value: Value
    element: Num | Rec
    space: Space


@dataclass(frozen=True, eq=False)
class Colls:
    """An array of collections; ``element`` is what each of them holds."""

    value: Value
    element: Num | Rec


@dataclass(frozen=True, eq=False)
class Slots:
    """An array that a plate is filling: inside the plate only the current element can be seen."""

    name: str
    indices: tuple[str, ...]
    element: Num | Rec

    def __str__(self) -> str:
        return f"{self.name}[{']['.join(self.indices)}]"


@dataclass(frozen=True, eq=False)
class Fn:
    """A function as an argument: a `closures.Lambda`, an item of a file, or the name of a built-in one."""

    name: str
    target: Any


@dataclass(frozen=True)
class Poison:
    """The value of an erroneous expression. Whatever is computed from it is poisoned too, without a message."""


POISON = Poison()
Held = Num | Rec | Coll | Colls  # what names can carry from block to block
Structured = Held | Slots | Fn | Poison


def leaves(value: Structured) -> Iterator[Num]:
    """The tensors of a value, fields in order, depth first."""
    if isinstance(value, Num):
        yield value
    elif isinstance(value, Rec):
        for inner in value.fields.values():
            yield from leaves(inner)


def rebuild(value: Structured, new: Iterator[Num]) -> Structured:
    """The same structure over other leaves, in the order of `leaves`. Record shapes follow the first leaf."""
    if isinstance(value, Num):
        return next(new)
    if isinstance(value, Rec):
        return Rec(value.name, {n: rebuild(v, new) for n, v in value.fields.items()}, value.shape)
    return value


def reshaped(value: Structured, shape: Callable[[tuple[int, ...]], tuple[int, ...]]) -> Structured:
    """The record structure with every record's own shape mapped (its leaves are left alone)."""
    if isinstance(value, Rec):
        return Rec(value.name, {n: reshaped(v, shape) for n, v in value.fields.items()}, shape(value.shape))
    return value


def paths(value: Structured, prefix: str = "") -> Iterator[tuple[str, Num]]:
    """Leaves with their dotted path: ``("p.px", …)``; the path of a bare tensor is ``""``."""
    if isinstance(value, Num):
        yield prefix, value
    elif isinstance(value, Rec):
        for name, inner in value.fields.items():
            yield from paths(inner, f"{prefix}.{name}" if prefix else name)


def plain(value: Structured) -> TypeGuard[Num | Rec]:
    """Whether a value is made of the event's tensors alone: no collection, nor anything made of one, inside."""
    if isinstance(value, Rec):
        return all(plain(inner) for inner in value.fields.values())
    return isinstance(value, Num) and value.space is None


def storable(value: Structured) -> TypeGuard[Held]:
    """Whether values can carry it from block to block: all but expressions on a collection's elements."""
    return isinstance(value, (Coll, Colls)) or plain(value)


def width(value: Held) -> int:
    """How many values of the IR it takes."""
    return 1 if isinstance(value, (Coll, Colls)) else sum(1 for _ in leaves(value))


def is_constant(value: Structured) -> bool:
    return plain(value) and all(leaf.constant for leaf in leaves(value))


def type_of(value: Held) -> Type:
    if isinstance(value, Num):
        return value.type
    if isinstance(value, (Coll, Colls)):
        return value.value.type
    fields = []
    for name, inner in value.fields.items():
        fields.append((name, type_of(inner) if isinstance(inner, (Num, Rec)) else CollectionType(())))
    return RecordType(value.name, tuple(fields), value.shape)


def joined(a: Type, b: Type) -> Type | None:
    """The type that holds both: int promotes to real, a literal record takes a declared name. None where none does.
    Collections do not promote."""
    if isinstance(a, CollectionType):
        return a if a == b else None
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        if a.dim != b.dim or a.shape != b.shape:
            return None
        if "bool" in (a.kind, b.kind) and a.kind != b.kind:
            return None
        return Tensor(max(a.kind, b.kind, key=KINDS.index), a.dim, a.shape)
    if isinstance(a, RecordType) and isinstance(b, RecordType):
        first, second = dict(a.fields), dict(b.fields)
        if set(first) != set(second) or a.shape != b.shape or (a.name and b.name and a.name != b.name):
            return None
        fields = []
        for name, inner in first.items():
            both = joined(inner, second[name])
            if both is None:
                return None
            fields.append((name, both))
        return RecordType(a.name or b.name, tuple(fields), a.shape)
    return None


def _suffix(shape: tuple[int, ...]) -> str:
    return "".join(f"[{n}]" for n in shape)


def describe_type(t: Type) -> str:
    """A type as a label: ``energy``, ``int``, ``real[5]``, ``particle``, ``MeV/mm``."""
    if isinstance(t, Tensor):
        word = t.kind if t.dim.dimensionless else name_of(t.dim)
        return word + _suffix(t.shape)
    if isinstance(t, RecordType):
        return (t.name or "record (" + ", ".join(n for n, _ in t.fields) + ")") + _suffix(t.shape)
    return "collection"


def describe(value: Structured) -> str:
    """A value's type as a label."""
    if isinstance(value, (Num, Rec)):
        return describe_type(type_of(value)) + (" of each element" if isinstance(value, Num) and value.space else "")
    words = {Coll: "collection", Colls: "array of collections", Slots: "array being filled", Fn: "function"}
    return words.get(type(value), "unknown")


def with_article(value: Structured | Type, real: str = "a dimensionless number") -> str:
    """``an energy``, ``an integer``, ``an array int[5]``, … for the middle of a sentence.

    ``real`` is what to call a plain real number where its dimension is not the point ("a real number").
    """
    t = type_of(value) if isinstance(value, (Num, Rec)) else value
    if isinstance(t, Tensor) and not t.shape:
        words = {"real": real, "int": "an integer", "bool": "a condition (true or false)"}
        return words[t.kind] if t.dim.dimensionless else phrase(t.dim)
    if isinstance(t, Tensor):
        return f"an array {describe_type(t)}"
    if isinstance(t, RecordType):
        if t.shape:
            return f"an array of records {describe_type(t)}"
        return "a four-vector" if t.name == "p4" else f"a '{t.name}'" if t.name else f"a {describe_type(t)}"
    others = {Coll: "a collection", Colls: "an array of collections", Slots: "an array being filled", Fn: "a function"}
    return others.get(type(value), "a value")
