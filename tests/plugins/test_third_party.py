"""The worked example of a package that adds to hepppl: installed from its own project, used, and checked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from math import exp
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "third_party_plugin"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a Python that sees the package, installed in a folder of its own."""
    target = tmp_path_factory.mktemp("site")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target", str(target)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(EXAMPLE)], check=True, timeout=300)
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(target), *filter(None, sys.path)])}


def hepppl(installed: dict[str, str], *arguments: str) -> dict[str, object]:
    command = [sys.executable, "-m", "hepppl", *arguments, "--json"]
    run = subprocess.run(command, cwd=EXAMPLE, env=installed, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr + run.stdout
    return json.loads(run.stdout)


@pytest.mark.slow
def test_its_program_runs_and_is_differentiated(installed: dict[str, str]) -> None:
    result = hepppl(installed, "grad", "beam.hep", "-n", "20000")
    assert {row["site"]: row["estimator"] for row in result["sites"]} == {
        "depth": "reparam",
        "seen": "antithetic_flip",
    }
    r, step = 0.5, 1e-5  # thickness / path

    def left(r: float) -> float:
        return 2 * (1 - (1 + r) * exp(-r)) / r**2

    slope = (left(r + step) - left(r - step)) / (2 * step) / 100  # per mm of thickness, path = 100 mm
    for output in ("seen", "left"):
        mean, gradient = result["outputs"][output], result["gradient"][output]["thickness"]
        assert mean["mean"] == pytest.approx(left(r), abs=5 * mean["se"])
        assert gradient["value"] == pytest.approx(slope, abs=5 * gradient["se"])
        assert 5 * gradient["se"] < 0.2 * abs(slope)


@pytest.mark.slow
def test_verify_finds_nothing(installed: dict[str, str]) -> None:
    found = hepppl(installed, "verify", "beam.hep", "-n", "10000")
    assert found["ok"]
    assert {"depth", "seen"} == {row["site"] for row in found["comparisons"]}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["antithetic_flip", "ramp", "attenuation"])
def test_its_plugins_conform(installed: dict[str, str], name: str) -> None:
    report = hepppl(installed, "plugins", "check", name)
    assert report["ok"]
    assert report["package"] == "acme-hep 1.0"


@pytest.mark.slow
def test_it_is_listed(installed: dict[str, str]) -> None:
    rows = {row["name"]: row for row in hepppl(installed, "plugins", "list")["plugins"]}
    assert all(rows[name]["usable"] for name in ("antithetic_flip", "ramp", "attenuation"))
