"""`infer` with a method that learns from simulations."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from hepppl.cli.app import app
from tests.inference.sbi.programs import GAUSSIAN

SMALL = ["--simulations", "600", "--epochs", "8", "--set", "width=16", "--set", "depth=1"]


@pytest.mark.slow
def test_rounds_pictures_and_a_comparison(tmp_path: Path) -> None:
    """All of it in one run, of an ensemble in two rounds: what is written, printed, and said in JSON."""
    program, data = tmp_path / "g.hep", tmp_path / "d.json"
    program.write_text(GAUSSIAN)
    data.write_text('{"x": 2, "y": 3}')
    common = ["infer", str(program), "--data", str(data)]
    reference, kept = str(tmp_path / "nuts.nc"), str(tmp_path / "g.eqx")
    first = CliRunner().invoke(app, [*common, "--samples", "2000", "--warmup", "500", "-o", reference])
    assert first.exit_code == 0, first.stderr
    more = ["--rounds", "2", "--ensemble", "2", "--calibrate", "100", "--save", kept]
    pictures = ["--plot", str(tmp_path / "c.png"), "--plot-calibration", str(tmp_path / "k.png")]
    found = CliRunner().invoke(app, [*common, "-m", "npe", *SMALL, *more, *pictures, "--compare", reference])
    assert found.exit_code in (0, 3), found.stderr  # so little training may not pass: that is said, and all is shown
    for name in ("c.png", "k.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
        assert f"picture written to {tmp_path / name}" in found.stdout
    assert "100 pseudo-experiments around the observation" in found.stdout
    for part in ("the truth in regions:", "p-values: SBC ", "credibility of the truth", "TARP", "C2ST 0."):
        assert part in found.stdout
    assert ("E930" in found.stderr) == (found.exit_code == 3)
    again = CliRunner().invoke(app, [*common, "-m", "npe", "--load", kept, "--compare", reference, "--json"])
    assert again.exit_code == 0, again.stderr
    said = json.loads(again.stdout)
    assert (said["rounds"], said["simulations"], said["compared"]) == (2, 600, reference)
    assert said["calibration"]["around"] == "the observation"
    assert {check["name"] for check in said["calibration"]["checks"]} == {
        "rank of mu", "credibility of the truth", "TARP",
    }  # fmt: skip
    assert 0.4 < said["c2st"] < 0.9
    data.write_text('{"x": 2, "y": 4}')
    other = CliRunner().invoke(app, [*common, "-m", "npe", "--load", kept])
    assert other.exit_code == 1
    assert "E485" in other.stderr


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (["-m", "nuts", "--plot-calibration", "x.png"], 2, "learn from simulations"),
        (["-m", "npe", "--plot", "x.gif"], 1, "E511"),
        (["-m", "npe", "--plot-calibration", "x.gif"], 1, "E511"),
        (["-m", "npe", "--compare", "none.nc"], 1, "E501"),
        (["-m", "mle", "--compare", "none.nc"], 1, "E486"),
        (["-m", "alices", "--rounds", "2"], 1, "E471"),
    ],
)
def test_wrong_usage(options: list[str], status: int, said: str, tmp_path: Path) -> None:
    (tmp_path / "g.hep").write_text(GAUSSIAN)
    (tmp_path / "d.json").write_text('{"x": 2, "y": 3}')
    found = CliRunner().invoke(app, ["infer", str(tmp_path / "g.hep"), "--data", str(tmp_path / "d.json"), *options])
    assert (found.exit_code, said in found.stderr) == (status, True), found.stderr


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
