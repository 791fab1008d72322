"""The losses of simulation-based inference, as functions of what a network says of single events.

Events of label 0 are drawn at θ0, those of label 1 at the reference θ1. ``log_r``: a network's log r̂(x | θ0, θ1);
``joint``: the event's own log p(x, z | θ0) - log p(x, z | θ1); ``slope``: ∇θ0 log r̂; ``score``: the event's own
∇θ0 log p(x, z | θ0), (…, parameters). Each returns one number per event, whose mean is least, over all functions of x,
at the exact log-likelihood ratio, density or score.

Brehmer, Louppe, Pavez and Cranmer, "Mining gold from implicit models", arXiv:1805.12244 (ROLR, RASCAL, CASCAL, SALLY,
SCANDAL); Stoye, Brehmer, Louppe, Pavez and Cranmer, arXiv:1808.00973 (ALICE, ALICES); Hermans, Begy and Louppe,
arXiv:1903.04057 (binary ratio estimation); Durkan, Murray and Papamakarios, arXiv:2002.03712 (contrastive).
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array
from jax.nn import log_softmax, sigmoid, softplus

#: Ratios in squared errors are cut at exp(±LARGEST): one event of a ratio of 1e10 would be all that is learned from.
LARGEST = 10.0


def cross_entropy(log_r: Array, target: Array) -> Array:
    """Of the probability ŝ = 1 / (1 + r̂) that an event has label 1, with the probability ``target``."""
    return target * softplus(log_r) + (1 - target) * softplus(-log_r)


def carl(log_r: Array, label: Array) -> Array:
    return cross_entropy(log_r, label)


def alice(log_r: Array, joint: Array) -> Array:
    """The cross-entropy with the label's probability given all of the event's trace."""
    return cross_entropy(log_r, sigmoid(-joint))


def rolr(log_r: Array, joint: Array, label: Array) -> Array:
    log_r, joint = jnp.clip(log_r, -LARGEST, LARGEST), jnp.clip(joint, -LARGEST, LARGEST)
    direct, inverse = jnp.exp(log_r) - jnp.exp(joint), jnp.exp(-log_r) - jnp.exp(-joint)
    return label * direct**2 + (1 - label) * inverse**2


def score_error(slope: Array, score: Array, label: Array | float = 0.0) -> Array:
    """Of events drawn at θ0: elsewhere the mean of the joint score is not the score."""
    return (1 - label) * ((slope - score) ** 2).sum(-1)


def cascal(log_r: Array, slope: Array, score: Array, label: Array, alpha: float) -> Array:
    return carl(log_r, label) + alpha * score_error(slope, score, label)


def alices(log_r: Array, joint: Array, slope: Array, score: Array, label: Array, alpha: float) -> Array:
    return alice(log_r, joint) + alpha * score_error(slope, score, label)


def rascal(log_r: Array, joint: Array, slope: Array, score: Array, label: Array, alpha: float) -> Array:
    return rolr(log_r, joint, label) + alpha * score_error(slope, score, label)


def sally(estimated: Array, score: Array) -> Array:
    """Of events drawn at one point: the estimate that is least in square is the score of x there."""
    return ((estimated - score) ** 2).sum(-1)


def scandal(log_density: Array, slope: Array, score: Array, alpha: float) -> Array:
    return -log_density + alpha * score_error(slope, score)


def binary(own: Array, other: Array) -> Array:
    """Of log ratios to the evidence: at the point an event was drawn at, and at another draw from the prior."""
    return softplus(-own) + softplus(other)


def contrastive(candidates: Array) -> Array:
    """Of log ratios (…, candidates) at several points, of which the event was drawn at the first; they come out up to a
    function of x."""
    return -log_softmax(candidates, -1)[..., 0]
