"""Running the model for many events: `simulate`, and `trace` for what one event drew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hepppl.backends.reference.interpreter import Draw, Event, Fault, tensor
from hepppl.backends.reference.operations import Numbers
from hepppl.backends.reference.threefry import event_key
from hepppl.graph import Output, Program, walk


@dataclass(frozen=True)
class Events:
    """The results of n events, in base units.

    ``outputs``: name -> array of shape (n, *shape of the output), or for a jagged output a list of n arrays.
    ``weight``: (n,), the product of what `weight` multiplied, 0 where a `require` failed. ``fault``: for each event
    None or the first (kind, node) that went wrong (see `Event`). ``steps``: (n,), particle steps taken.
    """

    outputs: Mapping[str, np.ndarray | list[np.ndarray]]
    weight: np.ndarray
    fault: tuple[Fault | None, ...]
    steps: np.ndarray

    def __getitem__(self, name: str) -> np.ndarray | list[np.ndarray]:
        return self.outputs[name]

    def __len__(self) -> int:
        return len(self.weight)


def simulate(
    program: Program,
    n: int,
    seed: int = 0,
    params: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    first_event: int = 0,
    rounds: int = 13,
    precision: int = 64,
    max_steps: int = 1_000_000,
) -> Events:
    """Events ``first_event`` to ``first_event + n - 1`` of the run with that seed.

    ``params`` and ``data`` are in base units; those not given have their defaults. Data for an observable fixes it and
    multiplies the event's weight by its density. Uniforms have 24 bits whatever the ``precision`` (64 or 32 bits) of
    the arithmetic. Raises ValueError for a name that the program does not have and for a value that is missing.
    """
    numbers = Numbers(precision)
    inputs, observed = _bind(program, params or {}, data or {})
    rows: list[dict[str, Any]] = []
    events: list[Event] = []
    for i in range(first_event, first_event + n):
        event = Event(program, event_key(seed, i, rounds), inputs, observed, rounds, numbers, max_steps)
        rows.append(event.run())
        events.append(event)
    outputs = {out.name: _column(program, out, [row[out.name] for row in rows], numbers) for out in program.outputs}
    return Events(
        outputs,
        np.array([event.weight for event in events], numbers.real),
        tuple(event.fault for event in events),
        np.array([event.steps for event in events], np.int64),
    )


def trace(
    program: Program,
    event: int,
    seed: int = 0,
    params: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    rounds: int = 13,
    precision: int = 64,
    max_steps: int = 1_000_000,
) -> list[Draw]:
    """Every random number of one event, in the order drawn. The options are those of `simulate`."""
    inputs, observed = _bind(program, params or {}, data or {})
    draws: list[Draw] = []
    key = event_key(seed, event, rounds)
    Event(program, key, inputs, observed, rounds, Numbers(precision), max_steps, draws).run()
    return draws


def _bind(
    program: Program, params: Mapping[str, Any], data: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values of parameters and data by name, and those of the observables that are given."""
    observables = {node.attrs["name"] for node in walk(program.body) if node.attrs.get("observed")}
    defaults = {p.name: p.default for p in program.params}, {d.name: d.default for d in program.data}
    unknown = (params.keys() - defaults[0].keys()) | (data.keys() - defaults[1].keys() - observables)
    if unknown:
        raise ValueError(f"{program.name} has no parameter, data or observable {', '.join(sorted(unknown))}")
    inputs = {**defaults[0], **defaults[1], **params, **{k: v for k, v in data.items() if k in defaults[1]}}
    if missing := [name for name, value in inputs.items() if value is None]:
        raise ValueError(f"no value is given for {', '.join(missing)}")
    return inputs, {name: value for name, value in data.items() if name in observables}


def _column(program: Program, out: Output, values: list[Any], numbers: Numbers) -> np.ndarray | list[np.ndarray]:
    """The values of an output over the events: one array, or a list of arrays for a jagged output."""
    if any(node.attrs.get("kind") == "jagged" and out.value in node.results for node in walk(program.body)):
        return [np.asarray(value) for value in values]
    type = tensor(out.value)
    return np.asarray(values, getattr(numbers, type.kind)).reshape(len(values), *type.shape)
