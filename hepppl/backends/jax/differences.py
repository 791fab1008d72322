"""Central differences with common random numbers: biased by the step, and independent of every estimator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hepppl.backends.jax.gradients import WEIGHT
from hepppl.backends.jax.program import Compiled
from hepppl.backends.jax.results import Derivative

STEP = 1e-2


def central(
    compiled: Compiled,
    n: int,
    seed: int,
    params: Mapping[str, Any],
    wrt: str,
    data: Mapping[str, Any] | None = None,
    step: float | None = None,
) -> dict[str, Derivative]:
    """(E[f](θ + h) - E[f](θ - h)) / 2h per output, from two runs of the same ``n`` events (addressed random numbers are
    the common ones), for a real parameter without shape; outputs of varying length are left out.

    ``step`` is h in base units, by default a hundredth of the parameter (of 1, at 0). The bias is h² / 6 times the
    third derivative of the expectation; where a value jumps, the variance grows like 1 / h. The standard error is that
    of the paired difference; for weighted events, of the linearised ratio of E[w f] and E[w].
    P. Glasserman and D. D. Yao, Some guidelines and guarantees for common random numbers, Management Science 38 (1992)
    884, doi:10.1287/mnsc.38.6.884.
    """
    theta = float(params[wrt])
    h = STEP * (abs(theta) or 1.0) if step is None else step
    above, below = theta + h, theta - h
    high, low = (compiled.simulate(n, seed, {**params, wrt: value}, data) for value in (above, below))
    found = {}
    for name, values in high.outputs.items():
        other = low.outputs[name]
        if isinstance(values, np.ndarray) and isinstance(other, np.ndarray):
            found[name] = _slope(_ratio(values, high.weight), _ratio(other, low.weight), above - below)
    if high.weight is not None and low.weight is not None:
        found.setdefault(WEIGHT, _slope(_ratio(high.weight, None), _ratio(low.weight, None), above - below))
    return found


def _ratio(values: np.ndarray, weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """E[w f] / E[w], and how much each event moves it."""
    f = values.astype(np.float64)
    if weight is None:
        return f.mean(0), f
    w = weight.astype(np.float64).reshape(-1, *[1] * (f.ndim - 1))
    mean = (w * f).mean(0) / w.mean()
    return mean, w * (f - mean) / w.mean()


def _slope(high: tuple[np.ndarray, np.ndarray], low: tuple[np.ndarray, np.ndarray], distance: float) -> Derivative:
    paired = (high[1] - low[1]) / distance
    std = paired.std(0, ddof=1)
    return Derivative((high[0] - low[0]) / distance, std / np.sqrt(len(paired)), std)
