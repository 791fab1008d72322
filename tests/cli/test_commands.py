"""Each command does its job."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def test_check(run: Callable[..., Any]) -> None:
    outcome = run("check", "choice.hep", "two.hep")
    assert (outcome.status, outcome.stdout) == (0, "choice.hep: ok\ntwo.hep: ok\n")
    assert run("check", "choice.hep", "--json").json == {
        "ok": True,
        "files": [{"file": "choice.hep", "ok": True}],
        "diagnostics": [],
    }


def test_check_warns_where_no_gradient_is_known(run: Callable[..., Any], folder: Path) -> None:
    (folder / "cut.hep").write_text(
        "model cut {\n    param t: real = 1\n    x ~ exponential(1)\n    return floor(x * t)\n}\n", encoding="utf-8"
    )
    outcome = run("check", "cut.hep")
    assert (outcome.status, outcome.stdout) == (0, "cut.hep: ok\n")
    assert "warning[W601]" in outcome.stderr
    assert run("simulate", "cut.hep", "-n", 100, "--quiet").status == 0
    assert "error[E601]" in run("grad", "cut.hep").stderr


def test_check_every_example(run: Callable[..., Any], examples: Path) -> None:
    files = sorted(examples.glob("*.hep"))
    assert len(files) >= 5
    outcome = run("check", *files)
    assert outcome.status == 0, outcome.stderr


def test_grad_json_is_the_promised_object(run: Callable[..., Any]) -> None:
    outcome = run("grad", "choice.hep", "-n", 20_000, "-p", "x=1.1", "--json")
    assert (outcome.status, outcome.stderr) == (0, "")
    found = outcome.json
    assert list(found) == [
        "model", "events", "seed", "params", "outputs", "gradient", "sites", "truncated", "seconds",
    ]  # fmt: skip
    assert (found["model"], found["events"], found["seed"], found["params"]) == ("choice", 20_000, 0, {"x": 1.1})
    assert list(found["outputs"]["value"]) == ["mean", "se", "unit"]
    slope = found["gradient"]["value"]["x"]
    assert list(slope) == ["value", "se", "std", "unit"]
    assert found["sites"] == [{"site": "b", "estimator": "stochastic_ad", "why": found["sites"][0]["why"]}]
    assert found["truncated"] == 0
    assert set(found["seconds"]) == {"compile", "run"}
    # Five standard errors (and rounding): a false alarm once in two million runs.
    mean = found["outputs"]["value"]
    assert abs(mean["mean"] - (1.1**2 + math.sin(2.2) ** 2)) < 5 * mean["se"] + 1e-5
    assert abs(slope["value"] - (2.2 + 2 * math.sin(4.4))) < 5 * slope["se"] + 1e-5
    assert slope["std"] == pytest.approx(slope["se"] * math.sqrt(20_000), rel=1e-3)


def test_grad_chooses_estimators_as_told(run: Callable[..., Any]) -> None:
    for by in ("b=score", "*=score", "b=score(baseline='none')"):
        found = run("grad", "choice.hep", "-n", 200, "--by", by, "--json").json
        assert found["sites"][0]["estimator"] == "score"


def test_grad_summary(run: Callable[..., Any]) -> None:
    shown = run("grad", "energy.hep", "-n", 2000, "-p", "scale=20 GeV").stdout
    assert shown.startswith("energy: 2,000 events, seed 0, scale = 20000")
    for expected in ("E[deposit]", "dE[deposit]/dscale", "dE[half]/dscale", "MeV^-1", "reparam", "events/s"):
        assert expected.replace("MeV^-1", "1/MeV") in shown


def test_a_saved_plan_is_used(run: Callable[..., Any], folder: Path) -> None:
    assert run("plan", "choice.hep", "--by", "b=score", "-o", "plan.json").status == 0
    found = run("grad", "choice.hep", "-n", 200, "--plan", "plan.json", "--json").json
    assert found["sites"][0]["estimator"] == "score"


def test_simulate_summary_and_units(run: Callable[..., Any]) -> None:
    plain = run("simulate", "energy.hep", "-n", 5000, "--json").json["outputs"]["deposit"]
    scaled = run("simulate", "energy.hep", "-n", 5000, "--unit", "deposit=GeV", "--json").json["outputs"]["deposit"]
    assert (plain["unit"], scaled["unit"]) == ("MeV", "GeV")
    for key in ("mean", "se", "std"):
        assert scaled[key] == pytest.approx(plain[key] / 1000)
    assert abs(scaled["mean"] - 30) < 5 * scaled["se"]
    shown = run("simulate", "energy.hep", "-n", 5000, "--unit", "deposit=GeV").stdout
    assert "GeV" in shown
    assert "half" in shown


def test_grad_in_another_unit(run: Callable[..., Any]) -> None:
    args = ["grad", "energy.hep", "-n", 2000, "--json"]
    plain, scaled = run(*args).json, run(*args, "--unit", "deposit=GeV").json
    assert plain["gradient"]["deposit"]["scale"]["unit"] == ""
    assert scaled["gradient"]["deposit"]["scale"]["unit"] == "GeV/MeV"
    for key in ("value", "se", "std"):
        row, other = (found["gradient"]["deposit"]["scale"][key] for found in (plain, scaled))
        assert other == pytest.approx(row / 1000)
    # x = scale · E with E a unit exponential: dE[x]/dscale = 1.
    slope = plain["gradient"]["deposit"]["scale"]
    assert abs(slope["value"] - 1) < 5 * slope["se"]


def test_one_seed_one_result(run: Callable[..., Any]) -> None:
    def outputs(*args: Any) -> Any:
        return run("simulate", "choice.hep", "-n", 1000, "--json", *args).json["outputs"]

    assert outputs("--seed", 5) == outputs("--seed", 5)
    assert outputs("--seed", 5) != outputs("--seed", 6)
    assert outputs("--rounds", 20) != outputs()


def test_which_model(run: Callable[..., Any]) -> None:
    assert run("simulate", "two.hep", "--model", "second", "-n", 10, "--json").json["model"] == "second"


@pytest.mark.parametrize(("ending", "start"), [("svg", "<"), ("dot", "digraph"), ("json", "{"), ("txt", "model")])
def test_graph_files(run: Callable[..., Any], folder: Path, ending: str, start: str) -> None:
    outcome = run("graph", "choice.hep", "-o", f"g.{ending}")
    assert (outcome.status, outcome.stdout) == (0, "")
    text = (folder / f"g.{ending}").read_text(encoding="utf-8")
    assert text.lstrip().startswith(start) or ending == "txt"
    assert "bernoulli" in text


def test_graph_on_screen(run: Callable[..., Any]) -> None:
    assert "bernoulli" in run("graph", "choice.hep").stdout
    assert run("graph", "choice.hep", "--json").json["model"] == "choice"


@pytest.mark.parametrize(
    ("stage", "expected"),
    [
        ("ast", "SampleStmt"),
        ("typed", "bernoulli(probs = %"),
        ("graph", "bernoulli"),
        ("plan", "stochastic_ad"),
        ("jaxpr", "lambda"),
    ],
)
def test_dump(run: Callable[..., Any], stage: str, expected: str) -> None:
    outcome = run("dump", "choice.hep", "--stage", stage)
    assert outcome.status == 0
    assert expected in outcome.stdout


def test_dump_of_every_example(run: Callable[..., Any], examples: Path) -> None:
    for file in sorted(examples.glob("*.hep")):
        for stage in ("ast", "typed", "graph"):
            assert run("dump", file, "--stage", stage).status == 0


def test_fmt(run: Callable[..., Any], folder: Path) -> None:
    before = (folder / "messy.hep").read_text()
    checked = run("fmt", "--check", "messy.hep", "choice.hep")
    assert (checked.status, checked.stdout) == (1, "messy.hep: would be reformatted\n")
    shown = run("fmt", "--diff", "messy.hep")
    assert shown.status == 0
    assert "-  return    1+2\n+model messy {\n+    # kept\n+    return 1 + 2\n" in shown.stdout
    assert (folder / "messy.hep").read_text() == before
    assert run("fmt", "messy.hep").status == 0
    assert (folder / "messy.hep").read_text() == "model messy {\n    # kept\n    return 1 + 2\n}\n"
    assert run("fmt", "--check", "messy.hep").status == 0


def test_plugins(run: Callable[..., Any]) -> None:
    listed = run("plugins", "list", "--json").json["plugins"]
    assert {"reparam", "boundary", "score", "stochastic_ad"} <= {row["name"] for row in listed}
    assert all(row["usable"] for row in listed if row["package"] == "hepppl")
    assert "stochastic_ad" in run("plugins").stdout
    shown = run("plugins", "show", "score").stdout
    assert "unbiased" in shown
    assert run("plugins", "show", "score", "--json").json["unbiased"] is True


def test_explain_knows_every_code(run: Callable[..., Any]) -> None:
    from hepppl.diagnostics.codes import CODES

    for code, about in CODES.items():
        shown = run("explain", code.lower())
        assert shown.status == 0
        assert shown.stdout.startswith(f"{code}: {about.title}")
    assert run("explain", "E203", "--json").json["code"] == "E203"


def test_morph_takes_events_to_other_parameters(run: Callable[..., Any], folder: Path) -> None:
    import numpy as np

    (folder / "smear.hep").write_text(
        "model smear {\n    param scale: length = 2 cm\n    t ~ exponential(1)\n    x ~ normal(t, 0.3)\n"
        "    return (x = scale * x)\n}\n",
        encoding="utf-8",
    )
    args = ("morph", "smear.hep", "--to", "scale=2.2cm", "-n", 4000, "--unit", "x=cm")
    shown = run(*args, "-o", "moved.npz")
    assert (shown.status, shown.stderr) == (0, "")
    assert "to scale = 22, by move (events move smoothly with the parameters)" in shown.stdout
    assert "events written to moved.npz" in shown.stdout
    found = run(*args, "--json").json
    assert (found["params"], found["from"], found["method"]) == ({"scale": 22.0}, {"scale": 20.0}, "move")
    assert found["missed"]["x"] < 1e-4
    shift, mean = found["shift"]["x"], found["outputs"]["x"]
    assert (shift["unit"], mean["unit"]) == ("cm", "cm")
    # E = scale; a common sample. Five standard errors: a false alarm once in two million runs.
    assert abs(shift["value"] - 0.2) < 5 * shift["se"] < 0.05 * mean["se"] * 5 * 4
    assert np.load(folder / "moved.npz")["x"].mean() == pytest.approx(10 * mean["mean"], rel=1e-5)
    weighed = run("morph", "smear.hep", "--to", "scale=2.2cm", "-n", 100, "--method", "reweight", "--json").json
    assert (weighed["method"], weighed["worth"], weighed["missed"]) == ("reweight", 1.0, {})


def test_morph_says_what_is_wrong(run: Callable[..., Any]) -> None:
    assert run("morph", "choice.hep").status == 2
    assert run("morph", "choice.hep", "--to", "y=1").status == 1
    refused = run("morph", "choice.hep", "--to", "x=1.1", "--method", "move")
    assert refused.status == 1
    assert "error[E623]" in refused.stderr


def test_bench_says_what_a_gradient_costs(run: Callable[..., Any]) -> None:
    found = run("bench", "choice.hep", "-n", 1000, "--rounds", 2, "--by", "*=score", "--json").json
    assert found["rounds"] == 2
    assert found["events_per_second"]["simulate"] > 0
    assert found["simulations"] > 0
    ((param, row),) = found["gradient"]["value"].items()
    microseconds = 1e6 / found["events_per_second"]["grad"]
    assert row["variance_times_us"] == pytest.approx(row["std"] ** 2 * microseconds)
    assert {site["estimator"] for site in found["sites"]} == {"score"}
    shown = run("bench", "choice.hep", "-n", 1000, "--rounds", 1).stdout
    assert f"dE[value]/d{param}" in shown
    assert "simulations" in shown
    assert "grad" not in run("bench", "fixed.hep", "-n", 100, "--rounds", 1).stdout


def test_second_derivatives(run: Callable[..., Any]) -> None:
    found = run("grad", "choice.hep", "--hessian", "-n", 20_000, "-p", "x=1.1", "--json").json
    bend = found["hessian"]["value"]["x"]["x"]
    assert abs(bend["value"] - (2 + 8 * math.cos(4.4))) < 5 * bend["se"] + 1e-4
    assert set(found["gradient"]["value"]) == {"x"}
    table = run("grad", "choice.hep", "--hessian", "-n", 500).stdout
    assert "d²E[value]/dx²" in table
    assert "stochastic_ad cannot be differentiated twice" in table
    refused = run("grad", "choice.hep", "--hessian", "--by", "b=stochastic_ad", "--json")
    assert refused.json["errors"][0]["code"] == "E609"
    assert run("grad", "choice.hep", "--hessian", "--mode", "reverse").status == 2
    assert "second derivatives" in run("plan", "choice.hep", "--order", 2).stdout
    assert run("plan", "choice.hep", "--order", 2, "--tune").status == 2
    assert "stochastic_ad" in run("plan", "choice.hep", "--mode", "reverse").stdout
    assert run("plan", "choice.hep", "--mode", "reverse", "--tune").status == 2
