"""Elliptical slice sampling of posteriors whose prior is a standard normal, many chains and experiments at once.

Murray, Adams and MacKay, arXiv:1001.0175. Nothing is tuned; chains start from prior draws taken by their likelihood, so
that each mode gets its share of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array

LogLikelihood = Callable[[Array, Any], Array]


@dataclass(frozen=True)
class Effort:
    """``chains`` of ``warmup`` steps, then every ``thin``-th is kept; they start from the best of ``prior`` draws."""

    chains: int = 32
    warmup: int = 128
    thin: int = 4
    prior: int = 1024


def key_of(seed: int) -> Array:
    """JAX's keys take no seed over 2^63, and ours go to 2^64."""
    return jr.key(seed) if seed < 2**31 else jr.fold_in(jr.key(seed & 0x7FFFFFFF), seed >> 31 & 0xFFFFFFFF)


def slice_step(log_likelihood: Callable[[Array], Array], y: Array, value: Array, key: Array) -> tuple[Array, Array]:
    """One update of a point and of its log-likelihood."""
    direction, height, angle = jr.split(key, 3)
    other = jr.normal(direction, y.shape)
    level = value + jnp.log(jr.uniform(height, minval=1e-30))
    start = jr.uniform(angle, maxval=2 * jnp.pi)

    def at(phi: Array) -> tuple[Array, Array]:
        proposed = y * jnp.cos(phi) + other * jnp.sin(phi)
        return proposed, log_likelihood(proposed)

    def outside(state: Any) -> Array:
        return ~(state[1] > level) & (state[-1] < 100)

    def shrink(state: Any) -> Any:
        _, _, phi, low, high, key, turn = state
        low, high = jnp.where(phi < 0, phi, low), jnp.where(phi < 0, high, phi)
        key, draw = jr.split(key)
        phi = jr.uniform(draw, minval=low, maxval=high)
        return *at(phi), phi, low, high, key, turn + 1

    first = (*at(start), start, start - 2 * jnp.pi, start, angle, 0)
    proposed, reached, *_, turns = jax.lax.while_loop(outside, shrink, first)
    moved = turns < 100
    return jnp.where(moved, proposed, y), jnp.where(moved, reached, value)


@eqx.filter_jit
def _chains(log_likelihood: Any, network: Any, x: Any, key: Array, dim: int, keep: int, effort: Effort) -> Array:
    """(experiments, chains, keep, dim)"""

    def experiment(x: Any, key: Array) -> Array:
        def value(y: Array) -> Array:
            return log_likelihood(network, y, x)

        begin, pick, go = jr.split(key, 3)
        drawn = jr.normal(begin, (effort.prior, dim))
        values = jax.lax.map(value, drawn, batch_size=64)
        at = jr.categorical(pick, jnp.where(jnp.isfinite(values), values, -jnp.inf), shape=(effort.chains,))

        def step(carry: Any, key: Array) -> Any:
            y, v = carry
            return jax.vmap(partial(slice_step, value))(y, v, jr.split(key, effort.chains)), None

        def kept(carry: Any, key: Array) -> Any:
            carry, _ = jax.lax.scan(step, carry, jr.split(key, effort.thin))
            return carry, carry[0]

        warm, rest = jr.split(go)
        carry, _ = jax.lax.scan(step, (drawn[at], values[at]), jr.split(warm, effort.warmup))
        _, found = jax.lax.scan(kept, carry, jr.split(rest, keep))
        return jnp.moveaxis(found, 0, 1)

    n = len(jax.tree.leaves(x)[0])
    return jax.vmap(experiment)(x, jr.split(key, n))


def sample(
    log_likelihood: Callable[[Any, Array, Any], Array],
    network: Any,
    x: Any,
    dim: int,
    n: int,
    key: Array,
    effort: Effort | None = None,
) -> np.ndarray:
    """Chains of at least ``n`` points in all of each experiment's posterior, (experiments, chains, kept, dim).
    ``log_likelihood(network, y, x)`` is traceable, of one point and one experiment."""
    effort = effort or Effort()
    keep = max(-(-n // effort.chains), 4)
    return np.asarray(_chains(log_likelihood, network, x, key, dim, keep, effort))


def r_hat(chains: np.ndarray) -> np.ndarray:
    """Split R̂ (Gelman et al., Bayesian Data Analysis, eq. 11.4) of chains (…, chains, kept, dim): (…, dim)."""
    half = chains.shape[-2] // 2
    split = np.concatenate([chains[..., :half, :], chains[..., half : 2 * half, :]], -3)
    within = split.var(-2, ddof=1).mean(-2)
    between = split.mean(-2).var(-2, ddof=1)
    return np.sqrt((half - 1) / half + between / np.where(within > 0, within, 1))
