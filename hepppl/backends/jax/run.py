"""One batch of events as a pure function of seed, event numbers, parameters and data."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from hepppl.backends.jax import shadows
from hepppl.backends.jax.gradients import controls, influenced, least_variance, raw_outputs, shares
from hepppl.backends.jax.lowering import Lowering
from hepppl.backends.jax.machine import Address, Machine, Registers, Sum, empty_reservoir
from hepppl.backends.jax.random import event_keys
from hepppl.backends.jax.value import Val, batch, kept, spread
from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepPlanError

Seed = tuple[Array, Array]  # low and high word
Numbers = tuple[Array, Array]  # low and high words of event numbers, (events,) each


@dataclass(frozen=True)
class Wrt:
    """The parameters that gradients are taken with respect to: each a slice of one flat axis."""

    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(int(np.prod(s, dtype=int)) for s in self.shapes)

    @property
    def total(self) -> int:
        return sum(self.sizes)

    def seeds(self, dtype: np.dtype) -> dict[str, Array]:
        """Unit tangents: for each parameter (total, *shape)."""
        eye = np.eye(self.total, dtype=dtype)
        ends = np.cumsum([0, *self.sizes])
        return {
            name: jnp.asarray(eye[:, a:b].reshape(self.total, *shape))
            for name, shape, a, b in zip(self.names, self.shapes, ends[:-1], ends[1:], strict=True)
        }


def start(lowering: Lowering, size: int, seed: Seed, numbers: Numbers, inputs: Mapping[Hashable, Val]) -> Machine:
    settings = lowering.settings
    address = Address(event_keys(seed, numbers, settings.rounds), jnp.uint32(0), 1)
    estimators = []
    for numerics in lowering.numerics:
        states = jax.tree.map(lambda x: jnp.full(size, x, settings.dtype), numerics.init())
        estimators.append(jax.tree.map(Val, states))
    reservoir = None
    if lowering.offers:
        reservoir = empty_reservoir(lowering, address.key, size, True)
    weighted = any(node.op in ("weight", "require") for node in lowering.graph.nodes())
    weight = Val(jnp.ones(size, settings.dtype)) if weighted else None
    steps = jnp.zeros(size, jnp.int32) if lowering.counts_steps else None
    most = jnp.zeros(size, jnp.int32) if lowering.keeps else None
    joint = Sum.zero((settings.tangents, size), settings.dtype) if settings.joint else None
    turns = jnp.int32(0) if settings.tape else None
    registers = Registers(jnp.zeros(size, jnp.int32), weight, tuple(estimators), reservoir, steps, most, joint, turns)
    return Machine(lowering, size, address, registers, inputs)


def rows_of(values: np.ndarray, first: int, used: int, size: int) -> np.ndarray:
    """The rows of ``size`` events from number ``first`` on, as the last axis; where only ``used`` of them are asked
    for, the last one of these stands for the others."""
    at = np.minimum(np.arange(first, first + size), first + used - 1)
    return np.moveaxis(values[at], 0, -1)


def run_events(
    lowering: Lowering,
    size: int,
    seed: Seed,
    numbers: Numbers,
    params: Mapping[str, Any],
    data: Mapping[str, Any],
    wanted: Array,
    tangents: Mapping[str, Array] | None = None,
    batched: Collection[str] = (),
) -> Machine:
    """Run the model for a batch. ``params`` are unbatched, those in ``batched`` (*shape, size): every event has its
    own. ``wanted`` (size,): the events asked for, which come first; the lanes' driver leaves the others out."""
    tangents = dict(tangents or {})
    tangents |= {k: spread(t, size) for k, t in tangents.items() if k in batched and t.ndim == params[k].ndim}
    inputs: dict[Hashable, Val] = {("param", k): Val(v, tangents.get(k), None, k in batched) for k, v in params.items()}
    inputs |= {("data", k): Val(v, batched=False) for k, v in data.items()}
    m = start(lowering, size, seed, numbers, inputs)
    m.wanted = wanted
    lowering.run(m, lowering.program.body)

    def again(other: Lowering) -> Machine:
        return run_events(other, size, seed, numbers, params, data, wanted, tangents, batched)

    shadows.follow(lowering, m, again, raw_outputs)
    return m


