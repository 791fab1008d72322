"""Pictures of posteriors, fits and calibrations: what they show are the numbers, and files are written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hepppl
from hepppl.inference import posterior
from hepppl.inference.fit import Fit, Interval
from hepppl.inference.sbi.calibration import Calibration
from hepppl.plotting import posterior as drawing

matplotlib = pytest.importorskip("matplotlib")
STARTS = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}
MODEL = """model m {{
    param mass: energy ~ normal(90 GeV, 1 GeV)
    param v: real[{n}] ~ normal(0, 1)
    x ~ normal(v[0], 1)
    return x
}}"""


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The figures that are written."""
    from matplotlib.figure import Figure

    kept: list[Any] = []
    real = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda self, *a, **k: (kept.append(self), real(self, *a, **k))[1])
    return kept


def tree(n: int = 1) -> Any:
    rng = np.random.default_rng(0)
    draws = {"mass": 90_000 + 500 * rng.normal(size=(4, 500)), "v": rng.normal(size=(4, 500, n))}
    return posterior.data_set(hepppl.parse(MODEL.format(n=n)), "nuts", 0, draws, {})


@pytest.mark.parametrize("ending", STARTS)
def test_a_corner_plot(ending: str, tmp_path: Path, figures: list[Any]) -> None:
    path = tmp_path / f"corner.{ending}"
    posterior.plot(tree(), path)
    assert path.read_bytes().startswith(STARTS[ending])
    panels = np.reshape(figures[0].axes, (2, 2))
    assert not panels[0, 1].axison
    assert panels[1, 0].get_xlabel() == "mass  [MeV]"
    assert panels[1, 0].get_ylabel() == "v[0]"
    (line,) = panels[0, 0].lines
    assert line.get_xdata()[0] == pytest.approx(90_000, abs=4.5 * 1.25 * 500 / 2000**0.5)  # a median's error


@pytest.mark.slow
def test_at_most_eight_numbers_are_drawn(tmp_path: Path, figures: list[Any]) -> None:
    posterior.plot(tree(9), tmp_path / "corner.png")
    assert len(figures[0].axes) == 64
    assert "2 more" in figures[0].axes[0].get_title(loc="left")


def test_contours_hold_their_part_of_the_draws() -> None:
    """Of a normal in two dimensions: the height of the bins outside 68 % is exp(-1.139) of the highest."""
    x, y = np.random.default_rng(1).normal(size=(2, 400_000))
    count = np.histogram2d(x, y, bins=(np.linspace(-4, 4, 41),) * 2)[0]
    for level in (0.68, 0.95):
        assert drawing._height(count, level) / count.max() == pytest.approx(1 - level, rel=0.12)
    smooth = drawing._smoothed(np.eye(5))
    assert smooth.sum() < 5
    assert smooth[2, 2] == pytest.approx(3 / 8)  # 1/2 · 1/2 + 2 · 1/4 · 1/4


def test_draws_that_do_not_vary(tmp_path: Path) -> None:
    draws = {"mass": np.full((4, 100), 9e4), "v": np.zeros((4, 100, 1))}
    posterior.plot(posterior.data_set(hepppl.parse(MODEL.format(n=1)), "svi", 0, draws, {}), tmp_path / "x.png")


def test_a_fit(tmp_path: Path, figures: list[Any]) -> None:
    """Ellipses of the covariance: their extent in either direction, and the profile's interval on the diagonal."""
    covariance = np.array([[4.0, 1.5], [1.5, 1.0]])
    intervals = {"a": Interval(0.0, 3.5), "b": Interval(None, 8.0)}
    fit = Fit("m", "mle", ("a", "b"), np.array([1.0, 7.0]), np.array([2.0, 1.0]), covariance, intervals, 0.0, {})
    fit.plot(tmp_path / "fit.png")
    panel = np.reshape(figures[0].axes, (2, 2))[1, 0]
    for line, level in zip(panel.lines, (0.68, 0.95)):
        reach = np.sqrt(-2 * np.log(1 - level))
        x, y = line.get_data()
        assert (x.max() - x.min()) / 2 == pytest.approx(2 * reach, rel=1e-3)
        assert (y.max() - y.min()) / 2 == pytest.approx(reach, rel=1e-3)


@pytest.mark.slow
def test_a_calibration(tmp_path: Path, figures: list[Any]) -> None:
    """The curve is the distribution function of the credibilities; the band holds it where they are uniform."""
    rng = np.random.default_rng(2)
    saved = {"ranks": rng.random((300, 4)), "regions": rng.random(300) ** 2, "tarp": rng.random(300)}
    found = Calibration.of(saved, ("alpha", "b", "c", "d"))
    found.plot(tmp_path / "calibration.png")
    assert (tmp_path / "calibration.png").read_bytes().startswith(STARTS["png"])
    curve, other = figures[0].axes[:2]
    (line,) = [line for line in curve.lines if len(line.get_xdata()) > 300]
    x, y = line.get_data()
    assert np.interp(0.25, x, y) == pytest.approx(0.5, abs=4.5 * 0.5 / 300**0.5)
    band = other.collections[0].get_paths()[0].vertices
    assert np.abs(np.interp(0.5, *other.lines[-1].get_data()) - 0.5) < 1.95 / 300**0.5
    assert band[:, 1].max() == 1
    shown = [axes.get_xlabel() for axes in figures[0].axes if axes.get_xlabel().startswith("rank")]
    assert shown == [r"rank of $\alpha$", "rank of $b$", "rank of $c$", "rank of $d$"]
    data = tree()
    with pytest.raises(hepppl.HepValueError) as caught:
        posterior.plot_calibration(data, tmp_path / "x.png")
    assert [d.code for d in caught.value.diagnostics] == ["E486"]
    data["calibration"] = found.data_set()
    posterior.save(data, tmp_path / "posterior.nc")
    posterior.plot_calibration(posterior.load(tmp_path / "posterior.nc"), tmp_path / "again.png")
    np.testing.assert_array_equal(figures[1].axes[0].lines[-1].get_xdata(), x)


@pytest.mark.slow
def test_two_posteriors_are_compared(tmp_path: Path) -> None:
    """C2ST: 0.5 within 4.5 standard errors of the same law; far from it where a mass is shifted by two widths."""
    posterior.save(tree(), tmp_path / "one.nc")
    first = posterior.load(tmp_path / "one.nc")
    rng = np.random.default_rng(7)
    other = {"v": rng.normal(size=(4, 500, 1)), "mass": 90_000 + 500 * rng.normal(size=(4, 500))}
    model = hepppl.parse(MODEL.format(n=1))
    second = posterior.data_set(model, "npe", 0, other, {})
    assert abs(posterior.compare(second, first, "one.nc") - 0.5) < 4.5 * 0.5 / 4000**0.5
    assert posterior.as_dict(second)["compared"] == "one.nc"
    moved = posterior.data_set(model, "npe", 0, {**other, "mass": other["mass"] + 1000}, {})
    assert posterior.compare(moved, first) > 0.8  # Φ(1) = 0.84
    with pytest.raises(hepppl.HepValueError) as caught:
        posterior.compare(tree(2), first)
    assert [d.code for d in caught.value.diagnostics] == ["E486"]
    (tmp_path / "no.nc").write_text("text")
    for name, code in (("no.nc", "E514"), ("none.nc", "E501")):
        with pytest.raises(hepppl.HepFileError) as refused:
            posterior.load(tmp_path / name)
        assert [d.code for d in refused.value.diagnostics] == [code]
