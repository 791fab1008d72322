"""The importance of candidates for an event's alternative, and what a pilot run notes to learn one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax.numpy as jnp
from jax import Array, lax

from hepppl.backends.jax.value import batch
from hepppl.planning.importance import Feature

if TYPE_CHECKING:
    from hepppl.backends.jax.lowering import Lowering
    from hepppl.backends.jax.machine import Machine


def importance(lowering: Lowering, m: Machine, number: int) -> Array | None:
    """The importance of a site's candidates, (events,), positive whatever the features are; None where it is 1."""
    found = lowering.importances.get(number)
    if found is None:
        return None
    real = lowering.settings.dtype
    h = jnp.full(m.size, found.level, real)
    for factor in found.factors:
        x, step = read(lowering, m, number, factor.feature), jnp.full(m.size, factor.heights[0], real)
        for edge, height in zip(factor.edges, factor.heights[1:], strict=True):
            step = jnp.where(x > real.type(edge), real.type(height), step)
        h = h * step
    return h


def note(lowering: Lowering, m: Machine, number: int, h: Array | None) -> Array:
    """The site's number, its importance and its features, (2 + features, events)."""
    real = lowering.settings.dtype
    rows = [jnp.full(m.size, number, real), jnp.ones(m.size, real) if h is None else h]
    rows += [read(lowering, m, number, feature) for feature in lowering.features(number)]
    return jnp.stack(rows + [jnp.zeros(m.size, real)] * (2 + lowering.noting - len(rows)))


def read(lowering: Lowering, m: Machine, number: int, feature: Feature) -> Array:
    """A feature in the event itself, (events,), without derivative."""
    if feature.kind == "value":
        x = batch(m.env[lowering.telling[number][feature]], m.size).p
    else:
        assert m.particles is not None
        x = m.particles.height if feature.kind == "siblings" else m.particles.current.stream[2]
    return lax.stop_gradient(x).astype(lowering.settings.dtype)
