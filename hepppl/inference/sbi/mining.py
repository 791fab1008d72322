"""The methods that learn from the simulator's own score and ratio: what is simulated for them, and their losses.

Everything is relative to a reference point θ1. Half of the events are drawn at prior draws θ0 (label 0), half at θ1
(label 1), each of these with a prior draw θ0 of its own that its ratio is taken for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepUnsupportedError
from hepppl.inference.sbi import losses
from hepppl.inference.sbi.networks import Likelihood, LocalScore, Ratio
from hepppl.inference.sbi.priors import Prior
from hepppl.inference.sbi.simulator import Mined, Simulations, Simulator

Numbers = dict[str, np.ndarray]


def mined(
    simulator: Simulator, n: int, seed: int, reference: np.ndarray, kind: str, score: bool, ratio: bool
) -> tuple[Simulations, Numbers]:
    """``n`` events and, of each, ``y`` (n, dim) (θ0 in the prior's coordinates), ``label``, ``score`` in the same
    coordinates, ``joint``: log p(x, z | θ0) - log p(x, z | θ1).

    ``kind``: "ratio" as above; "density": all at θ0; "local": all at θ1.
    """
    prior = simulator.prior
    if not prior.independent:
        message = "the score in the prior's coordinates is known for independent priors only"
        hint = "let no prior depend on another parameter, or take npe, nle or nre"
        raise HepUnsupportedError(Diagnostic("E722", message, hints=(hint,)))
    theta = prior.draw(n, seed)
    there = np.broadcast_to(reference, theta.shape)
    label = {"ratio": np.arange(n) % 2, "density": np.zeros(n, int), "local": np.ones(n, int)}[kind]
    at_reference = label[:, None] == 1
    run, other = np.where(at_reference, there, theta), np.where(at_reference, theta, there)
    if score or ratio:
        found = simulator.mine(run, seed, score, other if ratio else None)
    else:
        found = Mined(simulator.at(run, seed), None, None)
    numbers: Numbers = {"y": prior.to_normal(theta), "label": label}
    if found.score is not None:
        numbers["score"] = prior.score_to_normal(run, found.score)
    if found.ratio is not None:
        numbers["joint"] = np.where(label == 1, found.ratio, -found.ratio)
    simulations = replace(found.simulations, theta=theta)
    return simulations, {name: np.asarray(x, np.float32) for name, x in numbers.items()}


def points(prior: Prior, drawn: Simulations) -> Numbers:
    """What is known of pseudo-experiments without gold: their points in the prior's coordinates."""
    return {"y": np.asarray(prior.to_normal(drawn.theta), np.float32)}


def weights(score: np.ndarray, alpha: float) -> np.ndarray:
    """What the score's term is multiplied by, one number for each event: ``alpha`` over the mean square of the scores,
    so that both terms of a loss are of order one whatever a parameter's scale."""
    square = float((score.astype(float) ** 2).sum(-1).mean())
    return np.full(len(score), alpha / square if square > 0 else alpha, np.float32)


def ratio_loss(loss: Callable[..., Array], score: bool) -> Callable[[Ratio, Any, Array], Array]:
    """``loss(log_r, slope, batch)`` of a batch's ratios and, where ``score``, of their derivatives."""

    def of_batch(network: Ratio, batch: Any, key: Array) -> Array:
        y, x = batch["y"], batch["x"]
        if not score:
            return loss(jax.vmap(network.log_likelihood)(y, x), None, batch).mean()
        log_r, slope = jax.vmap(jax.value_and_grad(network.log_likelihood))(y, x)
        return loss(log_r, slope, batch).mean()

    return of_batch


RATIO_LOSSES: dict[str, Callable[..., Array]] = {
    "carl": lambda r, s, b: losses.carl(r, b["label"]),
    "rolr": lambda r, s, b: losses.rolr(r, b["joint"], b["label"]),
    "alice": lambda r, s, b: losses.alice(r, b["joint"]),
    "cascal": lambda r, s, b: losses.cascal(r, s, b["score"], b["label"], b["alpha"]),
    "rascal": lambda r, s, b: losses.rascal(r, b["joint"], s, b["score"], b["label"], b["alpha"]),
    "alices": lambda r, s, b: losses.alices(r, b["joint"], s, b["score"], b["label"], b["alpha"]),
}


def scandal_loss(network: Likelihood, batch: Any, key: Array) -> Array:
    log_density, slope = jax.vmap(jax.value_and_grad(network.log_likelihood))(batch["y"], batch["x"])
    return losses.scandal(log_density, slope, batch["score"], batch["alpha"]).mean()


def sally_loss(network: LocalScore, batch: Any, key: Array) -> Array:
    return losses.sally(jax.vmap(network.scores)(batch["x"])[:, 0], batch["score"]).mean()


def with_information(network: LocalScore, x: Any, at: np.ndarray) -> LocalScore:
    """A trained network that knows the reference ``at`` and its Fisher information E[t̂ t̂ᵀ] of one event there."""
    scores = np.asarray(jax.vmap(network.scores)(x))[:, 0]
    found = scores.T @ scores / len(scores)
    return eqx.tree_at(lambda n: (n.at, n.information), network, (jnp.asarray(at, jnp.float32), jnp.asarray(found)))
