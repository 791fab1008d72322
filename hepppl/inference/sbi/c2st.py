"""C2ST: how well a classifier tells two samples apart (Lopez-Paz and Oquab, arXiv:1610.06545)."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
from jax import Array
from jax.nn import relu, softplus

FOLDS = 5


def c2st(first: np.ndarray, second: np.ndarray, seed: int = 0, epochs: int = 100, batch: int = 200) -> float:
    """The accuracy, by five-fold cross-validation, of a network that is to tell draws of ``first`` (n, dim) from draws
    of ``second``: 0.5 where they are alike, 1 where they are apart.

    As in the benchmark of Lueckmann et al. (arXiv:2101.04653): two hidden layers of ten units per dimension, both
    samples scaled by mean and standard deviation of the first; the same number of each is used. Its standard error is
    about 0.5 / √(2n).
    """
    n = min(len(first), len(second)) // FOLDS * FOLDS
    first, second = np.asarray(first, float)[:n], np.asarray(second, float)[:n]
    loc, scale = first.mean(0), first.std(0)
    x = np.concatenate([(first - loc) / scale, (second - loc) / scale]).astype(np.float32)
    label = np.repeat([0.0, 1.0], n).astype(np.float32)
    order = np.random.default_rng(seed).permutation(2 * n)
    folds = np.asarray(order).reshape(FOLDS, -1)
    rest = np.stack([np.concatenate([folds[j] for j in range(FOLDS) if j != i]) for i in range(FOLDS)])
    keys = jr.split(jr.key(seed), FOLDS)
    return float(_accuracies(x, label, rest, folds, keys, epochs, min(batch, n)).mean())


@eqx.filter_jit
def _accuracies(x: Array, label: Array, rest: Array, folds: Array, keys: Array, epochs: int, batch: int) -> Array:
    dim = x.shape[1]
    optimiser = optax.adam(1e-3)

    def fold(fitted: Array, tested: Array, key: Array) -> Array:
        start, go = jr.split(key)
        net = eqx.nn.MLP(dim, "scalar", 10 * dim, 2, activation=relu, key=start)
        variable, static = eqx.partition(net, eqx.is_inexact_array)
        steps = fitted.shape[0] // batch

        def loss(variable: eqx.Module, rows: Array) -> Array:
            logit = jax.vmap(eqx.combine(variable, static))(x[rows])
            return jnp.mean(softplus(logit) - label[rows] * logit)

        def step(carry: tuple, rows: Array) -> tuple:
            variable, moments = carry
            change, moments = optimiser.update(jax.grad(loss)(variable, rows), moments)
            return (eqx.apply_updates(variable, change), moments), None

        def epoch(carry: tuple, key: Array) -> tuple:
            rows = jr.permutation(key, fitted)[: steps * batch].reshape(steps, batch)
            return jax.lax.scan(step, carry, rows)[0], None

        (variable, _), _ = jax.lax.scan(epoch, (variable, optimiser.init(variable)), jr.split(go, epochs))
        said = jax.vmap(eqx.combine(variable, static))(x[tested]) > 0
        return jnp.mean(said == (label[tested] > 0.5))

    return jax.vmap(fold)(rest, folds, keys)
