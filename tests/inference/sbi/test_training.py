"""Training as such: what is compiled, and how the terms of a loss are weighed."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.random as jr
import numpy as np
from jax import Array

from hepppl.inference.sbi import mining
from hepppl.inference.sbi.training import Schedule, train


def test_a_second_training_traces_nothing_anew() -> None:
    """Another seed, other numbers, the same shapes: the loss is traced for the first only. Both learn the line."""
    traced: list[int] = []

    def loss(network: Any, batch: Any, key: Array) -> Array:
        traced.append(1)
        return ((jax.vmap(network)(batch["x"])[:, 0] - batch["y"]) ** 2).mean()

    made = []
    for seed in (0, 1):
        x = np.random.default_rng(seed).normal(size=(400, 1)).astype(np.float32)
        network = eqx.nn.Linear(1, 1, key=jr.key(seed))
        found, _ = train(network, loss, {"x": x, "y": 3 * x[:, 0] - seed}, Schedule(epochs=60, rate=0.05), jr.key(seed))
        np.testing.assert_allclose([found.weight[0, 0], found.bias[0]], [3, -seed], atol=0.05)
        made.append(len(traced))
    assert made[0] == made[1] > 0


def test_scores_are_weighed_by_their_own_size() -> None:
    """Whatever the unit of the parameters, the score's term begins at ``alpha``."""
    score = np.random.default_rng(0).normal(size=(500, 2)).astype(np.float32)
    for unit in (1e-4, 1.0, 1e4):
        weights = mining.weights(score * np.float32(unit), 2.0)
        assert weights.shape == (500,)
        np.testing.assert_allclose((weights * ((score * unit) ** 2).sum(-1)).mean(), 2.0, rtol=1e-4)
    assert (mining.weights(np.zeros((3, 1)), 2.0) == 2.0).all()
