"""The importance of candidates for an event's alternative, and what a pilot run notes to learn one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from hepppl.backends.jax.value import batch
from hepppl.graph import Value
from hepppl.planning.importance import Feature, features

if TYPE_CHECKING:
    from hepppl.backends.jax.lowering import Lowering
    from hepppl.backends.jax.machine import Machine

SMALLEST = np.float32(1e-6)  # part of what the first particle has


class Steering:
    """``importances`` of the sites whose candidates have one; ``features`` that the sites note in a pilot run, and
    ``noting``, the most of them; ``telling``: of all these, the features that are values of the program."""

    def __init__(self, lowering: Lowering) -> None:
        settings, graph, served = lowering.settings, lowering.graph, lowering.group_of
        guessed = settings.reverse or settings.guessed
        asked = {row.number: row.importance for row in lowering.rows.values() if row.number in served}
        self.importances = {n: found for n, found in asked.items() if found and found.guessed in (guessed, None)}
        self.features = {number: features(graph, number) for number in served} if settings.pilot else {}
        self.noting = max(map(len, self.features.values()), default=0)
        wanted = {number: list(found) for number, found in self.features.items()}
        for number, found in self.importances.items():
            wanted.setdefault(number, []).extend(factor.feature for factor in found.factors)
        self.telling: dict[int, dict[Feature, Value]] = {}
        for number, found in wanted.items():
            known = {value.id: value for value in graph.known_at(number)}
            self.telling[number] = {f: known[f.number] for f in found if f.kind in ("value", "part")}


def importance(lowering: Lowering, m: Machine, number: int) -> Array | None:
    """The importance of a site's candidates, (events,), positive whatever the features are; None where it is 1."""
    found = lowering.steering.importances.get(number)
    if found is None:
        return None
    real = lowering.settings.dtype
    h = jnp.full(m.size, found.level, real)
    for factor in found.factors:
        x, step = read(lowering, m, number, factor.feature), jnp.full(m.size, factor.heights[0], real)
        for edge, height in zip(factor.edges, factor.heights[1:], strict=True):
            step = jnp.where(x > real.type(edge), real.type(height), step)
        h = h * (step * x if factor.linear else step)
    return h


def note(lowering: Lowering, m: Machine, number: int, h: Array | None) -> Array:
    """The site's number, its importance and its features, (2 + features, events)."""
    real = lowering.settings.dtype
    rows = [jnp.full(m.size, number, real), jnp.ones(m.size, real) if h is None else h]
    rows += [read(lowering, m, number, feature) for feature in lowering.steering.features[number]]
    return jnp.stack(rows + [jnp.zeros(m.size, real)] * (2 + lowering.steering.noting - len(rows)))


def read(lowering: Lowering, m: Machine, number: int, feature: Feature) -> Array:
    """A feature in the event itself, (events,), without derivative."""
    if feature.kind in ("value", "part"):
        x = batch(m.env[lowering.steering.telling[number][feature]], m.size).p
        if feature.kind == "part":
            x = part(m, feature, x)
    else:
        assert m.particles is not None
        x = m.particles.height if feature.kind == "siblings" else m.particles.current.stream[2]
    return lax.stop_gradient(x).astype(lowering.settings.dtype)


def part(m: Machine, feature: Feature, x: Array) -> Array:
    """The particle's ``x`` over that of the first particle, within what can be divided by."""
    assert m.particles is not None
    share = x / m.particles.firsts[feature.number]
    return jnp.where(jnp.isnan(share), 1, jnp.clip(share, SMALLEST, 1 / SMALLEST))
