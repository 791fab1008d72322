"""What is wrong has its code, its exit status, and no number on standard output."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

INPUTS = [
    (["check", "wrong.hep"], "E203"),
    (["simulate", "wrong.hep"], "E203"),
    (["grad", "wrong.hep"], "E203"),
    (["plan", "missing.hep"], "E501"),
    (["simulate", "missing.hep"], "E501"),
    (["check", "."], "E502"),
    (["graph", "latin.hep"], "E504"),
    (["simulate", "choice.hep", "-p", "y=1"], "E451"),
    (["simulate", "choice.hep", "-p", "x=3"], "E452"),
    (["grad", "choice.hep", "-p", "x=nan"], "E412"),
    (["grad", "choice.hep", "-p", "x=inf"], "E452"),
    (["simulate", "choice.hep", "-p", "x=2cm"], "E206"),
    (["simulate", "energy.hep", "-p", "scale=20"], "E206"),
    (["simulate", "energy.hep", "-p", "scale=20 GoV"], "E412"),
    (["simulate", "choice.hep", "-n", "0"], "E453"),
    (["grad", "choice.hep", "-n", "-5"], "E453"),
    (["simulate", "choice.hep", "--seed", "-1"], "E454"),
    (["grad", "choice.hep", "--seed", str(2**64)], "E454"),
    (["simulate", "choice.hep", "--tolerance", "2"], "E457"),
    (["simulate", "choice.hep", "--lanes", "0"], "E457"),
    (["grad", "fixed.hep"], "E458"),
    (["simulate", "energy.hep", "--unit", "deposits=GeV"], "E459"),
    (["simulate", "energy.hep", "--unit", "deposit=cm"], "E206"),
    (["grad", "choice.hep", "--by", "c=score"], "E603"),
    (["grad", "choice.hep", "--by", "b=scoer"], "E801"),
    (["grad", "choice.hep", "--by", "b=reparam"], "E602"),
    (["plan", "choice.hep", "--wrt", "y"], "E605"),
    (["grad", "choice.hep", "--plan", "choice.hep"], "E606"),
    (["grad", "choice.hep", "--plot", "x.jpeg2"], "E511"),
    (["grad", "choice.hep", "--plot", "x.png", "--scan", "x=0:3:5"], "E452"),
    (["grad", "choice.hep", "--plot", "x.png", "--scan", "x=1:1:5"], "E460"),
    (["grad", "choice.hep", "--plot", "x.png", "--scan", "x=0:1:one"], "E460"),
    (["graph", "choice.hep", "-o", "x.jpeg"], "E511"),
    (["simulate", "choice.hep", "-o", "x.txt"], "E511"),
    (["simulate", "choice.hep", "--data", "missing.json"], "E501"),
    (["simulate", "choice.hep", "--data", "choice.hep"], "E511"),
    (["simulate", "choice.hep", "--data", "broken.json"], "E514"),
    (["simulate", "two.hep", "--model", "third"], "E3"),
    (["plugins", "show", "scor"], "E801"),
]


@pytest.fixture
def bad_files(folder: Path) -> None:
    (folder / "latin.hep").write_bytes("# é\n".encode("latin-1"))
    (folder / "broken.json").write_text("{")


@pytest.mark.usefixtures("bad_files")
@pytest.mark.parametrize(("args", "code"), INPUTS, ids=[" ".join(args) for args, _ in INPUTS])
def test_inputs_at_fault_are_1(run: Callable[..., Any], args: list[str], code: str) -> None:
    outcome = run(*args)
    assert outcome.status == 1
    assert f"error[{code}" in outcome.stderr
    if args[0] != "check":
        assert outcome.stdout == ""


UNTRUSTED = [("tight", "E901"), ("nan", "E905"), ("invalid", "E904")]


@pytest.mark.parametrize("command", ["simulate", "grad"])
@pytest.mark.parametrize(("name", "code"), UNTRUSTED)
def test_results_not_to_be_trusted_are_3(run: Callable[..., Any], command: str, name: str, code: str) -> None:
    outcome = run(command, f"{name}.hep", "-n", 500, "--json")
    assert outcome.status == 3
    assert f"error[{code}]" in outcome.stderr
    found = outcome.json
    assert {error["code"] for error in found["errors"]} == {code}
    assert found["events"] == 500


def test_truncation_within_the_tolerance_is_a_warning(run: Callable[..., Any]) -> None:
    outcome = run("simulate", "tight.hep", "-n", 500, "--tolerance", 1)
    assert outcome.status == 0
    assert "warning[W901]" in outcome.stderr
    assert "100.000% of the events truncated" in outcome.stdout


def test_an_untrusted_result_writes_no_file(run: Callable[..., Any], folder: Path) -> None:
    assert run("simulate", "tight.hep", "-n", 500, "-o", "events.npz").status == 3
    assert not (folder / "events.npz").exists()


@pytest.mark.parametrize("command", ["simulate", "grad", "plan", "graph"])
def test_errors_as_json(run: Callable[..., Any], command: str) -> None:
    outcome = run(command, "wrong.hep", "--json")
    assert outcome.status == 1
    errors = outcome.json["errors"]
    assert {"E203"} < {error["code"] for error in errors}
    assert errors[0]["line"] == 2
    assert "error[E203]" in outcome.stderr


def test_every_error_of_every_file_is_reported(run: Callable[..., Any]) -> None:
    outcome = run("check", "wrong.hep", "choice.hep", "missing.hep", "--json")
    assert outcome.status == 1
    found = outcome.json
    assert [row["ok"] for row in found["files"]] == [False, True, False]
    assert {"E203", "E501"} < {row["code"] for row in found["diagnostics"]}
    assert len(found["diagnostics"]) == 3


def test_hints_name_what_is_near(run: Callable[..., Any]) -> None:
    assert "did you mean choice.hep?" in run("check", "choce.hep").stderr
    assert "did you mean 'scale'?" in run("simulate", "energy.hep", "-p", "scal=2GeV").stderr
    assert "did you mean 'score'?" in run("grad", "choice.hep", "--by", "b=scor").stderr


def test_quiet_is_quiet(run: Callable[..., Any]) -> None:
    for args in (["check"], ["plan"], ["simulate", "-n", "100"], ["grad", "-n", "100"]):
        outcome = run(args[0], "choice.hep", *args[1:], "--quiet")
        assert (outcome.status, outcome.stdout, outcome.stderr) == (0, "", "")


def test_a_value_that_is_no_json_number_is_null(run: Callable[..., Any]) -> None:
    outcome = run("simulate", "nan.hep", "-n", 10, "--json")
    assert json.loads(outcome.stdout)["outputs"]["value"]["mean"] is None
