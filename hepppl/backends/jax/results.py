"""What a compiled program gives back: plain NumPy data in base units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from hepppl.diagnostics import Span

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class Fault:
    """Something that happened to ``count`` events while they ran. ``kind``: "truncated" (a limit was reached), "steps"
    (a process did not die out), "invalid" (a distribution's argument out of range), "range" (an index out of range),
    "unsolved" (`argmin` or `root` found nothing), "plugin" (an estimator gave NaN), "coincident" (thresholds that
    cannot be told apart), "elsewhere" (a decision that is another one at other parameters)."""

    kind: str
    message: str
    span: Span
    count: int
    first_event: int


@dataclass(frozen=True, eq=False)
class Jagged:
    """An output with a varying number of elements: those of all events one after another, and each event's number."""

    values: np.ndarray
    counts: np.ndarray

    @classmethod
    def join(cls, parts: Sequence[np.ndarray]) -> Jagged:
        """From buffers (capacity + 1, *shape, events) whose last row is the number of elements."""
        numbers = [part[-1].reshape(-1, part.shape[-1])[0] for part in parts]
        rows = [np.moveaxis(part[:-1], -1, 0) for part in parts]
        values = [row[np.arange(row.shape[1]) < n[:, None]] for row, n in zip(rows, numbers, strict=True)]
        return cls(np.concatenate(values), np.concatenate(numbers).astype(np.int64))

    @classmethod
    def along(cls, parts: Sequence[np.ndarray], like: Sequence[np.ndarray]) -> np.ndarray:
        """From buffers (points, capacity + 1, *shape, events), where ``like`` holds the outputs' own: (points, *shape)
        for each element."""
        found = []
        for part, own in zip(parts, like, strict=True):
            numbers = own[-1].reshape(-1, own.shape[-1])[0]
            rows = np.moveaxis(part[:, :-1], (-1, 1), (0, 1))
            found.append(rows[np.arange(rows.shape[1]) < numbers[:, None]])
        return np.concatenate(found)

    def __len__(self) -> int:
        return len(self.counts)


@dataclass(frozen=True)
class Events:
    """``outputs``: arrays (events, *shape), or `Jagged`. ``weight``: (events,), None where the program never sets one.
    ``fault``: (events,) int32, 0 or 1 + the position in ``faults``. Times in seconds."""

    outputs: Mapping[str, np.ndarray | Jagged]
    weight: np.ndarray | None
    fault: np.ndarray
    faults: tuple[Fault, ...]
    compile_seconds: float
    run_seconds: float

    @property
    def truncated(self) -> float:
        """Fraction of the events that reached a limit."""
        return truncated(self.faults, len(self.fault))


@dataclass(frozen=True)
class Derivative:
    """dE[output]/d parameter: its value, its standard error, and one event's standard deviation. Shape: the
    output's."""

    value: np.ndarray
    se: np.ndarray
    std: np.ndarray


@dataclass(frozen=True)
class Gradient:
    """``mean`` and ``mean_se`` per output, ``gradient[output][parameter]``; ``weight`` is the output E[weight] where
    the program sets weights. ``mode`` is "forward", "reverse" or "outside" (a whole-program estimator)."""

    mean: Mapping[str, np.ndarray]
    mean_se: Mapping[str, np.ndarray]
    gradient: Mapping[str, Mapping[str, Derivative]]
    events: int
    faults: tuple[Fault, ...]
    mode: str
    compile_seconds: float
    run_seconds: float
    influences: Mapping[str, object] = field(default_factory=dict)

    @property
    def truncated(self) -> float:
        return truncated(self.faults, self.events)


def truncated(faults: tuple[Fault, ...], events: int) -> float:
    return sum(f.count for f in faults if f.kind in ("truncated", "steps", "unsolved")) / max(events, 1)
