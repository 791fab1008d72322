"""What a stochastic search says of itself: its average, the error of that, whether it still moves."""

from __future__ import annotations

import numpy as np

#: Batches that the second half of a search is cut into.
BATCHES = 8
#: Standard errors at which the search counts as still moving.
MOVING = 3.0


def average(path: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean of the second half of a path (steps, size), and its standard error, (size,) each.

    Neighbouring steps are correlated: the error is that of the mean of eight batch means, with what correlation is left
    between neighbouring batches (NaN where there are fewer than two steps in a batch).
    """
    tail = path[len(path) // 2 :]
    if len(tail) < 2 * BATCHES:
        return tail.mean(0), np.full(path.shape[1], np.nan)
    means = np.stack([part.mean(0) for part in np.array_split(tail, BATCHES)])
    off = means - means.mean(0)
    variance = (off**2).sum(0) / (BATCHES - 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        lag = np.nan_to_num((off[1:] * off[:-1]).sum(0) / (off**2).sum(0))
    return tail.mean(0), np.sqrt(variance / BATCHES * (1 + 2 * np.clip(lag, 0, 1)))


def moving(path: np.ndarray, gradients: np.ndarray) -> str:
    """Why the second half of a search is not at rest, or ``""``: its two halves have different means, or its mean
    gradient (of independent steps) is not zero, by more than three standard errors."""
    tail = path[len(path) // 2 :]
    slopes = gradients[len(gradients) // 2 :]
    if len(tail) < 2 * BATCHES:
        return "too few steps to tell whether it is at rest"
    halves = np.array_split(tail, 2)
    parts = [np.stack([part.mean(0) for part in np.array_split(half, BATCHES // 2)]) for half in halves]
    error = np.sqrt(sum(p.var(0, ddof=1) / len(p) for p in parts))
    if (np.abs(parts[0].mean(0) - parts[1].mean(0)) > MOVING * error).any():
        return "the parameters were still moving"
    if (np.abs(slopes.mean(0)) > MOVING * slopes.std(0, ddof=1) / np.sqrt(len(slopes))).any():
        return "the mean gradient was not yet zero"
    return ""


def lost(gradients: np.ndarray) -> bool:
    """Whether the mean of these gradients (steps, size) is smaller than its standard error."""
    error = gradients.std(0, ddof=1) / np.sqrt(len(gradients))
    return bool(np.linalg.norm(gradients.mean(0)) < np.linalg.norm(error))
