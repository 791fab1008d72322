"""`Work`: a run as something that can be divided, sent to another process, and done part by part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hepppl.model import Model
    from hepppl.planning import Plan

#: The number of a part's first event, and how many events it has.
Part = tuple[int, int]
#: Events of a part, at least, and the most parts of a run where they need not be larger for it.
EVENTS, PARTS = 65536, 1024


@dataclass(frozen=True, eq=False)
class Work:
    """A run of ``n`` events: a simulation, or a gradient where it has a plan. ``point`` and ``given`` are the values of
    parameters and data, checked; ``engine`` the options of the compilation."""

    model: Model
    n: int
    seed: int
    point: Mapping[str, Any]
    given: Mapping[str, Any]
    engine: Mapping[str, Any]
    plan: Plan | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Without what was compiled: the process that gets it compiles for itself, once."""
        return {**self.__dict__, "model": replace(self.model, _memo={})}

    @property
    def compiled(self) -> Any:
        return self.model._compiled(self.plan, **self.engine)

    def size(self) -> int:
        """Events of a part: whole calls, so that a gradient's batches are those of one process."""
        stride = self.compiled.stride(self.n)
        return stride * max(1, EVENTS // stride, -(-self.n // (stride * PARTS)))

    def parts(self, size: int | None = None) -> list[Part]:
        size = size or self.size()
        return [(first, min(size, self.n - first)) for first in range(0, self.n, size)]

    def run(self, part: Part) -> Any:
        """The events of a part, or what a gradient adds up over them."""
        job = self.compiled.simulate if self.plan is None else self.compiled.sums
        return job(self.n, self.seed, self.point, self.given, part=part)
