"""Posteriors and fits as corner plots: each number by itself on the diagonal, pairs of them below."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hepppl.io.write import library
from hepppl.plotting.names import label, with_unit
from hepppl.plotting.scan import GREY, SLOPE, STYLE, VALUE, _metadata

#: Parts of the posterior inside the contours, and inside the band on the diagonal.
LEVELS, BAND = (0.68, 0.95), (0.16, 0.84)
#: Numbers that are drawn at most: the first.
MOST = 8


@dataclass(frozen=True)
class Normal:
    """What a fit knows: ``values`` with their ``covariance``; ``ends`` of intervals by place, where there are some."""

    values: np.ndarray
    covariance: np.ndarray
    ends: Mapping[int, tuple[float | None, float | None]]


def corner(
    path: str | os.PathLike[str],
    names: Sequence[str],
    found: np.ndarray | Normal,
    units: Sequence[str],
    title: str = "",
) -> None:
    """Write the picture; the ending of ``path`` is the format. ``found``: draws (n, numbers), or a fit. Contours hold
    68 % and 95 % (of a fit in the normal approximation); the band is the central 68 % interval."""
    matplotlib = library("matplotlib", "plot")
    library("matplotlib.figure", "plot")
    size = min(len(names), MOST)
    with matplotlib.rc_context(STYLE):
        figure = matplotlib.figure.Figure(figsize=(1.4 + 2.1 * size, 1.2 + 2.1 * size), layout="constrained")
        panels = figure.subplots(size, size, squeeze=False, sharex="col")
        for i in range(size):
            for j in range(size):
                panel = panels[i, j]
                if j > i:
                    panel.axis("off")
                    continue
                _one(panel, found, i) if i == j else _two(panel, found, j, i)
                _frame(panel, names, units, i, j, last=i == size - 1)
        hidden = f"; {len(names) - size} more" if len(names) > size else ""
        panels[0, 0].set_title(title + hidden, loc="left", fontsize=12)
        figure.savefig(path, metadata=_metadata(path))


def _frame(panel: Any, names: Sequence[str], units: Sequence[str], i: int, j: int, last: bool) -> None:
    panel.locator_params(nbins=4)
    if i == j:
        panel.set_yticks([])
        panel.yaxis.set_minor_locator(library("matplotlib.ticker", "plot").NullLocator())
    elif j == 0:
        panel.set_ylabel(with_unit(label(names[i]), units[i]))
    else:
        panel.set_yticklabels([])
    if last:
        panel.set_xlabel(with_unit(label(names[j]), units[j]))
        panel.tick_params(axis="x", rotation=30)


def _one(panel: Any, found: np.ndarray | Normal, i: int) -> None:
    if isinstance(found, Normal):
        centre, error = found.values[i], found.covariance[i, i] ** 0.5
        x = np.linspace(centre - 4 * error, centre + 4 * error, 201)
        panel.plot(x, np.exp(-0.5 * ((x - centre) / error) ** 2), color=VALUE)
        low, high = found.ends.get(i, (None, None))
        ends = (centre - error if low is None else low, centre + error if high is None else high)
    else:
        x = found[:, i]
        panel.hist(x, bins=_edges(x), density=True, histtype="step", color=VALUE)
        centre, ends = float(np.median(x)), tuple(np.quantile(x, BAND))
    panel.axvspan(*ends, color=VALUE, alpha=0.15, lw=0)
    panel.axvline(centre, color=SLOPE, lw=1.0)
    panel.set_ylim(bottom=0)


def _two(panel: Any, found: np.ndarray | Normal, i: int, j: int) -> None:
    if isinstance(found, Normal):
        centre, block = found.values[[i, j]], found.covariance[np.ix_([i, j], [i, j])]
        angle = np.linspace(0, 2 * np.pi, 201)
        values, vectors = np.linalg.eigh(block)
        circle = vectors @ (np.sqrt(np.maximum(values, 0))[:, None] * np.array([np.cos(angle), np.sin(angle)]))
        for level in LEVELS:
            x, y = centre[:, None] + circle * np.sqrt(-2 * np.log(1 - level))
            panel.plot(x, y, color=VALUE, lw=1.0)
        panel.plot(*centre, "+", color=SLOPE)
        return
    x, y = found[:, i], found[:, j]
    count, across, up = np.histogram2d(x, y, bins=(_edges(x), _edges(y)))
    smooth = _smoothed(count)
    panel.plot(x[:2000], y[:2000], ",", color=GREY, alpha=0.5, rasterized=True, zorder=0)
    heights = sorted({_height(smooth, level) for level in LEVELS})
    middle = [(edge[1:] + edge[:-1]) / 2 for edge in (across, up)]
    if heights[0] > 0:
        panel.contour(*middle, smooth.T, levels=heights, colors=VALUE, linewidths=1.0)


def _edges(x: np.ndarray) -> np.ndarray:
    """Of bins over all but a thousandth of the draws."""
    low, high = np.quantile(x, [0.0005, 0.9995])
    margin = 0.05 * (high - low) or abs(low) * 1e-3 or 1e-3
    return np.linspace(low - margin, high + margin, int(np.clip(len(x) ** (1 / 3), 12, 40)) + 1)


def _smoothed(count: np.ndarray) -> np.ndarray:
    """With the nearest bins, by 1 : 2 : 1 in either direction."""
    for axis in (0, 1):
        padded = np.pad(count, [(1, 1) if a == axis else (0, 0) for a in (0, 1)])
        first, middle, last = (np.take(padded, np.arange(k, k + count.shape[axis]), axis) for k in range(3))
        count = (first + 2 * middle + last) / 4
    return count


def _height(count: np.ndarray, level: float) -> float:
    """The number in a bin above which the bins hold a part ``level`` of all."""
    ordered = np.sort(count.ravel())[::-1]
    total = np.cumsum(ordered)
    return float(ordered[min(np.searchsorted(total, level * total[-1]), len(ordered) - 1)])
