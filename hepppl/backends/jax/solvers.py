"""`argmin` and `root`: solved for each event, differentiated implicitly.

A solution x of g(x, θ) = 0 moves by dx/dθ = -(∂g/∂x)^-1 ∂g/∂θ (the implicit function theorem), whatever was done to
find it. So the search runs once, without derivatives, for the event and for its alternative; `settle` then hangs the
derivatives on what it found. For `argmin` g is the gradient, for `root` the function itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from hepppl.backends.jax.lowering import Lowering
from hepppl.backends.jax.machine import Machine
from hepppl.backends.jax.single import Single
from hepppl.backends.jax.value import Val, apply, carries_points
from hepppl.graph import Node, Value

#: Most steps of a search, and most Newton steps once the value has no more digits to gain.
MINIMISE, ROOT, POLISH = 64, 100, 8


def lower_solution(lowering: Lowering, m: Machine, node: Node) -> None:
    captured = lowering.graph.captures(node.regions[0])
    inputs, around = [m.env[v] for v in node.inputs], [m.env[v] for v in captured]
    solver = Solver(lowering, node, captured)
    there = carries_points()  # then it is solved at each of the points
    still = [Val(lax.stop_gradient(v.p), v.t if there else None, v.a, v.batched) for v in (*inputs, *around)]
    x, code = apply(solver.solve, still)
    for known in sorted(lowering.codes_of(node)):
        m.fault(known, apply(lambda c, known=known: c == known, (code,), elementwise=True))
    values = apply(solver.settle, (x, *around))
    for result, v in zip(node.results, values, strict=True):
        m.env[result] = lowering.cast(v, lowering.dtype("real"))


class Solver:
    """A node of one event: its unknowns as one vector, its function of them and of the values around."""

    def __init__(self, lowering: Lowering, node: Node, captured: tuple[Value, ...]):
        self.lowering, self.node, self.captured = lowering, node, captured
        self.shapes = [v.type.shape for v in node.results]
        self.sizes = [int(np.prod(s, dtype=int)) for s in self.shapes]

    def run(self, x: Array, around: tuple[Any, ...]) -> tuple[Array, Array]:
        """The function's value, and the fault met on the way."""
        single = Single(self.lowering, {v: Val(a, batched=False) for v, a in zip(self.captured, around, strict=True)})
        (value,) = single.run(self.node.regions[0], self.apart(x))
        return jnp.asarray(value, self.lowering.settings.dtype), single.code

    def apart(self, x: Array) -> list[Array]:
        ends = np.cumsum([0, *self.sizes])
        return [x[a:b].reshape(s) for a, b, s in zip(ends[:-1], ends[1:], self.shapes, strict=True)]

    def solve(self, *values: Any) -> tuple[Array, Array]:
        """The unknowns as one vector, and a fault: that of the function there, or that none was found."""
        inputs, around = values[: len(self.node.inputs)], values[len(self.node.inputs) :]
        dtype = self.lowering.settings.dtype

        def function(x: Array) -> Array:
            return self.run(x, around)[0]

        if self.node.op == "root":
            low, high = (jnp.asarray(v, dtype) for v in inputs)
            scalar, found = find_root(lambda u: function(u[None]), low, high)
            x = scalar[None]
        else:
            x = jnp.concatenate([jnp.asarray(v, dtype).reshape(-1) for v in inputs])
            x, found = minimise(function, x)
        inner = self.run(x, around)[1]
        return x, jnp.where(found, inner, jnp.int32(self.lowering.unsolved_code(self.node)))

    def settle(self, x: Array, *around: Any) -> tuple[Array, ...]:
        """The unknowns, one array each, with the derivatives that they have in the values around."""

        def function(x: Array) -> Array:
            return self.run(x, around)[0]

        if self.node.op == "root":
            zero, invert = lambda x: function(x)[None], lambda g, y: y / g(jnp.ones_like(y))
        else:
            zero, invert = jax.jacfwd(function), lambda g, y: _positive(jax.jacfwd(g)(jnp.zeros_like(y)), y)[0]
        x = lax.custom_root(zero, lax.stop_gradient(x), lambda _, x: x, invert)
        return tuple(self.apart(x))


