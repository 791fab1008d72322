"""The state of a batch while its program runs: values, masks, addresses and registers.

Tracing a program calls JAX operations on a `Machine`'s values in program order. Loops turn the machine's changing part
(`Machine.moving`) into a loop carry and back.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jax import Array

from hepppl.backends.jax.random import DRAW, threefry2x32, uniform
from hepppl.backends.jax.value import Val, aligned, apply, batch, is_val, select

if TYPE_CHECKING:
    from hepppl.backends.jax.lowering import Lowering
    from hepppl.backends.jax.particles import Particles
    from hepppl.backends.jax.shadows import Shadows

MASK = "mask"


@jax.tree_util.register_dataclass
@dataclass
class Reservoir:
    """The one candidate kept of each event: architecture of the engine in docs, "one alternative per event". Where an
    event has several alternatives (`hepppl.backends.jax.layers`) each has its own, along an axis that comes first.

    ``total``: sum of the selection weights of the candidates that are still alive. ``chosen``: the kept candidate's
    potential times coefficient over its weight; its derivative times ``total`` times (f(alternative) - f) is the
    contribution. ``takes`` counts how often the candidate was replaced (None inside a process).
    ``draw``: a uniform for the next decision. ``owner``: the group of sites that the kept candidate comes from, where
    that matters. ``noted``: in a pilot run, (2 + features, events): of the kept candidate the site's number, the
    importance and the features.
    """

    total: Array
    chosen: Val
    takes: Array | None
    draw: Array
    owner: Array | None
    noted: Array | None = None


def empty_reservoir(lowering: Lowering, key: tuple[Array, Array], size: int, counts: bool) -> Reservoir:
    """Nothing kept. ``key``: of the uniforms that decide; ``counts``: how often something is taken."""
    layers, settings = lowering.layers, lowering.settings
    zero = jnp.zeros((*layers.shape, size), settings.dtype)
    t = jnp.zeros((settings.tangents, *zero.shape), settings.dtype) if settings.tangents else None
    words, _ = threefry2x32(*key, DRAW, layers.numbers, settings.rounds)
    takes = jnp.zeros(zero.shape, jnp.int32) if counts else None
    owner = jnp.full(zero.shape, -1, jnp.int32) if lowering.owned else None
    noted = jnp.full((2 + lowering.steering.noting, size), -1, settings.dtype) if settings.pilot else None
    return Reservoir(zero, Val(zero, t), takes, uniform(words, settings.dtype), owner, noted)


@jax.tree_util.register_dataclass
@dataclass
class Sum:
    """A sum of many terms, (terms, events), and what rounding has left out of it (Knuth's two-sum: the error of each
    addition is known exactly, and added up beside)."""

    value: Array
    left: Array

    @classmethod
    def zero(cls, shape: tuple[int, ...], dtype: Any) -> Sum:
        return cls(jnp.zeros(shape, dtype), jnp.zeros(shape, dtype))

    def plus(self, x: Array) -> Sum:
        value = self.value + x
        other = value - self.value
        left = self.left + ((self.value - (value - other)) + (x - other))
        return Sum(value, jnp.where(jnp.isfinite(value), left, 0))


@jax.tree_util.register_dataclass
@dataclass
class Registers:
    """What an event accumulates beside its values. ``fault``: 0, or 1 + index of its first fault in the fault table.
    ``steps``: particle steps taken, where more than one run of a process shares the limit of them. ``most``: elements
    of the largest collection that is kept. ``joint``: of what was drawn, the derivatives of the log-density, or its
    excess at other points over that of the event. ``turns``: of the longest loop on tape (`hepppl.backends.jax.tape`).
    """

    fault: Array
    weight: Val | None
    estimators: tuple[Any, ...]
    reservoir: Reservoir | None
    steps: Array | None = None
    most: Array | None = None
    joint: Sum | None = None
    turns: Array | None = None


@dataclass
class Address:
    """Where the program is, for random numbers. ``index`` is the mixed-radix loop index, ``extent`` its range (static);
    inside a process ``step`` is the particle's step counter."""

    key: tuple[Array, Array]
    index: Any
    extent: int
    step: Array | None = None

    def counter(self) -> Any:
        if self.step is None:
            return jnp.asarray(self.index, jnp.uint32)
        return self.step * jnp.uint32(self.extent % 2**32) + jnp.asarray(self.index, jnp.uint32)

    def inside(self, i: Any, extent: int) -> Address:
        """The address of iteration ``i`` (from 0) of a loop of ``extent`` iterations."""
        index = jnp.asarray(self.index, jnp.uint32) * jnp.uint32(extent) + jnp.asarray(i).astype(jnp.uint32)
        return replace(self, index=index, extent=self.extent * extent)


