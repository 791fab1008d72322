"""Elliptical slice sampling of posteriors whose prior is a standard normal, many chains and experiments at once.

Murray, Adams and MacKay, arXiv:1001.0175, in its general form (Nishihara, Murray and Adams, arXiv:1210.7477), whose
ellipses are those of any t distribution. Every step takes, at random, the one fitted to the chains, which suits
posteriors that are narrow, correlated or in the prior's tail, or the prior's, which leads from mode to mode. Fits end
with the warm-up, so that what is kept is a Markov chain. Chains start from prior draws taken by their likelihood, so
that each mode gets its share of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array
from jax.scipy.linalg import solve_triangular

LogLikelihood = Callable[[Array, Any], Array]

#: Fits during the warm-up, and the degrees of freedom of the t distribution: few, so that chains come back from where
#: a normal one would have no mass.
FITS, FREEDOM = 4, 5


@dataclass(frozen=True)
class Effort:
    """``chains`` of ``warmup`` steps, then every ``thin``-th is kept; they start from the best of ``prior`` draws."""

    chains: int = 32
    warmup: int = 128
    thin: int = 4
    prior: int = 1024


class Ellipses(NamedTuple):
    """The t distribution about ``centre`` (dim,) with the scale matrix ``root`` ``root``ᵀ, lower triangular."""

    centre: Array
    root: Array

    def standard(self, y: Array) -> Array:
        return solve_triangular(self.root, y - self.centre, lower=True)

    def log_density(self, u: Array) -> Array:
        """Of a standardised point, up to a constant."""
        return -0.5 * (FREEDOM + len(u)) * jnp.log1p((u**2).sum() / FREEDOM)


def fitted(y: Array) -> Ellipses:
    """To the positions (chains, steps, dim). Correlations are shrunk: few chains know little of many coordinates."""
    chains, _, dim = y.shape
    flat = y.reshape(-1, dim)
    centre = flat.mean(0)
    spread = (flat - centre).T @ (flat - centre) / len(flat)
    own = jnp.diag(spread) + 1e-10
    covariance = (chains * spread + dim * jnp.diag(own)) / (chains + dim)
    scale = jnp.sqrt(own)
    return Ellipses(centre, scale[:, None] * jnp.linalg.cholesky(covariance / scale / scale[:, None]))


def key_of(seed: int) -> Array:
    """JAX's keys take no seed over 2^63, and ours go to 2^64."""
    return jr.key(seed) if seed < 2**31 else jr.fold_in(jr.key(seed & 0x7FFFFFFF), seed >> 31 & 0xFFFFFFFF)


def slice_step(
    log_density: Callable[[Array], Array], either: tuple[Ellipses, Ellipses], y: Array, value: Array, key: Array
) -> tuple[Array, Array]:
    """One update of a point and of its log density (of the posterior), by either kind of ellipse. Given its scale,
    which is drawn anew, the t distribution is a normal one."""
    first, second, key = jr.split(key, 3)
    normal = jr.normal(first, (2 * len(y) + FREEDOM,))
    height, angle, which = jr.uniform(second, (3,))
    ellipses = jax.tree.map(partial(jnp.where, which < 0.5), *either)
    u = ellipses.standard(y)
    scale = (FREEDOM + (u**2).sum()) / (normal[len(y) :] ** 2).sum()
    other = jnp.sqrt(scale) * normal[: len(y)]
    level = value - ellipses.log_density(u) + jnp.log(jnp.maximum(height, 1e-30))
    start = 2 * jnp.pi * angle

    def at(phi: Array) -> tuple[Array, Array, Array]:
        v = u * jnp.cos(phi) + other * jnp.sin(phi)
        proposed = ellipses.centre + ellipses.root @ v
        reached = log_density(proposed)
        return proposed, reached, reached - ellipses.log_density(v)

    def outside(state: Any) -> Array:
        return ~(state[2] > level) & (state[-1] < 100)

    def shrink(state: Any) -> Any:
        *_, phi, low, high, key, turn = state
        low, high = jnp.where(phi < 0, phi, low), jnp.where(phi < 0, high, phi)
        key, draw = jr.split(key)
        phi = jr.uniform(draw, minval=low, maxval=high)
        return *at(phi), phi, low, high, key, turn + 1

    begin = (*at(start), start, start - 2 * jnp.pi, start, key, 0)
    proposed, reached, *_, turns = jax.lax.while_loop(outside, shrink, begin)
    moved = turns < 100
    return jnp.where(moved, proposed, y), jnp.where(moved, reached, value)


@eqx.filter_jit
def _chains(log_likelihood: Any, network: Any, x: Any, key: Array, dim: int, keep: int, effort: Effort) -> Array:
    """(experiments, chains, keep, dim)"""
    of_prior = Ellipses(jnp.zeros(dim), jnp.eye(dim))

    def experiment(x: Any, key: Array) -> Array:
        def value(y: Array) -> Array:
            return log_likelihood(network, y, x) - 0.5 * (y**2).sum()

        begin, pick, go = jr.split(key, 3)
        drawn = jr.normal(begin, (effort.prior, dim))
        values = jax.lax.map(value, drawn, batch_size=64)
        likely = values + 0.5 * (drawn**2).sum(-1)
        at = jr.categorical(pick, jnp.where(jnp.isfinite(likely), likely, -jnp.inf), shape=(effort.chains,))

        def step(ellipses: Ellipses, carry: Any, key: Array) -> Any:
            update = jax.vmap(partial(slice_step, value, (ellipses, of_prior)))
            y, v = carry
            y, v = update(y, v, jr.split(key, effort.chains))
            return (y, v), y

        def fit(state: Any, keys: Array) -> Any:
            ellipses, carry = state
            carry, visited = jax.lax.scan(partial(step, ellipses), carry, keys)
            return (fitted(jnp.moveaxis(visited[len(visited) // 2 :], 0, 1)), carry), None

        def kept(ellipses: Ellipses, carry: Any, key: Array) -> Any:
            carry, _ = jax.lax.scan(partial(step, ellipses), carry, jr.split(key, effort.thin))
            return carry, carry[0]

        warm, rest = jr.split(go)
        state = of_prior, (drawn[at], values[at])
        (ellipses, carry), _ = jax.lax.scan(fit, state, jr.split(warm, (FITS, max(effort.warmup // FITS, 1))))
        _, found = jax.lax.scan(partial(kept, ellipses), carry, jr.split(rest, keep))
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
