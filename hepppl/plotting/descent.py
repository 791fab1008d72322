"""A search for an optimum, step by step."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from hepppl.io.write import library
from hepppl.plotting.names import label, with_unit
from hepppl.plotting.scan import GREY, SLOPE, STYLE, VALUE, _metadata

if TYPE_CHECKING:
    from hepppl.inference.design import Optimum

#: Curves of one parameter's numbers that are drawn.
MOST = 20


def draw(path: str | os.PathLike[str], found: Optimum) -> None:
    """The objective above, as each step estimated it, with its value at the end; a panel for each free parameter, with
    what was found and its standard error. The ending of ``path`` is the format."""
    matplotlib = library("matplotlib", "plot")
    library("matplotlib.figure", "plot")
    steps = np.arange(len(found.trace))
    with matplotlib.rc_context(STYLE):
        rows = 1 + len(found.wrt)
        figure = matplotlib.figure.Figure(figsize=(6.4, 1.2 + 2.2 * rows), layout="constrained")
        panels = figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0]
        panels[0].plot(steps, found.trace.objective, ".", ms=3, color=VALUE, alpha=0.6)
        panels[0].axhline(found.value, color=SLOPE, lw=1.0)
        panels[0].set_ylabel(with_unit("objective", found.unit))
        for panel, name in zip(panels[1:], found.wrt, strict=True):
            _param(panel, steps, found, name)
        panels[-1].set_xlabel("step")
        panels[0].set_title(found.model, loc="left", fontsize=12)
        figure.align_ylabels()
        figure.savefig(path, metadata=_metadata(path))


def _param(panel: Any, steps: np.ndarray, found: Optimum, name: str) -> None:
    paths = found.trace.params[name].reshape(len(steps), -1)[:, :MOST]
    panel.plot(steps, paths, color=VALUE, lw=1.0, alpha=0.8)
    values, errors = np.ravel(found.params[name])[:MOST], np.ravel(found.error[name])[:MOST]
    for value, error in zip(values, errors, strict=True):
        panel.axhline(value, color=SLOPE, lw=1.0)
        if np.isfinite(error):
            panel.axhspan(value - error, value + error, color=SLOPE, alpha=0.2, lw=0)
    panel.axvline(len(steps) // 2, color=GREY, lw=0.8, ls=(0, (4, 3)), zorder=0)
    panel.set_ylabel(with_unit(label(name), found.param_units[name]))
