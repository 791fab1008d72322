"""The typed program as text."""

from __future__ import annotations

import re

from hepppl.semantics import dump

from .load import EVERYTHING, model, program


def test_a_small_program():
    p = model("param x in (0, 1] ~ uniform(0, 1) = 0.5\nb ~ bernoulli(x) by score(k = 3)\nreturn x^2 + b")
    assert dump(p) == (
        "model m\n"
        "  param x: real in (0.0, 1.0] ~ uniform(low = 0.0, high = 1.0) = 0.5\n"
        "\n"
        "  %4 x: real = param x\n"
        "  %5 b: bool = site #1 b ~ bernoulli(probs = %4) by score(k = 3)\n"
        "  %6: int = const 2\n"
        "  %7: real = pow %4, %6\n"
        "  %8: real = to_real %5\n"
        "  %9: real = add %7, %8\n"
        "  output value = %9: real\n"
    )


def test_blocks_are_indented_and_units_shown():
    text = dump(program(EVERYTHING.read_text(encoding="utf-8")))
    for line in (
        r"process electron\(%\d+ e: real<MeV>, %\d+ d: real<mm>, %\d+ X0: real<mm>\) emits .*",
        r"  param X0: real<mm> in \(0\.0, inf\) = 5\.6",
        r"  observed obs = %\d+: int\[4\]",
    ):
        assert any(re.fullmatch(line, found) for found in text.split("\n")), line
    assert " spawn photon(" in text
    assert "mixture(weights = " in text


def test_a_prior_is_shown_on_one_line():
    p = model("param a = 1\nparam b ~ normal(2 * a, 1)\nreturn b")
    assert "  param b: real ~ normal(loc = mul(2.0, a), scale = 1.0)" in dump(p).split("\n")
