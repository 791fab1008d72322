"""Programs without loops of random length in hand-written JAX: counts, a smooth normal, a template fit and a network.

The smooth normal comes with `jax.random` and with the very random numbers of hepppl: Threefry-2x32 of 13 rounds, whose
key is the event's (itself made of seed and number) and whose counter is the site's number.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import jax.scipy.special as jsp
import numpy as np
from jax import Array, lax

Weights = Sequence[tuple[Array, Array]]

# ---------------------------------------------------------------- counts


@functools.partial(jax.jit, static_argnames="n")
def poisson(key: Array, rate: Array, n: int) -> Array:
    """(k - 6)^2 for k of `jax.random.poisson`, shape (n,)."""
    return (jax.random.poisson(key, rate, (n,)) - 6) ** 2


def _inverted(key: Array, rate: Array, n: int) -> Array:
    """Counts by inversion, with a table of the cdf of 24 entries that all events share: for rates up to 5."""
    k = np.arange(1, 24)
    law = jnp.cumsum(jnp.exp(-rate) * jnp.cumprod(jnp.concatenate([jnp.ones(1), rate / k])))
    return (jax.random.uniform(key, (n,))[None] > law[:, None]).sum(0)


@functools.partial(jax.jit, static_argnames="n")
def poisson_table(key: Array, rate: Array, n: int) -> Array:
    """The same by inversion."""
    return (_inverted(key, rate, n) - 6) ** 2


@functools.partial(jax.jit, static_argnames="n")
def poisson_score(key: Array, rate: Array, n: int) -> tuple[Array, Array]:
    """The mean of f; its derivative and the standard error of that, by the score with the leave-one-out mean."""
    k = _inverted(key, rate, n)
    f = jnp.float32((k - 6) ** 2)
    slopes = (f - (f.sum() - f) / (n - 1)) * (k / rate - 1)
    return f.mean(), jnp.stack([slopes.mean(), slopes.std() / np.sqrt(n)])


@functools.partial(jax.jit, static_argnames="n")
def poisson_stochastic_ad(key: Array, rate: Array, n: int) -> tuple[Array, Array]:
    """The same by f(k + 1) - f(k), whose expectation it is."""
    k = _inverted(key, rate, n)
    f, slopes = jnp.float32((k - 6) ** 2), jnp.float32((k - 5) ** 2 - (k - 6) ** 2)
    return f.mean(), jnp.stack([slopes.mean(), slopes.std() / np.sqrt(n)])


# ---------------------------------------------------------------- a smooth normal

ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)


def _threefry(k0: Array, k1: Array, x0: Array, x1: Array) -> tuple[Array, Array]:
    """Salmon et al. 2011, thirteen rounds."""
    ks = (k0, k1, k0 ^ k1 ^ np.uint32(0x1BD11BDA))
    x0, x1 = x0 + k0, x1 + k1
    for i in range(13):
        x0, r = x0 + x1, ROTATIONS[i % 8]
        x1 = ((x1 << r) | (x1 >> (32 - r))) ^ x0
        if i % 4 == 3:
            j = i // 4 + 1
            x0, x1 = x0 + ks[j % 3], x1 + ks[(j + 1) % 3] + np.uint32(j)
    return x0, x1


def _uniform(seed: Array, n: int, site: int) -> Array:
    """The uniform of each event at a site, the middle of one of 2^24 intervals."""
    zero = jnp.zeros((), jnp.uint32)
    key = _threefry(jnp.uint32(seed), zero, jnp.arange(n, dtype=jnp.uint32), jnp.zeros(n, jnp.uint32))
    word, _ = _threefry(*key, jnp.uint32(site), zero)
    return jnp.minimum(jnp.float32(word >> 8) * np.float32(2**-24) + np.float32(2**-25), np.float32(1 - 2**-24))


@functools.partial(jax.jit, static_argnames="n")
def normal(key: Array, mu: Array, sigma: Array, n: int) -> Array:
    """sin(x) for x of `jax.random.normal`, shape (n,)."""
    return jnp.sin(mu + sigma * jax.random.normal(key, (n,)))


@functools.partial(jax.jit, static_argnames="n")
def normal_same(seed: Array, mu: Array, sigma: Array, n: int, site: int = 0) -> Array:
    """sin(x) for x by inversion of hepppl's uniforms, shape (n,)."""
    return jnp.sin(mu + sigma * jsp.ndtri(_uniform(seed, n, site)))


