"""The driver of tasks of random length: W lanes work through a queue and take the next task when they are idle.

`jax.vmap(lax.while_loop)` makes every lane wait for the longest task. Here cost follows the mean: when enough lanes
have finished, their results are stored and they are loaded again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import jax
import jax.numpy as jnp
from jax import Array, lax

from hepppl.backends.jax.tape import taped_while
from hepppl.backends.jax.value import Val, apart, is_val, kept_index, spread

#: A lane waits for others until this fraction of the lanes is idle.
REFILL = 8
#: Lanes that can divide tasks among them.
MOST = 0xFFFF
#: Steps between two looks at how many are idle.
STRIDE = 4
#: Steps between two loadings where the loop is to be differentiated in reverse.
TAPED = 16


class Division(Protocol):
    """How a task that has begun is divided: a part of what is left of it becomes the task of another lane."""

    def spare(self, state: Any, large: Array) -> Array:
        """Which lanes have a part to give; while tasks are left in the queue a ``large`` one."""

    def give(self, state: Any, givers: Array) -> Any:
        """The lanes' states when ``givers`` have given one."""

    def part(self, state: Any, scratch: Any, giver: Array) -> Any:
        """The state that each lane begins the part of the lane ``giver`` with."""

    def join(self, out: Any, task: Array, result: Any) -> Any:
        """The results ``out`` with ``result`` put in as a part of the result of ``task``, in whatever order."""


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


def parted(tree: Any) -> tuple[Any, Any]:
    """A tree in two: what has a lane axis, and what is the same for all (None in the other's places)."""
    leaves, shape = jax.tree.flatten(tree, is_leaf=is_val)
    same = [is_val(x) and not x.batched and x.a is None for x in leaves]
    lanes = jax.tree.unflatten(shape, [None if s else x for x, s in zip(leaves, same, strict=True)])
    return lanes, [x if s else None for x, s in zip(leaves, same, strict=True)]


