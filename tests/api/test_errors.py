"""Errors carry diagnostics, are the standard exceptions one expects, and results that fail come with the result."""

from __future__ import annotations

import builtins
from typing import Any

import pytest

import hepppl
from hepppl.diagnostics.codes import CODES

CHOICE = "model choice {\n    param x: real in (-2, 2) = 0.7\n    b ~ bernoulli(sin(2 * x)^2)\n    return x^2 + b\n}"


@pytest.fixture(scope="module")
def choice() -> hepppl.Model:
    return hepppl.parse(CHOICE)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ({"n": 0}, "E453", "positive integer, found 0"),
        ({"n": 2.5}, "E453", "found 2.5"),
        ({"n": True}, "E453", "found True"),
        ({"n": 10, "seed": -1}, "E454", "found -1"),
        ({"n": 10, "seed": 1.0}, "E454", "found 1.0"),
        ({"n": 10, "seed": 2**64}, "E454", "from 0 to 2^64 - 1"),
        ({"n": 10, "X": 1}, "E451", "did you mean 'x'?"),
        ({"n": 10, "x": 2}, "E452", "(-2, 2)"),
        ({"n": 10, "x": float("nan")}, "E452", "cannot be nan"),
        ({"n": 10, "x": [1, 2]}, "E456", "found list"),
        ({"n": 10, "x": "one"}, "E412", "not a number"),
        ({"n": 10, "x": "1 cm"}, "E206", "a length"),
        ({"n": 10, "tolerance": -0.1}, "E457", "from 0 to 1"),
        ({"n": 10, "precision": 16}, "E457", "32 or 64"),
        ({"n": 10, "rounds": 12}, "E457", "13 or 20"),
        ({"n": 10, "batch": 0}, "E457", "positive integer"),
    ],
)
@pytest.mark.parametrize("method", ["simulate", "grad"])
def test_inputs(choice: hepppl.Model, method: str, arguments: dict[str, Any], code: str, says: str) -> None:
    with pytest.raises(ValueError, match=code) as caught:
        getattr(choice, method)(**arguments)
    assert isinstance(caught.value, hepppl.HepError)
    assert [d.code for d in caught.value.diagnostics] == [code]
    assert says in str(caught.value)


@pytest.mark.parametrize(("method", "given"), [("grad", (10,)), ("plan", ()), ("compile", ())])
def test_a_mode_is_one_of_three(choice: hepppl.Model, method: str, given: tuple[int, ...]) -> None:
    with pytest.raises(hepppl.HepValueError, match="mode must be 'auto', 'forward' or 'reverse', found 'backward'"):
        getattr(choice, method)(*given, mode="backward")


def test_a_pilot_run_measures_in_the_mode_that_is_used(choice: hepppl.Model) -> None:
    with pytest.raises(hepppl.HepValueError, match="tune=True goes with mode='auto'"):
        choice.plan(tune=True, mode="reverse")


def test_everything_wrong_is_reported_at_once(choice: hepppl.Model) -> None:
    with pytest.raises(hepppl.HepValueError) as caught:
        choice.simulate(10, y=1, z=2, x=5)
    assert sorted(d.code for d in caught.value.diagnostics) == ["E451", "E451", "E452"]


def test_a_parameter_without_a_value() -> None:
    model = hepppl.parse("model m {\n    param p: real in (0, 1)\n    b ~ bernoulli(p)\n    return b\n}")
    with pytest.raises(hepppl.HepValueError, match="parameter 'p' has no value"):
        model.simulate(10)
    assert len(model.simulate(10, p=0.5)) == 10
    with pytest.raises(hepppl.HepValueError, match="E455"):
        model.compile().simulate(0, {}, 10)


def test_nothing_to_differentiate() -> None:
    model = hepppl.parse("model m {\n    x ~ normal(0, 1)\n    return x\n}")
    with pytest.raises(hepppl.HepValueError, match="E458"):
        model.grad(10)
    assert model.compile().simulate(0, {}, 10)["value"].shape == (10,)


TIGHT = """
process p(k: int) {
    emit k
    if k > 0 {
        spawn p(k - 1)
        spawn p(k - 1)
    }
}
model tight {
    param t: real = 1
    h ~ p(6) limit 3
    return t * count(h)
}
"""