class Machine:
    """A batch of ``size`` events (or lanes) in the middle of the program."""

    def __init__(
        self,
        lowering: Lowering,
        size: int,
        address: Address,
        registers: Registers,
        env: Mapping[Hashable, Val] | None = None,
        particles: Particles | None = None,
    ):
        self.lowering, self.size, self.address, self.registers = lowering, size, address, registers
        self.env: dict[Hashable, Val] = dict(env or {})
        self.particles = particles
        self.wanted: Array | None = None  # the events of the batch that were asked for; None means all
        self.shadows: Shadows | None = None  # the same events with relaxed values, at the end of a run
        self.mask_key: Hashable | None = None
        self.mask_depth = 0
        if MASK in self.env:
            self.mask_key = MASK

    def count_turns(self, turns: Array | None) -> None:
        """Remember the longest loop on tape."""
        if turns is not None:
            assert self.registers.turns is not None
            self.registers = replace(self.registers, turns=jnp.maximum(self.registers.turns, turns))

    # ------------------------------------------------------------ randomness

    def words(self, number: int) -> tuple[Array, Array]:
        return threefry2x32(*self.address.key, number, self.address.counter(), self.lowering.settings.rounds)

    # ------------------------------------------------------------ masks

    @property
    def mask(self) -> Val | None:
        """Which events are here: None means all of them, in the event and in the alternative."""
        return None if self.mask_key is None else self.env[self.mask_key]

    @property
    def here(self) -> Array | None:
        """Which events are here, in the event itself (not in the alternative); with a batch axis."""
        mask = self.mask
        return None if mask is None else batch(mask, self.size).p

    def push_mask(self, cond: Val) -> Hashable | None:
        """Go on where ``cond`` holds too; returns what `pop_mask` needs."""
        outer = self.mask_key
        mask = cond if outer is None else apply(jnp.logical_and, (self.env[outer], cond), elementwise=True)
        self.mask_depth += 1
        self.mask_key = (MASK, self.mask_depth)
        self.env[self.mask_key] = mask
        return outer

    def pop_mask(self, outer: Hashable | None) -> None:
        assert self.mask_key is not None
        del self.env[self.mask_key]
        self.mask_key = outer
        self.mask_depth -= 1

    # ------------------------------------------------------------ faults and weights

    def fault(self, code: int, where: Val) -> None:
        """Note fault ``code`` for the events where ``where`` holds, in the event or in its alternative."""
        mask = self.mask
        if mask is not None:
            where = apply(jnp.logical_and, (mask, where), elementwise=True)
        hit, registers = where.ever, self.registers
        fault = jnp.where(hit & (registers.fault == 0), jnp.int32(code), registers.fault)
        self.registers = replace(registers, fault=fault)

    def multiply_weight(self, factor: Val) -> None:
        self._set_weight(apply(jnp.multiply, (self._weight, factor), elementwise=True))

    def require(self, cond: Val) -> None:
        zero = Val(jnp.zeros((), self.lowering.settings.dtype), batched=False)
        self._set_weight(select(cond, self._weight, zero))

    @property
    def _weight(self) -> Val:
        assert self.registers.weight is not None
        return self.registers.weight

    def _set_weight(self, weight: Val) -> None:
        mask = self.mask
        if mask is not None:
            weight = select(mask, weight, self._weight)
        self.registers = replace(self.registers, weight=batch(weight, self.size))

    # ------------------------------------------------------------ the alternative

    def tainted(self) -> dict[Hashable, Val]:
        """Live values that may differ in the alternative."""
        return {k: v for k, v in self.env.items() if is_val(v) and v.a is not None}

    def restart_alternative(self, take: Array) -> None:
        """Where ``take``, forget the old alternative: it becomes the event itself."""
        for key, v in self.tainted().items():
            p = jax.lax.stop_gradient(batch(v, self.size).p)
            self.env[key] = Val(v.p, v.t, jnp.where(aligned(take, v.a), p, v.a), v.batched)
        w = self.registers.weight
        if w is not None and w.a is not None:
            self.registers = replace(self.registers, weight=Val(w.p, w.t, jnp.where(take, w.p, w.a), w.batched))

    def coalesce(self) -> None:
        """Drop the alternatives that have become equal to their event in everything still alive."""
        reservoir = self.registers.reservoir
        if reservoir is None or self.particles is not None:
            return
        values = list(self.tainted().values())
        if self.registers.weight is not None and self.registers.weight.a is not None:
            values.append(self.registers.weight)
        total = jnp.where(self.differing(values), reservoir.total, 0)
        self.registers = replace(self.registers, reservoir=replace(reservoir, total=total))

    def differing(self, values: Iterable[Val]) -> Array:
        """Which events have an alternative that differs in one of these values, (*layers, events)."""
        shape = (*self.lowering.layers.shape, self.size)
        differs = jnp.zeros(shape, bool)
        for v in values:
            if v.a is not None:
                unequal = jax.lax.stop_gradient(batch(v, self.size).p) != v.a
                differs = differs | unequal.reshape(*shape[:-1], -1, self.size).any(-2)
        return differs
