"""One event with its plates side by side: `Lanes`, a machine whose batch axis runs over plates and sums.

The JAX back end's `Machine` follows a batch of events. Here there is one event, and the batch axis is what its plates
and the values summed over span together, the outermost first.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from jax import Array

from hepppl.backends.jax.machine import Address, Machine, Registers
from hepppl.backends.jax.value import Val
from hepppl.graph import Node

if TYPE_CHECKING:
    from hepppl.backends.numpyro.density import Density


@dataclass(frozen=True)
class Axis:
    """``node``: the plate, or the site whose values are summed over."""

    node: Node
    size: int

    @property
    def summed(self) -> bool:
        return self.node.op == "site"


class Lanes(Machine):
    """``axes``: what the lanes span. ``turns``: the turn of each loop around that is written out, by loop. ``density``:
    the log-density of each lane that could not be given to NumPyro site by site."""

    def __init__(
        self,
        lowering: Density,
        axes: tuple[Axis, ...],
        turns: Mapping[Node, int],
        env: Mapping[Hashable, Val],
        registers: Registers | None = None,
    ):
        size = 1
        for axis in axes:
            size *= axis.size
        nowhere = Address((jnp.uint32(0), jnp.uint32(0)), jnp.uint32(0), 1)
        super().__init__(lowering, size, nowhere, registers or Registers(jnp.zeros(size, jnp.int32), None, (), None))
        self.env = dict(env)
        self.axes, self.turns = axes, dict(turns)
        self.density: Array | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(axis.size for axis in self.axes)

    def once(self, x: Array) -> Array:
        """An array over the lanes that does not depend on what is summed over, with an axis for each plate."""
        x = jnp.broadcast_to(x, (self.size,)).reshape(self.shape)
        return x[tuple(0 if axis.summed else slice(None) for axis in self.axes)]

    def spread(self, x: Array) -> Array:
        """The reverse: an array with an axis for each plate as one over the lanes."""
        for position, axis in enumerate(self.axes):
            if axis.summed:
                x = jnp.expand_dims(x, position)
        return jnp.broadcast_to(x, self.shape).reshape(self.size)

    def add(self, density: Array) -> None:
        """Add to the log-density of each lane."""
        density = jnp.broadcast_to(density, (self.size,))
        self.density = density if self.density is None else self.density + density

    def split(self, node: Node, values: Array) -> Val:
        """Give each lane one for each of a site's values; returns the site's value in each."""
        count = len(values)
        before = self.size

        def repeated(v: Val) -> Val:
            return Val(jnp.repeat(v.p, count, axis=-1)) if v.batched else v

        self.env = {key: repeated(v) for key, v in self.env.items()}
        self.registers = replace(self.registers, fault=jnp.repeat(self.registers.fault, count))
        self.density = None if self.density is None else jnp.repeat(self.density, count)
        self.axes, self.size = (*self.axes, Axis(node, count)), before * count
        return Val(jnp.tile(values, before))

    def summed(self, outer: int) -> Array | None:
        """The log-density with what was split since there were ``outer`` axes summed over; those axes stay last."""
        if self.density is None:
            return None
        density = self.density.reshape(self.shape)
        over = tuple(i for i, axis in enumerate(self.axes) if axis.summed and i >= outer)
        return jax.nn.logsumexp(density, axis=over) if over else density

    def without(self, v: Val, outer: int) -> Array:
        """A batched value without the axes split since there were ``outer``; their first values stand for all."""
        p = v.p.reshape(*v.p.shape[:-1], *self.shape)
        first = v.p.ndim - 1
        for position in reversed(range(outer, len(self.axes))):
            if self.axes[position].summed:
                p = p[(slice(None),) * (first + position) + (0,)]
        return p
