"""Writes landau.npy, the tables of `hepppl_hep._landau`, from SciPy's Landau law. Run it by hand: it needs SciPy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.stats import landau

from hepppl_hep._landau import CELLS, LOGIT, SHIFT, START, STOP

#: SciPy's standard form is a stable law of scale 1; Landau's own, as in ROOT, is pi/2 times as wide.
SCALE, OFFSET = np.pi / 2, np.log(np.pi / 2)


def standard(x: np.ndarray) -> np.ndarray:
    return (x - OFFSET) / SCALE


def quantile(v: np.ndarray) -> np.ndarray:
    """x where logit(cdf) = v."""
    tail = 1 / (1 + np.exp(np.abs(v)))
    return SCALE * np.where(v < 0, landau.ppf(tail), landau.isf(tail)) + OFFSET


def main() -> None:
    v = np.linspace(-LOGIT, LOGIT, CELLS + 1)
    y = np.linspace(START, STOP, CELLS + 1)
    x = standard(np.exp(y) - SHIFT)
    columns = [
        (v, np.log(quantile(v) + SHIFT)),
        (y, landau.logcdf(x) - np.log(landau.sf(x))),
        (y, landau.logpdf(x) - np.log(SCALE)),
    ]
    np.save(Path(__file__).with_name("landau.npy"), [(f, CubicSpline(t, f)(t, 1)) for t, f in columns])


if __name__ == "__main__":
    main()
