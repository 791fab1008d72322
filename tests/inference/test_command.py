"""``hepppl infer``: tables, JSON, files, exit status."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

COUNTING = Path(__file__).parents[2] / "examples" / "counting.hep"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str, str]]:
    from hepppl.cli.app import app

    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.json").write_text('{"n": 100}', encoding="utf-8")

    def call(*args: object, file: str | Path = COUNTING) -> tuple[int, str, str]:
        result = CliRunner().invoke(app, ["infer", str(file), *map(str, args)])
        assert "internal error" not in result.stderr, result.stderr
        return result.exit_code, result.stdout, result.stderr

    return call


def test_a_fit_with_a_limit(run: Callable[..., tuple[int, str, str]]) -> None:
    more = ("--limit", "mu", "--discovery", "mu", "--plot", "fit.svg")
    status, shown, _ = run("--data", "data.json", "-m", "mle", *more)
    assert status == 0
    assert "picture written to fit.svg" in shown
    assert "<svg" in Path("fit.svg").read_text(encoding="utf-8")
    assert "0.73 ± 0.29" in shown
    assert "mu < 1.222 at 95 % (CLs); expected 0.5818" in shown
    assert "2.53 σ" in shown


def test_json_and_a_file_hold_the_same(run: Callable[..., tuple[int, str, str]]) -> None:
    status, shown, _ = run("--data", "data.json", "-m", "mle", "--json", "-o", "fit.json", "--set", "minos=false")
    found = json.loads(shown)
    assert status == 0
    assert found["parameters"]["mu"]["value"] == pytest.approx(0.7314, abs=1e-3)
    assert found["parameters"]["mu"]["low"] is None
    assert json.loads(Path("fit.json").read_text(encoding="utf-8")) == found


def test_a_fit_that_is_not_to_be_trusted(run: Callable[..., tuple[int, str, str]]) -> None:
    text = "model m {\n    param a = 1\n    param b = 1\n    observe n ~ normal(a + b, 1)\n}"
    Path("flat.hep").write_text(text, encoding="utf-8")
    status, shown, said = run("--data", "data.json", "-m", "mle", "--json", "-o", "fit.json", file="flat.hep")
    assert status == 3
    found = json.loads(shown)
    assert {e["code"] for e in found["errors"]} == {"E911"}
    assert set(found["parameters"]) == {"a", "b"}
    assert "E911" in said
    assert not Path("fit.json").exists()


def test_data_that_size_the_program(run: Callable[..., tuple[int, str, str]]) -> None:
    text = """model peak {
    param mass: energy in (80 GeV, 100 GeV) = 90 GeV
    data width: energy[]
    plate i in 0..len(width) { observe m[i] ~ normal(mass, width[i]) }
}"""
    Path("peak.hep").write_text(text, encoding="utf-8")
    given = {"width": ["1 GeV", "2 GeV"], "m": ["90 GeV", "95 GeV"]}
    Path("peak.json").write_text(json.dumps(given), encoding="utf-8")
    status, shown, _ = run("--data", "peak.json", "-m", "mle", "--json", file="peak.hep")
    assert status == 0
    mass = json.loads(shown)["parameters"]["mass"]  # weights 4 : 1
    assert mass["value"] == pytest.approx(91_000, abs=1)
    assert mass["error"] == pytest.approx(1000 * 0.8**0.5, rel=5e-3)
    assert mass["unit"] == "MeV"


@pytest.mark.slow
def test_a_posterior(run: Callable[..., tuple[int, str, str]]) -> None:
    status, shown, _ = run("--data", "data.json", "-o", "post.nc")
    assert status == 0
    assert "4 chains of 1,000 draws, seed 0" in shown
    assert "written to post.nc" in shown
    status, shown, _ = run("--data", "data.json", "--json", "--samples", 30, "--warmup", 10)
    assert status == 3
    found = json.loads(shown)
    assert set(found["posterior"]) == {"mu", "b_scale"}
    assert {e["code"] for e in found["errors"]} == {"E910"}


@pytest.mark.slow
@pytest.mark.parametrize("method", ["svi", "map"])
def test_the_other_methods(run: Callable[..., tuple[int, str, str]], method: str) -> None:
    """Table, file, picture and JSON of an approximation and of the largest density; 3 where the first fails."""
    file = "post.nc" if method == "svi" else "fit.json"
    status, shown, _ = run("--data", "data.json", "-m", method, "-o", file, "--plot", "post.png")
    assert status == 0
    assert "b_scale" in shown
    assert "picture written to post.png" in shown
    assert Path(file).exists()
    status, shown, _ = run("--data", "data.json", "-m", method, "--json")
    found = json.loads(shown)
    assert (status, found["method"]) == (0, method)
    if method == "svi":
        assert "nats" not in shown
        assert found["gap"] < 0.1
        status, shown, said = run("--data", "data.json", "-m", "svi", "--json", "--set", "steps=20")
        assert status == 3
        assert "E910" in said
        assert {e["code"] for e in json.loads(shown)["errors"]} == {"E910"}


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        ((), 2, "--data"),
        (("--data", "data.json", "-m", "mle", "--chains", 3), 1, "E471"),
        (("--data", "none.json"), 1, "E501"),
        (("--data", "data.json", "-o", "post.txt"), 1, "E511"),
        (("--data", "data.json", "-m", "mle", "-o", "fit.nc"), 1, "E511"),
    ],
)
def test_wrong_usage(
    run: Callable[..., tuple[int, str, str]], options: tuple[object, ...], status: int, said: str
) -> None:
    found = run(*options)
    assert found[0] == status
    assert said in found[2]


def test_a_missing_library_is_named(run: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "iminuit", None)
    status, _, said = run("--data", "data.json", "-m", "mle")
    assert status == 1
    assert "E512" in said
    assert "hepppl[fit]" in said
