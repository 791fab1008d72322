"""``grad --plot``: the scan's numbers are right, the picture is there and shows them."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hepppl.cli.scanning import spread
from hepppl.plotting.names import label, with_unit
from hepppl.semantics.ir import Support

pytest.importorskip("matplotlib")


def test_the_scan_is_right_at_every_point(run: Callable[..., Any], folder: Path) -> None:
    outcome = run(
        "grad", "choice.hep", "-n", 1000, "--plot", "c.png", "--scan", "x=0.2:0.6:5", "--scan-events", 4000, "--json"
    )
    assert outcome.status == 0, outcome.stderr
    found = outcome.json
    assert found["plot"] == "c.png"
    assert [point["param"]["x"] for point in found["scan"]] == pytest.approx([0.2, 0.3, 0.4, 0.5, 0.6])
    for point in found["scan"]:
        x, mean, slope = point["param"]["x"], point["outputs"]["value"], point["gradient"]["value"]
        # Ten numbers at five standard errors: a false alarm once in 170,000 runs.
        assert abs(mean["mean"] - (x**2 + math.sin(2 * x) ** 2)) < 5 * mean["se"] + 1e-5
        assert abs(slope["value"] - (2 * x + 2 * math.sin(4 * x))) < 5 * slope["se"] + 1e-5
    assert (folder / "c.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.every(2)
@pytest.mark.parametrize(("ending", "start"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")])
def test_formats(run: Callable[..., Any], folder: Path, ending: str, start: bytes) -> None:
    outcome = run("grad", "energy.hep", "-n", 200, "--plot", f"c.{ending}", "--scan", "scale=20GeV:40GeV:3")
    assert outcome.status == 0, outcome.stderr
    assert f"picture written to c.{ending}" in outcome.stdout
    assert (folder / f"c.{ending}").read_bytes().startswith(start)


def test_the_picture_shows_the_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.figure import Figure

    from hepppl.plotting.scan import Curve, draw

    drawn: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda self, *_, **__: drawn.append(self))
    x = np.array([1.0, 2.0, 3.0])
    curve = Curve("depth", x**2, 0.1 * x, 2 * x, 0.2 * x, "mm", "mm/MeV")
    draw(tmp_path / "c.png", "theta", x, [curve], unit="MeV", at=2.0, title="m", note="n")
    above, below = drawn[0].axes
    assert above.get_ylabel() == "E[depth]  [mm]"
    assert below.get_ylabel() == r"dE[depth] / d$\theta$  [mm/MeV]"
    assert below.get_xlabel() == r"$\theta$  [MeV]"
    for panel, values in ((above, x**2), (below, 2 * x)):
        assert any(np.array_equal(line.get_ydata(), values) for line in panel.lines)
    # Every tangent has the slope of the curve at its point.
    tangents = [line for line in above.lines if len(line.get_xdata()) == 2 and np.ptp(line.get_xdata()) > 0]
    assert [np.ptp(t.get_ydata()) / np.ptp(t.get_xdata()) for t in tangents] == pytest.approx(list(2 * x))


def test_the_default_range_stays_inside_the_support() -> None:
    values = spread(2.5, Support(0, 10, False, False))
    assert (values[0], values[-1], len(values)) == (pytest.approx(1.0), pytest.approx(4.0), 25)
    inside = Support(0, 1, False, False)
    assert all(inside.contains(v) for v in spread(0.97, inside))
    assert spread(0.0, None)[[0, -1]] == pytest.approx([-1, 1])


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("theta", r"$\theta$"),
        ("x", "$x$"),
        ("m_top", r"$m_{\mathrm{top}}$"),
        ("alpha_s", r"$\alpha_{s}$"),
        ("value", "value"),
        ("beam_width", "beam_width"),
        ("α_s", "α_s"),
    ],
)
def test_names(name: str, shown: str) -> None:
    assert label(name) == shown


def test_units() -> None:
    assert with_unit("x", "mm") == "x  [mm]"
    assert with_unit("x", "") == "x"
