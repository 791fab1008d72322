"""A `lax.while_loop` that can be differentiated in reverse: its states are written to a tape, and each turn is run
again from there, and back.

The tape has room for a fixed number of states. A loop that may take more turns keeps every `stride`-th state, and the
backward pass runs the turns between two of them once more; memory then grows with the square root of the turns.
A. Griewank and A. Walther, Algorithm 799: revolve, ACM Trans. Math. Softw. 26 (2000) 19, doi:10.1145/347837.347846.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.custom_derivatives import SymbolicZero

#: States that a tape holds before it keeps only some of them.
SLOTS = 256

Leaves = list[Any]
Flags = tuple[tuple[bool, ...], ...]  # of the leaves of carry, sink and constants: a derivative comes to them


def taped_while(
    cond: Callable[[Any], Array],
    body: Callable[[Any, Any, Any], tuple[Any, Any]],
    carry: Any,
    sink: Any,
    consts: Any,
    turns: int,
) -> tuple[Any, Any, Array]:
    """``while cond(carry): carry, sink = body(carry, sink, consts)``, differentiable in all three.

    ``sink`` is written to and never read, so that it need not be kept. ``turns`` is the most turns that the tape has
    room for. Returns the last carry, the sink, and the number of turns: where it is more, derivatives are wrong.
    """
    stride = -(-turns // SLOTS)
    trees = [jax.tree.structure(x) for x in (carry, sink, consts)]
    found: list[Flags] = []  # by the forward pass, for the backward pass

    def flat(c: Leaves, s: Leaves, k: Leaves) -> tuple[Leaves, Leaves]:
        after = body(*(jax.tree.unflatten(t, x) for t, x in zip(trees, (c, s, k), strict=True)))
        return jax.tree.leaves(after[0]), jax.tree.leaves(after[1])

    def going(state: Any) -> Array:
        return cond(jax.tree.unflatten(trees[0], state[0]))

    @jax.custom_vjp
    def run(c: Leaves, s: Leaves, k: Leaves) -> Any:
        return lax.while_loop(going, lambda now: (*flat(now[0], now[1], k), now[2] + 1), (c, s, jnp.int32(0)))

    def forward(*given: Any) -> Any:
        c, s, k = [[x.value for x in leaves] for leaves in given]
        found[:] = [spread(flat, (c, s, k), tuple(tuple(bool(x.perturbed) for x in leaves) for leaves in given))]
        tape = [jnp.zeros((SLOTS + 1, *x.shape), x.dtype) for x in c]  # the last place takes what is not kept

        def turn(now: Any) -> Any:
            c, s, n, tape = now
            place = jnp.where(n % stride == 0, jnp.minimum(n // stride, SLOTS), SLOTS)
            tape = [t.at[place].set(x, mode="promise_in_bounds") for t, x in zip(tape, c, strict=True)]
            return *flat(c, s, k), n + 1, tape

        c, s, n, tape = lax.while_loop(going, turn, (c, s, jnp.int32(0), tape))
        return (c, s, n), (tape, n, s, k)

    def backward(kept: Any, cotangents: Any) -> Any:
        tape, n, s, k = kept
        (flags,) = found
        blank = [jnp.zeros_like(x) for x in s]

        def turn_back(c: Leaves, adjoints: list[Leaves]) -> list[Leaves]:
            """The adjoints before a turn from those after it; constants' adjoints add up."""

            def moved(*xs: Leaves) -> list[Leaves]:
                given = (whole(f, x, y) for f, x, y in zip(flags, xs, (c, blank, k), strict=True))
                return [some(f, y) for f, y in zip(flags[:2], flat(*given), strict=True)]

            _, pull = jax.vjp(moved, *(some(f, x) for f, x in zip(flags, (c, blank, k), strict=True)))
            of_carry, of_sink, more = pull(adjoints[:2])
            return [of_carry, of_sink, [a + b for a, b in zip(adjoints[2], more, strict=True)]]

        def segment(now: Any) -> Any:
            i, adjoints = now
            first = [t[i] for t in tape]
            if stride == 1:
                return i - 1, turn_back(first, adjoints)
            rows = [jnp.zeros((stride, *x.shape), x.dtype).at[0].set(x) for x in first]

            def again(now: Any) -> Any:
                j, c, rows = now
                c, _ = flat(c, blank, k)
                return j + 1, c, [r.at[j + 1].set(x) for r, x in zip(rows, c, strict=True)]

            last = jnp.minimum(n - i * stride, stride) - 1
            _, _, rows = lax.while_loop(lambda now: now[0] < last, again, (jnp.int32(0), first, rows))
            back = lambda now: (now[0] - 1, turn_back([r[now[0]] for r in rows], now[1]))  # noqa: E731
            return i - 1, lax.while_loop(lambda now: now[0] >= 0, back, (last, adjoints))[1]

        primals = ([t[0] for t in tape], s, k)
        start = [[instance(y) for y in some(f, ys)] for f, ys in zip(flags[:2], cotangents[:2], strict=True)]
        start.append([jnp.zeros_like(x) for x in some(flags[2], k)])
        _, adjoints = lax.while_loop(lambda now: now[0] >= 0, segment, ((n + stride - 1) // stride - 1, start))
        return tuple(whole(f, x, [none(y) for y in ys]) for f, x, ys in zip(flags, adjoints, primals, strict=True))

    run.defvjp(forward, backward, symbolic_zeros=True)
    c, s, n = run(*(jax.tree.leaves(x) for x in (carry, sink, consts)))
    return jax.tree.unflatten(trees[0], c), jax.tree.unflatten(trees[1], s), n


def spread(flat: Callable[..., Any], given: Sequence[Leaves], start: Flags) -> Flags:
    """The leaves that a derivative comes to in any turn, from those that it comes to before the first."""
    flags = start
    while True:
        reached: set[tuple[int, int]] = set()

        def once(*given: Leaves, flags: Flags = flags, reached: set[tuple[int, int]] = reached) -> Any:
            def moved(*xs: Leaves) -> Any:
                after = flat(*(whole(f, x, y) for f, x, y in zip(flags, xs, given, strict=True)))
                return [[probe(y, reached, (a, b)) for b, y in enumerate(leaves)] for a, leaves in enumerate(after)]

            xs = tuple(some(f, x) for f, x in zip(flags, given, strict=True))
            return jax.jvp(moved, xs, xs)[0]

        jax.eval_shape(once, *given)
        wider = [tuple(f or (a, b) in reached for b, f in enumerate(flags[a])) for a in range(2)]
        if (*wider, flags[2]) == flags:
            return flags
        flags = (*wider, flags[2])


def probe(x: Any, reached: set[Any], name: Any) -> Any:
    """``x``; notes its name where a derivative comes to it."""
    if not is_real(x):
        return x

    @jax.custom_jvp
    def same(x: Any) -> Any:
        return x

    def note(primals: Any, tangents: Any) -> Any:
        if not isinstance(tangents[0], SymbolicZero):
            reached.add(name)
        return primals[0], primals[0]

    same.defjvp(note, symbolic_zeros=True)
    return same(x)


def is_real(x: Any) -> bool:
    return bool(jnp.issubdtype(x.dtype, jnp.floating))


def some(flags: Sequence[bool], leaves: Sequence[Any]) -> Leaves:
    """Those that a derivative comes to."""
    return [x for f, x in zip(flags, leaves, strict=True) if f]


def whole(flags: Sequence[bool], moving: Sequence[Any], leaves: Sequence[Any]) -> Leaves:
    """The leaves with those that a derivative comes to replaced."""
    source = iter(moving)
    return [next(source) if f else x for f, x in zip(flags, leaves, strict=True)]


def instance(cotangent: Any) -> Array:
    return jnp.zeros(cotangent.shape, cotangent.dtype) if isinstance(cotangent, SymbolicZero) else cotangent


def none(x: Any) -> Any:
    """The cotangent of what no derivative comes to."""
    return jnp.zeros_like(x) if is_real(x) else np.zeros(x.shape, jax.dtypes.float0)
