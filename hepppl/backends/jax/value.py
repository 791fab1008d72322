"""`Val`: one value of a batch of events, with its derivative and its alternative.

The batch axis is last, so that a scalar per event is a flat vector. A value that is the same for every event
(parameters, constants, loop indices) has no batch axis until something needs it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

_AT_POINTS: ContextVar[bool] = ContextVar("_AT_POINTS", default=False)


@contextmanager
def at_points() -> Iterator[None]:
    """While a program is traced in here, the ``t`` of its values holds no derivatives: it holds the values themselves
    as they would be at other parameters, ``(points, *p.shape)``, and None where they would be the same. What decides
    (booleans and integers) is that of the event."""
    token = _AT_POINTS.set(True)
    try:
        yield
    finally:
        _AT_POINTS.reset(token)


def carries_points() -> bool:
    return _AT_POINTS.get()


@jax.tree_util.register_pytree_node_class
class Val:
    """``p``: the value, ``(*shape, batch)`` or ``(*shape,)``. ``t``: its derivative along each of the parameters that
    forward mode carries, ``(parameters, *p.shape)``, or None where there is none (`at_points` makes it the value at
    other parameters). ``a``: its value in the event's alternative, always with a batch axis, or None where the
    alternative cannot differ. Where an event has several alternatives, ``a`` has one more axis, which comes first."""

    __slots__ = ("a", "batched", "p", "t")

    def __init__(self, p: Any, t: Any = None, a: Any = None, batched: bool = True):
        self.p, self.t, self.a, self.batched = p, t, a, batched

    def tree_flatten(self) -> tuple[tuple[Any, Any, Any], bool]:
        return (self.p, self.t, self.a), self.batched

    @classmethod
    def tree_unflatten(cls, batched: bool, children: Sequence[Any]) -> Val:
        return cls(*children, batched=batched)

    def __repr__(self) -> str:
        marks = ("t" if self.t is not None else "") + ("a" if self.a is not None else "")
        return f"Val({jnp.shape(self.p)}{' ' + marks if marks else ''}{'' if self.batched else ' unbatched'})"

    @property
    def layered(self) -> bool:
        """Whether there are several alternatives."""
        return self.a is not None and self.a.ndim > jnp.ndim(self.p) + (not self.batched)

    @property
    def ever(self) -> Any:
        """Of a truth: whether it holds in the event or in an alternative of it."""
        if self.a is None:
            return self.p
        return self.p | (self.a.any(0) if self.layered else self.a)

    @property
    def alt(self) -> Any:
        """The value in the alternative (the value itself where they cannot differ), without derivative."""
        return lax.stop_gradient(self.p if self.a is None else self.a)


def is_val(x: Any) -> bool:
    return isinstance(x, Val)


def spread(x: Any, size: int) -> Array:
    """Give an unbatched array its batch axis."""
    x = jnp.asarray(x)
    return jnp.broadcast_to(x[..., None], (*x.shape, size))


def batch(v: Val, size: int) -> Val:
    """The same value with a batch axis."""
    if v.batched:
        return v
    return Val(spread(v.p, size), None if v.t is None else spread(v.t, size), v.a)


def aligned(x: Array, like: Array) -> Array:
    """``x`` (*layers, events), to go with ``like`` (*layers, *shape, events)."""
    return x.reshape(*x.shape[:-1], *[1] * (like.ndim - x.ndim), x.shape[-1])


def mapped(fn: Callable[..., Any], batched: Sequence[bool], elementwise: bool) -> Callable[..., Any]:
    """``fn`` of one event as a function of a batch. ``elementwise``: it broadcasts, and the batch is another axis:
    `vmap` would put that first, and XLA would let half of a network follow."""
    if not any(batched):
        return fn
    if elementwise:
        return lambda *xs: fn(*(x if b or jnp.ndim(x) == 0 else x[..., None] for x, b in zip(xs, batched, strict=True)))
    return jax.vmap(fn, in_axes=tuple(-1 if b else None for b in batched), out_axes=-1)


def apply(fn: Callable[..., Any], vals: Sequence[Val], elementwise: bool = False) -> Any:
    """Apply a function of one event to values: in the event, in its derivative and in its alternative.

    ``fn`` may return one array or a tuple of arrays. ``elementwise`` promises that it broadcasts.
    """
    flags = [v.batched for v in vals]
    run = mapped(fn, flags, elementwise)
    primals = [v.p for v in vals]
    out = run(*primals)
    many = isinstance(out, tuple)
    outs = out if many else (out,)

    tangents: Sequence[Any] = [None] * len(outs)
    active = [i for i, v in enumerate(vals) if v.t is not None and jnp.issubdtype(jnp.result_type(v.p), jnp.floating)]
    if active:

        def of_active(*xs: Any) -> Any:
            full = list(primals)
            for i, x in zip(active, xs, strict=True):
                full[i] = x
            ys = run(*full)
            ys = ys if many else (ys,)
            return tuple(y for y in ys if jnp.issubdtype(y.dtype, jnp.floating))

        if carries_points():
            ts = jax.vmap(of_active)(*(vals[i].t for i in active))
        else:
            xs = tuple(primals[i] for i in active)
            ts = jax.vmap(lambda *ds: jax.jvp(of_active, xs, ds)[1])(*(vals[i].t for i in active))
        moving = iter(ts)
        tangents = [next(moving) if jnp.issubdtype(y.dtype, jnp.floating) else None for y in outs]

    alternatives: Sequence[Any] = [None] * len(outs)
    if any(v.a is not None for v in vals):
        run_alt = mapped(fn, [f or v.a is not None for f, v in zip(flags, vals, strict=True)], elementwise)
        if any(v.layered for v in vals):
            run_alt = jax.vmap(run_alt, in_axes=tuple(0 if v.layered else None for v in vals))
        alt = run_alt(*(v.alt for v in vals))
        alternatives = alt if many else (alt,)

    size = next((jnp.shape(v.p)[-1] for v in vals if v.batched), None)
    results = tuple(
        Val(y, t, a, batched=size is not None) for y, t, a in zip(outs, tangents, alternatives, strict=True)
    )
    return results if many else results[0]


def everywhere(fn: Callable[..., Any], vals: Sequence[Val]) -> tuple[Array, Array | None]:
    """A function of one event that gives an array of any type: in the event, and at the points ``(points, …)`` (None
    where it cannot differ there)."""
    flags = [v.batched for v in vals]
    run = mapped(fn, flags, False)
    here = run(*(v.p for v in vals))
    if all(v.t is None for v in vals):
        return here, None
    axes = tuple(None if v.t is None else 0 for v in vals)
    return here, jax.vmap(run, in_axes=axes)(*(v.p if v.t is None else v.t for v in vals))


def strict(fn: Callable[..., Any], elementwise: bool = False) -> Callable[..., Any]:
    """``fn`` for reverse mode: where no derivative comes to what it returns, none goes on to its operands (``fn`` of
    one event; or element by element, of arrays of one shape). Without it a branch not taken, or a lane that is done,
    may give 0 · inf = NaN."""

    @jax.custom_vjp
    def run(*xs: Any) -> Any:
        return fn(*xs)

    def forward(*xs: Any) -> Any:
        return jax.vjp(fn, *xs)

    def backward(pull: Any, cotangents: Any) -> Any:
        zero = [ct == 0 for ct in jax.tree.leaves(cotangents) if ct.dtype != jax.dtypes.float0]
        nothing = functools.reduce(jnp.logical_and, [z if elementwise else z.all() for z in zero], jnp.bool_(True))
        keep = (lambda ct: ct) if elementwise else kept
        pulled = pull(cotangents)
        return tuple(ct if ct.dtype == jax.dtypes.float0 else keep(jnp.where(nothing, 0, ct)) for ct in pulled)

    run.defvjp(forward, backward)
    return run


def strict_elementwise(fn: Callable[..., Any]) -> Callable[..., Any]:
    """`strict` for an operation on arrays that broadcast."""
    run = strict(fn, elementwise=True)
    return lambda *xs: run(*jnp.broadcast_arrays(*xs))


@jax.custom_vjp
def _kept_backwards(x: Array) -> Array:
    return x


_kept_backwards.defvjp(lambda x: (x, None), lambda _, ct: (kept(ct),))


def cotangents_kept(fn: Callable[..., Any]) -> Callable[..., Any]:
    """``fn`` of real arrays; what reverse mode brings to its operands is computed once (see `once`)."""
    return lambda *xs: fn(*(_kept_backwards(x) if jnp.issubdtype(x.dtype, jnp.floating) else x for x in xs))


def select(cond: Val, yes: Val, no: Val) -> Val:
    """``yes`` where ``cond``, elsewhere ``no``; in the alternative by the alternative's condition."""
    return apply(jnp.where, (cond, yes, no), elementwise=True)


