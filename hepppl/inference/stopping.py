"""What a stochastic search says of itself: its average, the error of that, whether it still moves."""

from __future__ import annotations

import numpy as np

#: Batches that the second half of a search is cut into.
BATCHES = 8
#: Standard errors at which the search counts as still moving.
MOVING = 3.0
#: Condition number beyond which a regression says nothing.
WELL = 1e6


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


def estimate(path: np.ndarray, gradients: np.ndarray, events: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the gradient is zero, and the standard error of that, (size,) each.

    ``path`` (steps, size), ``gradients`` (steps, size) in any coordinates, ``events`` (steps,). The gradients of the
    second half, whose noises are independent, are regressed on where they were taken; a Newton step by that line goes
    from the average of the path, which a search that comes in slowly or overshoots has pulled aside, to its zero. The
    error is the fit's (the sandwich H⁻¹ S H⁻¹ / n of Chen, Lee, Tong and Zhang, arXiv:1610.08637) and the batch means'
    in quadrature: the first knows no curvature of the gradient, the second no slow drift. Where the line is not to be
    trusted (too few steps, a search that diverged, not a minimum, a step out of where the search has been) it is
    `average`.
    """
    mean, error = average(path)
    start = len(path) // 2
    x, g, weight = path[start:], gradients[start:], events[start:] / events[start:].mean()
    n, size = x.shape
    spread = x.std(0)
    known = np.isfinite(x).all() and np.isfinite(g).all() and (spread > 0).all()
    if n < max(2 * BATCHES, 4 * (size + 1)) or not known:
        return mean, error
    weight = weight / n
    centre = weight @ x
    off, slopes = (x - centre) / spread, g - weight @ g
    covariance = (off * weight[:, None]).T @ off
    if np.linalg.cond(covariance) > WELL:
        return mean, error
    hessian = np.linalg.solve(covariance, (off * weight[:, None]).T @ slopes).T
    if not (np.linalg.eigvals(hessian).real > 0).all() or np.linalg.cond(hessian) > WELL:
        return mean, error
    inverse = np.linalg.inv(hessian)
    step = -inverse @ (weight @ g)
    outside = float(step @ np.linalg.solve(covariance, step))
    if outside > 1:
        return mean, error
    left = slopes - off @ hessian.T
    noise = (left * weight[:, None]).T @ left / (1 - (size + 1) / n)
    own = np.sqrt(np.diag(inverse @ noise @ inverse.T) * (1 + outside) / n)
    return centre + spread * step, np.hypot(spread * own, error)


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
