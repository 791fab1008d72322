"""Whether events keep what a program's comments promise.

Means are compared by z-score at fixed seeds; |z| < 4.5 has a false-alarm rate of 7e-6 a number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .programs import Promise

Z = 4.5


def broken(promise: Promise, outputs: Mapping[str, Any], weight: Any, rtol: float) -> str | None:
    """What is wrong with the events (``outputs``: name -> (n, ...)), or None. ``rtol``: what rounding may change."""
    n = len(next(iter(outputs.values()), weight))
    weight = np.ones(n) if weight is None else np.asarray(weight, float)
    if promise.output == "weight" and "weight" not in outputs:
        return _mean(promise, weight, np.ones(n), rtol)
    values = np.asarray(outputs[promise.output], float)
    if values.shape[1:] != promise.value.shape:
        return f"{promise.output} has the shape {values.shape[1:]}, not {promise.value.shape}"
    if promise.mean:
        return _mean(promise, values, _along(weight, values), rtol)
    allowed = promise.tolerance or rtol * (1 + np.abs(promise.value))
    wrong = ~(np.abs(values - promise.value) <= allowed) & (_along(weight, values) != 0)
    if not wrong.any():
        return None
    event = int(np.argwhere(wrong)[0][0])
    return f"{promise.output} is {values[event].tolist()} in event {event}, not {promise.value.tolist()}"


def _along(weight: np.ndarray, values: np.ndarray) -> np.ndarray:
    return weight.reshape(-1, *[1] * (values.ndim - 1))


def _mean(promise: Promise, values: np.ndarray, weight: np.ndarray, rtol: float) -> str | None:
    """The mean of w (x - exact) is zero, within errors and within ``rtol`` where nothing varies."""
    off = (values - promise.value) * weight
    error = off.std(axis=0, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.inf
    allowed = Z * error + rtol * (1 + np.abs(promise.value)) * np.abs(weight).mean()
    if np.all(np.abs(off.mean(axis=0)) <= allowed):
        return None
    mean = (values * weight).mean(axis=0) / weight.mean()
    return f"the mean of {promise.output} is {mean.tolist()}, not {promise.value.tolist()} ({len(values)} events)"
