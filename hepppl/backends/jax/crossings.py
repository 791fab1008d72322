"""The values of a site at which comparisons flip, computed when the site is visited."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from jax import Array

from hepppl.backends.jax import inverses
from hepppl.backends.jax.value import Val, apply, batch, select
from hepppl.graph import Crossing, Expr, Value, constant

if TYPE_CHECKING:
    from hepppl.backends.jax.lowering import Lowering
    from hepppl.backends.jax.machine import Machine

#: Operations that the analysis makes up.
MADE: Mapping[str, Callable[..., Any]] = {
    "add": jnp.add, "sub": jnp.subtract, "mul": jnp.multiply, "div": inverses.quotient, "eq": jnp.equal,
}  # fmt: skip


def reads(crossing: Crossing) -> frozenset[Value]:
    """The values that a crossing is computed from."""
    parts = [crossing.target, *crossing.coefficients, *(e for e, _ in crossing.guards)]
    parts += [other for step in crossing.steps for other in step.others]
    return frozenset().union(*(e.leaves for e in parts))


def thresholds(lowering: Lowering, m: Machine, crossings: tuple[Crossing, ...]) -> list[Val]:
    """The values of a site at which it crosses, each a scalar or a vector, NaN where there is none. They carry
    derivatives and no alternative: alternatives do not have their own."""
    done: dict[Expr, Val] = {}

    def known(e: Expr) -> Val:
        if e not in done:
            done[e] = evaluate(e)
        return done[e]

    def evaluate(e: Expr) -> Val:
        if e.value is not None:
            return leaf(lowering, m, e.value)
        if e.op == "number":
            dtype = lowering.dtype("int" if isinstance(e.number, int) else "real")
            return Val(jnp.asarray(e.number, dtype), batched=False)
        args = [known(arg) for arg in e.args]
        return apply(MADE[e.op], args, elementwise=True) if e.node is None else lowering.operation(e.node, args)

    def solutions(crossing: Crossing) -> list[Val]:
        real = lowering.settings.dtype
        found = [lowering.cast(known(crossing.target), real)]
        for step in crossing.steps:
            others = [lowering.cast(known(other), real) for other in step.others]
            found = [x for y in found for x in apply(inverses.undo(step), (y, *others), elementwise=True)]
        if [constant(c) for c in crossing.coefficients] != [0, 1]:
            given = [lowering.cast(known(c), real) for c in crossing.coefficients]
            solve = inverses.linear if len(given) == 2 else inverses.quadratic
            found = [x for y in found for x in apply(solve, (y, *given), elementwise=True)]
        if crossing.guards:
            nowhere = Val(jnp.asarray(jnp.nan, real), batched=False)
            for e, holds in crossing.guards:
                true = known(e)
                found = [select(true, x, nowhere) if holds else select(true, nowhere, x) for x in found]
        return found

    return [x for crossing in crossings for x in solutions(crossing)]


#: Thresholds compared pair by pair for coincidences: more are not looked at.
COMPARED = 16
#: Relative difference of derivatives that is put down to rounding.
ROUNDING = 1e-3


def coincident(found: list[Val], size: int) -> Array | None:
    """Where two thresholds are equal and move differently: between them lies no value at which the one comparison has
    flipped and the other has not, so that their jumps cannot be told apart. None where that cannot be (or, in reverse
    mode, cannot be seen)."""
    rows = [row for v in found for row in _rows(batch(v, size))][:COMPARED]
    if len(rows) < 2 or all(t is None for _, t in rows):
        return None
    same = jnp.zeros(size, bool)
    for i, (p, t) in enumerate(rows):
        for q, s in rows[:i]:
            t_, s_ = (jnp.zeros((1, size)) if x is None else x for x in (t, s))
            apart = jnp.abs(t_ - s_) > ROUNDING * jnp.maximum(jnp.abs(t_), jnp.abs(s_))
            same = same | ((p == q) & apart.any(0))
    return same


def _rows(v: Val) -> list[tuple[Array, Array | None]]:
    size = v.p.shape[-1]
    flat = v.p.reshape(-1, size)
    slopes = None if v.t is None else v.t.reshape(v.t.shape[0], -1, size)
    return [(row, None if slopes is None else slopes[:, i]) for i, row in enumerate(flat)]


def leaf(lowering: Lowering, m: Machine, value: Value) -> Val:
    """A value that is known where the machine is, without its alternative."""
    v = m.env.get(value)
    if v is None and m.particles is not None:
        v = m.particles.captured.get(value)
    if v is None:
        node = lowering.producer[value]
        assert node.op in ("param", "data"), f"{value} is not known yet"
        v = m.env[(node.op, node.attrs["name"])]
    return Val(v.p, v.t, None, v.batched)
