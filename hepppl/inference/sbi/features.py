"""What a network sees of an event: its outputs as standardised numbers, and collections as sets of them.

An output of fixed shape gives one number per element. An output that is positive and spans more than two decades is
seen by its logarithm. One that is not always finite (the hardest of no jets) is seen as 0 there, with one more number
that says so. Outputs of varying length that come of the same collection are one set of elements.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hepppl import inputs
from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepValueError
from hepppl.results import Jagged

if TYPE_CHECKING:
    from hepppl.inference.sbi.simulator import Simulations
    from hepppl.model import Model

#: A positive output whose largest value is this many times its smallest is seen by its logarithm.
DECADES = 100.0
Batch = dict[str, Any]


@dataclass(frozen=True)
class Column:
    """One number of one output: ``element`` is its place among the output's numbers."""

    output: str
    element: int
    logarithm: bool
    loc: float
    scale: float
    flagged: bool = False  # not always finite: one more number says where it is

    def seen(self, values: np.ndarray) -> np.ndarray:
        """(…, 1 or 2)"""
        x = np.asarray(values, float)
        with np.errstate(divide="ignore", invalid="ignore"):
            x = np.log(x) if self.logarithm else x
            x = (x - self.loc) / self.scale
        finite = np.isfinite(x)
        x = np.where(finite, x, 0.0)
        return np.stack([x, finite], -1) if self.flagged else x[..., None]


@dataclass(frozen=True)
class Set:
    """A collection: its outputs, and how many elements it had on average when it was fitted."""

    columns: tuple[Column, ...]
    typical: float

    @property
    def outputs(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(c.output for c in self.columns))

    @property
    def width(self) -> int:
        return sum(1 + c.flagged for c in self.columns)


