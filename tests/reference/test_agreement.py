"""The comparison itself finds what it should."""

import numpy as np
import pytest

from hepppl.backends.reference import simulate
from hepppl.semantics.types import INT

from .agreement import assert_agreement, compare
from .build import Builder


@pytest.fixture(scope="module")
def program():
    b = Builder()
    n = b.site("n", "poisson", INT, rate=b.const(4.0))
    x = b.site("x", "normal", loc=b.const(0.0), scale=b.const(1.0))
    return b.program(n=n, x=x)


def outputs(program, **options):
    events = simulate(program, 50, **options)
    return {**events.outputs, "weight": events.weight}


def test_agrees_with_itself(program):
    assert_agreement(program, outputs(program, seed=3, first_event=7, precision=32), seed=3, first_event=7)


@pytest.mark.parametrize(("name", "change"), [("n", 1), ("x", 1e-3), ("weight", 0.5)])
def test_finds_one_event_and_shows_its_draws(program, name, change):
    other = outputs(program, precision=32)
    other[name] = other[name].copy()
    other[name][17] += change
    report = compare(program, other)
    assert report.differing == {17: (name,)}
    text = str(report)
    assert "1 of 50 events differ" in text
    assert f"event 17 in {name}" in text
    assert "n ~ poisson(" in text
    with pytest.raises(AssertionError, match="event 17"):
        assert_agreement(program, other, flips=0.01)
    assert_agreement(program, other, flips=0.02)


def test_another_seed_and_another_set_of_outputs_do_not_agree(program):
    assert compare(program, outputs(program, seed=1)).fraction > 0.9
    with pytest.raises(AssertionError, match="instead of"):
        compare(program, {"n": np.zeros(3)})
