"""Expected outputs and their derivatives against a parameter."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepppl.io.write import library
from hepppl.plotting.names import label, with_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

VALUE, SLOPE, GREY = "#1b4f8a", "#b3402a", "#666666"

STYLE = {
    "font.family": "STIXGeneral",
    "mathtext.fontset": "stix",
    "font.size": 12,
    "axes.labelsize": 13,
    "axes.linewidth": 0.8,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "xtick.minor.visible": True,
    "ytick.minor.visible": True,
    "savefig.dpi": 200,
    "svg.hashsalt": "hepppl",  # the same picture gives the same file
}


@dataclass(frozen=True)
class Curve:
    """One output along the scan; arrays of shape (points,), in ``unit`` and ``slope_unit``."""

    output: str
    mean: np.ndarray
    mean_se: np.ndarray
    slope: np.ndarray
    slope_se: np.ndarray
    unit: str = ""
    slope_unit: str = ""


def draw(
    path: str | os.PathLike[str],
    param: str,
    x: np.ndarray,
    curves: Sequence[Curve],
    *,
    unit: str = "",
    at: float | None = None,
    title: str = "",
    note: str = "",
) -> None:
    """Write the picture; the ending of ``path`` is the format. ``at``: where to mark the parameter's own value.

    Above, each expected output with a band of one standard error and a short tangent of the estimated slope at every
    point; below, the slope with its band. The tangents come from the gradient alone, so a wrong gradient shows.
    """
    matplotlib = library("matplotlib", "plot")
    library("matplotlib.figure", "plot")
    with matplotlib.rc_context(STYLE):
        figure: Figure = matplotlib.figure.Figure(figsize=(0.6 + 5.4 * len(curves), 6.0), layout="constrained")
        axes = figure.subplots(2, len(curves), sharex=True, squeeze=False, height_ratios=(1.15, 1))
        for column, curve in enumerate(curves):
            _value_panel(axes[0, column], x, curve)
            _slope_panel(axes[1, column], x, curve, param)
            axes[1, column].set_xlabel(with_unit(label(param), unit))
            for panel in axes[:, column]:
                panel.margins(x=0.03)
                if at is not None:
                    panel.axvline(at, color=GREY, lw=0.8, ls=(0, (4, 3)), zorder=0)
        axes[0, 0].set_title(title, loc="left", fontsize=12)
        axes[0, -1].set_title(note, loc="right", fontsize=10, color=GREY)
        figure.align_ylabels()
        figure.savefig(path, metadata=_metadata(path))


def _value_panel(panel: Axes, x: np.ndarray, curve: Curve) -> None:
    _band(panel, x, curve.mean, curve.mean_se, VALUE, "expected value ± standard error")
    half = 0.36 * np.min(np.diff(x))
    for k, (centre, y, slope) in enumerate(zip(x, curve.mean, curve.slope)):
        name = "its slope, by the derivative below" if k == 0 else None
        panel.plot(
            [centre - half, centre + half], [y - half * slope, y + half * slope], color=SLOPE, lw=1.6, label=name
        )
    _describe(panel, with_unit(f"E[{label(curve.output)}]", curve.unit))


def _slope_panel(panel: Axes, x: np.ndarray, curve: Curve, param: str) -> None:
    panel.axhline(0, color=GREY, lw=0.8)
    _band(panel, x, curve.slope, curve.slope_se, SLOPE, "derivative ± standard error")
    _describe(panel, with_unit(f"dE[{label(curve.output)}] / d{_spaced(label(param))}", curve.slope_unit))


def _spaced(name: str) -> str:
    """``d x`` for a long name, dx for a letter."""
    return name if name.startswith("$") else f" {name}"


def _describe(panel: Axes, text: str) -> None:
    panel.set_ylabel(text, fontsize=13 if len(text) < 28 else 10)
    handles, names = panel.get_legend_handles_labels()
    order = sorted(range(len(names)), key=lambda k: "±" not in names[k])
    panel.legend([handles[k] for k in order], [names[k] for k in order], frameon=False, fontsize=10)


def _band(panel: Axes, x: np.ndarray, y: np.ndarray, error: np.ndarray, color: str, name: str | None) -> None:
    panel.fill_between(x, y - error, y + error, color=color, alpha=0.2, lw=0)
    panel.plot(x, y, color=color, lw=0.9, alpha=0.8)
    panel.errorbar(x, y, error, fmt="o", ms=3.6, color=color, elinewidth=1.0, capsize=0, label=name)


def _metadata(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Nothing that changes from run to run."""
    ending = os.fspath(path).rpartition(".")[2].lower()
    return {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(ending, {})
