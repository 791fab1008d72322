"""An event whose particles several lanes follow: an idle one takes the oldest waiting sibling of another.

That sibling's subtree is a part of the event of its own: what it draws is addressed by particle, and it stands as high
in the event's stack as if it had been followed in turn. Each part accumulates by itself, and parts are put together as
they end, in any order: only what does not depend on that order may be accumulated so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from hepppl.backends.jax.stack import Words, popped
from hepppl.backends.jax.value import Val, join_trees
from hepppl.graph import Node

if TYPE_CHECKING:
    from hepppl.backends.jax.machine import Registers
    from hepppl.backends.jax.processes import Run, Track


#: So many siblings wait where the oldest is likely to be a large part of an event.
DEEP = 8


def divisible(run: Run, track: Track) -> bool:
    """Whether parts of an event may be followed apart: all that it accumulates is the same in any order, and nothing is
    drawn or chosen along the way of the event as a whole."""
    registers = track.registers
    whole = (track.choice, registers.reservoir, registers.weight, registers.joint, registers.turns)
    alone = all(x is None for x in whole) and not jax.tree.leaves(registers.estimators)
    plain = all(v.t is None and v.a is None for acc in track.accumulators for v in acc)
    return alone and plain and not run.weighs and all(_orderless(run, r) for r in run.reduces)


def _orderless(run: Run, reduce: Node) -> bool:
    kind = reduce.attrs["kind"]
    if kind == "hist":  # of entries that count one each
        (region,) = reduce.regions
        ones = {n.results[0] for n in region.nodes if n.op == "const" and n.attrs["value"] == 1}
        return region.results[1] in ones
    return kind in _JOIN or (kind == "sum" and np.issubdtype(run.dtypes(reduce)[0], np.integer))


#: How two parts' accumulators become that of both.
_JOIN = {"count": "add", "min": "min", "max": "max", "any": "max", "all": "min"}


def parted_track(track: Track) -> Track:
    """Tasks that may be divided, before they begin: with steps counted, and faults apart from earlier ones."""
    registers, zero = track.registers, jnp.zeros_like(track.height)
    steps = zero if registers.steps is None else registers.steps
    return replace(track, floor=zero, registers=replace(registers, steps=steps, fault=zero))


def of_part(after: Registers, before: Registers, late: Array) -> Registers:
    """After a step of a part: its largest fault, and one step too many where it is given up (``late``)."""
    assert after.steps is not None
    return replace(after, fault=jnp.maximum(before.fault, after.fault), steps=after.steps + late)


def whole_registers(found: Registers, before: Registers, late: int, most: int) -> Registers:
    """Of events whose parts have been put together. ``late``: the fault of more than ``most`` steps in all."""
    assert found.steps is not None
    fault = jnp.where(found.steps > most, late, found.fault)
    fault = jnp.where(before.fault == 0, fault, before.fault)
    return replace(found, fault=fault, steps=None if before.steps is None else found.steps)


@dataclass(frozen=True)
class Parts:
    """The parts of a process's events (`hepppl.backends.jax.lanes.Division`)."""

    run: Run
    capacity: int
    lanes: int

    def spare(self, state: Track, large: Array) -> Array:
        assert state.floor is not None
        return state.height > state.floor + jnp.where(large, DEEP, 0)

    def give(self, state: Track, givers: Array) -> Track:
        assert state.floor is not None
        return replace(state, floor=state.floor + givers)

    def part(self, state: Track, stack: Words, giver: Array) -> Track:
        assert state.floor is not None
        lanes, settings = self.lanes, self.run.lowering.settings
        floor = state.floor[giver]
        particle = popped(stack, giver * (self.capacity + 1) + floor, state.particle, settings.reverse)
        zero = jnp.zeros(lanes, jnp.int32)
        registers = replace(
            state.registers, fault=zero, steps=zero, most=None if state.registers.most is None else zero
        )
        first = None if state.first is None else jnp.zeros(lanes, bool)
        part = replace(
            state, particle=particle, height=floor, floor=floor, accumulators=self.run.empty(lanes),
            registers=registers, first=first,
        )  # fmt: skip
        return join_trees(part, state, lanes, settings.tangents)

    def join(self, out: Any, task: Array, result: Any) -> Any:
        """Results with those of parts of ``task`` put in. Of several faults the last in the table is kept."""

        def put(how: str, whole: Array | None, part: Array | None) -> Array | None:
            return None if whole is None else getattr(whole.at[..., task], how)(part, mode="promise_in_bounds")

        (wholes, registers, choice), (parts, more, _) = out, result
        accumulators = [
            [Val(put(_JOIN.get(reduce.attrs["kind"], "add"), w.p, p.p)) for w, p in zip(whole, part, strict=True)]
            for reduce, whole, part in zip(self.run.reduces, wholes, parts, strict=True)
        ]
        registers = replace(
            registers, fault=put("max", registers.fault, more.fault), steps=put("add", registers.steps, more.steps),
            most=put("max", registers.most, more.most),
        )  # fmt: skip
        return accumulators, registers, choice

    def blank(self, result: Any, size: int, active: Array | None) -> Any:
        """Where parts are put in: nothing yet in the tasks that are ``active``."""
        accumulators, registers, choice = result

        def clear(empty: Any, given: Any) -> Any:
            return empty if active is None else jax.tree.map(lambda e, g: jnp.where(active, e, g), empty, given)

        zero = jnp.zeros(size, jnp.int32)
        registers = replace(
            registers, steps=clear(zero, registers.steps),
            most=None if registers.most is None else clear(zero, registers.most),
        )  # fmt: skip
        return clear(self.run.empty(size), accumulators), registers, choice
