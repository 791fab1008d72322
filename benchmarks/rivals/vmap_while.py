"""Showers as one writes them in JAX today: `jax.vmap` of a `lax.while_loop` over one event, with `jax.random`.

Best efforts: the particle being followed is kept apart from the stack, random numbers are drawn in blocks, the stack is
written by a masked select (faster under `vmap` on a CPU than a scatter), and events run in tiles, since a tile costs as
many turns as its longest event. Tile and block are arguments; the benchmark takes the fastest.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

Tree = Any


def _run(
    start: Tree, turn: Callable[[Tree, Array], Tree], alive: Callable[[Tree], Array], key: Array, block: int, draws: int
) -> Tree:
    """Turn after turn while ``alive(state)``, each with ``draws`` fresh uniforms, drawn for ``block`` turns at once."""

    def body(carry: tuple[Array, Tree]) -> tuple[Array, Tree]:
        i, state = carry
        u = jax.random.uniform(jax.random.fold_in(key, i), (block, draws))

        def inner(j: int, state: Tree) -> Tree:
            new, going = turn(state, u[j]), alive(state)
            return jax.tree.map(lambda a, b: jnp.where(going, a, b), new, state)

        return i + 1, (turn(state, u[0]) if block == 1 else lax.fori_loop(0, block, inner, state))

    return lax.while_loop(lambda carry: alive(carry[1]), body, (0, start))[1]


def _batched(event: Callable[[Array], Array], key: Array, n: int, tile: int) -> Array:
    tile = min(n, tile)
    keys = jax.random.split(key, n).reshape(n // tile, tile, *key.shape)
    return lax.map(jax.vmap(event), keys).reshape(n)


def _push(stack: Array, height: Array, value: Array, do: Array) -> Array:
    """``stack`` (capacity, fields) with ``value`` (fields,) at ``height`` where ``do``."""
    here = (jnp.arange(stack.shape[0]) == height) & do
    return jnp.where(here[:, None], value, stack)


def _top(stack: Array, height: Array) -> Array:
    here = jnp.arange(stack.shape[0]) == height - 1
    return jnp.where(here[:, None], stack, 0.0).sum(0)


@functools.partial(jax.jit, static_argnames=("n", "tile", "block"))
def cascade(key: Array, splitting: Array, n: int, tile: int = 512, block: int = 1) -> Array:
    """``examples/cascade.hep``: the number of particles, shape (n,)."""
    capacity = 64

    def event(key: Array) -> Array:
        def turn(state: Tree, u: Array) -> Tree:
            e, stack, height, count, _ = state
            splits = (e >= 1.0) & (u[0] < splitting)
            stack = _push(stack, height, (e * (1 - u[1]))[None], splits)
            popped = _top(stack, height)[0]
            following = jnp.where(splits, e * u[1], popped)
            return following, stack, height + jnp.where(splits, 1, -1), count + ~splits, splits | (height > 0)

        start = (jnp.float32(50.0), jnp.zeros((capacity, 1)), jnp.int32(0), jnp.int32(0), jnp.bool_(True))
        return _run(start, turn, lambda s: s[-1], key, block, 2)[3]

    return _batched(event, key, n, tile)


@functools.partial(jax.jit, static_argnames=("n", "tile", "block"))
def chain_reaction(key: Array, p: Array, nu: Array, n: int, tile: int = 512, block: int = 1) -> Array:
    """``examples/chain_reaction.hep``: the number of neutrons, shape (n,). Only how many are alive has to be known,
    so there is no stack. The number freed is drawn by inversion (`jax.random.poisson` is 40 times slower)."""
    k = np.arange(16)
    factorial = np.cumprod(np.maximum(k, 1))

    def event(key: Array) -> Array:
        law = jnp.cumsum(jnp.exp(-nu) * nu**k / factorial)

        def turn(state: Tree, u: Array) -> Tree:
            waiting, count = state
            freed = jnp.where(u[0] < p, (u[1] > law).sum(), 0)
            return waiting - 1 + freed, count + 1

        return _run((jnp.int32(1), jnp.int32(0)), turn, lambda s: s[0] > 0, key, block, 2)[1]

    return _batched(event, key, n, tile)


@functools.partial(jax.jit, static_argnames=("n", "tile", "block"))
def electromagnetic_cascade(key: Array, converts: Array, n: int, tile: int = 64, block: int = 1) -> Array:
    """``benchmarks/programs/electromagnetic_cascade.hep``: the number of particles, shape (n,). A photon's energy is
    kept with a minus sign."""
    capacity = 64

    def event(key: Array) -> Array:
        def turn(state: Tree, u: Array) -> Tree:
            signed, stack, height, count, _ = state
            e, photon = jnp.abs(signed), signed < 0
            goes_on = (e >= 1.0) & (~photon | (u[0] < converts))
            other = jnp.where(photon, 1.0, -1.0) * e * (1 - u[1])
            stack = _push(stack, height, other[None], goes_on)
            following = jnp.where(goes_on, e * u[1], _top(stack, height)[0])
            return following, stack, height + jnp.where(goes_on, 1, -1), count + ~goes_on, goes_on | (height > 0)

        r = 1 - jax.random.uniform(jax.random.fold_in(key, 2**31))
        primary = -jnp.minimum(10.0 * r ** (-1 / 1.7), 1e5)
        start = (primary, jnp.zeros((capacity, 1)), jnp.int32(0), jnp.int32(0), jnp.bool_(True))
        return _run(start, turn, lambda s: s[-1], key, block, 2)[3]

    return _batched(event, key, n, tile)


@functools.partial(jax.jit, static_argnames=("n", "tile", "block"))
def sudakov(key: Array, alpha_mz: Array, n: int, tile: int = 512, block: int = 1) -> tuple[Array, Array]:
    """``examples/sudakov.hep``: the number of emissions and the scale of the hardest one in GeV, shapes (n,). Scales
    are kept as log(q / 91.1876 GeV)."""
    end = -float(np.log(91.1876))

    def coupling(t: Array) -> Array:
        return alpha_mz / (1 + 1.22 * alpha_mz * t)

    def event(key: Array) -> Array:
        most = coupling(end)

        def turn(state: Tree, u: Array) -> Tree:
            t, emissions, hardest = state
            t = t + jnp.log1p(-u[0]) / (4 * most)
            accept = (u[1] < coupling(jnp.maximum(t, end)) / most) & (t > end)
            return t, emissions + accept, jnp.where(accept & (emissions == 0), t, hardest)

        start = (jnp.float32(0), jnp.int32(0), jnp.float32(-jnp.inf))
        _, emissions, hardest = _run(start, turn, lambda s: s[0] > end, key, block, 2)
        return jnp.stack([emissions.astype(jnp.float32), 91.1876 * jnp.exp(hardest)])

    tile = min(n, tile)
    keys = jax.random.split(key, n).reshape(n // tile, tile, *key.shape)
    both = lax.map(jax.vmap(event), keys)
    return both[..., 0].reshape(n), both[..., 1].reshape(n)


@functools.partial(jax.jit, static_argnames=("n", "tile", "block", "splitting"))
def absorber(key: Array, theta: Array, n: int, tile: int = 512, block: int = 1, splitting: bool = True) -> Array:
    """``examples/absorber.hep`` (without ``splitting``: ``absorber_energy_loss.hep``): the objective, shape (n,)."""

    def probability(x: Array, y: Array) -> Array:
        r, alpha = jnp.sqrt(x * x + y * y), jnp.arctan2(x, y)
        factors = [
            10 * (theta - r),
            10 * (r - theta - 10),
            10 * jnp.sin(10 * (alpha + 2 * r)),
            10 * jnp.cos(10 * (r - 2)),
        ]
        return 0.5 / functools.reduce(jnp.multiply, [1 + jnp.exp(a) for a in factors])

    def kicked(energy: Array, x: Array, y: Array, px: Array, py: Array) -> Array:
        norm = lax.rsqrt(px * px + py * py)
        return jnp.stack([energy, x, y, px * norm, py * norm])

    def event(key: Array) -> Array:
        def turn(state: Tree, u: Array) -> Tree:
            particle, stack, height, radius, hits, _ = state
            energy, old_x, old_y, px, py = particle
            x, y = old_x + 0.02 * px, old_y + 0.02 * py
            ends = (energy < 0.5) | (x * x + y * y > 400.0)
            interacts = ~ends & (u[0] < probability(x, y))
            hit = ends | interacts
            radius = radius + jnp.where(hit, jnp.sqrt(old_x**2 + old_y**2), 0.0)
            straight = jnp.stack([energy, x, y, px, py])
            if splitting:
                after = kicked(energy / 2, x, y, px + 0.05, py + 0.05)
                stack = _push(stack, height, kicked(energy / 2, x, y, px - 0.05, py - 0.05), interacts)
                popped = _top(stack, height)
            else:
                sign = lambda v: jnp.where(v < 0.5, -0.05, 0.05)  # noqa: E731
                after = kicked(jnp.maximum(energy - 2.0, 0.0), x, y, px + sign(u[1]), py + sign(u[2]))
                popped = straight
            particle = jnp.where(interacts, after, jnp.where(ends, popped, straight))
            going = ~ends | (height > 0)
            height = height + (interacts & splitting) - ends
            return particle, stack, height, radius, hits + hit, going

        phi = jax.random.uniform(jax.random.fold_in(key, 2**31), (), minval=-jnp.pi, maxval=jnp.pi)
        particle = jnp.stack([jnp.float32(25.0), jnp.float32(0), jnp.float32(0), jnp.cos(phi), jnp.sin(phi)])
        stack = jnp.zeros((8 if splitting else 1, 5))
        start = (particle, stack, jnp.int32(0), jnp.float32(0), jnp.int32(0), jnp.bool_(True))
        final = _run(start, turn, lambda s: s[-1], key, block, 1 if splitting else 3)
        return (final[3] / final[4] - 2.0) ** 2

    return _batched(event, key, n, tile)
