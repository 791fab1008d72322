"""Where the parts of a run are run, and what they are put together to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepValueError
from hepppl.scale.work import Part, Work

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Spread:
    """Who does the work: this process alone, unless ``dask`` names a scheduler or a local cluster, or ``hosts`` says
    that this is one of the processes of `jax.distributed`."""

    dask: Any = None
    hosts: bool = False

    def __post_init__(self) -> None:
        if self.dask is not None and self.hosts:
            message = "a run is divided among the workers of Dask or among the processes of JAX, not among both"
            raise HepValueError(Diagnostic("E466", message))

    def begin(self) -> None:
        """To be called before anything else: processes find each other before they use a device."""
        if self.hosts:
            from hepppl.scale import hosts

            hosts.start()

    @property
    def alone(self) -> bool:
        return self.dask is None and not self.hosts

    def run(self, work: Work, parts: Sequence[Part]) -> Iterator[Any]:
        """The results of the parts, in their order."""
        if self.dask is not None:
            from hepppl.scale import cluster

            return cluster.run(self.dask, work, parts)
        if self.hosts:
            from hepppl.scale import hosts

            return iter(hosts.run(work, parts))
        return map(work.run, parts)


def results(work: Work, spread: Spread, progress: Progress | None, parts: Sequence[Part]) -> Iterator[tuple[Part, Any]]:
    """Each part with its result, in order."""
    done = work.n - sum(count for _, count in parts)
    for part, result in zip(parts, spread.run(work, parts), strict=True):
        yield part, result
        done += part[1]
        if progress is not None:
            progress(done, work.n)


def simulate(work: Work, spread: Spread, progress: Progress | None) -> Any:
    """All events of a run, in memory."""
    spread.begin()
    if spread.alone:
        return work.compiled.simulate(work.n, work.seed, work.point, work.given, progress)
    from hepppl.backends.jax import joined

    began = time.perf_counter()
    raw = joined([found for _, found in results(work, spread, progress, work.parts())])
    return replace(raw, run_seconds=running(began, raw.compile_seconds))


def differentiate(work: Work, spread: Spread, progress: Progress | None) -> Any:
    """The gradient of a run."""
    spread.begin()
    if spread.alone:
        return work.compiled.gradient(work.n, work.seed, work.point, work.given, progress)
    began = time.perf_counter()
    parts = results(work, spread, progress, work.parts())
    _, total = next(parts)
    for _, sums in parts:
        total.merge(sums)
    total.running = running(began, total.compiling)
    return total.gradient(work.compiled.wrt, work.compiled.mode)


def running(began: float, compiling: float) -> float:
    """Seconds since ``began`` without those that the slowest process spent compiling: what many did at once counts
    once."""
    return max(time.perf_counter() - began - compiling, 0.0)