def simulate(
    lowering: Lowering,
    size: int,
    seed: Seed,
    numbers: Numbers,
    params: Any,
    data: Any,
    wanted: Array,
    own: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Outputs (*shape, size), weight (size,) or None, fault (size,), largest kept collection (size,) or None. ``own``:
    the parameters of which every event has its own."""
    m = run_events(lowering, size, seed, numbers, params, data, wanted, batched=own)
    outputs = {o.name: batch(m.env[o.value], size).p for o in lowering.program.outputs}
    weight = None if m.registers.weight is None else m.registers.weight.p
    return {"outputs": outputs, "weight": weight, "fault": m.registers.fault, "most": m.registers.most}


def forward(
    lowering: Lowering, size: int, wrt: Wrt, seed: Seed, numbers: Numbers, params: Any, data: Any, wanted: Array
) -> dict[str, Any]:
    """Raw outputs (*shape, size) and one gradient estimate per event, (parameters, *shape, size), tangents carried."""
    m = run_events(lowering, size, seed, numbers, params, data, wanted, wrt.seeds(lowering.settings.dtype))
    raw = raw_outputs(lowering, m)
    if not all(metadata.pathwise for metadata in lowering.metadata):  # an output is used in each estimator's share
        raw = jax.tree.map(kept, raw)
    zero = {name: jnp.zeros((wrt.total, *value.p.shape), value.p.dtype) for name, value in raw.items()}
    control = {key: v.t for key, v in controls(lowering, m).items() if v.t is not None}
    gradient = {}
    for name, value in raw.items():
        share = shares(lowering, m, name, value)
        own = zero[name] if share.alone.t is None else share.alone.t
        slopes = [t for (group, _), t in control.items() if influenced(lowering, group, name)]
        slopes += [v.t for v in share.gaps.values() if v.t is not None]
        gradient[name] = least_variance(own, slopes, wanted)
        if share.rest is not None and share.rest.t is not None:
            gradient[name] += share.rest.t
    outputs = {k: v.p for k, v in raw.items()}
    return {"outputs": outputs, "gradient": gradient, "fault": m.registers.fault, "most": m.registers.most}


def pilot(
    lowering: Lowering, size: int, wrt: Wrt, seed: Seed, numbers: Numbers, params: Any, data: Any, wanted: Array
) -> dict[str, Any]:
    """What decided which candidate an event kept, and what its alternative changed: ``noted`` (see `Reservoir`),
    ``total`` weight, the norm of the ``slope`` over the kept candidate's weight, and ``change`` of each output."""
    tangents = wrt.seeds(lowering.settings.dtype)
    if (
        lowering.settings.tangents < wrt.total
    ):  # one direction stands for all: its square is that of the norm, on average
        signs = np.random.default_rng(0).choice([-1.0, 1.0], wrt.total).astype(lowering.settings.dtype)
        tangents = {k: jnp.tensordot(signs, t, 1)[None] for k, t in tangents.items()}
    m = run_events(lowering, size, seed, numbers, params, data, wanted, tangents)
    reservoir, raw = m.registers.reservoir, raw_outputs(lowering, m)
    assert reservoir is not None
    assert reservoir.chosen.t is not None
    alive = reservoir.total > 0
    change = {k: jnp.where(alive, v.a - v.p, 0) if v.a is not None else jnp.zeros_like(v.p) for k, v in raw.items()}
    slope = jnp.sqrt(jnp.sum(reservoir.chosen.t**2, 0))
    found = {"noted": reservoir.noted, "total": reservoir.total, "slope": slope, "change": change}
    return {**found, "most": m.registers.most}


def reverse(
    lowering: Lowering, size: int, wrt: Wrt, seed: Seed, numbers: Numbers, params: Any, data: Any, wanted: Array
) -> dict[str, Any]:
    """The same by one backward pass per output, control variate and second estimate, for all elements of an output at
    once. Every event gets its own copy of the parameters, so that the pass gives each event's gradient and not their
    sum."""
    moving = {k: jnp.broadcast_to(params[k][..., None], (*jnp.shape(params[k]), size)) for k in wrt.names}

    def surrogate(moving: dict[str, Array]) -> Any:
        m = run_events(lowering, size, seed, numbers, {**params, **moving}, data, wanted, batched=wrt.names)
        raw = raw_outputs(lowering, m)
        parts = {name: shares(lowering, m, name, value) for name, value in raw.items()}
        alone = {name: part.alone.p for name, part in parts.items()}
        rest = {name: part.rest.p for name, part in parts.items() if part.rest is not None}
        control = {key: v.p for key, v in controls(lowering, m).items()}
        gaps = {(name, group): v.p for name, part in parts.items() for group, v in part.gaps.items()}
        if not control and not gaps:  # then one pass serves both
            alone, rest = {name: alone[name] + rest[name] if name in rest else alone[name] for name in alone}, {}
        return (alone, rest, control, gaps), ({k: v.p for k, v in raw.items()}, m.registers.fault)

    (alone, rest, control, gaps), pull, (outputs, fault) = jax.vjp(surrogate, moving, has_aux=True)
    zero = jax.tree.map(jnp.zeros_like, (alone, rest, control, gaps))

    def estimates(part: int, key: Any) -> Array:
        """Each event's derivatives of one of the surrogates, (parameters, *shape, events)."""
        shape = zero[part][key].shape
        count = int(np.prod(shape[:-1], dtype=int))

        def element(one_hot: Array) -> Array:
            one = jnp.broadcast_to(one_hot[:, None], (count, size)).reshape(shape).astype(zero[part][key].dtype)
            (grads,) = pull(tuple({**z, key: one} if i == part else z for i, z in enumerate(zero)))
            return jnp.concatenate([grads[k].reshape(-1, size) for k in wrt.names])

        return each(element, jnp.eye(count, dtype=lowering.settings.dtype)).reshape(wrt.total, *shape)

    controlling = {key: estimates(2, key) for key in control}
    gradient = {}
    for name in alone:
        slopes = [s for (group, _), s in controlling.items() if influenced(lowering, group, name)]
        slopes += [estimates(3, key) for key in gaps if key[0] == name]
        gradient[name] = least_variance(estimates(0, name), slopes, wanted)
    for name in rest:
        gradient[name] += estimates(1, name)
    return {"outputs": outputs, "gradient": gradient, "fault": fault}


def each(element: Callable[[Array], Array], rows: Array) -> Array:
    """``element`` of every row, (parameters, rows, …), going back through the program once."""
    return element(rows[0])[:, None] if len(rows) == 1 else jax.vmap(element, out_axes=1)(rows)


def adds_up(lowering: Lowering) -> bool:
    """Whether the gradient of a sum over events can be taken as one: no estimator needs that of each event."""
    return not any(served.doubles or served.controls(served.init()) for served in lowering.numerics)


def taped(
    lowering: Lowering, size: int, wrt: Wrt, seed: Seed, numbers: Numbers, params: Any, data: Any, wanted: Array
) -> dict[str, Any]:
    """Raw outputs (*shape, size), and the gradient estimates of all events added up, (parameters, *shape, 1), by one
    backward pass through loops of random length too. ``turns`` (1,): what the longest of them took; the gradient is
    wrong where that is more than the tape has room for."""

    def surrogate(moving: dict[str, Array]) -> Any:
        m = run_events(lowering, size, seed, numbers, {**params, **moving}, data, wanted)
        raw = raw_outputs(lowering, m)

        def total(name: str, value: Val) -> Array:
            share = shares(lowering, m, name, value)
            if share.gaps or controls(lowering, m):
                text = "reverse mode through `while` loops and processes makes no gradients of single events"
                hint = "the optimal baseline and a blend need them: use others, or mode='forward'"
                raise HepPlanError(Diagnostic("E608", text, hints=(hint,)))
            both = share.alone.p if share.rest is None else share.alone.p + share.rest.p
            return jnp.where(wanted, both, 0).sum(-1)

        sums = {name: total(name, value) for name, value in raw.items()}
        registers = m.registers
        assert registers.turns is not None
        return sums, ({k: v.p for k, v in raw.items()}, registers.fault, registers.most, registers.turns[None])

    sums, pull, (outputs, fault, most, turns) = jax.vjp(surrogate, {k: params[k] for k in wrt.names}, has_aux=True)
    zero = jax.tree.map(jnp.zeros_like, sums)

    def estimates(name: str) -> Array:
        def element(one_hot: Array) -> Array:
            (grads,) = pull({**zero, name: one_hot.reshape(sums[name].shape)})
            return jnp.concatenate([grads[k].reshape(-1) for k in wrt.names])

        return each(element, jnp.eye(sums[name].size, dtype=sums[name].dtype)).reshape(wrt.total, *sums[name].shape, 1)

    gradient = {name: estimates(name) for name in sums}
    return {"outputs": outputs, "gradient": gradient, "fault": fault, "most": most, "turns": turns}