@pytest.mark.parametrize("method", ["simulate", "grad"])
def test_truncation_fails_with_the_result(method: str) -> None:
    model = hepppl.parse(TIGHT)
    with pytest.raises(hepppl.HepResultError, match="E901") as caught:
        getattr(model, method)(50)
    assert isinstance(caught.value, ArithmeticError)
    assert caught.value.result.truncated == 1
    assert caught.value.diagnostics[0].span.line == 11
    tolerant = getattr(model, method)(50, tolerance=1)
    assert tolerant.truncated == 1


def test_a_large_enough_limit_truncates_nothing() -> None:
    events = hepppl.parse(TIGHT.replace("limit 3", "limit 7")).simulate(50)
    assert events.truncated == 0
    assert set(events["value"]) == {127}


def test_a_process_that_does_not_die_out_is_stopped() -> None:
    model = hepppl.parse(
        "process p() {\n    emit 1\n    spawn p()\n}\nmodel m {\n    h ~ p() limit 4\n    return count(h)\n}"
    )
    with pytest.raises(hepppl.HepResultError, match="E902"):
        model.simulate(4, max_steps=1000)


def test_an_index_out_of_range() -> None:
    model = hepppl.parse("model m {\n    i ~ poisson(2)\n    a = [1, 2, 3]\n    return a[i]\n}")
    with pytest.raises(hepppl.HepResultError, match="E903") as caught:
        model.simulate(1000)
    assert 0.2 < caught.value.result.truncated < 0.45  # P(poisson(2) > 2) = 0.323


def test_an_argument_out_of_range_is_never_tolerated() -> None:
    model = hepppl.parse("model m {\n    x ~ normal(0, 1)\n    b ~ bernoulli(x)\n    return b\n}")
    with pytest.raises(hepppl.HepResultError, match="E904"):
        model.simulate(100, tolerance=1)


def test_what_is_not_finite_fails() -> None:
    model = hepppl.parse("model m {\n    x ~ normal(0, 1)\n    return log(x)\n}")
    with pytest.raises(hepppl.HepResultError, match="E905") as caught:
        model.simulate(100)
    assert len(caught.value.result) == 100


def test_an_infinite_output_is_the_users_business() -> None:
    model = hepppl.parse("model m {\n    b ~ bernoulli(0.5)\n    return if b then 1.0 else inf\n}")
    assert model.simulate(100).mean["value"] == float("inf")


def test_rejected_events_may_be_anything() -> None:
    model = hepppl.parse("model m {\n    x ~ normal(0, 1)\n    require x > 0\n    return log(x)\n}")
    events = model.simulate(1000)
    assert events.weighted


@pytest.mark.parametrize(
    ("text", "error", "standard"),
    [
        ("model m { x = = 2 }", "HepSyntaxError", "SyntaxError"),
        ("model m {\n    return y\n}", "HepNameError", "NameError"),
        ("model m {\n    return 1 GeV + 1 mm\n}", "HepTypeError", "TypeError"),
    ],
)
def test_programs(text: str, error: str, standard: str) -> None:
    with pytest.raises(getattr(hepppl, error)) as caught:
        hepppl.parse(text)
    assert isinstance(caught.value, getattr(builtins, standard))
    assert all(d.code in CODES for d in caught.value.diagnostics)
    assert "<string>:" in str(caught.value)


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(OSError, match="E501"):
        hepppl.load("no/such/file.hep")


def test_every_code_that_is_raised_is_registered() -> None:
    """Codes are written as literals; each that occurs in the source has its entry in the registry."""
    import re
    from pathlib import Path

    package = Path(hepppl.__file__).parent
    used = {
        code
        for path in package.rglob("*.py")
        if not path.name.startswith("codes")
        for code in re.findall(r'"([EW]\d{3})"', path.read_text(encoding="utf-8"))
    }
    assert len(used) > 50
    assert used <= set(CODES)


def test_numbers_beyond_single_precision_are_refused() -> None:
    model = hepppl.parse("model m {\n    param lumi = 139 fb^-1\n    n ~ poisson(lumi * 30 fb)\n    return n\n}")
    with pytest.raises(hepppl.HepValueError) as caught:
        model.simulate(10)
    assert [d.code for d in caught.value.diagnostics] == ["E464"]
    assert model.simulate(10, precision=64)["value"].mean() > 4000
    constant = hepppl.parse(
        "model m {\n    param s = 1 GeV\n    x ~ normal(s, 1 GeV)\n    return x / 1 GeV * (0.01 fb / 1 mm^2)\n}"
    )
    with pytest.raises(hepppl.HepValueError) as caught:
        constant.simulate(10)
    assert [d.code for d in caught.value.diagnostics] == ["E464"]
