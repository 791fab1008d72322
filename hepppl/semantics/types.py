"""Types and dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

BASES = ("energy", "length", "time", "charge", "temperature")


@dataclass(frozen=True)
class Dim:
    """Exponents of the base dimensions, in the order of `BASES`. Mass and momentum are energies (MeV)."""

    exponents: tuple[Fraction, ...] = (Fraction(0),) * len(BASES)

    def __mul__(self, other: Dim) -> Dim:
        return Dim(tuple(a + b for a, b in zip(self.exponents, other.exponents, strict=True)))

    def __truediv__(self, other: Dim) -> Dim:
        return Dim(tuple(a - b for a, b in zip(self.exponents, other.exponents, strict=True)))

    def __pow__(self, power: Fraction | int) -> Dim:
        return Dim(tuple(a * power for a in self.exponents))

    @property
    def dimensionless(self) -> bool:
        return not any(self.exponents)


def base(name: str) -> Dim:
    return Dim(tuple(Fraction(int(b == name)) for b in BASES))


NONE = Dim()
ENERGY, LENGTH, TIME, CHARGE, TEMPERATURE = (base(b) for b in BASES)
AREA = LENGTH**2


@dataclass(frozen=True)
class Tensor:
    """A scalar (``shape == ()``) or array of ``real``, ``int`` or ``bool`` with a dimension (``int``: none or any)."""

    kind: str  # "real" | "int" | "bool"
    dim: Dim = NONE
    shape: tuple[int, ...] = ()


@dataclass(frozen=True)
class RecordType:
    """A record. ``name`` is the declared type's, ``"p4"``, or None for a literal; ``shape``: an array of them."""

    name: str | None
    fields: tuple[tuple[str, Type], ...]
    shape: tuple[int, ...] = ()


@dataclass(frozen=True)
class CollectionType:
    """What a branching process emitted: any number of elements (a record's fields, or one field named ``""``).
    ``shape``: of an array of collections, one for each repetition of the plates that they left."""

    fields: tuple[tuple[str, Tensor], ...]
    shape: tuple[int, ...] = ()


Type = Tensor | RecordType | CollectionType
REAL, INT, BOOL = Tensor("real"), Tensor("int"), Tensor("bool")
