"""Counts of what went wrong in events, over the calls of a run and over its parts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from hepppl.backends.jax.lowering import FaultKind
from hepppl.backends.jax.results import Events, Fault, Jagged


def narrowed(found: dict[str, Any], kinds: Sequence[FaultKind]) -> dict[str, Any]:
    """What a call gives, with a byte an event for its fault where that is enough."""
    if "fault" not in found or len(kinds) > np.iinfo(np.uint8).max:
        return found
    return {**found, "fault": found["fault"].astype(np.uint8)}


class FaultTable:
    """Counts of faults over calls. A fault is known by what it says and its place in the text, whatever the compilation
    or the process calls it.

    ``each``: keep the code of every event as well (`finish` gives them back).
    """

    def __init__(self, each: bool = True) -> None:
        self.found: dict[Any, Fault] = {}
        self.codes: list[np.ndarray | int] | None = [] if each else None  # where none has a fault, how many they are

    def add(self, first: int, fault: np.ndarray, kinds: Sequence[FaultKind], again: bool = False) -> None:
        """The faults of the events from number ``first`` on. ``again``: they were counted before."""
        if not fault.any():
            if self.codes is not None:
                self.codes.append(len(fault))
            return
        codes = np.zeros(len(fault) if self.codes is not None else 0, np.int32)
        for code in np.unique(fault[fault > 0]):
            at, kind = fault == code, kinds[code - 1]
            self._count(kind, 0 if again else int(at.sum()), first + int(np.argmax(at)))
            if self.codes is not None:
                codes[at] = list(self.found).index(identity(kind)) + 1
        if self.codes is not None:
            self.codes.append(codes)

    def merge(self, faults: Iterable[Fault]) -> None:
        """Take in the faults of other events."""
        for fault in faults:
            self._count(fault, fault.count, fault.first_event)

    def _count(self, fault: FaultKind | Fault, count: int, first: int) -> None:
        before = self.found.get(identity(fault))
        if before is not None:
            count, first = count + before.count, min(first, before.first_event)
        self.found[identity(fault)] = Fault(fault.kind, fault.message, fault.span, count, first)

    def rows(self) -> tuple[Fault, ...]:
        return tuple(self.found.values())

    def finish(self) -> tuple[np.ndarray, tuple[Fault, ...]]:
        """Every event's fault as 1 + its position among the rows, 0 without one; and the rows."""
        codes = self.codes or []
        if all(isinstance(part, int) for part in codes):
            return np.zeros(sum(codes), np.int32), self.rows()
        return np.concatenate([np.zeros(x, np.int32) if isinstance(x, int) else x for x in codes]), self.rows()


def identity(fault: FaultKind | Fault) -> tuple[str, str, str, int, int]:
    span = fault.span
    return fault.kind, fault.message, span.source.name, span.start, span.end


def joined(parts: Sequence[Events]) -> Events:
    """The parts of a run, in their order, as one."""
    if len(parts) == 1:
        return parts[0]
    table = FaultTable()
    for part in parts:
        table.merge(part.faults)
    ranks = [np.array([0, *(list(table.found).index(identity(f)) + 1 for f in p.faults)], np.int32) for p in parts]

    def column(values: Sequence[Any]) -> Any:
        if isinstance(values[0], Jagged):
            return Jagged(*(np.concatenate([getattr(v, name) for v in values]) for name in ("values", "counts")))
        return np.concatenate(values)

    return Events(
        {name: column([part.outputs[name] for part in parts]) for name in parts[0].outputs},
        None if parts[0].weight is None else column([part.weight for part in parts]),
        np.concatenate([rank[part.fault] for rank, part in zip(ranks, parts, strict=True)]),
        table.rows(),
        max(part.compile_seconds for part in parts),
        sum(part.run_seconds for part in parts),
    )