def once(v: Val) -> Val:
    """Make XLA compute a decision once and keep it.

    Its CPU fusion repeats chains of cheap operations in each of their uses, and a decision, with the random number
    behind it, has as many uses as the event has values; optimisation barriers are gone by then. The remainder of an
    integer by a number that is not a constant to that pass (it is spread over a batch) counts as expensive, so it is
    not repeated, and where the divisor is larger than any value, LLVM finds that nothing is left to do.
    """

    if v.p.dtype != bool or not v.batched:
        return v
    return Val(decided(v.p), None, None if v.a is None else decided(v.a))


def decided(x: Array) -> Array:
    """`once` for an array."""
    return _kept(x.astype(jnp.uint8), 3) == 1 if x.dtype == bool else x


def apart(x: Array, y: Array) -> tuple[Array, Array]:
    """`once` for two truths as one number: where both hold, the second."""
    code = _kept(jnp.where(y, jnp.uint8(2), x.astype(jnp.uint8)), 3)
    return code == 1, code == 2


def kept(x: Array) -> Array:
    """`once` for real numbers."""
    unsigned = jnp.uint64 if x.dtype == jnp.float64 else jnp.uint32
    bits = lax.bitcast_convert_type(jnp.where(x == x, x, jnp.nan), unsigned)  # a NaN may be all ones
    return lax.bitcast_convert_type(_kept(bits, jnp.iinfo(unsigned).max), x.dtype)


