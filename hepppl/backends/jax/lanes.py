"""The driver of tasks of random length: W lanes work through a queue and take the next task when they are idle.

`jax.vmap(lax.while_loop)` makes every lane wait for the longest task. Here cost follows the mean: when enough lanes
have finished, their results are stored and they are loaded again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from hepppl.backends.jax.value import Val, is_val, spread

#: A lane waits for others until this fraction of the lanes is idle.
REFILL = 8
#: Steps between two looks at how many are.
STRIDE = 4


def gather(tree: Any, task: Array) -> Any:
    """The entries of the tasks ``task`` of a tree of `Val`s and arrays; what has no batch axis stays as it is."""

    def pick(x: Any) -> Any:
        if not is_val(x):
            return x[..., task]
        if x.batched:
            return Val(*(None if y is None else y[..., task] for y in (x.p, x.t, x.a)))
        return Val(x.p, x.t, None if x.a is None else x.a[..., task], batched=False)

    return jax.tree.map(pick, tree, is_leaf=is_val)


def refresh(fresh: Array, new: Any, old: Any) -> Any:
    """``new`` where ``fresh``, for everything that has a lane axis."""

    def choose(n: Any, o: Any) -> Any:
        def pick(a: Any, b: Any) -> Any:
            return None if a is None else jnp.where(fresh, a, b)

        if not is_val(n):
            return pick(n, o)
        if n.batched:
            return Val(pick(n.p, o.p), pick(n.t, o.t), pick(n.a, o.a))
        return Val(n.p, n.t, pick(n.a, o.a), batched=False)

    return jax.tree.map(choose, new, old, is_leaf=is_val)


def settle(tree: Any, size: int) -> Any:
    """Give every `Val` of a tree a batch axis."""

    def put(x: Any) -> Any:
        if not is_val(x) or x.batched:
            return x
        return Val(spread(x.p, size), None if x.t is None else spread(x.t, size), x.a)

    return jax.tree.map(put, tree, is_leaf=is_val)


def run_lanes(
    step: Callable[[Any, Any, Any, Array, Array], tuple[Any, Any, Array]],
    load: Any,
    start: Any,
    scratch: Any,
    out: Any,
    result: Callable[[Any], Any],
    active: Array | None,
    size: int,
    lanes: int,
) -> Any:
    """Run ``size`` tasks on ``lanes`` lanes until all are done; returns ``result(state)`` of each task at its end.

    ``load`` (a tree with a trailing task axis) is read-only and given to a lane with its task; ``start`` (the same) is
    the state a task begins with. ``scratch`` (a tree with a trailing lane axis) belongs to the lane and survives from
    task to task. ``out`` is what tasks that are not ``active`` return. ``step(load, state, scratch, busy, age)``
    advances every lane once and returns the new state, the new scratch and which lanes have finished their task;
    ``age`` (int32, a lane) counts the steps before; lanes that are not ``busy`` may compute anything.
    """
    if active is None:
        order, count = jnp.arange(size, dtype=jnp.int32), jnp.int32(size)
    else:
        order = jnp.argsort(jnp.logical_not(active), stable=True).astype(jnp.int32)
        count = active.sum(dtype=jnp.int32)

    # one more entry takes what lanes without a task would store
    out = jax.tree.map(lambda x: jnp.concatenate([x, x[..., :1]], -1), out)

    def store(out: Any, task: Array, state: Any) -> Any:
        return jax.tree.map(lambda o, v: o.at[..., task].set(v, mode="promise_in_bounds"), out, result(state))

    def refill(args: Any) -> Any:
        queue, task, done, loaded, state, out = args
        out = store(out, jnp.where(done, task, size), state)
        number = queue + jnp.cumsum(done, dtype=jnp.int32) - 1
        fresh = done & (number < count)
        source = jnp.where(fresh, order[jnp.minimum(number, size - 1)], 0)
        new = gather((load, start), source)
        # a lane that finds the queue empty keeps task = size: whatever it stores is thrown away
        task = jnp.where(done, jnp.where(fresh, source, size), task)
        loaded, state = refresh(fresh, new, (loaded, state))
        return jnp.minimum(queue + done.sum(dtype=jnp.int32), count), task, done & ~fresh, loaded, state, out

    def turn(carry: Any) -> Any:
        queue, task, done, loaded, state, scratch, out, clock, since = carry
        since = jnp.where(done, clock, since)
        queue, task, done, loaded, state, out = refill((queue, task, done, loaded, state, out))
        enough = jnp.where(queue < count, -(-lanes // REFILL), lanes)

        def advance(_: Any, moving: Any) -> Any:
            done, state, scratch, clock = moving
            state, scratch, finished = step(loaded, state, scratch, ~done, clock - since)
            return done | finished, state, scratch, clock + 1

        done, state, scratch, clock = lax.while_loop(
            lambda moving: moving[0].sum(dtype=jnp.int32) < enough,
            lambda moving: lax.fori_loop(0, STRIDE, advance, moving),
            (done, state, scratch, clock),
        )
        return queue, task, done, loaded, state, scratch, out, clock, since

    idle, nobody = jnp.ones(lanes, bool), jnp.full(lanes, size, jnp.int32)
    empty = gather((load, start), jnp.zeros(lanes, jnp.int32))
    clock = jnp.int32(0)
    carry = (jnp.int32(0), nobody, idle, *empty, scratch, out, clock, jnp.zeros(lanes, jnp.int32))
    # lanes that are done at the end still wait to be stored; the loop ends when no lane is busy and the queue is empty
    _, task, _, _, state, _, out, *_ = lax.while_loop(lambda c: ~c[2].all() | (c[0] < count), turn, carry)
    return jax.tree.map(lambda x: x[..., :size], store(out, task, state))