def find_root(f: Callable[[Array], Array], low: Array, high: Array) -> tuple[Array, Array]:
    """The zero of a monotone function between two points, and whether there is one: Newton's step where it stays in the
    bracket and at least halves the step before last, else the middle."""
    eps = jnp.finfo(low.dtype).eps
    f_low, f_high = f(low), f(high)
    found = (jnp.sign(f_low) * jnp.sign(f_high) <= 0) & jnp.isfinite(f_low) & jnp.isfinite(f_high)
    width = jnp.abs(high - low)

    def turn(state: Any) -> Any:
        a, b, x, step, before, _, count, sound = state
        y, slope = jax.jvp(f, (x,), (jnp.ones_like(x),))
        same = jnp.sign(y) == jnp.sign(f_low)
        a, b = jnp.where(same, x, a), jnp.where(same, b, x)
        newton = x - y / slope
        good = (newton >= jnp.minimum(a, b)) & (newton <= jnp.maximum(a, b)) & (jnp.abs(newton - x) <= 0.5 * before)
        new = jnp.where(y == 0, x, jnp.where(good, newton, a + 0.5 * (b - a)))
        moved = jnp.abs(new - x)
        done = moved <= 2 * eps * jnp.abs(new) + eps * eps * width
        return a, b, new, moved, step, done, count + 1, sound & jnp.isfinite(y)

    zero_low, zero_high = f_low == 0, f_high == 0
    first = jnp.where(zero_low, low, jnp.where(zero_high, high, low + 0.5 * (high - low)))
    start = (low, high, first, width, width, ~found | zero_low | zero_high, jnp.int32(0), found)
    end = lax.while_loop(lambda s: ~s[5] & (s[6] < ROOT), turn, start)
    return end[2], end[5] & end[7]


def minimise(f: Callable[[Array], Array], x: Array) -> tuple[Array, Array]:
    """The minimum that is reached from ``x``, and whether one was: Newton's method, damped along the diagonal of the
    second derivatives (Marquardt 1963) where a step does not lead down or they are not positive."""
    eps = jnp.finfo(x.dtype).eps

    def gradient(x: Array) -> tuple[Array, tuple[Array, Array]]:
        g, value = jax.jacfwd(lambda x: (y := f(x), y), has_aux=True)(x)
        return g, (value, g)

    def model(x: Array) -> tuple[Array, Array, Array]:
        h, (value, g) = jax.jacfwd(gradient, has_aux=True)(x)
        return value, g, h

    def turn(state: Any) -> Any:
        x, (value, g, h), damping, scale, polished, count = state
        diagonal = jnp.abs(jnp.diagonal(h))
        diagonal = jnp.where(diagonal > 0, diagonal, jnp.where(g != 0, jnp.abs(g), 1))
        step, positive = _positive(h + damping * jnp.diag(diagonal), -g)
        decrement = jnp.abs(jnp.dot(g, step))
        new = model(x + step)
        sound = positive & jnp.isfinite(new[0]) & jnp.isfinite(new[1]).all() & jnp.isfinite(new[2]).all()
        slack = 32 * eps * (jnp.abs(value) + jnp.abs(new[0])) + 32 * eps * eps * scale
        # Near the minimum the value is all rounding; the gradient still tells whether a step is good.
        better = jnp.where(polished > 0, jnp.abs(jnp.dot(new[1], step)) <= decrement, new[0] <= value + slack)
        good = sound & better
        done = sound & (damping == 0) & (0.5 * decrement <= slack) & jnp.isfinite(value)
        less, more = jnp.where(damping < 1e-3, 0, 0.1 * damping), jnp.maximum(8 * damping, 1e-2)
        x, kept = jax.tree.map(lambda n, o: jnp.where(good, n, o), (x + step, new), (x, (value, g, h)))
        scale = jnp.maximum(scale, jnp.where(good, jnp.abs(new[0]), 0))
        damping = jnp.where(polished > 0, 0, jnp.where(good, less, more))
        ended = (polished > 0) & ~good
        polished = jnp.where(ended, POLISH + 1, polished + (done | (polished > 0)))
        return x, kept, damping, scale, polished, count + 1

    zero = jnp.zeros((), x.dtype)
    nothing = (zero + jnp.inf, jnp.zeros_like(x), jnp.eye(x.size, dtype=x.dtype))  # its step stays at the start
    start = (x, nothing, zero, zero, jnp.int32(0), jnp.int32(0))
    x, kept, _, _, polished, _ = lax.while_loop(lambda s: (s[4] <= POLISH) & (s[5] < MINIMISE), turn, start)
    return x, (polished > 0) & _positive(kept[2], kept[1])[1]


def _positive(a: Array, b: Array) -> tuple[Array, Array]:
    """The solution of a x = b, and whether the symmetric matrix ``a`` is positive definite. Written out, so that a
    batch of small systems costs what its arithmetic does."""
    n = a.shape[0]
    rows: list[list[Any]] = [[None] * n for _ in range(n)]
    pivots = []
    for i in range(n):
        for j in range(i + 1):
            rest = a[i, j] - sum((rows[i][k] * rows[j][k] * pivots[k] for k in range(j)), jnp.zeros((), a.dtype))
            if i == j:
                pivots.append(rest)
            else:
                rows[i][j] = rest / pivots[j]
    y: list[Any] = []
    for i in range(n):
        y.append(b[i] - sum((rows[i][k] * y[k] for k in range(i)), jnp.zeros((), a.dtype)))
    x: list[Any] = [None] * n
    for i in reversed(range(n)):
        x[i] = y[i] / pivots[i] - sum((rows[k][i] * x[k] for k in range(i + 1, n)), jnp.zeros((), a.dtype))
    solution, found = jnp.stack(x), jnp.stack(pivots)
    return solution, ((found > 0) & jnp.isfinite(found)).all() & jnp.isfinite(solution).all()
