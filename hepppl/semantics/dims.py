"""Words for dimensions: names, articles, units to suggest and units to print."""

from __future__ import annotations

import re
from fractions import Fraction

from hepppl.semantics.types import AREA, CHARGE, ENERGY, LENGTH, NONE, TEMPERATURE, TIME, Dim

#: The CLHEP base unit of each base dimension, in the order of `types.BASES`.
BASE_UNITS = ("MeV", "mm", "ns", "eplus", "kelvin")

_NAMES = {
    NONE: "dimensionless",
    ENERGY: "energy",
    LENGTH: "length",
    TIME: "time",
    AREA: "area",
    CHARGE: "charge",
    TEMPERATURE: "temperature",
    ENERGY**2: "energy squared",
    AREA**-1: "inverse area",
    ENERGY**-1: "inverse energy",
    LENGTH**-1: "inverse length",
    TIME**-1: "inverse time",
}

_LITERAL = re.compile(r"-?[\d._]+([eE][+-]?\d+)?")
_QUANTITY = re.compile(r"[\d._]+([eE][+-]?\d+)? ?\w+")
_NAME = re.compile(r"\w+(\^-?\d+)?")
_CALL = re.compile(r"[\w.\[\]]+(\([^()]*\))?")

_SUGGESTED = {ENERGY: "GeV", LENGTH: "mm", TIME: "ns", AREA: "pb", CHARGE: "eplus", AREA**-1: "fb^-1"}


def _factor(unit: str, power: Fraction) -> str:
    if power == 1:
        return unit
    return f"{unit}^{power}" if power.denominator == 1 else f"{unit}^({power})"


def readable_unit(dim: Dim) -> str:
    """The base unit of a dimension as text that `parse_unit` reads: ``"MeV"``, ``"mm^2"``, ``"MeV/mm"``, ``""``."""
    above = [_factor(u, p) for u, p in zip(BASE_UNITS, dim.exponents, strict=True) if p > 0]
    below = [_factor(u, -p) for u, p in zip(BASE_UNITS, dim.exponents, strict=True) if p < 0]
    if not below:
        return "*".join(above)
    return "/".join(["*".join(above) or "1", *below])


def name_of(dim: Dim) -> str:
    """``energy``, ``length``, … or the base unit where the dimension has no name."""
    return _NAMES.get(dim) or readable_unit(dim)


def phrase(dim: Dim) -> str:
    """With an article: ``an energy``, ``a dimensionless number``, ``a quantity in MeV/mm``."""
    if dim.dimensionless:
        return "a dimensionless number"
    name = _NAMES.get(dim)
    if name is None:
        return f"a quantity in {readable_unit(dim)}"
    return f"{'an' if name[0] in 'aei' else 'a'} {name}"


def with_unit(text: str, dim: Dim) -> str:
    """``text``, which lacks a dimension, as a hint shows it with a unit: ``30 GeV``, ``x * GeV``."""
    unit = suggested_unit(dim)
    if unit.startswith("1/"):
        return f"{_grouped(text)} / {unit[2:]}"
    return f"{text} {unit}" if _LITERAL.fullmatch(text) else f"{_grouped(text)} * {unit}"


def without_unit(text: str, dim: Dim) -> str:
    """``text`` divided by the unit that makes it dimensionless: ``x / GeV``."""
    unit = suggested_unit(dim)
    return f"{_grouped(text)} / {unit if _NAME.fullmatch(unit) else f'({unit})'}"


def _grouped(text: str) -> str:
    """In parentheses unless it binds closer than a product already."""
    whole = _CALL.fullmatch(text) or _QUANTITY.fullmatch(text) or (text.startswith("(") and text.endswith(")"))
    return text if whole else f"({text})"


def suggested_unit(dim: Dim) -> str:
    """The unit a physicist would most likely write: ``GeV`` for an energy, ``mm`` for a length."""
    return _SUGGESTED.get(dim) or readable_unit(dim)
