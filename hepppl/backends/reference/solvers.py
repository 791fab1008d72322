"""`argmin` and `root` without derivatives: SciPy's Powell, and bisection."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def find_root(f: Callable[[float], float], low: float, high: float) -> tuple[float, bool]:
    """The zero between two points by bisection until floats end, and whether the sign changes between them."""
    f_low, f_high = f(low), f(high)
    if 0 in (f_low, f_high):
        return (low if f_low == 0 else high), True
    if not np.isfinite([f_low, f_high]).all() or np.sign(f_low) == np.sign(f_high):
        return low + 0.5 * (high - low), False
    for _ in range(200):
        middle = low + 0.5 * (high - low)
        value = f(middle)
        if np.isnan(value):
            return middle, False
        if np.sign(value) == np.sign(f_low):
            low = middle
        else:
            high = middle
    return low + 0.5 * (high - low), True


def minimise(f: Callable[[np.ndarray], float], start: np.ndarray) -> tuple[np.ndarray, bool]:
    """The least value that is found from ``start``, and whether the function rises from there on in every direction
    of an axis."""
    import scipy.optimize

    def finite(x: np.ndarray) -> float:
        value = f(x)
        return value if np.isfinite(value) else 1e300

    x, least = start, finite(start)
    try:
        for turn in range(100):  # each begins with fresh directions: those of before may have become dependent
            x = np.atleast_1d(scipy.optimize.minimize(finite, x, method="Powell", options=OPTIONS).x)
            before, least = least, finite(x)
            if turn >= 2 and not least < before:
                break
    except (RuntimeError, ArithmeticError):
        return x, False
    for i in range(len(x)):
        for side in (-1, 1):
            moved = x.copy()
            moved[i] += side * 1e-3 * max(abs(x[i]), abs(x[i] - start[i]), 1e-6)
            if not f(moved) > least:
                return x, False
    return x, bool(np.isfinite(f(x)))


OPTIONS = {"xtol": 1e-12, "ftol": 1e-16, "maxiter": 20}
