"""`infer` with a method that learns from simulations."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from hepppl.cli.app import app
from tests.inference.sbi.programs import GAUSSIAN


@pytest.mark.slow
def test_train_keep_and_load(tmp_path: Path) -> None:
    program, data, kept = tmp_path / "g.hep", tmp_path / "d.json", tmp_path / "g.eqx"
    program.write_text(GAUSSIAN)
    data.write_text('{"x": 2, "y": 3}')
    common = ["infer", str(program), "--method", "npe", "--data", str(data)]
    small = ["--simulations", "500", "--epochs", "5", "--calibrate", "0", "--set", "width=16", "--set", "depth=1"]
    first = CliRunner().invoke(app, [*common, *small, "--save", str(kept)])
    assert first.exit_code == 0, first.stderr
    assert "mu" in first.stdout
    again = CliRunner().invoke(app, [*common, "--load", str(kept), "--json"])
    assert again.exit_code == 0, again.stderr
    assert json.loads(again.stdout)["posterior"]["mu"]["sd"] > 0
    other = CliRunner().invoke(app, [*common[:3], "nre", *common[4:], "--load", str(kept)])
    assert other.exit_code == 1
    assert "E484" in other.stderr
