"""Reductions of collections that are kept in arrays: their elements one after another, as if they were emitted now."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import Array, lax

from hepppl.backends.jax import reductions
from hepppl.backends.jax.loops import moving, resume
from hepppl.backends.jax.lowering import Lowering
from hepppl.backends.jax.machine import Machine
from hepppl.backends.jax.value import apply, batch, join_trees, stable_carry
from hepppl.graph import Node, Tensor


def lower_fold(lowering: Lowering, m: Machine, node: Node) -> None:
    """``node``: the number of elements, the arrays of the fields, captured values; made by `kept`.

    The loop ends with the longest collection of the batch, and adds in the order of the elements: a sum over more room
    has the same bits.
    """
    kind, settings, fields = node.attrs["kind"], lowering.settings, node.attrs["fields"]
    if kind == "jagged" and settings.gradient:  # an output of varying length has no expectation
        return
    (region,), type_ = node.regions, node.results[0].type
    assert isinstance(type_, Tensor)
    count = batch(m.env[node.inputs[0]], m.size)
    arrays = [m.env[v] for v in node.inputs[1 : 1 + fields]]
    captured = [m.env[v] for v in node.inputs[1 + fields :]]
    start = reductions.empty(node, m.size, lowering.dtype(type_.kind), settings.dtype, settings.capacity)
    saved = dict(m.env)

    def turn(carry: dict[str, Any], i: Array) -> dict[str, Any]:
        m.env = dict(saved)
        resume(m, carry, [])
        active = apply(lambda n: i < n, (count,), elementwise=True)
        outer = m.push_mask(active)
        element = lowering.run(m, region, [*(apply(lambda x: element_of(x, i), (x,)) for x in arrays), *captured])
        m.pop_mask(outer)
        edges = captured[-1] if kind == "hist" else None
        return moving(m, reductions.add(node, carry["values"], element, edges, active, m.size), [])

    carry = moving(m, start, [])
    carry = stable_carry(lambda c: turn(c, jnp.int32(0)), carry, m.size, settings.tangents)

    def step(state: tuple[dict[str, Any], Array]) -> tuple[dict[str, Any], Array]:
        c, i = state
        return join_trees(turn(c, i), c, m.size, settings.tangents), i + 1

    most = jnp.minimum(jnp.maximum(count.p, count.alt).max(), settings.capacity)
    carry, _ = lax.while_loop(lambda state: state[1] < most, step, (carry, jnp.int32(0)))
    m.env = saved
    resume(m, carry, [])
    m.env[node.results[0]] = reductions.finish(node, carry["values"])
    full = reductions.overflows(node, carry["values"])
    if full is not None:
        m.fault(lowering.room_code(node), full)


def element_of(x: Array, i: Array) -> Array:
    return lax.dynamic_index_in_dim(x, i, 0, keepdims=False)
