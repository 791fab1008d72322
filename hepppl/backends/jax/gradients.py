"""From a finished run to one gradient estimate per event and output."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from hepppl.backends.jax.lowering import Lowering
from hepppl.backends.jax.machine import Machine
from hepppl.backends.jax.value import Val, apply, batch, is_val

WEIGHT = "weight"  # the name of the output E[weight]


class BatchEvent:
    """A batch of finished events, for one output (`hepppl.plugin.Event`). Events that were not asked for have not run:
    they are no part of its means."""

    def __init__(self, value: Array, wanted: Array | None):
        self._counted = jnp.ones(value.shape, bool) if wanted is None else wanted
        self.value = lax.stop_gradient(jnp.where(self._counted, value, 0))

    def leave_one_out_mean(self) -> Array:
        others = jnp.maximum(jnp.sum(self._counted) - 1, 1)
        return (jnp.sum(self.value) - self.value) / others


def raw_outputs(lowering: Lowering, m: Machine) -> dict[str, Val]:
    """The outputs whose expectations are taken: w·f for every output f, and the weight w where there is one."""
    real = lowering.settings.dtype
    outputs = {
        o.name: batch(lowering.cast(m.env[o.value], real), m.size)
        for o in lowering.program.outputs
        if o.name not in lowering.jagged
    }
    weight = m.registers.weight
    if weight is None:
        return outputs
    weighted = {name: apply(lambda w, f: w * f, (weight, f)) for name, f in outputs.items()}
    return {**weighted, WEIGHT: weight}


def influenced(lowering: Lowering, group: int, name: str) -> bool:
    influences = lowering.groups[group].influences
    return name in influences or WEIGHT in influences


def shares(lowering: Lowering, m: Machine, name: str, raw: Val) -> Val:
    """The surrogate of an output, (*shape, events): its derivative is one event's gradient estimate."""
    flat = raw.p.reshape(-1, m.size)
    total = Val(flat, None if raw.t is None else raw.t.reshape(raw.t.shape[0], *flat.shape))
    for group, numerics in enumerate(lowering.numerics):
        if influenced(lowering, group, name):
            leaves, tree = jax.tree.flatten(m.registers.estimators[group], is_leaf=is_val)

            def contribution(*ps: Array, numerics: Any = numerics, tree: Any = tree) -> Array:
                state = jax.tree.unflatten(tree, ps)
                one = lambda f: jnp.broadcast_to(numerics.contribution(state, BatchEvent(f, m.wanted)), f.shape)  # noqa: E731
                return jax.vmap(one)(flat)

            total = plus(total, lifted(contribution, leaves))
    reservoir = m.registers.reservoir
    if reservoir is not None and raw.a is not None:
        gap = reservoir.total * (lax.stop_gradient(raw.a - raw.p)).reshape(-1, m.size)
        gap = jnp.where(reservoir.total > 0, gap, 0)
        chosen = reservoir.chosen
        t = None if chosen.t is None else gap * chosen.t[:, None, :]
        total = plus(total, Val(gap * chosen.p, t))
    return Val(
        total.p.reshape(raw.p.shape),
        None if total.t is None else total.t.reshape(total.t.shape[0], *raw.p.shape),
    )


def plus(x: Val, y: Val) -> Val:
    if x.t is None or y.t is None:
        return Val(x.p + y.p, y.t if x.t is None else x.t)
    return Val(x.p + y.p, x.t + y.t)


def lifted(fn: Any, vals: list[Val]) -> Val:
    """Apply a function of whole batches, with derivatives where the arguments carry some."""
    primals = [v.p for v in vals]
    active = [i for i, v in enumerate(vals) if v.t is not None]
    if not active:
        return Val(fn(*primals))

    def of_active(*xs: Array) -> Array:
        full = list(primals)
        for i, x in zip(active, xs, strict=True):
            full[i] = x
        return fn(*full)

    xs = tuple(primals[i] for i in active)
    t = jax.vmap(lambda *ds: jax.jvp(of_active, xs, ds)[1])(*(vals[i].t for i in active))
    return Val(fn(*primals), t)
