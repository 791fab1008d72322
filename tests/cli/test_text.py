"""Numbers as people read them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hepppl.cli import text


@pytest.mark.parametrize(
    ("value", "error", "shown"),
    [
        (1.91823, 0.00131, "1.9182 ± 0.0013"),
        (2.5545, 0.0093, "2.5545 ± 0.0093"),
        (123.456, 12.3, "123 ± 12"),
        (-0.5, 0.25, "-0.50 ± 0.25"),
        (0.0, 0.031, "0.000 ± 0.031"),
        (3.0, 0.0, "3 ± 0"),
        (1.5e9, 2e6, "(1.5000 ± 0.0020)e+9"),
        (2.5e-7, 1.2e-9, "(2.500 ± 0.012)e-7"),
        (math.nan, 1.0, "nan ± 1"),
    ],
)
def test_measured(value: float, error: float, shown: str) -> None:
    assert text.measured(value, error) == shown


def test_table() -> None:
    assert text.table(("a", "long"), [("1", "2"), ("333", "4")]).replace("\x1b[2m", "").replace("\x1b[0m", "") == (
        "a    long\n1    2\n333  4"
    )


def test_elements() -> None:
    assert text.elements("v", 1.0) == [("v", ())]
    assert text.elements("v", np.zeros((1, 2))) == [("v[0, 0]", (0, 0)), ("v[0, 1]", (0, 1))]


def test_long_tables_say_what_they_leave_out() -> None:
    rows = [(str(i), "x") for i in range(100)]
    short = text.shorten(rows)
    assert len(short) == 60
    assert short[-1][0].startswith("… and 41 more")
    assert text.shorten(rows[:60]) == rows[:60]


def test_rate() -> None:
    assert text.rate(123_456, 1.0) == "120,000"
    assert text.rate(0, 1.0) == "–"
