"""Means, their derivatives and standard errors from per-event arrays, accumulated batch by batch in float64."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hepppl.backends.jax.faults import FaultTable
from hepppl.backends.jax.gradients import WEIGHT
from hepppl.backends.jax.results import Derivative, Gradient
from hepppl.backends.jax.run import Wrt

#: So many calls' sums are kept until they are taken in.
TOGETHER = 32


@dataclass
class Moments:
    """First and second moments of (d(w f)/dθ, dw/dθ, w f, w) of one output and one parameter, elementwise.

    The mean is m = E[w f] / E[w] and its derivative G = (E[d(w f)] - m E[dw]) / E[w]. Standard errors are those of the
    linearised ratio (delta method): one event moves m by (w f - m w) / E[w], and G by
    (d(wf) - m dw - (E[dw] / E[w]) (w f - m w) - G w) / E[w].
    """

    count: int = 0
    entries: int = 0  # independent of each other
    first: np.ndarray | None = None  # (4, *shape)
    second: np.ndarray | None = None  # (4, 4, *shape)

    def add(self, d_wf: Any, d_w: Any, wf: np.ndarray, w: Any, events: int | None = None) -> None:
        """Arrays (*shape, events), or anything that broadcasts to that. With ``events``: sums over as many of these
        each; what varies from event to event is then judged by what varies from sum to sum."""
        if np.ndim(w) == 0 and not np.any(d_w):
            self._unweighted(np.asarray(d_wf, np.float64), np.asarray(wf, np.float64), events or wf.shape[-1])
            return
        self.put(d_wf, d_w, wf, w, events=events)

    def put(self, *parts: Any, events: int | None = None) -> None:
        """Each of the quantities whose moments these are; else as `add`."""
        x = np.stack(np.broadcast_arrays(*(np.asarray(part, np.float64) for part in parts)))
        entries = x.shape[-1]
        second = np.einsum("i...n,j...n->ij...", x, x) * (entries / (events or entries))
        self.merge(Moments(events or entries, entries, x.sum(-1), second))

    def _unweighted(self, d_f: np.ndarray, f: np.ndarray, events: int) -> None:
        """Events of weight 1: what `add` does, without the products that are known."""
        shape, entries = np.broadcast_shapes(d_f.shape, f.shape)[:-1], f.shape[-1]
        dot = lambda a, b: np.einsum("...n,...n->...", a, b) * (entries / events)  # noqa: E731
        first, second = np.zeros((4, *shape)), np.zeros((4, 4, *shape))
        first[2], first[3] = f.sum(-1), events
        second[2, 2], second[3, 3] = dot(f, f), events
        second[2, 3] = second[3, 2] = first[2]
        if d_f.any():
            first[0], second[0, 0] = d_f.sum(-1), dot(d_f, d_f)
            second[0, 2] = second[2, 0] = dot(d_f, f)
            second[0, 3] = second[3, 0] = first[0]
        self.merge(Moments(events, entries, first, second))

    def merge(self, other: Moments) -> None:
        """Take in the moments of other events."""
        if other.first is None:
            return
        self.count += other.count
        self.entries += other.entries
        self.first = other.first if self.first is None else self.first + other.first
        self.second = other.second if self.second is None else self.second + other.second

    def _spread(self, direction: np.ndarray) -> np.ndarray:
        """Standard deviation of one event's ``direction`` · (d(wf), dw, wf, w)."""
        assert self.first is not None
        assert self.second is not None
        n = self.count
        mean = self.first / n
        covariance = self.second / n - mean[:, None] * mean[None, :]
        variance = np.einsum("i...,ij...,j...->...", direction, covariance, direction)
        return np.sqrt(np.maximum(variance, 0) * (n / max(self.entries - 1, 1)))

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


