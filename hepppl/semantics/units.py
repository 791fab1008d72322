"""Units in the CLHEP system (MeV, mm, ns, e+, kelvin), and the text forms used outside programs."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from fractions import Fraction

from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepError, HepTypeError, HepValueError
from hepppl.diagnostics.suggest import nearest
from hepppl.semantics.dims import phrase, suggested_unit, with_unit
from hepppl.semantics.types import AREA, CHARGE, ENERGY, LENGTH, NONE, TEMPERATURE, TIME, Dim

ELEMENTARY_CHARGE = 1.602176634e-19  # coulomb, exact since the SI of 2019
C_LIGHT = 299.792458  # mm/ns, exact
HBAR = 6.582119569509066e-13  # MeV ns, h / 2 pi of the SI of 2019
BOLTZMANN = 8.617333262145179e-11  # MeV/kelvin

_JOULE = 1e-6 / ELEMENTARY_CHARGE
_VOLT, _TESLA = 1e-6, 1e-6 * 1e9 / 1e6
_MASS, _VOLTAGE, _FIELD = ENERGY * TIME**2 / LENGTH**2, ENERGY / CHARGE, ENERGY / CHARGE * TIME / LENGTH**2
_CURRENT = CHARGE / TIME

_PREFIXES = {
    "a": 1e-18, "f": 1e-15, "p": 1e-12, "n": 1e-9, "u": 1e-6, "μ": 1e-6, "m": 1e-3, "c": 1e-2,
    "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
}  # fmt: skip

#: stem -> (factor, dimension, SI prefixes it is written with)
_STEMS: dict[str, tuple[float, Dim, str]] = {
    "eV": (1e-6, ENERGY, "mkMGTPE"),
    "J": (_JOULE, ENERGY, ""),
    "m": (1e3, LENGTH, "fpnuμmck"),
    "b": (1e-22, AREA, "afpnuμm"),
    "s": (1e9, TIME, "fpnuμm"),
    "rad": (1.0, NONE, "uμm"),
    "C": (1 / ELEMENTARY_CHARGE, CHARGE, "fpnuμ"),
    "g": (1e-3 * _JOULE * 1e18 / 1e6, _MASS, "mk"),
    "V": (_VOLT, _VOLTAGE, "mkM"),
    "T": (_TESLA, _FIELD, "m"),
    "A": (1e-9 / ELEMENTARY_CHARGE, _CURRENT, "um"),
    "Hz": (1e-9, TIME**-1, "kMG"),
}

_NAMED: dict[str, tuple[float, Dim]] = {
    "joule": (_JOULE, ENERGY),
    "barn": (1e-22, AREA),
    "millibarn": (1e-25, AREA),
    "microbarn": (1e-28, AREA),
    "nanobarn": (1e-31, AREA),
    "picobarn": (1e-34, AREA),
    "femtobarn": (1e-37, AREA),
    "angstrom": (1e-7, LENGTH),
    "second": (1e9, TIME),
    "radian": (1.0, NONE),
    "deg": (math.pi / 180, NONE),
    "degree": (math.pi / 180, NONE),
    "sr": (1.0, NONE),
    "eplus": (1.0, CHARGE),
    "coulomb": (1 / ELEMENTARY_CHARGE, CHARGE),
    "kelvin": (1.0, TEMPERATURE),
    "K": (1.0, TEMPERATURE),
    "tesla": (_TESLA, _FIELD),
    "kilogauss": (0.1 * _TESLA, _FIELD),
    "gauss": (1e-4 * _TESLA, _FIELD),
    "volt": (_VOLT, _VOLTAGE),
    "ampere": (1e-9 / ELEMENTARY_CHARGE, _CURRENT),
}


def _table() -> dict[str, tuple[float, Dim]]:
    units = dict(_NAMED)
    for stem, (factor, dim, prefixes) in _STEMS.items():
        units[stem] = (factor, dim)
        for prefix in prefixes:
            units[prefix + stem] = (float(f"{_PREFIXES[prefix] * factor:.15g}"), dim)
    return units


UNITS: dict[str, tuple[float, Dim]] = _table()

#: Constants known by name in every program, beside the units.
CONSTANTS: dict[str, tuple[float, Dim]] = {
    "pi": (math.pi, NONE),
    "inf": (math.inf, NONE),
    "c_light": (C_LIGHT, LENGTH / TIME),
    "hbar": (HBAR, ENERGY * TIME),
    "hbarc": (HBAR * C_LIGHT, ENERGY * LENGTH),
    "k_boltzmann": (BOLTZMANN, ENERGY / TEMPERATURE),
}

_FACTOR = re.compile(r"\s*([^\W\d]\w*|1)\s*(?:\^\s*\(?\s*([+-]?\d+(?:\.\d+)?(?:/\d+)?)\s*\)?)?\s*")
_NUMBER = re.compile(r"\s*([+-]?(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d+)?|[+-]?inf)\s*")


#: How some spell out units whose short name is the one that there is.
_SPELT_OUT = {
    "sec": "s", "seconds": "s", "nsec": "ns", "nanosecond": "ns", "usec": "us", "microsecond": "us", "msec": "ms",
    "millisecond": "ms", "psec": "ps", "picosecond": "ps", "meter": "m", "metre": "m", "millimeter": "mm",
    "millimetre": "mm", "centimeter": "cm", "centimetre": "cm", "kilometer": "km", "micron": "um", "micrometer": "um",
    "nanometer": "nm", "electronvolt": "eV", "megaelectronvolt": "MeV", "gigaelectronvolt": "GeV", "gram": "g",
    "kilogram": "kg", "inch": "25.4 mm", "minute": "60 s", "hour": "3600 s", "fermi": "fm",
}  # fmt: skip


def unit_hints(name: str, units: Iterable[str] = UNITS) -> tuple[str, ...]:
    """What may have been meant by the name of no unit."""
    plain = name.lower().removesuffix("s")
    close = _SPELT_OUT.get(plain) or nearest(name, units) or _SPELT_OUT.get(nearest(plain, _SPELT_OUT) or "")
    return (f"did you mean '{close}'?",) if close else ()


def parse_unit(text: str) -> tuple[float, Dim]:
    """Factor to base units and dimension of a unit text: ``"GeV/mm"``, ``"fb^-1"``, ``"1/mm"``, ``""`` (dimensionless).

    Raises `HepValueError` (E311) naming what is not understood.
    """
    factor, dim, position, sign = 1.0, NONE, 0, 1
    while position < len(text.rstrip()):
        match = _FACTOR.match(text, position)
        if match is None:
            raise HepValueError(
                Diagnostic("E311", f"'{text.strip()}' is not a unit", hints=("write it as in 5 GeV/mm",))
            )
        name, power = match.group(1), sign * Fraction(match.group(2) or 1)
        if name != "1":
            if name not in UNITS:
                raise HepValueError(Diagnostic("E311", f"there is no unit '{name}'", hints=unit_hints(name)))
            factor *= UNITS[name][0] ** (int(power) if power.denominator == 1 else float(power))
            dim = dim * UNITS[name][1] ** power
        position = match.end()
        sign = -1 if text[position : position + 1] == "/" else 1
        position += text[position : position + 1] in ("/", "*")
    return factor, dim


def parse_quantity(text: str, dim: Dim, name: str = "") -> float:
    """A number with its unit, as on the command line (``"20cm"``, ``"2.5"``, ``"30 GeV"``), in base units.

    ``name`` is what the value is for, used in messages. A value with a dimension needs its unit. Raises `HepValueError`
    (E412) where the text is no quantity and `HepTypeError` (E206) where the unit has another dimension.
    """
    of = f" for '{name}'" if name else ""
    match = _NUMBER.match(text)
    if match is None:
        example = f"20 {suggested_unit(dim)}" if not dim.dimensionless else "2.5"
        raise HepValueError(
            Diagnostic("E412", f"'{text}' is not a number{of}", hints=(f"write for example {example}",))
        )
    value, unit = float(match.group(1).replace("_", "")), text[match.end() :]
    try:
        factor, found = parse_unit(unit)
    except HepError as error:
        inner = error.diagnostics[0]
        raise HepValueError(
            Diagnostic("E412", f"cannot read '{text}'{of}: {inner.message}", hints=inner.hints)
        ) from None
    if found != dim and not (math.isinf(value) and not unit.strip()):
        hint = f"give it a unit, for example {with_unit(text.strip(), dim)}" if found.dimensionless else ""
        subject = f"'{name}'" if name else "the value"
        message = f"'{text.strip()}' is {phrase(found)}, but {subject} is {phrase(dim)}"
        raise HepTypeError(Diagnostic("E206", message, hints=(hint,) if hint and not dim.dimensionless else ()))
    return value * factor
