"""How the true parameters of held-out pseudo-experiments lie in their posteriors."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hepppl.io.write import library
from hepppl.plotting.names import label
from hepppl.plotting.scan import GREY, SLOPE, STYLE, VALUE, _metadata

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Ranks of this many parameters are drawn: the first.
MOST = 9
BINS = 10
#: Of 1,000 calibrated posteriors, 999 stay within (each test by itself).
BAND = 1.95


def draw(
    path: str | os.PathLike[str],
    ranks: np.ndarray,
    regions: np.ndarray,
    tarp: np.ndarray,
    labels: Sequence[str],
    title: str = "",
) -> None:
    """Write the picture; the ending of ``path`` is the format. On top: how often a region of given credibility holds
    the truth, and TARP's fraction, against the diagonal, with the Kolmogorov–Smirnov band that 999 of 1,000 calibrated
    posteriors stay in. Below: the ranks (experiments, parameters) of the truth in bins, with their binomial error."""
    matplotlib = library("matplotlib", "plot")
    library("matplotlib.figure", "plot")
    shown = labels[:MOST]
    columns = min(max(len(shown), 2), 3)
    rows = -(-len(shown) // columns)
    with matplotlib.rc_context(STYLE):
        figure = matplotlib.figure.Figure(figsize=(0.8 + 3.2 * columns, 3.6 + 2.2 * rows), layout="constrained")
        above, below = figure.subfigures(2, 1, height_ratios=(3.4, 2.2 * rows))
        left, right = above.subplots(1, 2)
        _curve(left, regions, "credibility of a region", "holds the truth")
        _curve(right, tarp, "level", "TARP: expected coverage")
        left.set_title(title, loc="left", fontsize=12)
        panels = below.subplots(rows, columns, squeeze=False, sharey=True).ravel()
        for i, panel in enumerate(panels):
            if i < len(shown):
                _ranks(panel, ranks[:, i], shown[i])
            else:
                panel.axis("off")
        figure.savefig(path, metadata=_metadata(path))


def _curve(panel: Axes, values: np.ndarray, across: str, up: str) -> None:
    """The distribution function of values that should be uniform."""
    n = len(values)
    grid = np.linspace(0, 1, 201)
    band = BAND / (np.sqrt(n) + 0.12 + 0.11 / np.sqrt(n))
    panel.fill_between(grid, np.clip(grid - band, 0, 1), np.clip(grid + band, 0, 1), color=GREY, alpha=0.2, lw=0)
    panel.plot([0, 1], [0, 1], color=GREY, lw=0.8, ls=(0, (4, 3)))
    panel.step(np.r_[0, np.sort(values), 1], np.r_[0, np.arange(1, n + 1) / n, 1], where="post", color=VALUE)
    panel.set(xlim=(0, 1), ylim=(0, 1), xlabel=across, ylabel=up)


def _ranks(panel: Any, values: np.ndarray, name: str) -> None:
    expected = len(values) / BINS
    error = np.sqrt(expected * (1 - 1 / BINS))
    panel.axhspan(expected - error, expected + error, color=GREY, alpha=0.2, lw=0)
    panel.hist(values, bins=np.linspace(0, 1, BINS + 1), histtype="step", color=VALUE)
    panel.axhline(expected, color=SLOPE, lw=0.8)
    panel.set(xlim=(0, 1), ylim=(0, None), xlabel=f"rank of {label(name)}")
