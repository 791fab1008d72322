"""Counts of what went wrong in events, over the calls of a run and over its parts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hepppl.backends.jax.lowering import FaultKind
from hepppl.backends.jax.results import Fault


class FaultTable:
    """Counts of faults over calls. A fault is known by its place in the text, whatever the compilation calls it.

    ``each``: keep the code of every event as well (`finish` gives them back).
    """

    def __init__(self, each: bool = True) -> None:
        self.found: dict[FaultKind, tuple[int, int]] = {}  # how many events, and the number of the first
        self.codes: list[np.ndarray] | None = [] if each else None

    def add(self, first: int, fault: np.ndarray, kinds: Sequence[FaultKind], again: bool = False) -> None:
        """The faults of the events from number ``first`` on. ``again``: they were counted before."""
        codes = np.zeros(len(fault) if self.codes is not None else 0, np.int32)
        for code in np.unique(fault[fault > 0]):
            at, kind = fault == code, kinds[code - 1]
            self._count(kind, 0 if again else int(at.sum()), first + int(np.argmax(at)))
            if self.codes is not None:
                codes[at] = list(self.found).index(kind) + 1
        if self.codes is not None:
            self.codes.append(codes)

    def merge(self, other: FaultTable) -> None:
        for kind, (count, first) in other.found.items():
            self._count(kind, count, first)

    def _count(self, kind: FaultKind, count: int, first: int) -> None:
        before, earliest = self.found.get(kind, (0, first))
        self.found[kind] = before + count, min(earliest, first)

    def rows(self) -> tuple[Fault, ...]:
        return tuple(Fault(k.kind, k.message, k.span, n, first) for k, (n, first) in self.found.items())

    def finish(self) -> tuple[np.ndarray, tuple[Fault, ...]]:
        """Every event's fault as 1 + its position among the rows, 0 without one; and the rows."""
        return np.concatenate(self.codes or [np.zeros(0, np.int32)]), self.rows()
