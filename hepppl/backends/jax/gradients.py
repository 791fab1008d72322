"""From a finished run to one gradient estimate per event and output."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from hepppl.backends.jax.lowering import Lowering
from hepppl.backends.jax.machine import Machine
from hepppl.backends.jax.value import Val, apply, batch, is_val

WEIGHT = "weight"  # the name of the output E[weight]
GROUPS = 32  # a multiple of a control variate is fitted on the other groups of a batch


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


@dataclass(frozen=True)
class Shares:
    """The surrogate of an output in two parts, (*shape, events) each: its derivative is one event's gradient estimate.
    ``rest``, where there is one, is what estimators without a control variate contribute: it may use other events."""

    alone: Val
    rest: Val | None


def shares(lowering: Lowering, m: Machine, name: str, raw: Val) -> Shares:
    flat = raw.p.reshape(-1, m.size)
    controlled = controls(lowering, m)
    alone, rest = Val(flat, None if raw.t is None else raw.t.reshape(raw.t.shape[0], *flat.shape)), None
    for group, numerics in enumerate(lowering.numerics):
        if influenced(lowering, group, name):

            def contribution(state: Any, numerics: Any = numerics) -> Array:
                one = lambda f: jnp.broadcast_to(numerics.contribution(state, BatchEvent(f, m.wanted)), f.shape)  # noqa: E731
                return jax.vmap(one)(flat)

            share = of_state(m, group, contribution)
            if group in controlled:
                alone = plus(alone, share)
            else:
                rest = share if rest is None else plus(rest, share)
    reservoir = m.registers.reservoir
    if reservoir is not None and raw.a is not None:
        gap = reservoir.total * (lax.stop_gradient(raw.a - raw.p)).reshape(-1, m.size)
        gap = jnp.where(reservoir.total > 0, gap, 0)
        chosen = reservoir.chosen
        t = None if chosen.t is None else gap * chosen.t[:, None, :]
        alone = plus(alone, Val(gap * chosen.p, t))

    def shaped(v: Val) -> Val:
        return Val(v.p.reshape(raw.p.shape), None if v.t is None else v.t.reshape(v.t.shape[0], *raw.p.shape))

    return Shares(shaped(alone), None if rest is None else shaped(rest))


def of_state(m: Machine, group: int, fn: Callable[[Any], Array]) -> Val:
    """A function of the state that a group's estimator has at the end of the run."""
    leaves, tree = jax.tree.flatten(m.registers.estimators[group], is_leaf=is_val)
    return lifted(lambda *ps: fn(jax.tree.unflatten(tree, ps)), leaves)


def controls(lowering: Lowering, m: Machine) -> dict[int, Val]:
    """The control variates of the groups that have one, (events,)."""
    found = {}
    for group, numerics in enumerate(lowering.numerics):
        state = jax.tree.map(lambda v: v.p, m.registers.estimators[group], is_leaf=is_val)
        if numerics.control(state) is not None:

            def control(state: Any, numerics: Any = numerics) -> Array:
                return jnp.where(True if m.wanted is None else m.wanted, numerics.control(state), 0)

            found[group] = of_state(m, group, control)
    return found


def least_variance(lowering: Lowering, name: str, estimates: Array, slopes: Mapping[int, Array]) -> Array:
    """Estimates (parameters, *shape, events), less the multiples of the control variates' derivatives ``slopes``
    (parameters, events) that leave least variance.

    With G the estimate and s a control variate's derivative, E[s] = 0, that multiple is E[G s] / E[s²]. Every event has
    its own, from other events of its batch, and so independent of its s. The control variates of different sites are
    uncorrelated (each has expectation zero given what was drawn before), so that each is fitted alone.
    """
    left = estimates
    for group, slope in slopes.items():
        if influenced(lowering, group, name):
            s = slope.reshape(slope.shape[0], *[1] * (estimates.ndim - 2), slope.shape[-1])
            square = others(s * s)
            product = others(jnp.where(s == 0, 0, estimates * s))  # events that were not asked for may hold NaN
            multiple = jnp.where(square > 0, product / jnp.where(square > 0, square, 1), 0)
            left = left - multiple * s
    return left


def others(x: Array) -> Array:
    """For each element of the last axis, the sum of those whose index is different modulo `GROUPS`: all but itself, in
    a small batch. Nothing is subtracted, so that one large element does not spoil the sum that leaves it out."""
    n = x.shape[-1]
    rows = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, -n % GROUPS)]).reshape(*x.shape[:-1], -1, GROUPS)
    apart = 1 - jnp.eye(GROUPS, dtype=x.dtype)  # a matrix product, since XLA would repeat what goes into a second sum
    sums = jnp.matmul(rows.sum(-2), apart, precision="highest")
    return jnp.broadcast_to(sums[..., None, :], rows.shape).reshape(*x.shape[:-1], -1)[..., :n]


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