def _moments(f: Array, slopes: Array) -> tuple[Array, Array, Array]:
    """The mean of f, and the means and standard errors of the derivatives (parameters, n)."""
    return f.mean(), slopes.mean(1), slopes.std(1) / np.sqrt(f.size)


@functools.partial(jax.jit, static_argnames="n")
def normal_grad(key: Array, mu: Array, sigma: Array, n: int) -> tuple[Array, Array, Array]:
    """Pathwise: mean, derivatives with respect to mu and sigma, and their standard errors."""
    z = jax.random.normal(key, (n,))
    x = mu + sigma * z
    return _moments(jnp.sin(x), jnp.cos(x) * jnp.stack([jnp.ones(n), z]))


@functools.partial(jax.jit, static_argnames="n")
def normal_grad_same(seed: Array, mu: Array, sigma: Array, n: int, site: int = 0) -> tuple[Array, Array, Array]:
    """The same with hepppl's uniforms."""
    z = jsp.ndtri(_uniform(seed, n, site))
    x = mu + sigma * z
    return _moments(jnp.sin(x), jnp.cos(x) * jnp.stack([jnp.ones(n), z]))


# ---------------------------------------------------------------- a template fit

_T = (np.arange(25) + 0.5) / 25
SIGNAL, FALLING = 40 * np.exp(-0.5 * ((_T - 0.5) / 0.08) ** 2), 120 * np.exp(-2 * _T)


def expected(mu: Array, scale: Array, slope: Array) -> Array:
    """Events of each bin of ``benchmarks/programs/template_fit.hep``, (25,)."""
    signal, falling, t = (jnp.asarray(x, mu.dtype) for x in (SIGNAL, FALLING, _T))
    return mu * signal + 50 * scale + falling * (1 + slope * (t - 0.5))


def minus_log_likelihood(point: Array, counts: Array) -> Array:
    """Minus the logarithm of the likelihood at (mu, scale, slope), constraint terms included
    (that of the scale is a density in its logarithm)."""
    mu, scale, slope = point
    rates = expected(mu, scale, slope)
    data = (counts * jnp.log(rates) - rates - jsp.gammaln(counts + 1)).sum()
    scaled = -0.5 * (jnp.log(scale) / 0.1) ** 2 - jnp.log(0.1 * np.sqrt(2 * np.pi))
    tilted = -0.5 * (slope / 0.2) ** 2 - jnp.log(0.2 * np.sqrt(2 * np.pi))
    return -(data + scaled + tilted)


@functools.partial(jax.jit, static_argnames="n")
def toys(key: Array, point: Array, n: int) -> Array:
    """Pseudo-experiments by `jax.random.poisson`, (n, 25)."""
    return jax.random.poisson(key, expected(*point), (n, 25))


#: Value and gradient, one call: what a minimiser asks for.
likelihood = jax.jit(jax.value_and_grad(minus_log_likelihood))

# ---------------------------------------------------------------- a network of a thousand weights


def _network(weights: Weights, x: Array) -> Array:
    """(…, inputs) -> (…,)."""
    for matrix, bias in weights[:-1]:
        x = jnp.tanh(x @ matrix.T + bias)
    matrix, bias = weights[-1]
    return (x @ matrix.T + bias)[..., 0]


def _errors(weights: Weights, key: Array, n: int) -> Array:
    points = jax.random.normal(key, (n, 2))
    return (_network(weights, points) - points[:, 0] * jnp.sin(points[:, 1])) ** 2


@functools.partial(jax.jit, static_argnames=("n", "tile"))
def net(key: Array, weights: Weights, n: int, tile: int = 2048) -> Array:
    """Squared errors at random points, shape (n,)."""
    keys = jax.random.split(key, n // tile)
    return lax.map(lambda k: _errors(weights, k, tile), keys).reshape(n)


@functools.partial(jax.jit, static_argnames=("n", "tile"))
def net_grad(key: Array, weights: Weights, n: int, tile: int = 2048) -> tuple[Array, Weights]:
    """The mean squared error and its gradient, by reverse mode in tiles."""
    tiled = jax.value_and_grad(lambda w, k: _errors(w, k, tile).mean())
    value, gradient = lax.map(lambda k: tiled(weights, k), jax.random.split(key, n // tile))
    return value.mean(), jax.tree.map(lambda g: g.mean(0), gradient)
