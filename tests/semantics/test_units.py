"""The table of units against hepunits, and quantities as text."""

from __future__ import annotations

import math
from fractions import Fraction

import hepunits
import pytest

from hepppl.diagnostics.errors import HepError, HepTypeError, HepValueError
from hepppl.semantics import parse_quantity, parse_unit, readable_unit
from hepppl.semantics.types import AREA, ENERGY, LENGTH, NONE, TEMPERATURE, TIME
from hepppl.semantics.units import CONSTANTS, UNITS

SAME_NAME = """eV keV MeV GeV TeV PeV joule nm um mm cm m km angstrom barn millibarn microbarn nanobarn picobarn
femtobarn ns ms us ps s rad mrad deg coulomb eplus kelvin tesla gauss kilogauss volt kilovolt megavolt ampere g kg mg
hertz kilohertz megahertz""".split()
OTHER_NAME = {
    "b": "barn", "mb": "millibarn", "nb": "nanobarn", "pb": "picobarn", "fb": "femtobarn", "T": "tesla", "V": "volt",
    "kV": "kilovolt", "MV": "megavolt", "Hz": "hertz", "MHz": "megahertz", "C": "coulomb", "A": "ampere", "J": "joule",
    "K": "kelvin", "degree": "degree", "fm": "fermi", "ub": "microbarn",
}  # fmt: skip


@pytest.mark.parametrize("name", [n for n in SAME_NAME if n in UNITS and hasattr(hepunits, n)])
def test_factor_as_in_hepunits(name: str):
    assert UNITS[name][0] == pytest.approx(getattr(hepunits, name), rel=1e-9)


@pytest.mark.parametrize("name", OTHER_NAME)
def test_abbreviations_as_in_hepunits(name: str):
    assert UNITS[name][0] == pytest.approx(getattr(hepunits, OTHER_NAME[name]), rel=1e-9)


def test_most_units_were_compared():
    assert len([n for n in SAME_NAME if n in UNITS and hasattr(hepunits, n)]) > 25
    assert UNITS["ab"][0] == pytest.approx(1e-3 * hepunits.femtobarn)


def test_constants_as_in_hepunits():
    for name in ("c_light", "hbarc"):
        assert CONSTANTS[name][0] == pytest.approx(getattr(hepunits.constants, name), rel=1e-8)
    assert CONSTANTS["hbar"][0] == pytest.approx(hepunits.constants.hbar_Planck, rel=1e-8)
    assert CONSTANTS["pi"] == (math.pi, NONE)


def test_micro_in_both_spellings():
    """U+00B5 (micro sign) is NFKC-normalised to U+03BC by the parser."""
    assert UNITS["\u03bcm"] == UNITS["um"]


@pytest.mark.parametrize(
    ("text", "factor", "dim"),
    [
        ("GeV", 1e3, ENERGY),
        ("GeV/mm", 1e3, ENERGY / LENGTH),
        ("fb^-1", 1e37, AREA**-1),
        ("1/mm", 1.0, LENGTH**-1),
        ("cm^2", 100.0, AREA),
        ("GeV^2*mm", 1e6, ENERGY**2 * LENGTH),
        ("GeV mm^-1", 1e3, ENERGY / LENGTH),
        ("MeV^(1/2)", 1.0, ENERGY ** Fraction(1, 2)),
        ("GeV/mm/ns", 1e3, ENERGY / LENGTH / TIME),
        ("", 1.0, NONE),
    ],
)
def test_parse_unit(text: str, factor: float, dim):
    found, its_dim = parse_unit(text)
    assert found == pytest.approx(factor)
    assert its_dim == dim


@pytest.mark.parametrize(
    ("dim", "text"),
    [
        (NONE, ""),
        (ENERGY, "MeV"),
        (AREA, "mm^2"),
        (ENERGY / LENGTH, "MeV/mm"),
        (ENERGY**-1, "1/MeV"),
        (ENERGY ** Fraction(1, 2), "MeV^(1/2)"),
        (ENERGY**2 * TEMPERATURE / LENGTH / TIME**2, "MeV^2*kelvin/mm/ns^2"),
    ],
)
def test_readable_unit_is_read_back(dim, text: str):
    assert readable_unit(dim) == text
    assert parse_unit(text) == (1.0, dim)


@pytest.mark.parametrize(
    ("text", "dim", "value"),
    [
        ("20cm", LENGTH, 200.0),
        ("20 cm", LENGTH, 200.0),
        (" 2.5 ", NONE, 2.5),
        ("-1e-3", NONE, -1e-3),
        ("1_000 GeV", ENERGY, 1e6),
        ("30 GeV/mm", ENERGY / LENGTH, 3e4),
        ("inf", ENERGY, math.inf),
        ("90deg", NONE, math.pi / 2),
    ],
)
def test_parse_quantity(text: str, dim, value: float):
    assert parse_quantity(text, dim) == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "dim", "error", "says"),
    [
        ("twenty", NONE, HepValueError, "'twenty' is not a number for 'radius'"),
        ("20cmm", LENGTH, HepValueError, "there is no unit 'cmm'"),
        ("20 GeV", LENGTH, HepTypeError, "'20 GeV' is an energy, but 'radius' is a length"),
        ("20", LENGTH, HepTypeError, "give it a unit, for example 20 mm"),
        ("20 mm", NONE, HepTypeError, "'20 mm' is a length, but 'radius' is a dimensionless number"),
        ("", NONE, HepValueError, "is not a number"),
        ("3 $", NONE, HepValueError, "is not a unit"),
    ],
)
def test_parse_quantity_refuses(text: str, dim, error: type[HepError], says: str):
    with pytest.raises(error) as caught:
        parse_quantity(text, dim, "radius")
    (diagnostic,) = caught.value.diagnostics
    assert says in "\n".join([diagnostic.message, *diagnostic.hints])
