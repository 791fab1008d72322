"""The pulled-back random walk in hand-written JAX: simulation, two score estimators, and stochastic AD.

A scan over the steps with the events in vectors, one `jax.random` key a step, in tiles that stay in the cache. The
stochastic AD is one-sided with one alternative walk: it rides along with the same uniforms, is dropped as soon as it
meets the walk, and one uniform per event, rescaled after each comparison, serves every choice (reservoir sampling).
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array, lax

STEPS = 100


def _tiled(one: Callable[[Array, Array], Array], key: Array, p: Array, n: int, tile: int) -> Array:
    """``one(key, p)`` for a tile of events gives an array (..., tile); the tiles side by side, (..., n)."""
    if n <= tile:
        return one(key, p)
    parts = lax.map(lambda k: one(k, p), jax.random.split(key, n // tile))
    return jnp.moveaxis(parts, 0, -2).reshape(*parts.shape[1:-1], n)


def _simulate(key: Array, p: Array, n: int) -> Array:
    def step(x: Array, k: Array) -> tuple[Array, None]:
        up = jax.random.uniform(k, (n,)) < jnp.exp(-x / p)
        return x + jnp.where(up, 1.0, -1.0), None

    x, _ = lax.scan(step, jnp.zeros(n), jax.random.split(key, STEPS))
    return x * x


def _scored(key: Array, p: Array, n: int) -> Array:
    """f and d log P / dp, stacked."""

    def step(state: tuple[Array, Array], k: Array) -> tuple[tuple[Array, Array], None]:
        x, score = state
        prob = jnp.exp(-x / p)
        up = jax.random.uniform(k, (n,)) < prob
        slope = x / (p * p)  # d log prob / dp
        score = score + slope * jnp.where(up, 1.0, -prob / jnp.maximum(1 - prob, 1e-9))
        return (x + jnp.where(up, 1.0, -1.0), score), None

    (x, score), _ = lax.scan(step, (jnp.zeros(n), jnp.zeros(n)), jax.random.split(key, STEPS))
    return jnp.stack([x * x, score])


def _stochastic_ad(key: Array, p: Array, n: int) -> Array:
    """f and one event's estimate of the derivative, stacked."""

    def step(state: tuple[Array, ...], k: Array) -> tuple[tuple[Array, ...], None]:
        x, alt, weight, v = state
        prob = jnp.exp(-x / p)
        u = jax.random.uniform(k, (n,))
        up = u < prob
        # raising prob turns some steps down into steps up: weight d prob / (1 - prob), seen from a step down
        offer = jnp.where(up, 0.0, prob * x / (p * p) / jnp.maximum(1 - prob, 1e-9))
        total = weight + offer
        ratio = jnp.where(total > 0, offer / jnp.maximum(total, 1e-30), 0.0)
        take = v < ratio
        v = jnp.where(take, v / jnp.maximum(ratio, 1e-30), (v - ratio) / jnp.maximum(1 - ratio, 1e-30))
        moved = x + jnp.where(up, 1.0, -1.0)
        alt = jnp.where(take, x + 1.0, alt + jnp.where(u < jnp.exp(-alt / p), 1.0, -1.0))
        weight = jnp.where(alt == moved, 0.0, total)
        return (moved, alt, weight, v), None

    first, rest = jax.random.split(key)
    start = (jnp.zeros(n), jnp.zeros(n), jnp.zeros(n), jax.random.uniform(first, (n,)))
    (x, alt, weight, _), _ = lax.scan(step, start, jax.random.split(rest, STEPS))
    return jnp.stack([x * x, weight * (alt * alt - x * x)])


@functools.partial(jax.jit, static_argnames=("n", "tile"))
def simulate(key: Array, p: Array, n: int, tile: int = 4096) -> Array:
    """X_100 squared of ``n`` events, shape (n,). ``n`` is a multiple of ``tile`` or less than it, here and below."""
    return _tiled(lambda k, p: _simulate(k, p, min(n, tile)), key, p, n, tile)


@functools.partial(jax.jit, static_argnames=("n", "tile"))
def score_mean(key: Array, p: Array, n: int, tile: int = 4096) -> tuple[Array, Array]:
    """f and one-event estimates of dE/dp by the score with the leave-one-out mean as baseline, shapes (n,)."""
    f, score = _tiled(lambda k, p: _scored(k, p, min(n, tile)), key, p, n, tile)
    return f, (f - (f.sum() - f) / (n - 1)) * score


@functools.partial(jax.jit, static_argnames=("n", "tile"))
def score_regression(key: Array, p: Array, n: int, tile: int = 4096) -> tuple[Array, Array]:
    """The same with the leave-one-out regression baseline E[f s^2] / E[s^2]."""
    f, score = _tiled(lambda k, p: _scored(k, p, min(n, tile)), key, p, n, tile)
    top, bottom = f * score**2, score**2
    return f, (f - (top.sum() - top) / (bottom.sum() - bottom)) * score


@functools.partial(jax.jit, static_argnames=("n", "tile"))
def stochastic_ad(key: Array, p: Array, n: int, tile: int = 4096) -> tuple[Array, Array]:
    """f and one-event estimates of dE/dp by stochastic AD."""
    f, gradient = _tiled(lambda k, p: _stochastic_ad(k, p, min(n, tile)), key, p, n, tile)
    return f, gradient


@functools.partial(jax.jit, static_argnames=("n", "tile"))
def score_reverse(key: Array, table: Array, n: int, tile: int = 4096) -> tuple[Array, Array]:
    """Mean of f and its derivative with respect to a table of parameters (one per equal block of steps), reverse mode.

    The score with a batch-mean baseline through ``jax.grad``: what one writes by hand for many parameters.
    """
    block = jnp.arange(STEPS) * table.shape[0] // STEPS

    def loss(table: Array, key: Array) -> tuple[Array, Array]:
        def step(state: tuple[Array, Array], xs: tuple[Array, Array]) -> tuple[tuple[Array, Array], None]:
            x, log_prob = state
            b, k = xs
            prob = jnp.exp(-x / table[b])
            up = jax.random.uniform(k, (min(n, tile),)) < lax.stop_gradient(prob)
            safe = jnp.where(prob < 1, prob, 0.5)
            log_prob = log_prob + jnp.where(prob < 1, jnp.where(up, -x / table[b], jnp.log1p(-safe)), 0.0)
            return (x + jnp.where(up, 1.0, -1.0), log_prob), None

        zeros = jnp.zeros(min(n, tile))
        (x, log_prob), _ = lax.scan(step, (zeros, zeros), (block, jax.random.split(key, STEPS)))
        f = x * x
        return ((f - f.mean()) * log_prob).mean(), f.mean()

    def one(key: Array) -> tuple[Array, Array]:
        (_, mean), gradient = jax.value_and_grad(loss, has_aux=True)(table, key)
        return mean, gradient

    if n <= tile:
        return one(key)
    means, gradients = lax.map(one, jax.random.split(key, n // tile))
    return means.mean(), gradients.mean(0)