def whole(lanes: Any, same: list[Any], like: Any) -> Any:
    """What `parted` took apart; ``like``: the tree before."""
    shape = jax.tree.structure(like, is_leaf=is_val)
    found = iter(jax.tree.leaves(lanes, is_leaf=is_val))
    return jax.tree.unflatten(shape, [next(found) if x is None else x for x in same])


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
    tape: int = 0,
    length: Array | None = None,
    division: Division | None = None,
    leading: bool = False,
) -> tuple[Any, Array | None]:
    """Run ``size`` tasks on ``lanes`` lanes until all are done; returns ``result(state)`` of each task at its end.

    ``load`` (a tree with a trailing task axis) is read-only and given to a lane with its task; ``start`` (the same) is
    the state a task begins with. ``scratch`` (a tree with a trailing lane axis) belongs to the lane and survives from
    task to task. ``out`` is what tasks that are not ``active`` return. ``step(load, state, scratch, busy, age)``
    advances every lane once and returns the new state, the new scratch and which lanes have finished their task;
    ``age`` (int32, a lane) counts the steps before; lanes that are not ``busy`` keep what ``result`` reads, and
    may compute anything else. ``length`` grows with the steps that a task takes, as far as that can be told: the
    longest come first, so that none begins where the others end. ``division``: idle lanes take parts of the others'
    tasks, while the queue lasts only large ones; ``out`` is then what results are put into. ``leading``: the active
    tasks come first.

    With a ``tape`` for that many turns of `TAPED` steps the results can be differentiated in reverse; how many turns
    were taken comes back too.
    """
    order, count = None, jnp.int32(size)  # None: as they are numbered
    if length is not None:
        first = -jnp.nan_to_num(lax.stop_gradient(length))
        order = jnp.argsort(first if active is None else jnp.where(active, first, jnp.inf), stable=True)
        order = order.astype(jnp.int32)
        count = count if active is None else active.sum(dtype=jnp.int32)
    elif active is not None and leading:
        count = active.sum(dtype=jnp.int32)
    elif active is not None:
        rank = jnp.cumsum(active, dtype=jnp.int32)
        place = jnp.where(active, rank - 1, size)
        order = jnp.zeros(size, jnp.int32).at[place].set(jnp.arange(size, dtype=jnp.int32), mode="drop")
        count = rank[-1]

    # one more entry takes what lanes without a task would store
    out = jax.tree.map(lambda x: jnp.concatenate([x, x[..., :1]], -1), out)
    tasks, same = parted(load)
    consts = (tasks, same, start, order)

    def store(out: Any, task: Array, state: Any) -> Any:
        if division:
            return division.join(out, task, result(state))
        return jax.tree.map(lambda o, v: o.at[..., task].set(v, mode="promise_in_bounds"), out, result(state))

    def refill(args: Any, scratch: Any, count: Array, consts: Any) -> Any:
        tasks, _, start, order = consts
        queue, task, done, loaded, state, out = args
        out = store(out, jnp.where(done, task, size), state)
        if division is None:
            rank, parts = jnp.cumsum(done, dtype=jnp.int32), 0
            number = queue + rank - 1
            fresh = done & (number < count)
            source = jnp.where(fresh, number if order is None else order[jnp.minimum(number, size - 1)], 0)
            given_to, begun = gather((tasks, start), source)
        else:
            gives = ~done & division.spare(state, queue < count)
            ranks = jnp.cumsum(gives.astype(jnp.uint32) + (done.astype(jnp.uint32) << 16))  # at once, as `MOST` allows
            given, rank = (ranks & MOST).astype(jnp.int32), (ranks >> 16).astype(jnp.int32)
            parts = jnp.minimum(rank[-1], given[-1])
            number = queue + rank - parts - 1
            fresh, takes = apart(done & (rank > parts) & (number < count), done & (rank <= parts))
            lane = jnp.arange(lanes, dtype=jnp.int32)
            givers = jnp.zeros(lanes, jnp.int32).at[jnp.where(gives, given - 1, lanes)].set(lane, mode="drop")
            giver = givers[jnp.where(takes, rank - 1, 0)]
            source = jnp.where(fresh, number if order is None else order[jnp.clip(number, 0, size - 1)], 0)
            source = kept_index(jnp.where(takes, task[giver], source))
            given_to, begun = gather((tasks, start), source)
            begun = refresh(takes, division.part(state, scratch, giver), begun)
            state = division.give(state, gives & (given <= parts))
            fresh = fresh | takes
        # a lane that finds nothing to do keeps task = size: whatever it stores is thrown away
        task = jnp.where(done, jnp.where(fresh, source, size), task)
        loaded, state = refresh(done, (given_to, begun), (loaded, state))
        return jnp.minimum(queue + rank[-1] - parts, count), task, done & ~fresh, loaded, state, out

    def advance(loaded: Any, same: list[Any], since: Array, moving: Any) -> Any:
        done, state, scratch, clock = moving
        state, scratch, finished = step(whole(loaded, same, load), state, scratch, ~done, clock - since)
        return done | finished, state, scratch, clock + 1

    def turn(carry: Any) -> Any:
        queue, task, done, loaded, state, scratch, clock, since, count, out = carry
        since = jnp.where(done, clock, since)
        queue, task, done, loaded, state, out = refill((queue, task, done, loaded, state, out), scratch, count, consts)
        enough, begin = some if division else jnp.where(queue < count, some, lanes), clock

        def going(moving: Any) -> Array:
            few = moving[0].sum(dtype=jnp.int32) < enough
            return few | (moving[3] == begin) if division else few

        done, state, scratch, clock = lax.while_loop(
            going,
            lambda moving: lax.fori_loop(0, STRIDE, lambda _, m: advance(loaded, same, since, m), moving),
            (done, state, scratch, clock),
        )
        return queue, task, done, loaded, state, scratch, clock, since, count, out

    def taped_turn(carry: Any, out: Any, consts: Any) -> Any:
        queue, task, done, loaded, state, scratch, clock, since, count = carry
        since = jnp.where(done, clock, since)
        queue, task, done, loaded, state, out = refill((queue, task, done, loaded, state, out), scratch, count, consts)
        done, state, scratch, clock = lax.fori_loop(
            0, TAPED, lambda _, m: advance(loaded, consts[1], since, m), (done, state, scratch, clock)
        )
        return (queue, task, done, loaded, state, scratch, clock, since, count), out

    some = -(-lanes // REFILL)
    idle, nobody = jnp.ones(lanes, bool), jnp.full(lanes, size, jnp.int32)
    empty = jax.tree.map(lambda x: jnp.zeros((*x.shape[:-1], lanes), x.dtype), (tasks, start))
    carry = (jnp.int32(0), nobody, idle, *empty, scratch, jnp.int32(0), jnp.zeros(lanes, jnp.int32), count)

    def unfinished(carry: Any) -> Array:
        """A lane is busy, or the queue is not empty."""
        return ~carry[2].all() | (carry[0] < carry[8])

    def unstored(carry: Any) -> Array:
        """Goes on for a turn in which lanes are only stored: that is cheaper to compile than to store once more."""
        return (carry[1] < size).any() | (carry[0] < carry[8])

    if tape:
        carry, out, turns = taped_while(unfinished, taped_turn, carry, out, consts, tape)
        out = store(out, carry[1], carry[4])
    else:
        *_, out = lax.while_loop(unstored, turn, (*carry, out))
        turns = None
    return jax.tree.map(lambda x: x[..., :size], out), turns
