"""Kinds, dimensions and shapes of expressions."""

from __future__ import annotations

import pytest

from .load import model, output_types, program, type_of

BEFORE = """
    param x: real = 0.5
    param e: energy = 3 GeV
    param d: length = 3 mm
    param ys: real[3] = [1, 2, 3]
    data n: int = 3
    data es: energy[n] = [1 GeV, 2 GeV, 3 GeV]
    b ~ bernoulli(0.5)
    k ~ poisson(3.0)
    t ~ exponential(rate = 1 / d)
"""


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("x^2 + b", "real"),
        ("b + b", "int"),
        ("k + 1", "int"),
        ("k / 2", "real"),
        ("k % 2", "int"),
        ("k^2", "int"),
        ("k^-2", "real"),
        ("k^k", "real"),
        ("2 * b", "int"),
        ("-b", "int"),
        ("b == 1", "bool"),
        ("k > 0.5", "bool"),
        ("e * d", "MeV*mm"),
        ("e / d", "MeV/mm"),
        ("e^2", "energy squared"),
        ("1 / e", "inverse energy"),
        ("e % GeV", "energy"),
        ("sqrt(e^2)", "energy"),
        ("sqrt(e)", "MeV^(1/2)"),
        ("cbrt(d^3)", "length"),
        ("d^0.5 * d^0.5", "length"),
        ("abs(-e)", "energy"),
        ("sign(e)", "real"),
        ("sign(k)", "int"),
        ("hypot(e, e)", "energy"),
        ("arctan2(e, e)", "real"),
        ("max(e, 2 GeV, 3 GeV)", "energy"),
        ("max(k, b)", "int"),
        ("min(k, 2.5)", "real"),
        ("exp(x)", "real"),
        ("floor(x)", "real"),
        ("int(x)", "int"),
        ("isfinite(x)", "bool"),
        ("clip(e, 0 GeV, 1 GeV)", "energy"),
        ("t", "length"),
        ("if b then 1 else 2.5", "real"),
        ("if b then k else 2", "int"),
        ("if x > 0 then log(x) else x", "real"),
        ("ys * e", "energy[3]"),
        ("ys > 1", "bool[3]"),
        ("es[1]", "energy"),
        ("es[k]", "energy"),
        ("es[1..3]", "energy[2]"),
        ("sum(es)", "energy"),
        ("prod(es[0..2])", "energy squared"),
        ("mean(es)", "energy"),
        ("max(es)", "energy"),
        ("sum(ys > 1)", "int"),
        ("mean(ys > 1)", "real"),
        ("count(ys > 1)", "int"),
        ("argsort(es)", "int[3]"),
        ("dot(ys, es)", "energy"),
        ("[es[i] * ys[i] for i in 0..n]", "energy[3]"),
        ("[[e, e], [e, e]]", "energy[2][2]"),
        ("fill(4, e)", "energy[4]"),
        ("concatenate(ys, [1])", "real[4]"),
        ("searchsorted(es, e)", "int"),
        ("interp(e, es, ys)", "real"),
        ("hist(es, [0 GeV, 1 GeV, 9 GeV], weights = ys * d)", "length[2]"),
        ("p4(e = e, px = e, py = e, pz = e).mass", "energy"),
        ("p4(e = e, px = e, py = e, pz = e).eta", "real"),
        ("[p4(e = e, px = e, py = e, pz = e) for i in 0..2].pt", "energy[2]"),
        ("0 < x < 1", "bool"),
        ("b and x > 1 or not b", "bool"),
        ("[1, 2] == [1, 3]", "bool[2]"),
        ("hbarc / e", "length"),
        ("c_light * ns", "length"),
    ],
)
def test_type_of_expression(expression: str, expected: str):
    assert type_of(expression, BEFORE) == expected


@pytest.mark.parametrize(
    ("law", "expected"),
    [
        ("normal(0 GeV, 1 GeV)", "energy"),
        ("normal()", "real"),
        ("normal(scale = 3 GeV)", "energy"),
        ("uniform(low = 0 mm, high = 2 mm)", "length"),
        ("exponential(rate = 1 / 2 mm)", "length"),
        ("gamma(2, 1 / 3 GeV)", "energy"),
        ("bernoulli(0.5)", "bool"),
        ("poisson(3)", "int"),
        ("categorical([0.5, 0.5])", "int"),
        ("binomial(10, 0.5)", "int"),
        ("discrete_uniform(0, 3)", "int"),
        ("truncated(normal(0 GeV, 1 GeV), 0 GeV, inf)", "energy"),
        ("truncated(normal(0 GeV, 1 GeV), high = 1 GeV)", "energy"),
        ("mixture([0.5, 0.5], [normal(0 mm, 1 mm), uniform(0 mm, 1 mm)])", "length"),
        ("affine(normal(0, 1), 1 GeV, 2 GeV)", "energy"),
        ("affine(exponential(1), loc = 0 mm, scale = 3 mm)", "length"),
    ],
)
def test_type_of_draw(law: str, expected: str):
    p = model(f"x ~ {law}\nreturn x")
    assert output_types(p) == {"value": expected}


@pytest.mark.parametrize(
    ("declaration", "expected"),
    [
        ("param a = 1", "real"),
        ("param a = 1 GeV", "energy"),
        ("param a: real<GeV/mm> = 2 GeV/mm", "MeV/mm"),
        ("param a: angle = 90 deg", "real"),
        ("param a ~ normal(0 mm, 1 mm)", "length"),
        ("param a = [1, 2]", "real[2]"),
        ("param a: real", "real"),
        ("data a: int", "int"),
        ("data a: bool = true", "bool"),
        ("data a: energy[2][3]", "energy[2][3]"),
        ("data a: real[] = [1, 2, 3]", "real[3]"),
        ("const a: real = 3", "real"),
        ("a = 3", "int"),
    ],
)
def test_type_of_declaration(declaration: str, expected: str):
    assert type_of("a", declaration) == expected


def test_outputs_of_records_arrays_and_collections():
    p = program(
        """
        type hit { energy: energy, at: p4 }
        process bare(x: energy) { emit x }
        process rich(x: energy) { emit hit(energy = x, at = p4(e = x, px = x, py = x, pz = x)) }
        model m {
            b ~ bare(1 GeV) limit 2
            r ~ rich(1 GeV) limit 2
            return (
                plain = 1, nested = (u = 1 mm, v = [true]), bare = b, rich = r, pt = r.at.pt, hits = padded(r, 2),
                n = count(r.energy > 1 MeV), half = b / 2
            )
        }
        """
    )
    assert output_types(p) == {
        "plain": "int", "nested.u": "length", "nested.v": "bool[1]", "bare": "energy", "rich.energy": "energy",
        "rich.at.e": "energy", "rich.at.px": "energy", "rich.at.py": "energy", "rich.at.pz": "energy", "pt": "energy",
        "hits.energy": "energy[2]", "hits.at.e": "energy[2]", "hits.at.px": "energy[2]", "hits.at.py": "energy[2]",
        "hits.at.pz": "energy[2]", "n": "int", "half": "energy",
    }  # fmt: skip


def test_a_collection_returned_by_itself():
    items = "process bare(x) { emit x }\nprocess rich(x) { emit (u = x, v = 2 * x) }"
    assert output_types(model("h ~ bare(1.0) limit 2\nreturn h", items)) == {"value": "real"}
    assert output_types(model("h ~ rich(1.0) limit 2\nreturn h", items)) == {"u": "real", "v": "real"}
