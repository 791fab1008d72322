"""Means and errors of events that are seen part by part and not kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hepppl import trust
from hepppl.results import simulated

if TYPE_CHECKING:
    from hepppl.scale.work import Work


@dataclass
class Column:
    """Weighted sums over events, elementwise over an output's shape, of powers of its distance from ``origin``: a
    number near its mean, so that squares do not cancel."""

    origin: np.ndarray | None = None
    events: int = 0
    sums: np.ndarray | None = None  # of w, w x, w x², w², w² x, w² x²

    def add(self, values: np.ndarray, weight: np.ndarray | None = None) -> None:
        """Values (events, *shape); an event of weight 0 counts whatever its values are."""
        self.events += len(values)
        if weight is None:
            x = values.astype(np.float64)
            with np.errstate(invalid="ignore", over="ignore"):
                if self.origin is None:
                    middle = x.mean(0)
                    self.origin = np.where(np.isfinite(middle), middle, 0.0)
                x -= self.origin
                first, second = x.sum(0), np.einsum("i...,i...->...", x, x)
            sums = np.stack(2 * [np.full(first.shape, float(len(x))), first, second])
            self.sums = sums if self.sums is None else self.sums + sums
            return
        if not np.any(weight) and self.sums is not None:  # nothing is added, and there is no mean to be near to
            return
        w = weight.astype(np.float64).reshape((-1,) + (1,) * (values.ndim - 1))
        x = np.where(w == 0, 0.0, values.astype(np.float64))
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            if self.origin is None or not np.any(self.sums):
                middle = (w * x).sum(0) / w.sum(0)
                self.origin = np.where(np.isfinite(middle), middle, 0.0)
            x = x - self.origin
            powers = [w + 0 * x, w * x, w * x**2, w**2 + 0 * x, w**2 * x, w**2 * x**2]
            sums = np.stack([power.sum(0) for power in powers])
        self.sums = sums if self.sums is None else self.sums + sums

    def moments(self) -> tuple[Any, Any, Any]:
        """The mean E[w x] / E[w], its standard error to first order, and the weighted standard deviation."""
        assert self.sums is not None
        assert self.origin is not None
        w, wx, wxx, ww, wwx, wwxx = self.sums
        n = self.events
        with np.errstate(divide="ignore", invalid="ignore"):
            m = wx / w
            bessel = n / (n - 1) if n > 1 else np.nan
            se = np.sqrt(np.maximum(wwxx - 2 * m * wwx + m**2 * ww, 0.0) * bessel) / np.abs(w)
            std = np.sqrt(np.maximum((wxx / w - m**2) * bessel, 0.0))
            return (m + self.origin)[()], se[()], std[()]


@dataclass(eq=False)
class Summary:
    """What a simulation came to: as `hepppl.Events`, without the events. ``len(summary)`` is their number, ``names``
    the outputs; ``elements``: how many each output of varying length has in all."""

    model: str
    seed: int
    params: Mapping[str, Any]
    units: Mapping[str, str]
    names: tuple[str, ...] = ()
    weighted: bool = False
    elements: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=lambda: {"compile": 0.0, "run": 0.0})
    _events: int = 0
    _columns: dict[str, Column] = field(default_factory=dict)
    _undefined: dict[str, tuple[int, int]] = field(default_factory=dict)
    _infinite: dict[str, None] = field(default_factory=dict)
    _weight: float = 0.0
    _faults: Any = None

    @classmethod
    def of(cls, work: Work) -> Summary:
        return cls(work.model.name, work.seed, work.point, work.model.units, tuple(work.model.units))

    def add(self, first: int, raw: Any) -> None:
        """Take in the events from number ``first`` on, as a back end gives them."""
        from hepppl.backends.jax import FaultTable

        self.weighted = raw.weight is not None
        weight = raw.weight
        self._events += len(raw.fault)
        for name in self.names:
            values = raw.outputs[name]
            if hasattr(values, "counts"):
                self.elements[name] = self.elements.get(name, 0) + len(values.values)
            else:
                self._columns.setdefault(name, Column()).add(values, weight)
        if self.weighted:
            self._columns.setdefault("weight", Column()).add(weight)
        self._look(first, raw.outputs, weight)
        self._faults = self._faults or FaultTable(each=False)
        self._faults.merge(raw.faults)
        self.seconds["compile"] = max(self.seconds["compile"], raw.compile_seconds)

    def _look(self, first: int, outputs: Mapping[str, Any], given: np.ndarray | None) -> None:
        """For what is not a number."""
        for name, output in outputs.items():
            values = output if isinstance(output, np.ndarray) else output.values
            if values.dtype.kind != "f" or np.isfinite(values).all():
                continue
            output = _jagged(output)
            weight = np.ones(len(output)) if given is None else given
            bad = trust.undefined(output, weight)
            if len(bad):
                count, earliest = self._undefined.get(name, (0, first + int(bad[0])))
                self._undefined[name] = count + len(bad), earliest
            if trust.infinite(output, weight):
                self._infinite[name] = None
        if given is not None and not np.isfinite(given).all():
            self._weight = float(given[~np.isfinite(given)][0])

    def __len__(self) -> int:
        return self._events

    @property
    def mean(self) -> Mapping[str, Any]:
        """As `Events.mean`; with weights also that of ``weight``, E[w]."""
        return {name: column.moments()[0] for name, column in self._columns.items()}

    @property
    def se(self) -> Mapping[str, Any]:
        """Standard errors of `mean`."""
        return {name: column.moments()[1] for name, column in self._columns.items()}

    @property
    def std(self) -> Mapping[str, Any]:
        """Standard deviation of each output from event to event."""
        return {name: column.moments()[2] for name, column in self._columns.items()}

    @property
    def faults(self) -> tuple[Any, ...]:
        return () if self._faults is None else self._faults.rows()

    @property
    def truncated(self) -> float:
        """The fraction of events that met a limit."""
        return trust.truncated(self.faults, max(self._events, 1))

    @property
    def infinite(self) -> tuple[str, ...]:
        """The outputs that are infinite in some events."""
        return tuple(self._infinite)

    def defined(self) -> Iterator[tuple[str, Any]]:
        """What must be a number and is not, as `hepppl.trust.check` takes it."""
        for name, (count, first) in self._undefined.items():
            yield trust.undefined_output(name, count, first)
        yield "the weight", self._weight

    def to_dict(self) -> dict[str, Any]:
        """The object that ``simulate --json`` prints."""
        moments = {name: column.moments() for name, column in self._columns.items()}
        return simulated(self, len(self), moments, self.elements)

    def __repr__(self) -> str:
        return f"<Summary of {self.model}: {len(self)} events, outputs {', '.join((*self._columns, *self.elements))}>"


def _jagged(output: Any) -> Any:
    from hepppl.results import Jagged

    return Jagged(output.values, output.counts) if hasattr(output, "counts") else output
