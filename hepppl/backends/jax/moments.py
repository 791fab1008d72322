"""Means, their derivatives and standard errors from per-event arrays, accumulated batch by batch in float64."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hepppl.backends.jax.results import Derivative


@dataclass
class Moments:
    """First and second moments of (d(w f)/dθ, dw/dθ, w f, w) of one output and one parameter, elementwise.

    The mean is m = E[w f] / E[w] and its derivative G = (E[d(w f)] - m E[dw]) / E[w]. Standard errors are those of the
    linearised ratio (delta method): one event moves m by (w f - m w) / E[w], and G by
    (d(wf) - m dw - (E[dw] / E[w]) (w f - m w) - G w) / E[w].
    """

    count: int = 0
    first: np.ndarray | None = None  # (4, *shape)
    second: np.ndarray | None = None  # (4, 4, *shape)

    def add(self, d_wf: np.ndarray, d_w: np.ndarray, wf: np.ndarray, w: np.ndarray) -> None:
        """Arrays (*shape, events), or anything that broadcasts to that."""
        x = np.stack(np.broadcast_arrays(*(np.asarray(a, np.float64) for a in (d_wf, d_w, wf, w))))
        first, second = x.sum(-1), np.einsum("i...n,j...n->ij...", x, x)
        self.count += x.shape[-1]
        self.first = first if self.first is None else self.first + first
        self.second = second if self.second is None else self.second + second

    def _spread(self, direction: np.ndarray) -> np.ndarray:
        """Standard deviation of one event's ``direction`` · (d(wf), dw, wf, w)."""
        assert self.first is not None
        assert self.second is not None
        n = self.count
        mean = self.first / n
        covariance = self.second / n - mean[:, None] * mean[None, :]
        variance = np.einsum("i...,ij...,j...->...", direction, covariance, direction)
        return np.sqrt(np.maximum(variance, 0) * (n / max(n - 1, 1)))

    def mean(self) -> tuple[np.ndarray, np.ndarray]:
        """The mean and its standard error."""
        assert self.first is not None
        _, _, wf, w = self.first / self.count
        m = wf / w
        zero = np.zeros_like(m)
        return m, self._spread(np.stack([zero, zero, 1 / w + zero, -m / w])) / np.sqrt(self.count)

    def derivative(self) -> Derivative:
        assert self.first is not None
        d_wf, d_w, wf, w = self.first / self.count
        m = wf / w
        gradient = (d_wf - m * d_w) / w
        direction = np.stack([1 / w + 0 * m, -m / w, -d_w / w**2, (m * d_w / w - gradient) / w])
        std = self._spread(direction)
        return Derivative(gradient, std / np.sqrt(self.count), std)
