"""The minimiser of every loss, where the exact ratio, density and score are known: MadMiner's toy.

z ~ N(θ, 2), x ~ N(z, 1). The losses are looked at within estimates of the right form, at the exact coefficients:
there the mean derivative over events is zero (its z-score is below 4.5 each: a false alarm once in 1e5), and away from
them it is not.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array
from scipy import stats

from hepppl.inference.sbi import losses

N = 200_000
THETA0, THETA1 = 0.5, -0.3


def events(seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, N)
    z = rng.normal(np.where(label == 0, THETA0, THETA1), 2)
    joint = stats.norm(THETA0, 2).logpdf(z) - stats.norm(THETA1, 2).logpdf(z)
    return {"x": rng.normal(z, 1), "label": label, "joint": joint, "score": (z - THETA0)[:, None] / 4}


#: log r(x) = a + b x, its derivative in θ0 c + d x, and log p(x | θ0) = const - (x - e)² / 10.
EXACT = {
    "ratio": np.array([(THETA1**2 - THETA0**2) / 10, (THETA0 - THETA1) / 5]),
    "slope": np.array([-THETA0 / 5, 1 / 5]),
    "mean": np.array([THETA0]),
}


def ratio(p: Array, x: Array) -> Array:
    return p[0] + p[1] * x


def slope(p: Array, x: Array) -> Array:
    return (p[0] + p[1] * x)[:, None]


def density(p: Array, x: Array) -> tuple[Array, Array]:
    """log p(x | θ0) up to a constant and its derivative in θ0, for a network that puts the mean at p."""
    return -((x - p[0]) ** 2) / 10, ((x - p[0]) / 5)[:, None]


CASES: dict[str, tuple[str, Callable[..., Array]]] = {
    "carl": ("ratio", lambda p, e: losses.carl(ratio(p, e["x"]), e["label"])),
    "alice": ("ratio", lambda p, e: losses.alice(ratio(p, e["x"]), e["joint"])),
    "rolr": ("ratio", lambda p, e: losses.rolr(ratio(p, e["x"]), e["joint"], e["label"])),
    "score": ("slope", lambda p, e: losses.score_error(slope(p, e["x"]), e["score"], e["label"])),
    "cascal": (
        "slope", lambda p, e: losses.cascal(0.0, slope(p, e["x"]), e["score"], e["label"], 2.0),
    ),
    "alices": (
        "slope", lambda p, e: losses.alices(0.0, e["joint"], slope(p, e["x"]), e["score"], e["label"], 2.0),
    ),
    "rascal": (
        "slope", lambda p, e: losses.rascal(0.0, e["joint"], slope(p, e["x"]), e["score"], e["label"], 2.0),
    ),
    "sally": ("slope", lambda p, e: (1 - e["label"]) * losses.sally(slope(p, e["x"]), e["score"])),
    "scandal": ("mean", lambda p, e: (1 - e["label"]) * losses.scandal(*density(p, e["x"]), e["score"], 2.0)),
}  # fmt: skip


def z_scores(name: str, away: float) -> np.ndarray:
    which, loss = CASES[name]
    found = {k: jnp.asarray(v) for k, v in events().items()}
    gradients = jax.jacfwd(lambda p: loss(p, found))(jnp.asarray(EXACT[which] + away))
    g = np.asarray(gradients, float).reshape(N, -1)
    return g.mean(0) / (g.std(0) / np.sqrt(N))


@pytest.mark.every(2)
@pytest.mark.parametrize("name", CASES)
def test_the_exact_answer_is_where_the_loss_is_least(name: str) -> None:
    assert np.abs(z_scores(name, 0.0)).max() < 4.5


@pytest.mark.parametrize("name", CASES)
def test_another_answer_is_not(name: str) -> None:
    assert np.abs(z_scores(name, 0.05)).max() > 4.5


def test_binary_and_contrastive_losses_are_least_at_the_ratio_to_the_evidence() -> None:
    """Of four points of equal prior probability and x of four values, all sums done exactly."""
    table = np.random.default_rng(1).dirichlet(np.ones(4), 4)  # p(x | point)
    evidence = table.mean(0)
    exact = jnp.log(jnp.asarray(table / evidence))

    def binary(r: Array) -> Array:
        joint, apart = table / 4, np.broadcast_to(evidence / 4, (4, 4))
        zero = jnp.zeros((4, 4))
        own, other = losses.binary(r, zero) - jnp.log(2.0), losses.binary(zero, r) - jnp.log(2.0)
        return (joint * own + apart * other).sum()

    def contrastive(r: Array) -> Array:
        pairs = [(i, j) for i in range(4) for j in range(4)]
        each = [(table[i] / 16 * losses.contrastive(jnp.stack([r[i], r[j]], -1))).sum() for i, j in pairs]
        return sum(each, start=jnp.zeros(()))

    for loss in (binary, contrastive):
        np.testing.assert_allclose(jax.grad(loss)(exact), 0, atol=2e-7)
        assert float(jnp.abs(jax.grad(loss)(exact + 0.1 * jnp.eye(4))).max()) > 1e-4


def test_one_large_ratio_is_not_all_that_is_learned_from() -> None:
    assert np.isfinite(losses.rolr(jnp.float32(0.0), jnp.float32(300.0), jnp.float32(1.0)))
    assert float(losses.alice(jnp.float32(0.0), jnp.float32(-jnp.inf))) == pytest.approx(np.log(2))
