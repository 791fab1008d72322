"""The scripts among the examples run, and what they print agrees with what is known."""

from __future__ import annotations

import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import hepppl

EXAMPLES = Path(__file__).parents[1] / "examples"


def script(name: str) -> ModuleType:
    spec = spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def numbers(line: str) -> list[float]:
    return [float(x) for x in re.findall(r"-?\d+\.\d+", line)]


def lines(shown: str, start: str) -> list[list[float]]:
    found = [numbers(line) for line in shown.splitlines() if line.startswith(start)]
    assert found, f"no line begins with {start!r} in:\n{shown}"
    return found


def test_every_script_is_run_here() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    for path in EXAMPLES.glob("*.py"):
        assert f'script("{path.stem}")' in text


@pytest.mark.slow
def test_fit_counting(capsys: pytest.CaptureFixture[str]) -> None:
    """The fit has a closed form, and the posterior mean is near it (half a standard deviation)."""
    script("fit_counting").main(100)
    shown = capsys.readouterr().out
    value, error, *_ = lines(shown, "likelihood   mu")[0]
    assert value == pytest.approx((100 - 69.5) / 41.7, abs=2e-3)
    assert error == pytest.approx((100 + 6.95**2) ** 0.5 / 41.7, rel=5e-3)
    assert lines(shown, "posterior    mu")[0][0] == pytest.approx(value, abs=error / 2)
    assert lines(shown, "limit")


@pytest.mark.slow
def test_sbi_sudakov(capsys: pytest.CaptureFixture[str]) -> None:
    """The coupling from jagged emissions: within half a width of what their numbers say exactly, as wide to a third;
    coverage within three binomial errors of 200 pseudo-experiments."""
    script("sbi_sudakov").main(1500)
    shown = capsys.readouterr().out
    (mean, sd), (exact, width) = lines(shown, "learned from the emissions")[0], lines(shown, "exact, from")[0]
    assert abs(mean - exact) < width / 2
    assert sd == pytest.approx(width, rel=1 / 3)
    for (covered,), level in zip(lines(shown, "coverage of"), (0.68, 0.95), strict=True):
        assert abs(covered / 100 - level) < 3 * (level * (1 - level) / 200) ** 0.5


def test_the_board_of_the_galton_script() -> None:
    """Its exact probabilities against simulated balls: chi-squared, false alarm 1e-4."""
    own = script("galton_gold")
    seen = hepppl.load(EXAMPLES / "galton.hep").simulate(20_000, seed=1, theta=own.TRUTH)["position"]
    expected = 20_000 * own.board(own.TRUTH)
    often = expected > 10
    from scipy import stats

    counts = np.bincount(seen, minlength=32)
    statistic = ((counts - expected)[often] ** 2 / expected[often]).sum()
    assert stats.chi2.sf(statistic, often.sum() - 1) > 1e-4


@pytest.mark.slow
def test_galton_gold(capsys: pytest.CaptureFixture[str]) -> None:
    """Learned ratios and posterior near the exact ones that are printed beside them."""
    script("galton_gold").main(2000)
    shown = capsys.readouterr().out
    rows = [row for row in map(numbers, shown.splitlines()) if len(row) == 2 and row[0] != -0.8][:7]
    learned, exact = np.array(rows).T
    middle = slice(1, 6)  # at the ends of the table there are hardly any balls
    assert np.abs(learned - exact)[middle].max() < 0.15
    (mean, sd), (centre, width) = lines(shown, "tilt from")[0], lines(shown, "exact   ")[0]
    assert abs(mean - centre) < width / 2
    assert sd == pytest.approx(width, rel=1 / 3)


@pytest.mark.slow
def test_design_absorber(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The search leaves theta = 3 for where E[value] is below 0.06 (0.04 at the best), and draws its picture."""
    script("design_absorber").main(60, str(tmp_path / "search.png"))
    shown = capsys.readouterr().out
    assert lines(shown, "begin at")[0][0] < 2.6
    assert lines(shown, "E[value]")[0][0] < 0.06
    assert (tmp_path / "search.png").stat().st_size > 1000
