"""From a finished run to one gradient estimate per event and output."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from hepppl.backends.jax import relaxed, shadows
from hepppl.backends.jax.lowering import Lowering
from hepppl.backends.jax.machine import Machine
from hepppl.backends.jax.value import Val, aligned, apply, batch, is_val, kept

WEIGHT = "weight"  # the name of the output E[weight]
GROUPS = 32  # a multiple of a control variate is fitted on the other groups of a batch
SHADOWS = -1  # the key of the difference made of relaxed programs, which belongs to no group alone
FEW = 2.0  # events for each multiple: what is fitted to so many is halved
MADE_UP = 1e-5  # of a control variate's square: what single precision leaves of it where others make it up


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
        o.name: batch(lowering.cast(relaxed.number(lowering, o.value, m.env[o.value]), real), m.size)
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
    ``rest``, where there is one, is what estimators without a control variate contribute: it may use other events.
    ``gaps``: for each group with a second estimate, the difference between its two, whose expectation is zero."""

    alone: Val
    rest: Val | None
    gaps: dict[int, Val]


def shares(lowering: Lowering, m: Machine, name: str, raw: Val) -> Shares:
    flat = raw.p.reshape(-1, m.size)
    controlled = {group for group, _ in controls(lowering, m)}
    alone, rest = Val(flat, None if raw.t is None else raw.t.reshape(raw.t.shape[0], *flat.shape)), None
    gaps: dict[int, Val] = {}
    for group, numerics in enumerate(lowering.numerics):
        if influenced(lowering, group, name):
            share = each_element(m, group, flat, numerics.contribution)
            if numerics.doubles:
                other = each_element(m, group, flat, numerics.second)
                gaps[group] = plus(share, negative(other))
            if group in controlled or numerics.doubles:
                alone = plus(alone, share)
            else:
                rest = share if rest is None else plus(rest, share)
    reservoir = m.registers.reservoir
    if reservoir is not None and raw.a is not None:
        change = lax.stop_gradient(raw.a - raw.p).reshape(*lowering.layers.shape, -1, m.size)
        gap = jnp.where(aligned(reservoir.total > 0, change), aligned(reservoir.total, change) * change, 0)
        alone = plus(alone, lowering.layers.joined(gap, reservoir.chosen))
        for group in gaps:
            own = gap if reservoir.owner is None else jnp.where(aligned(reservoir.owner == group, gap), gap, 0)
            gaps[group] = plus(gaps[group], lowering.layers.joined(own, reservoir.chosen))

    shadowing = [g for g, meta in enumerate(lowering.metadata) if meta.shadows and influenced(lowering, g, name)]
    if m.shadows is not None and shadowing:
        densities = [of_state(m, g, lowering.numerics[g].density) for g in shadowing]
        made, eta = shadows.gap(m, name, densities, flat.shape), lowering.numerics[shadowing[0]].eta
        if eta is None:
            gaps[SHADOWS] = made
        else:
            alone = plus(alone, apply(lambda x: -eta * x, (made,), elementwise=True))

    def shaped(v: Val) -> Val:
        return Val(v.p.reshape(raw.p.shape), None if v.t is None else v.t.reshape(v.t.shape[0], *raw.p.shape))

    return Shares(shaped(alone), None if rest is None else shaped(rest), {k: shaped(v) for k, v in gaps.items()})


def each_element(m: Machine, group: int, flat: Array, share: Callable[[Any, BatchEvent], Array]) -> Val:
    """What a move of a group's estimator gives for each element of an output, (elements, events)."""

    def every(state: Any) -> Array:
        return jax.vmap(lambda f: jnp.broadcast_to(share(state, BatchEvent(f, m.wanted)), f.shape))(flat)

    return of_state(m, group, every)


def negative(v: Val) -> Val:
    return Val(-v.p, None if v.t is None else -v.t)


def of_state(m: Machine, group: int, fn: Callable[[Any], Array]) -> Val:
    """A function of the state that a group's estimator has at the end of the run."""
    leaves, tree = jax.tree.flatten(m.registers.estimators[group], is_leaf=is_val)
    return lifted(lambda *ps: fn(jax.tree.unflatten(tree, ps)), leaves)


def controls(lowering: Lowering, m: Machine) -> dict[tuple[int, int], Val]:
    """The control variates of the groups that have some, (events,), each under its group and its place there."""
    found = {}
    for group, numerics in enumerate(lowering.numerics):
        state = jax.tree.map(lambda v: v.p, m.registers.estimators[group], is_leaf=is_val)
        for place in range(len(numerics.controls(state))):

            def control(state: Any, numerics: Any = numerics, place: int = place) -> Array:
                return jnp.where(True if m.wanted is None else m.wanted, numerics.controls(state)[place], 0)

            found[group, place] = of_state(m, group, control)
    return found