def kept_index(x: Array) -> Array:
    """`once` for integers that are not negative."""
    return _kept(x.astype(jnp.uint32), np.iinfo(np.uint32).max).astype(x.dtype)


def _kept(x: Array, more: int) -> Array:
    """Unsigned numbers less than ``more``."""
    return lax.rem(x, jnp.full_like(x, more))


# ---------------------------------------------------------------- common structure of loop states


def join(x: Val, y: Val, size: int, tangents: int) -> Val:
    """``x`` with the parts (batch axis, derivative, alternative) that either ``x`` or ``y`` has."""
    if (y.batched or y.a is not None) and not x.batched:
        x = batch(x, size)
    t = x.t
    if t is None and y.t is not None:
        still = jnp.asarray(x.p) if carries_points() else jnp.zeros_like(x.p)
        t = jnp.broadcast_to(still, (tangents, *jnp.shape(x.p)))
    a = x.a
    if a is None and y.a is not None:
        a = jnp.broadcast_to(lax.stop_gradient(jnp.asarray(x.p)), y.a.shape)
    return Val(x.p, t, a, x.batched)


def join_trees(x: Any, y: Any, size: int, tangents: int) -> Any:
    """`join` over two trees of `Val`s and arrays (arrays are taken from ``x``)."""
    return jax.tree.map(lambda u, v: join(u, v, size, tangents) if is_val(u) else u, x, y, is_leaf=is_val)


def structure(tree: Any) -> Any:
    return jax.tree.structure(tree)


def stable_carry(body: Callable[[Any], Any], carry: Any, size: int, tangents: int) -> Any:
    """Promote an initial loop state until ``body`` keeps its structure. Traces ``body`` abstractly, at most four
    times."""
    for _ in range(8):
        out = jax.eval_shape(body, carry)
        joined = join_trees(carry, out, size, tangents)
        if structure(joined) == structure(carry):
            return joined
        carry = joined
    raise AssertionError("a loop state did not settle")