@dataclass
class Sums:
    """All that a gradient adds up over events, by output and position among the parameters. Sums over disjoint events
    merge, so that a run can be divided among processes and machines."""

    events: int = 0
    moments: dict[tuple[str, int], Moments] = field(default_factory=dict)
    together: dict[str, Moments] = field(default_factory=dict)  # of all parameters, where events come added up
    faults: FaultTable = field(default_factory=lambda: FaultTable(each=False))
    compiling: float = 0.0
    running: float = 0.0
    waiting: list[tuple[int, Mapping[str, np.ndarray], Mapping[str, np.ndarray]]] = field(default_factory=list)

    def add(self, offset: int, total: int, outputs: Mapping[str, np.ndarray], slopes: Mapping[str, np.ndarray]) -> None:
        """The raw outputs of events and their gradient estimates by ``total`` parameters, the first at ``offset``."""
        weight, d_weight = outputs.get(WEIGHT), slopes.get(WEIGHT)
        for name, values in outputs.items():
            own, wf = name == WEIGHT and weight is not None, np.asarray(values, np.float64)
            for i in range(total):
                w = 1.0 if own or weight is None else weight
                d_w = 0.0 if own or d_weight is None else d_weight[i]
                self.moments.setdefault((name, offset + i), Moments()).add(slopes[name][i], d_w, wf, w)

    def add_sums(self, events: int, outputs: Mapping[str, np.ndarray], slopes: Mapping[str, np.ndarray]) -> None:
        """The raw outputs of ``events`` events, and gradient estimates (parameters, *shape, sums) that are sums over as
        many of them each."""
        if self.waiting and (self.waiting[0][0] != events or len(self.waiting) == TOGETHER):
            self.settle()
        self.waiting.append((events, outputs, slopes))

    def settle(self) -> None:
        """Take in what `add_sums` left: of a thousand parameters, many sums take hardly longer than one."""
        waiting, self.waiting = self.waiting, []
        if not waiting:
            return
        calls, events = len(waiting), waiting[0][0]
        outputs = {name: np.stack([call[1][name] for call in waiting], -2) for name in waiting[0][1]}
        slopes = {name: np.concatenate([call[2][name] for call in waiting], -1) for name in waiting[0][2]}
        flat = {name: values.reshape(*values.shape[:-2], -1) for name, values in outputs.items()}
        weight, d_weight, zero = flat.get(WEIGHT), slopes.get(WEIGHT), np.zeros(1)

        def each(name: str) -> np.ndarray:
            """The output's sum over the events of each of the sums, as far as it is known: those of a call share it."""
            sums = slopes[name].shape[-1] // calls
            return np.repeat(outputs[name].sum(-1, dtype=np.float64) / sums, sums, -1)

        for name, f in flat.items():
            own = name == WEIGHT or weight is None
            self.moments.setdefault((name, 0), Moments()).add(zero, zero, f, 1.0 if own or weight is None else weight)
            w = 1.0 if own else each(WEIGHT)
            d_w = zero if own or d_weight is None else _spread(d_weight, slopes[name].ndim)
            self.together.setdefault(name, Moments()).add(slopes[name], d_w, each(name), w, calls * events)

    def merge(self, other: Sums) -> None:
        self.settle()
        other.settle()
        self.events += other.events
        for name, together in other.together.items():
            self.together.setdefault(name, Moments()).merge(together)
        for key, moments in other.moments.items():
            self.moments.setdefault(key, Moments()).merge(moments)
        self.faults.merge(other.faults.rows())
        self.compiling = max(self.compiling, other.compiling)  # those that are not in one process compile at once
        self.running += other.running

    def gradient(self, wrt: Wrt, mode: str) -> Gradient:
        self.settle()
        names = dict.fromkeys(name for name, _ in self.moments)
        means = {name: self.moments[name, 0].mean() for name in names}
        if self.together:
            flat = {name: self.together[name].derivative() for name in names}
        else:
            flat = {name: _stacked([self.moments[name, i].derivative() for i in range(wrt.total)]) for name in names}
        return Gradient(
            {k: v[0] for k, v in means.items()},
            {k: v[1] for k, v in means.items()},
            {name: _by_param(wrt, found) for name, found in flat.items()},
            self.events,
            self.faults.rows(),
            mode,
            self.compiling,
            self.running,
        )


def _stacked(each: list[Derivative]) -> Derivative:
    """Derivatives parameter by parameter as one of shape (parameters, *shape)."""
    return Derivative(*(np.stack([getattr(d, field) for d in each]) for field in ("value", "se", "std")))


def _spread(d_weight: np.ndarray, rank: int) -> np.ndarray:
    """(parameters, sums) with as many axes as an output's derivatives have."""
    return d_weight.reshape(d_weight.shape[0], *[1] * (rank - d_weight.ndim), d_weight.shape[-1])


def _by_param(wrt: Wrt, flat: Derivative) -> dict[str, Derivative]:
    """Of derivatives (parameters, *shape)."""
    result, ends = {}, np.cumsum([0, *wrt.sizes])
    for name, shape, a, b in zip(wrt.names, wrt.shapes, ends[:-1], ends[1:], strict=True):

        def shaped(rows: np.ndarray, shape: Any = shape, a: int = a, b: int = b) -> np.ndarray:
            return np.moveaxis(rows[a:b], 0, -1).reshape((*rows.shape[1:], *shape))

        result[name] = Derivative(shaped(flat.value), shaped(flat.se), shaped(flat.std))
    return result
