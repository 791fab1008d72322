"""Branches, loops of static length, plates, and loops of random length."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from hepppl.backends.jax import relaxed
from hepppl.backends.jax.lanes import run_lanes, settle
from hepppl.backends.jax.lowering import Lowering
from hepppl.backends.jax.machine import Address, Machine
from hepppl.backends.jax.value import Val, aligned, apply, batch, is_val, join_trees, once, select, stable_carry
from hepppl.graph import Node, Region

#: JAX's primitives that cost no more than to read their result from memory.
CHEAP = frozenset({
    "abs", "add", "add_any", "and", "broadcast_in_dim", "ceil", "clamp", "convert_element_type", "copy", "eq", "floor",
    "ge", "gt", "integer_pow", "iota", "le", "lt", "max", "min", "mul", "ne", "neg", "not", "or", "reshape", "select_n",
    "shift_left", "shift_right_logical", "sign", "square", "squeeze", "stop_gradient", "sub", "transpose", "xor",
})  # fmt: skip


def lower_branch(lowering: Lowering, m: Machine, node: Node) -> None:
    """Both sides run, each under its mask, and results are selected."""
    (cond,) = node.inputs
    then, other = node.regions
    if cond in lowering.soft:
        relaxed.branch(lowering, m, node)
        return
    producer = lowering.producer.get(cond)
    if producer is None or producer.op != "site":  # a draw is kept already
        m.env[cond] = once(m.env[cond])

    def side(region: Region, holds: Val) -> list[Val]:
        outer = m.push_mask(holds)
        results = lowering.run(m, region)
        m.pop_mask(outer)
        pairs = zip(node.results, region.results, results, strict=True)
        return [relaxed.joined(lowering, result, value, x) for result, value, x in pairs]

    start = m.particles.count if m.particles else None
    # the first side's results wait in the environment, where the second side's candidates reach them
    first = side(then, m.env[cond])
    waiting = [("waiting", node, i) for i in range(len(first))]
    m.env.update(zip(waiting, first, strict=True))
    middle = m.particles.count if m.particles else None
    if m.particles and start is not None:
        m.particles.count = start
    no = side(other, apply(jnp.logical_not, (m.env[cond],), elementwise=True))
    if m.particles and middle is not None:
        m.particles.count = m.particles.count.either(middle)
    for result, key, n in zip(node.results, waiting, no, strict=True):
        m.env[result] = select(m.env[cond], m.env.pop(key), n)


# ---------------------------------------------------------------- the changing part of a machine


def moving(m: Machine, values: list[Val], keys: list[Hashable]) -> dict[str, Any]:
    """What a loop may change, as a carry: its own values, registers, alternatives of what lives on (``keys``), and
    particles."""
    return {
        "values": [strong(v) if is_weak(v) else v for v in values],
        "registers": m.registers,
        "outer": [m.env[k].a for k in keys],
        "particles": m.particles.state() if m.particles else None,
    }


def is_weak(v: Val) -> bool:
    return bool(getattr(v.p, "weak_type", False))


def strong(v: Val) -> Val:
    return apply(lambda x: lax.convert_element_type(x, jnp.asarray(x).dtype), (v,), elementwise=True)


def resume(m: Machine, carry: dict[str, Any], keys: list[Hashable]) -> None:
    """Put a loop carry back into the machine (all but the loop's own values)."""
    m.registers = carry["registers"]
    for key, a in zip(keys, carry["outer"], strict=True):
        v = m.env[key]
        m.env[key] = Val(v.p, v.t, a, v.batched)
    if m.particles:
        m.particles.resume(carry["particles"])


def lower_for(lowering: Lowering, m: Machine, node: Node) -> None:
    (body,) = node.regions
    start, extent = node.attrs["start"], node.attrs["stop"] - node.attrs["start"]
    values = [m.env[v] for v in node.inputs]
    if extent <= 0:
        m.env.update(zip(node.results, values, strict=True))
        return
    offers = lowering.offers_in(body)
    keys: list[Hashable] = list(m.tainted()) if offers else []
    address, saved = m.address, dict(m.env)
    loose = m.particles.loosen() if m.particles else None

    @partial(jax.jit, inline=True)  # traced once for the structure of the carry, and found again by the loop
    def turn(carry: dict[str, Any], i: Array) -> dict[str, Any]:
        m.env = dict(saved)
        if m.particles:
            m.particles.count = loose
        resume(m, carry, keys)
        m.address = address.inside(i, extent)
        index = Val((i + start).astype(jnp.int32), batched=False)
        results = lowering.run(m, body, [index, *carry["values"]])
        if m.registers.reservoir is not None:
            for key, v in enumerate(results):
                m.env[("carried", key)] = v
            m.coalesce()
        return moving(m, results, keys)

    carry = moving(m, values, keys)
    carry = stable_carry(lambda c: turn(c, jnp.int32(0)), carry, m.size, lowering.settings.tangents)

    def scanned(c: dict[str, Any], i: Array) -> tuple[dict[str, Any], None]:
        return join_trees(turn(c, i), c, m.size, lowering.settings.tangents), None

    carry, _ = lax.scan(remembering(lowering, scanned), carry, jnp.arange(extent, dtype=jnp.int32))
    m.env, m.address = saved, address
    resume(m, carry, keys)
    m.env.update(zip(node.results, carry["values"], strict=True))


def remembering(lowering: Lowering, turn: Callable[..., Any]) -> Callable[..., Any]:
    """A loop's turn, of which reverse mode remembers only what is costly to compute again."""
    if not lowering.settings.reverse:
        return turn
    return jax.checkpoint(turn, prevent_cse=False, policy=lambda primitive, *_, **__: primitive.name not in CHEAP)


def lower_plate(lowering: Lowering, m: Machine, node: Node) -> None:
    """Independent repetitions, run in turn; what they bind is stacked along a new leading axis."""
    (body,) = node.regions
    start, extent = node.attrs["start"], node.attrs["stop"] - node.attrs["start"]
    offers = lowering.offers_in(body)
    waiting = ("waiting", node)
    if m.registers.reservoir is not None and m.particles is None:  # whether what is already stacked differs
        nowhere = jnp.zeros((*lowering.layers.shape, m.size), bool)
        m.env[waiting] = Val(jnp.zeros(m.size, bool), None, nowhere)
    keys: list[Hashable] = list(m.tainted()) if offers else [k for k in m.tainted() if k == waiting]
    address, saved = m.address, dict(m.env)
    loose = m.particles.loosen() if m.particles else None

    def turn(carry: dict[str, Any], i: Array) -> tuple[dict[str, Any], tuple[list[Val], Any]]:
        m.env = dict(saved)
        if m.particles:
            m.particles.count = loose
        resume(m, carry, keys)
        m.address = address.inside(i, extent)
        before = m.registers.reservoir.takes if m.registers.reservoir is not None else None
        results = lowering.run(m, body, [Val((i + start).astype(jnp.int32), batched=False)])
        took = None if before is None else m.registers.reservoir.takes != before
        if waiting in m.env:
            earlier = m.env[waiting]
            m.env[waiting] = Val(earlier.p, None, earlier.a | m.differing(results))
        return moving(m, [], keys), (results, took)

    carry = moving(m, [], keys)
    carry = stable_carry(lambda c: turn(c, jnp.int32(0))[0], carry, m.size, lowering.settings.tangents)

    def scanned(c: dict[str, Any], i: Array) -> Any:
        c_out, ys = turn(c, i)
        return join_trees(c_out, c, m.size, lowering.settings.tangents), ys

    carry, (stacked, took) = lax.scan(remembering(lowering, scanned), carry, jnp.arange(extent, dtype=jnp.int32))
    m.env, m.address = saved, address
    resume(m, carry, keys)
    m.env.pop(waiting, None)
    restarted = None
    if took is not None:  # a candidate taken in a later repetition restarts the alternative of the earlier ones
        later = jnp.flip(lax.cummax(jnp.flip(took, 0).astype(jnp.int32), axis=0), 0)
        restarted = jnp.concatenate([later[1:], jnp.zeros_like(later[:1])]).astype(bool)
    behind = len(lowering.layers.shape)
    for result, v in zip(node.results, stacked, strict=True):
        t = None if v.t is None else jnp.moveaxis(v.t, 0, 1)
        a = None if v.a is None else jnp.moveaxis(v.a, 0, behind)
        if a is not None and restarted is not None:
            p = lax.stop_gradient(v.p if v.batched else v.p[..., None])
            again = jnp.moveaxis(restarted, 0, behind)  # (*layers, turns, events)
            a = jnp.where(aligned(again, a), p, a)
        m.env[result] = Val(v.p, t, a, v.batched)


# ---------------------------------------------------------------- loops of random length


def lower_while(lowering: Lowering, m: Machine, node: Node) -> None:
    """At the top of the model the lanes' driver runs the loop, inside other loops and processes a masked loop does."""
    values = [m.env[v] for v in node.inputs]
    cond, body = node.regions
    limit = node.attrs["limit"]
    code = lowering.limit_code(node)
    keys: list[Hashable] = list(m.tainted())
    inside = m.particles is not None or m.address.extent > 1
    nested = inside or (m.size <= lowering.settings.width(m.size) and not lowering.settings.tape)

    def goes_on(w: Machine, values: list[Val], outer_mask: Val | None) -> Val:
        go = batch(lowering.run(w, cond, values)[0], w.size)
        return go if outer_mask is None else apply(jnp.logical_and, (go, outer_mask), elementwise=True)

    def turn(w: Machine, address: Address, carry: dict[str, Any], count: Any) -> dict[str, Any]:
        """One turn of the events that go on: ``w.env`` holds what the loop captures, the carry what it changes."""
        resume(w, carry, keys)
        outside, depth = w.mask_key, w.mask_depth
        outer = w.push_mask(carry["go"])
        w.address = address.inside(count, limit)
        results = lowering.run(w, body, carry["values"])
        go, mask = w.mask, w.env.get(outer) if outer is not None else None
        new = [select(go, n, o) for n, o in zip(results, carry["values"], strict=True)]
        w.pop_mask(outer)
        for i, v in enumerate(new):
            w.env[("carried", i)] = v
        again = apply(jnp.logical_and, (goes_on(w, new, mask), go), elementwise=True)
        w.env["again"] = again
        w.coalesce()
        for i in range(len(new)):
            del w.env[("carried", i)]
        del w.env["again"]
        assert (w.mask_key, w.mask_depth) == (outside, depth)
        return {**moving(w, new, keys), "go": again}

    address, saved = m.address, dict(m.env)
    go = batch(goes_on(m, values, m.mask), m.size)
    m.env = dict(saved)
    carry = {**moving(m, values, keys), "go": go}
    size, tangents = m.size, lowering.settings.tangents
    loose = m.particles.loosen() if m.particles else None

    def on(w: Machine, env: dict[Hashable, Val]) -> None:
        w.env = dict(env)
        if w.particles:
            w.particles.count = loose

    def abstract(c: dict[str, Any]) -> dict[str, Any]:
        on(m, saved)
        return turn(m, address, c, jnp.int32(0))

    carry = stable_carry(abstract, carry, size, tangents)
    carry = {**carry, "values": settle(carry["values"], size)}
    carry = stable_carry(abstract, carry, size, tangents)

    if nested:

        def masked(state: Any) -> Any:
            c, count = state
            on(m, saved)
            return join_trees(turn(m, address, c, count), c, size, tangents), count + 1

        carry, _ = lax.while_loop(lambda s: s[0]["go"].ever.any() & (s[1] < limit), masked, (carry, jnp.int32(0)))
    else:
        lanes = lowering.settings.width(m.size)
        load = {k: saved[k] for k in captures(lowering, m, node, saved)}
        order = list(load)

        def step(loaded: Any, c: Any, scratch: Any, busy: Array, count: Array) -> Any:
            key, index, given = loaded
            env = dict(zip(order, given, strict=True))
            w = Machine(lowering, lanes, replace(address, key=key), c["registers"], env)
            w.mask_key, w.mask_depth = m.mask_key, m.mask_depth
            w.address = replace(w.address, index=index)
            if w.mask_key is not None and w.mask_key not in w.env:
                w.env[w.mask_key] = Val(jnp.ones((), bool), batched=False)
            going = apply(jnp.logical_and, (c["go"], Val(busy)), elementwise=True)
            after = join_trees(turn(w, w.address, {**c, "go": going}, count), c, lanes, tangents)
            ended = ~after["go"].ever | (count + 1 >= limit)
            return {**after, "go": select(Val(busy), after["go"], c["go"])}, scratch, ended  # one at its limit goes on

        index = jnp.broadcast_to(jnp.asarray(address.index, jnp.uint32), (size,))
        task_load = (address.key, index, [load[k] for k in order])
        busy = carry["go"].ever if m.wanted is None else carry["go"].ever & m.wanted
        m.registers = carry["registers"]
        carry = {**carry, "registers": replace(m.registers, turns=None)}
        tape = lowering.settings.tape
        carry, turns = run_lanes(step, task_load, carry, (), carry, lambda s: s, busy, size, lanes, tape)
        m.count_turns(turns)
        carry["registers"] = replace(carry["registers"], turns=m.registers.turns)

    m.env, m.address = saved, address
    resume(m, carry, keys)
    m.env.update(zip(node.results, carry["values"], strict=True))
    m.fault(code, carry["go"])


def captures(lowering: Lowering, m: Machine, node: Node, env: dict[Hashable, Any]) -> list[Hashable]:
    """What a loop body needs of its surroundings: captured values, the mask, and all whose alternatives live on."""
    wanted: dict[Hashable, None] = {}
    for region in node.regions:
        wanted.update(dict.fromkeys(v for v in lowering.graph.captures(region) if v in env))
    wanted.update(dict.fromkeys(v for v in lowering.foreseen(node) if v in env))
    for key, v in env.items():
        named = isinstance(key, tuple) and key[0] in ("param", "data")
        if is_val(v) and (v.a is not None or named or key == m.mask_key):
            wanted[key] = None
    return list(wanted)
