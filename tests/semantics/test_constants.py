"""What is computed at compile time: exact integers, units, functions, arrays, records, four-vectors."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.special as sp

from .load import codes, constant, constants, model


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2 * 3^2", 19),
        ("-2^2", -4),
        ("2^3^2", 512),
        ("2^-1", 0.5),
        ("7 / 2", 3.5),
        ("7 % 3", 1),
        ("-7 % 3", 2),
        ("7.5 % 2", 1.5),
        ("2.5e-3 * 1_000", 2.5),
        ("10^18 + 1 - 10^18", 1),  # exact, though neither fits in 32 bits
        ("true", True),
        ("not true or 1 < 2 and 2 < 1", False),
        ("1 < 2 < 3", True),
        ("1 < 3 < 2", False),
        ("1 == 1.0", True),
        ("true + true", 2),
        ("-true", -1),
        ("if 1 < 2 then 3 else 4", 3),
        ("if 1 < 2 then 3 else 4.5", 3.0),
        ("if false then 1 / 0 else 2", 2),
        ("30 GeV", 30_000.0),
        ("30 GeV / MeV", 30_000.0),
        ("5 GeV/mm", 5000.0),
        ("x / 1 mm - x / mm", 0.0),
        ("139 fb^-1 * 2 fb", 278.0),
        ("90 deg", math.pi / 2),
        ("1 GeV > 999 MeV", True),
        ("(4 GeV^2)^(1/2)", 2000.0),
        ("(4 GeV^2)^0.5", 2000.0),
        ("sqrt(9 GeV^2) / GeV", 3.0),
        ("hypot(3 GeV, 4 GeV) / GeV", 5.0),
        ("min(3, 1, 2)", 1),
        ("max(1.5, 2)", 2.0),
        ("clip(5, 0, 3)", 3),
        ("int(2.7)", 2),
        ("int(-2.7)", -2),
        ("real(3)", 3.0),
        ("round(2.5)", 2.0),
        ("where(1 < 2, 3, 4)", 3),
        ("[1, 2, 3]", (1, 2, 3)),
        ("[1, 2.5]", (1.0, 2.5)),
        ("[i^2 for i in 0..5]", (0, 1, 4, 9, 16)),
        ("[[i * j for j in 0..2] for i in 1..3]", ((0, 1), (0, 2))),
        ("[1, 2, 3][1]", 2),
        ("[1, 2, 3][1..3]", (2, 3)),
        ("[1, 2, 3][..2]", (1, 2)),
        ("[1, 2, 3][1..]", (2, 3)),
        ("[[1, 2], [3, 4]][1, 0]", 3),
        ("[[1, 2], [3, 4]][1][0]", 3),
        ("fill(3, 2 GeV) / GeV", (2.0, 2.0, 2.0)),
        ("[1, 2] * 2 + [10, 20]", (12, 24)),
        ("sum([1, 2, 3])", 6),
        ("mean([1, 2])", 1.5),
        ("prod([2, 3, 4])", 24),
        ("min([2, 1, 3])", 1),
        ("count([true, false, true])", 2),
        ("any([1, 2] > [1, 1])", True),
        ("all([1, 2] > 1)", False),
        ("cumsum([1, 2, 3])", (1, 3, 6)),
        ("sort([3, 1, 2])", (1, 2, 3)),
        ("argsort([3, 1, 2])", (1, 2, 0)),
        ("argmax([3, 1, 5])", 2),
        ("reverse([1, 2])", (2, 1)),
        ("concatenate([1, 2], [3])", (1, 2, 3)),
        ("dot([1, 2], [3, 4])", 11),
        ("dot([[1, 2], [3, 4]], [1, 1])", (3, 7)),
        ("dot([1, 1], [[1, 2], [3, 4]])", (4, 6)),
        ("dot([[1, 2], [3, 4]], [[0, 1], [1, 0]])", ((2, 1), (4, 3))),
        ("len([1, 2, 3])", 3),
        ("searchsorted([0, 1, 2], 1)", 2),
        ("interp(1.5, [1, 2], [10, 20])", 15.0),
        ("interp(5, [1, 2], [10, 20])", 20.0),
        ("linspace(0, 1, 5)", (0.0, 0.25, 0.5, 0.75, 1.0)),
        ("sum([[1, 2], [3, 4]])", (4, 6)),
        ("(a = 1, b = (c = 2)).b.c", 2),
        ("[(a = 1), (a = 2)][1].a", 2),
        ("[(a = 1), (a = 2)].a", (1, 2)),
    ],
)
def test_expressions(expression: str, value: object):
    found = constants(model(f"x = 3 mm\nreturn {expression}"))["value"]
    assert found == value if not isinstance(value, float) else found == pytest.approx(value, rel=1e-14)
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("name", "reference", "at"),
    [
        *[(n, getattr(np, n), 0.3) for n in "exp expm1 exp2 log log1p log2 log10 sin cos tan".split()],
        *[(n, getattr(np, n), 0.3) for n in "arcsin arccos arctan sinh cosh tanh arcsinh arctanh".split()],
        *[(n, getattr(np, n), -1.7) for n in "cbrt square abs sign floor ceil trunc".split()],
        ("sqrt", np.sqrt, 2.0),
        ("arccosh", np.arccosh, 1.7),
        ("round", np.round, 3.5),
        ("sigmoid", sp.expit, -30.0),
        ("softplus", lambda x: np.logaddexp(0, x), -3.0),
        ("erf", sp.erf, 0.4),
        ("erfc", sp.erfc, 2.4),
        ("lgamma", sp.gammaln, 3.3),
        ("digamma", sp.digamma, 0.7),
        ("digamma", sp.digamma, -2.3),
    ],
)
def test_functions_as_in_numpy(name: str, reference, at: float):
    assert constant(f"{name}({at})") == pytest.approx(float(reference(at)), rel=1e-12)


def test_four_vector():
    p = "p4(e = 50 GeV, px = 3 GeV, py = -4 GeV, pz = 12 GeV)"
    e, x, y, z = 50.0, 3.0, -4.0, 12.0
    expected = {
        "pt": 5e3,
        "p": 13e3,
        "phi": math.atan2(y, x),
        "theta": math.atan2(5.0, z),
        "eta": math.asinh(z / 5.0),
        "rapidity": 0.5 * math.log((e + z) / (e - z)),
        "mass": 1e3 * math.sqrt(e * e - 169.0),
    }
    for name, value in expected.items():
        assert constant(f"{p}.{name}") == pytest.approx(value, rel=1e-12)
    assert constant(f"({p} + 2 * {p} - {p} / 2).e") == pytest.approx(125e3)
    assert constant(f"(-{p}).px") == pytest.approx(-3e3)
    assert constant(f"dot({p}, {p}) / GeV^2") == pytest.approx(e * e - 169.0)
    assert constant(f"delta_r({p}, {p})") == pytest.approx(0.0)
    space_like = "p4(e = 1 GeV, px = 2 GeV, py = 0 GeV, pz = 0 GeV)"
    assert constant(f"{space_like}.mass / GeV") == pytest.approx(-math.sqrt(3))


def test_delta_r_folds_the_angle():
    """Directions at φ = 3 and φ = -3 are 2π - 6 apart."""
    v = "p4(e = 9 GeV, px = {} GeV, py = {} GeV, pz = 0 GeV)"
    a, b = (v.format(math.cos(phi), math.sin(phi)) for phi in (3.0, -3.0))
    assert constant(f"delta_r({a}, {b})") == pytest.approx(2 * math.pi - 6)


def test_boost_from_the_rest_frame():
    """A particle at rest in q's rest frame moves with q's velocity; the mass stays."""
    q = "p4(e = 5 GeV, px = 0 GeV, py = 3 GeV, pz = 0 GeV)"
    rest = "p4(e = 2 GeV, px = 0 GeV, py = 0 GeV, pz = 0 GeV)"
    assert constant(f"boost({rest}, {q}).e / GeV") == pytest.approx(2 * 5 / 4)
    assert constant(f"boost({rest}, {q}).py / GeV") == pytest.approx(2 * 3 / 4)
    p = "p4(e = 7 GeV, px = 1 GeV, py = 2 GeV, pz = 3 GeV)"
    assert constant(f"boost({p}, {q}).mass / {p}.mass") == pytest.approx(1.0)
    there_and_back = f"boost(boost({p}, {q}), 0, -0.6, 0)"
    for field, value in (("e", 7e3), ("px", 1e3), ("py", 2e3), ("pz", 3e3)):
        assert constant(f"{there_and_back}.{field}") == pytest.approx(value)


def test_particle_data():
    assert constant('mass("Z0") / GeV') == pytest.approx(91.188, abs=2e-3)
    assert constant('width("Z0") / GeV') == pytest.approx(2.4955, abs=2e-3)
    assert constant('charge("mu-") / eplus') == -1.0
    assert codes('model m { return width("u") / GeV }') == ["E313"]


def test_constants_of_the_file_stand_in_any_order():
    items = """
    const twice = 2 * once
    unit double_length = 2 wide
    const once: real = 3
    unit wide = 7 mm
    type hit { at: length, n: int }
    const first = hit(at = 1 double_length, n = 2)
    """
    assert constant("twice", items) == 6.0
    assert constant("first.at / mm", items) == 14.0
    assert constant("3 wide / mm", items) == 21.0


def test_functions_of_constants_are_constants():
    items = """
    fn power(x, n = 2) {
        if n == 0 { return 1 }
        y = 1
        for i in 0..3 { y = y * x }
        return if n == 3 then x^3 else x^n
    }
    const c = power(5)
    """
    assert constant("c", items) == 25
    assert constant("power(2, 3)", items) == 8
    assert constant("power(n = 0, x = 7)", items) == 1


def test_hist_of_an_array():
    """Bins hold their lower edge."""
    p = model("return hist([0, 1, 1.5, 2, 3], [0, 1, 2])")
    (value,) = (o.value for o in p.outputs)
    assert value.type.shape == (2,)
    assert value.type.kind == "real"


@pytest.mark.parametrize(
    "expression",
    ["[1, 2, 3][3]", "1 / 0", "log(-1)", "3 GeV / 0", "10^5000", "int(inf)", "fill(0, 1)", "1e308 * 10"],
)
def test_constants_without_a_value(expression: str):
    (code,) = codes(f"model m {{ return {expression} }}")
    assert code.startswith("E4")
