"""``hepppl gold``: files, tables, JSON and refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from scipy import stats

import hepppl

NORMAL = """model m {
    param mu: energy = 1 GeV
    param w: real[2] = [2, 1]
    x ~ normal(mu, 1 GeV)
    y ~ poisson(w[0] + w[1])
    return (x = x, y = y)
}"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str, str]]:
    from hepppl.cli.app import app

    monkeypatch.chdir(tmp_path)
    Path("m.hep").write_text(NORMAL, encoding="utf-8")

    def call(*args: object) -> tuple[int, str, str]:
        result = CliRunner().invoke(app, ["gold", "m.hep", *map(str, args)])
        assert "internal error" not in result.stderr, result.stderr
        return result.exit_code, result.stdout, result.stderr

    return call


@pytest.mark.slow
def test_a_file_holds_the_scores_and_ratios(run: Callable[..., tuple[int, str, str]]) -> None:
    points = ("--to", "mu=1.5GeV,w=[3,1]", "--to", "w=[1,1]")
    status, shown, said = run("-n", 4000, "-s", 3, *points, "-o", "gold.npz", "--precision", 64)
    assert (status, said) == (0, "")
    assert "score[w][1]" in shown
    assert "ratio[1]: to mu = 1000, w = [1, 1]" in shown
    assert "events written to gold.npz" in shown
    with np.load("gold.npz") as file:
        found = dict(file)
    x, y = found["x"], found["y"]
    np.testing.assert_allclose(found["score.mu"], (x - 1000) / 1000**2, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found["score.w"], np.stack([y / 3 - 1] * 2, -1), rtol=1e-9, atol=1e-12)
    gauss, count = stats.norm(1000, 1000), stats.poisson(3)
    first = stats.norm(1500, 1000).logpdf(x) + stats.poisson(4).logpmf(y) - gauss.logpdf(x) - count.logpmf(y)
    np.testing.assert_allclose(found["log_ratio.0"], first, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(
        found["log_ratio.1"], stats.poisson(2).logpmf(y) - count.logpmf(y), rtol=1e-8, atol=1e-10
    )
    about = json.loads(str(found["hepppl"]))
    assert about["points"][0] == {"mu": 1500.0, "w": [3.0, 1.0]}
    assert set(about["gold"]) == {"score[mu]", "score[w]", "ratio[0]", "ratio[1]"}


def test_json_says_what_the_moments_are(run: Callable[..., tuple[int, str, str]]) -> None:
    """The mean score is 0 and the mean ratio 1, within 4.5 standard errors."""
    status, shown, _ = run("-n", 3000, "--wrt", "mu", "--to", "mu=1.2GeV", "--unit", "x=GeV", "--json")
    assert status == 0
    found = json.loads(shown)
    assert set(found["gold"]) == {"score[mu]", "ratio[0]"}
    for name, exact in (("score[mu]", 0), ("ratio[0]", 1)):
        row = found["gold"][name]
        assert abs(row["mean"] - exact) < 4.5 * row["se"]
    assert found["gold"]["score[mu]"]["std"] == pytest.approx(1e-3, rel=0.06)
    assert found["outputs"]["x"]["unit"] == "GeV"


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (("--to", "mu"), 2, "NAME=VALUE"),
        (("--to", "mu=1GeV,mu=2GeV"), 2, "given twice"),
        (("--to", "nu=1"), 1, "E451"),
        (("--wrt", "nu"), 1, "E605"),
        (("-o", "gold.txt"), 1, "E511"),
    ],
)
def test_wrong_usage(
    run: Callable[..., tuple[int, str, str]], options: tuple[object, ...], status: int, said: str
) -> None:
    found = run("-n", 10, *options)
    assert (found[0], said in found[2]) == (status, True), found[2]


def test_a_program_without_gold_is_refused(run: Callable[..., tuple[int, str, str]]) -> None:
    Path("m.hep").write_text("model m { param mu = 1; x ~ normal(0, 1); return mu + x }", encoding="utf-8")
    status, _, said = run("-n", 10)
    assert status == 1
    assert "E622" in said


def test_python_writes_the_same(tmp_path: Path) -> None:
    model = hepppl.parse("model m { param p = 0.3; k ~ geometric(p); require k > 0; return k }")
    gold = model.gold(200, ratios_to=[{"p": 0.4}])
    gold.save(tmp_path / "gold.h5")
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "gold.h5") as file:
        assert set(file) == {"value", "score.p", "log_ratio.0", "weight"}
        np.testing.assert_array_equal(file["score.p"], gold.score["p"])