def least_variance(estimates: Array, slopes: Sequence[Array], wanted: Array) -> Array:
    """Estimates (parameters, *shape, events), less the multiples of ``slopes`` that leave least variance: derivatives
    of control variates, (parameters, events), and gaps between two estimates, (parameters, *shape, events).

    With G the estimate and s_i the slopes, E[s_i] = 0, the multiples solve Σ_j E[s_i s_j] c_j = Cov(G, s_i). Every
    event has its own, from other events of its batch, and so independent of its s. Covariances are about the means of
    these events, so that an estimate that does not vary is left as it is. Of few events multiples are known badly, and
    are held nearer to 0 (a ridge that falls as the square of their number).
    """
    if not slopes:
        return estimates
    missing = estimates.ndim
    each = [s.reshape(s.shape[0], *[1] * (missing - s.ndim), *s.shape[1:]) for s in slopes]
    each = [kept(jnp.where(wanted, s, 0)) for s in each]  # events that were not asked for may hold NaN
    own = kept(jnp.where(wanted, estimates, 0))
    pairs = [(i, j) for i in range(len(each)) for j in range(i + 1)]
    count, total, *sums = sums_of_others(
        jnp.broadcast_to(wanted, estimates.shape[-1:]).astype(estimates.dtype),
        own,
        *(each[i] * each[j] for i, j in pairs),
        *(jnp.where(s == 0, 0, own * s) for s in each),
        *each,
    )
    mean = total / jnp.maximum(count, 1)
    half = dict(zip(pairs, sums, strict=False))
    few = 1 + (FEW * len(each) / jnp.maximum(count, 1)) ** 2
    squares = [
        [half[max(i, j), min(i, j)] * (few if i == j else 1) for j in range(len(each))] for i in range(len(each))
    ]
    mixed, alone = sums[len(pairs) : len(pairs) + len(each)], sums[len(pairs) + len(each) :]
    products = [m - mean * a for m, a in zip(mixed, alone, strict=True)]
    left = estimates
    for s, multiple in zip(each, solved(squares, products), strict=True):
        left = left - by_group(multiple, estimates.shape[-1]) * s
    return left


def solved(squares: list[list[Array]], products: list[Array]) -> list[Array]:
    """The solution of positive semidefinite equations, elementwise; a slope that others make up gets 0."""
    squares, products, count = [list(row) for row in squares], list(products), len(products)
    sizes = [squares[i][i] for i in range(count)]
    inverses = []
    for i in range(count):
        enough = squares[i][i] > MADE_UP * sizes[i]
        inverses.append(jnp.where(enough, 1 / jnp.where(enough, squares[i][i], 1), 0))
        for j in range(i + 1, count):
            factor = squares[j][i] * inverses[i]
            squares[j] = [a - factor * b for a, b in zip(squares[j], squares[i], strict=True)]
            products[j] = products[j] - factor * products[i]
    found: list[Array] = []
    for i in reversed(range(count)):
        known = sum(squares[i][i + 1 + k] * c for k, c in enumerate(found))
        found.insert(0, (products[i] - known) * inverses[i])
    return found


def others(x: Array) -> Array:
    """For each element of the last axis, the sum of those whose index is different modulo `GROUPS`: all but itself, in
    a small batch. Nothing is subtracted, so that one large element does not spoil the sum that leaves it out."""
    return by_group(sums_of_others(x)[0], x.shape[-1])


def sums_of_others(*xs: Array) -> list[Array]:
    """`others` of arrays, for each of the groups."""
    rows = jnp.concatenate([x.reshape(-1, x.shape[-1]) for x in xs])  # all at once: each sum takes some time to start
    padded = jnp.pad(rows, [(0, 0), (0, -rows.shape[-1] % GROUPS)])
    sums = padded.reshape(len(rows), -1, GROUPS).sum(1)
    # a matrix product, since XLA would repeat what goes into a second sum
    apart = 1 - jnp.eye(GROUPS, dtype=rows.dtype)
    sums = jnp.matmul(sums, apart, precision="highest")
    ends = np.cumsum([x.size // x.shape[-1] for x in xs])[:-1]
    return [part.reshape(*x.shape[:-1], GROUPS) for part, x in zip(jnp.split(sums, ends), xs, strict=True)]


def by_group(x: Array, n: int) -> Array:
    """(…, groups) -> (…, n): each event has its group's."""
    count = -(-n // GROUPS)
    return jnp.broadcast_to(x[..., None, :], (*x.shape[:-1], count, GROUPS)).reshape(*x.shape[:-1], -1)[..., :n]


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