@dataclass(frozen=True)
class Features:
    """``columns`` of the outputs of fixed shape, ``sets`` of the others, ``events`` of one pseudo-experiment (0: any
    number)."""

    columns: tuple[Column, ...]
    sets: tuple[Set, ...]
    events: int

    @property
    def width(self) -> int:
        return sum(1 + c.flagged for c in self.columns)

    @property
    def bare(self) -> Features:
        """Without the numbers that columns are standardised by, which networks do not depend on."""

        def plain(columns: tuple[Column, ...]) -> tuple[Column, ...]:
            return tuple(replace(c, loc=0.0, scale=1.0) for c in columns)

        return replace(
            self, columns=plain(self.columns), sets=tuple(replace(s, columns=plain(s.columns)) for s in self.sets)
        )

    @property
    def outputs(self) -> tuple[str, ...]:
        names = [c.output for c in self.columns] + [name for s in self.sets for name in s.outputs]
        return tuple(dict.fromkeys(names))

    def batch(self, outputs: Mapping[str, Any], events: int) -> Batch:
        """What networks are given of n pseudo-experiments: ``fixed`` (n, events, width), and for each set its elements
        (n, events, most, width) with the mask (n, events, most) of those that there are; float32."""

        def experiments(x: np.ndarray) -> np.ndarray:
            return np.asarray(x, np.float32).reshape(len(x) // events, events, *x.shape[1:])

        seen = [c.seen(flat(outputs[c.output])[:, c.element]) for c in self.columns]
        empty = np.zeros((length(next(iter(outputs.values()))), 0))
        found: Batch = {"fixed": experiments(np.concatenate(seen, -1) if seen else empty), "sets": []}
        for each in self.sets:
            counts = outputs[each.outputs[0]].counts
            mask = np.arange(max(int(counts.max(initial=0)), 1)) < counts[:, None]
            elements = np.zeros((*mask.shape, each.width), np.float32)
            parts = [c.seen(flat(outputs[c.output].values)[:, c.element]) for c in each.columns]
            elements[mask] = np.concatenate(parts, -1)
            found["sets"].append({"elements": experiments(elements), "mask": experiments(mask)})
        return found

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Features:
        sets = tuple(Set(_columns(s["columns"]), s["typical"]) for s in found["sets"])
        return cls(_columns(found["columns"]), sets, found["events"])


def _columns(rows: Sequence[Mapping[str, Any]]) -> tuple[Column, ...]:
    return tuple(Column(**row) for row in rows)


def length(output: np.ndarray | Jagged) -> int:
    return len(output.counts if isinstance(output, Jagged) else output)


def flat(values: np.ndarray) -> np.ndarray:
    """(n, numbers of one event or element)."""
    return np.asarray(values).reshape(len(values), -1)


def chosen(model: Model, names: Sequence[str] | None) -> tuple[str, ...]:
    """The outputs to look at: those named; else what is observed; else all. Raises `HepValueError` (E481)."""
    outputs = model.program.outputs
    if names is None:
        return tuple(o.name for o in outputs if o.observed) or tuple(o.name for o in outputs)
    inputs.check_names(names, [o.name for o in outputs], "output", "E481")
    return tuple(names)


def fit(model: Model, simulations: Simulations, names: Sequence[str]) -> Features:
    """Features of these outputs, scaled by what simulations show. Raises `HepValueError` (E481) where they say
    nothing."""
    columns: list[Column] = []
    sets: dict[Any, list[str]] = {}
    for name in names:
        values = simulations.outputs[name]
        if isinstance(values, Jagged):
            sets.setdefault(_collection(model, name), []).append(name)
        else:
            columns += _fitted(name, values)
    found = []
    for outputs in sets.values():
        jagged = {name: x for name in outputs if isinstance(x := simulations.outputs[name], Jagged)}
        rows = [c for name, j in jagged.items() for c in _fitted(name, j.values, keep=True)]
        found.append(Set(tuple(rows), max(float(jagged[outputs[0]].counts.mean()), 1.0)))
    if not columns and not found:
        message = f"none of the outputs {', '.join(names)} varies from simulation to simulation: nothing to learn from"
        raise HepValueError(Diagnostic("E481", message))
    return Features(tuple(columns), tuple(found), simulations.events)


def varies(model: Model, name: str) -> bool:
    """The length of an output differs from event to event."""
    return _collection(model, name) is not None


def _collection(model: Model, name: str) -> Any:
    """What an output of varying length is a field of; None for one of fixed shape."""
    value = next(o.value for o in model.program.outputs if o.name == name)
    found = (node for node in model.model_graph.nodes() if value in node.results and node.attrs.get("kind") == "jagged")
    node = next(found, None)
    return None if node is None else node.inputs[0]


def _fitted(output: str, values: np.ndarray, keep: bool = False) -> list[Column]:
    """A column for each number that varies (``keep``: for all)."""
    found = []
    rows = flat(values).astype(float) if len(values) else np.zeros((1, int(np.prod(values.shape[1:], dtype=int))))
    for element, x in enumerate(rows.T):
        finite = np.isfinite(x)
        flagged, x = not finite.all(), x[finite]
        if not keep and (not len(x) or x.max() == x.min()) and not flagged:
            continue
        wide = values.dtype.kind == "f" and len(x) > 0 and x.min() > 0 and x.max() > DECADES * x.min()
        x = np.log(x) if wide else x
        loc, scale = (float(x.mean()), float(x.std())) if len(x) else (0.0, 1.0)
        found.append(Column(output, element, bool(wide), loc, scale or 1.0, flagged))
    return found


def observed(model: Model, features: Features, data: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    """The outputs of the data, as simulations have them, and how many events they are of.

    Raises `HepValueError` as `read` does, and E483 for another number of events than was trained for.
    """
    inputs.check_names(data, [o.name for o in model.program.outputs], "output", "E481")
    found = read(model, features.outputs, data)
    events = length(next(iter(found.values())))
    if features.events and events != features.events:
        message = f"the estimator was trained on experiments of {features.events} events, the data have {events}"
        raise HepValueError(Diagnostic("E483", message))
    return found, events


def read(model: Model, names: Sequence[str], data: Mapping[str, Any]) -> dict[str, np.ndarray | Jagged]:
    """These outputs of the data, with a leading axis of events. Raises `HepValueError` (E482) for what is missing or
    does not fit."""
    missing = [name for name in names if name not in data]
    if missing:
        raise HepValueError(Diagnostic("E482", f"the data lack the output '{missing[0]}' that is looked at"))
    shapes = {o.name: getattr(o.value.type, "shape", ()) for o in model.program.outputs}
    varying = {name for name in names if varies(model, name)}
    found = {name: _jagged(name, data[name]) if name in varying else _fixed(name, data[name], shapes) for name in names}
    lengths = {name: length(value) for name, value in found.items()}
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{name}: {n}" for name, n in lengths.items())
        raise HepValueError(Diagnostic("E482", f"the data are of different numbers of events ({said})"))
    return found


def _fixed(name: str, given: Any, shapes: Mapping[str, tuple[int, ...]]) -> np.ndarray:
    shape = shapes[name]
    try:
        array = np.asarray(given, float)
    except (TypeError, ValueError):
        raise HepValueError(Diagnostic("E482", f"the data of output '{name}' are not numbers")) from None
    if array.shape == shape:
        array = array[None]
    if array.shape[1:] != shape or array.ndim != len(shape) + 1 or not len(array):
        needed = f"shape (events, {', '.join(map(str, shape))})" if shape else "a number, or one for each event"
        raise HepValueError(Diagnostic("E482", f"the data of output '{name}': expected {needed}, found {array.shape}"))
    return array


def _jagged(name: str, given: Any) -> Jagged:
    if isinstance(given, Jagged):
        return given
    rows = given.to_list() if hasattr(given, "to_list") else list(given)
    if not rows or not np.ndim(rows[0]):
        rows = [rows]
    try:
        arrays = [np.asarray(row, float) for row in rows]
    except (TypeError, ValueError):
        raise HepValueError(Diagnostic("E482", f"the data of output '{name}' are not lists of numbers")) from None
    counts = np.asarray([len(row) for row in arrays])
    filled = [row for row in arrays if len(row)]
    return Jagged(np.concatenate(filled) if filled else np.zeros(0), counts)
