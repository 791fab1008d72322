"""The networks behind the estimators. Each is a function of one pseudo-experiment; `jax.vmap` makes batches."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array
from jax.nn import silu

from hepppl.inference.sbi.features import Features
from hepppl.inference.sbi.flows import flow


@dataclass(frozen=True)
class Shape:
    """Sizes of networks: ``width`` and ``depth`` of the hidden layers, numbers in the ``summary`` of a collection or of
    several events, and of a flow its kind, spline bins and layers."""

    width: int = 64
    depth: int = 2
    summary: int = 16
    flow: str = "spline"
    bins: int = 12
    layers: int = 2

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def mlp(inputs: int, outputs: int, shape: Shape, key: Array) -> eqx.nn.MLP:
    return eqx.nn.MLP(inputs, outputs, shape.width, shape.depth, activation=silu, key=key)


class DeepSet(eqx.Module):
    """A function of a set that does not depend on the order of its elements: a network of their summed networks (Zaheer
    et al., arXiv:1703.06114). ``typical``: how many there are on average, so that sums stay of order one."""

    each: eqx.nn.MLP
    whole: eqx.nn.MLP
    typical: float = eqx.field(static=True)

    def __init__(self, inputs: int, outputs: int, typical: float, shape: Shape, key: Array):
        first, second = jr.split(key)
        self.each = mlp(inputs, shape.width, shape, first)
        self.whole = mlp(shape.width + 1, outputs, shape, second)
        self.typical = typical

    def __call__(self, elements: Array, mask: Array) -> Array:
        seen = jnp.where(mask[:, None] > 0, jax.vmap(self.each)(elements), 0)
        count = mask.sum() / self.typical
        return self.whole(jnp.append(seen.sum(0) / self.typical, count - 1))


class Embedding(eqx.Module):
    """What an estimator sees of a pseudo-experiment: its standardised numbers and a summary of each collection; for
    more than one event, a summary of the set of them. ``size``: how many numbers that is."""

    sets: tuple[DeepSet, ...]
    events: DeepSet | None
    size: int = eqx.field(static=True)

    def __init__(self, features: Features, shape: Shape, key: Array):
        keys = jr.split(key, len(features.sets) + 1)
        made = [
            DeepSet(s.width, shape.summary, s.typical, shape, k) for s, k in zip(features.sets, keys[1:], strict=True)
        ]
        self.sets = tuple(made)
        self.size = features.width + shape.summary * len(made)
        self.events = None
        if features.events != 1:
            self.events = DeepSet(self.size, shape.summary, float(features.events), shape, keys[0])
            self.size = shape.summary

    def event(self, x: Any) -> Array:
        """Of one event: ``fixed`` (width,), and elements with their masks."""
        seen = [net(s["elements"], s["mask"]) for net, s in zip(self.sets, x["sets"], strict=True)]
        return jnp.concatenate([x["fixed"], *seen])

    def __call__(self, x: Any) -> Array:
        """Of a pseudo-experiment; everything has a leading axis of events."""
        each = jax.vmap(self.event)(x)
        return each[0] if self.events is None else self.events(each, jnp.ones(len(each)))


class Density(eqx.Module):
    """A conditional density q(y | x) of parameters (posterior estimation)."""

    embedding: Embedding
    flow: eqx.Module

    def __init__(self, features: Features, dim: int, shape: Shape, key: Array):
        first, second = jr.split(key)
        self.embedding = Embedding(features, shape, first)
        options = (shape.width, shape.depth, shape.bins, shape.layers)
        self.flow = flow(shape.flow, dim, self.embedding.size, *options, second)

    def log_prob(self, y: Array, x: Any) -> Array:
        return self.flow.log_prob(y, self.embedding(x))

    def sample(self, key: Array, x: Any, n: int) -> Array:
        condition = self.embedding(x)
        return jax.vmap(lambda k: self.flow.sample(k, condition))(jr.split(key, n))


class Likelihood(eqx.Module):
    """A conditional density q(x | y) of an event's numbers (likelihood estimation)."""

    flow: eqx.Module

    def __init__(self, features: Features, dim: int, shape: Shape, key: Array):
        options = (shape.width, shape.depth, shape.bins, shape.layers)
        self.flow = flow(shape.flow, features.width, dim, *options, key)

    def log_likelihood(self, y: Array, x: Any) -> Array:
        """Of the events of an experiment, which are independent."""
        return jax.vmap(lambda row: self.flow.log_prob(row, y))(x["fixed"]).sum()


class Ratio(eqx.Module):
    """log r(x | y): of the likelihood of an event to that at a reference, or to the evidence."""

    embedding: Embedding
    net: eqx.nn.MLP

    def __init__(self, features: Features, dim: int, shape: Shape, key: Array):
        first, second = jr.split(key)
        self.embedding = Embedding(features, shape, first)
        self.net = mlp(self.embedding.size + dim, 1, shape, second)

    def log_likelihood(self, y: Array, x: Any) -> Array:
        """Of the events of an experiment, which are independent."""

        def one(event: Any) -> Array:
            return self.net(jnp.concatenate([self.embedding.event(event), y]))[0]

        return jax.vmap(one)(x).sum()


class LocalScore(eqx.Module):
    """The score t̂(x) of an event at the reference ``at``, and what it says near it: the likelihood's logarithm to
    second order, with the expected ``information`` of one event for its curvature."""

    embedding: Embedding
    net: eqx.nn.MLP
    at: Array
    information: Array

    def __init__(self, features: Features, dim: int, shape: Shape, key: Array):
        first, second = jr.split(key)
        self.embedding = Embedding(features, shape, first)
        self.net = mlp(self.embedding.size, dim, shape, second)
        self.at, self.information = jnp.zeros(dim), jnp.zeros((dim, dim))

    def scores(self, x: Any) -> Array:
        """Of each event of an experiment, (events, dim)."""
        return jax.vmap(lambda event: self.net(self.embedding.event(event)))(x)

    def log_likelihood(self, y: Array, x: Any) -> Array:
        scores, away = self.scores(x), y - jax.lax.stop_gradient(self.at)
        return (scores @ away).sum() - 0.5 * len(scores) * away @ self.information @ away
