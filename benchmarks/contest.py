"""What cases have in common: programs, calls of hepppl, and contests whose rows say who was faster by how much."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hepppl

from .measure import Call, in_turn, median_ratio
from .report import Ratio, Row, Speed

FOLDERS = (Path(__file__).parents[1] / "examples", Path(__file__).parent / "programs")
#: How much slower than any rival hepppl may be.
SLOWER = 1.3


def path(name: str) -> Path:
    return next(file for folder in FOLDERS if (file := folder / f"{name}.hep").exists())


def load(name: str) -> hepppl.Model:
    return hepppl.load(path(name))


def simulate(model: hepppl.Model, n: int) -> Call:
    return lambda seed: model.simulate(n, seed=seed)


def grad(model: hepppl.Model, n: int, **options: Any) -> Call:
    return lambda seed: model.grad(n, seed=seed, **options)


def deviation(model: hepppl.Model, n: int, **options: Any) -> float:
    """Standard deviation of one event's derivative of the first output by the first parameter."""
    by_param = next(iter(model.grad(n, seed=1, **options).std.values()))
    return float(next(iter(by_param.values())))


def per_event(times: Sequence[float], n: int) -> float:
    """Median microseconds per event."""
    return 1e6 * statistics.median(times) / n


@dataclass(frozen=True)
class Entry:
    """A contestant: ``std`` of one event's derivative makes it an estimator of the gradient, which is compared by
    variance times time; else it simulates, or does the ``job`` named."""

    name: str
    call: Call
    n: int
    std: float | None = None
    ours: bool = True
    job: str = "simulate"

    @property
    def kind(self) -> str:
        return "grad" if self.std is not None else self.job


class Contest:
    """The times of the entries of a case, run in turn."""

    def __init__(self, case: str, entries: Sequence[Entry], rounds: int):
        self.case, self.entries = case, {entry.name: entry for entry in entries}
        taken = in_turn({entry.name: entry.call for entry in entries}, rounds)
        self.times = {name: [t / self.entries[name].n for t in times] for name, times in taken.items()}

    def effort(self, name: str) -> float:
        return statistics.median(self.times[name]) * (self.entries[name].std or 1.0) ** 2

    def over(self, top: str, bottom: str) -> float:
        """The time per event of one entry over another's."""
        return median_ratio(self.times[top], self.times[bottom])

    def efforts(self, top: str, bottom: str) -> float:
        """The variance times time of one entry over another's."""
        return self.over(top, bottom) * ((self.entries[top].std or 1.0) / (self.entries[bottom].std or 1.0)) ** 2

    def best(self, kind: str, ours: bool) -> str | None:
        names = [entry.name for entry in self.entries.values() if (entry.kind, entry.ours) == (kind, ours)]
        return min(names, key=self.effort, default=None)

    def speeds(self) -> Iterator[Speed]:
        for entry in self.entries.values():
            yield Speed(self.case, entry.name, per_event(self.times[entry.name], 1), entry.std)

    def rows(self) -> Iterator[Row]:
        """All speeds; the cost of a gradient in simulations; and hepppl against its best rival, job by job."""
        yield from self.speeds()
        first, simulation = self.best("grad", True), self.best("simulate", True)
        if first is not None and simulation is not None:
            yield Ratio(f"{self.case}: grad / simulate", self.over(first, simulation))
        for kind in dict.fromkeys(entry.kind for entry in self.entries.values()):
            own, rival = self.best(kind, True), self.best(kind, False)
            if own is not None and rival is not None:
                measure = "variance × time" if kind == "grad" else "time"
                yield Ratio(
                    f"{self.case}: {kind}, {measure}, hepppl / its best rival",
                    self.efforts(own, rival),
                    SLOWER,
                    at_least=False,
                )
