"""Runs that make no sense or cannot be trusted end in a diagnostic and the right exit status, never in a number."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import hepppl
from tests.corpus.programs import FILES

from .acceptance import ROOT, load

CHOICE = ROOT / "examples" / "discrete_choice.hep"
SMALL = FILES["small_limit"]


def run(*words: object) -> subprocess.CompletedProcess[str]:
    code = "import sys; from hepppl.cli import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize("command", ["simulate", "grad"])
def test_a_limit_that_is_too_small_fails(command: str) -> None:
    with pytest.raises(hepppl.HepResultError) as raised:
        getattr(load("small_limit"), command)(100)
    assert raised.value.exit_status == 3
    assert "limit" in str(raised.value)
    assert {d.code for d in raised.value.diagnostics} == {"E901"}
    (line,) = (i for i, text in enumerate(SMALL.read_text("utf-8").splitlines(), 1) if "limit 3" in text)
    assert all(d.span is not None and d.span.line == line for d in raised.value.diagnostics)


def test_the_truncated_fraction_may_be_tolerated_and_is_reported() -> None:
    events = load("small_limit").simulate(100, tolerance=1.0)
    assert events.truncated == 1
    assert load("absorber").simulate(50).truncated == 0


def test_a_limit_that_just_fits_is_enough() -> None:
    text = SMALL.read_text("utf-8")
    assert hepppl.parse(text.replace("limit 3", "limit 7")).simulate(100).truncated == 0
    with pytest.raises(hepppl.HepResultError):
        hepppl.parse(text.replace("limit 3", "limit 6")).simulate(100)


def test_some_truncated_events_are_counted_exactly() -> None:
    """A while loop that wants one turn more than its limit with probability p^limit."""
    text = FILES["waiting"].read_text("utf-8").replace("limit 200", "limit 3")
    events = hepppl.parse(text).simulate(20_000, seed=61, p=0.5, tolerance=1.0)
    assert abs(events.truncated - 0.125) < 5 * (0.125 * 0.875 / 20_000) ** 0.5
    with pytest.raises(hepppl.HepResultError):
        hepppl.parse(text).grad(20_000, seed=61, p=0.5)


@pytest.mark.parametrize("n", [0, -1, 2.5, "many", True])
@pytest.mark.parametrize("command", ["simulate", "grad"])
def test_a_number_of_events_that_is_none(command: str, n: Any) -> None:
    with pytest.raises(hepppl.HepValueError) as raised:
        getattr(load("discrete_choice"), command)(n)
    assert raised.value.exit_status == 1


@pytest.mark.parametrize(("values", "name"), [
    ({"y": 1.0}, "y"),
    ({"x": "3 GeV"}, "x"),
    ({"x": float("nan")}, "x"),
    ({"x": [1.0, 2.0]}, "x"),
])  # fmt: skip
def test_wrong_parameters(values: dict[str, Any], name: str) -> None:
    with pytest.raises(hepppl.HepError) as raised:
        load("discrete_choice").grad(10, **values)
    assert raised.value.exit_status == 1
    assert f"{name}" in raised.value.diagnostics[0].message


@pytest.mark.parametrize("theta", [0.0, 10.0, -3.0, float("inf")])
def test_a_parameter_outside_its_support(theta: float) -> None:
    for command in ("simulate", "grad"):
        with pytest.raises(hepppl.HepValueError) as raised:
            getattr(load("absorber"), command)(10, theta=theta)
        assert "theta" in str(raised.value)


@pytest.mark.parametrize("by", [{"nothing": "score"}, {"b": "nothing"}, {"b": "reparam"}])
def test_wrong_estimators(by: dict[str, str]) -> None:
    with pytest.raises(hepppl.HepError) as raised:
        load("discrete_choice").grad(10, by=by)
    assert raised.value.exit_status == 1


def test_an_unknown_parameter_to_differentiate() -> None:
    with pytest.raises(hepppl.HepError) as raised:
        load("discrete_choice").grad(10, wrt=["y"])
    assert raised.value.exit_status == 1


def test_a_law_driven_out_of_its_support_by_its_parameter() -> None:
    model = hepppl.parse("model m { param r: real = 0.5; b ~ bernoulli(r); k ~ poisson(r); return b + k }")
    assert model.grad(100, r=0.5).truncated == 0
    for r in (1.5, -0.5):
        with pytest.raises(hepppl.HepResultError) as raised:
            model.grad(100, r=r)
        assert raised.value.exit_status == 3


def test_a_result_that_is_not_a_number() -> None:
    model = hepppl.parse("model m { param s: real = 1; x ~ normal(0, 1); return sqrt(x * s) }")
    with pytest.raises(hepppl.HepResultError):
        model.simulate(100)
    with pytest.raises(hepppl.HepResultError):
        model.grad(100)


@pytest.mark.every(2)
@pytest.mark.parametrize(("body", "slope"), [
    ("x ~ normal(t, 1); return if x > 1 then 1 else 0", 0.39894228),
    ("x ~ normal(0, 1); return if x > t then 1 else 0", -0.24197072),
    ("x ~ uniform(0, 1); y = x ^ t; return if y > 0.5 then 1 else 0", -0.5 * 0.69314718),
])  # fmt: skip
def test_a_comparison_that_carries_a_derivative_is_never_a_silent_zero(body: str, slope: float) -> None:
    """A sound estimator takes the site over, or the program is refused. boundary is exact here, event by event."""
    model = hepppl.parse(f"model m {{ param t: real in (0, 5) = 1; {body} }}")
    try:
        result = model.grad(200_000, seed=62)
    except hepppl.HepPlanError:
        return
    estimate, se = result.gradient["value"]["t"], result.se["value"]["t"]
    assert 0 <= se < 0.05
    assert abs(estimate - slope) < 5 * se + 1e-5


@pytest.mark.parametrize(("words", "status", "said"), [
    (["grad", CHOICE, "-n", "100", "--quiet"], 0, ""),
    (["grad", "no_such_file.hep"], 1, "no_such_file.hep"),
    (["grad", CHOICE, "-n", "0"], None, "0"),
    (["grad", CHOICE, "-n", "10", "-p", "y=1"], 1, "'y'"),
    (["grad", CHOICE, "-n", "10", "--by", "nothing=score"], 1, "nothing"),
    (["grad", CHOICE, "-n", "10", "--by", "b=nothing"], 1, "nothing"),
    (["grad", ROOT / "examples" / "absorber.hep", "-n", "10", "-p", "theta=11"], 1, "theta"),
    (["grad", SMALL, "-n", "100"], 3, "limit"),
    (["simulate", SMALL, "-n", "100"], 3, "limit"),
])  # fmt: skip
def test_exit_status(words: list[object], status: int | None, said: str) -> None:
    done = run(*words)
    assert done.returncode == status if status is not None else done.returncode in (1, 2)
    assert "Traceback" not in done.stderr + done.stdout
    assert "internal error" not in done.stderr
    assert said in done.stderr


def test_wrong_programs_exit_with_one(tmp_path: Path) -> None:
    for i, text in enumerate(
        ["model m { return }", "model m { return x }", "model m { return 1 GeV + 1 mm }", "", "\x00"]
    ):
        path = tmp_path / f"wrong{i}.hep"
        path.write_text(text, "utf-8")
        done = run("grad", path)
        assert done.returncode == 1, text
        assert "error[E" in done.stderr, text
        assert "Traceback" not in done.stderr, text


def test_json_of_grad_has_what_the_interface_promises() -> None:
    done = run("grad", CHOICE, "-n", "20000", "--seed", "3", "-p", "x=0.7", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["model"], report["events"], report["seed"], report["params"]) == (
        "discrete_choice",
        20000,
        3,
        {"x": 0.7},
    )
    slope = report["gradient"]["value"]["x"]
    assert abs(slope["value"] - 2.06997630) <= 5 * slope["se"] + 1e-5
    assert {"value", "se", "std", "unit"} <= slope.keys()
    assert {"mean", "se", "unit"} <= report["outputs"]["value"].keys()
    assert [row["site"] for row in report["sites"]] == ["b"]
    assert report["truncated"] == 0
    assert {"compile", "run"} <= report["seconds"].keys()
