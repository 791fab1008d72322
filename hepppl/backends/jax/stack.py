"""What waits in a lane's stack, and the chosen particle of an event: particles as words of one type."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from jax import Array, lax

if TYPE_CHECKING:
    from hepppl.backends.jax.particles import Particle

Words = dict[str, Array]  # what particles are kept as, by the name of the words' type


def pushed(particle: Particle) -> Particle:
    """What the stack keeps of a particle: one that waits has taken no step."""
    return replace(particle, stream=particle.stream[:2])


def words(x: Array, reverse: bool) -> str:
    """The type of the words that an array is kept as: all of 32 bits as one, where nothing is differentiated."""
    whole = not jnp.issubdtype(x.dtype, jnp.floating) or (x.dtype == jnp.float32 and not reverse)
    return "uint32" if whole else x.dtype.name


def columns(particle: Particle, reverse: bool) -> Words:
    """Particles, one a lane, as words of one type below each other, (words, lanes): an array is cheaper to keep and to
    choose from than each of its rows."""
    found: dict[str, list[Array]] = {}
    for x in jax.tree.leaves(particle):
        kind = words(x, reverse)
        if x.dtype == bool:
            x = x.astype(jnp.uint32)
        elif kind == "uint32":
            x = lax.bitcast_convert_type(x, jnp.uint32)
        found.setdefault(kind, []).append(x.reshape(-1, x.shape[-1]))
    return {kind: jnp.concatenate(parts) for kind, parts in found.items()}


def particles_of(columns: Words, like: Particle, reverse: bool) -> Particle:
    """What `columns` wrote down; ``like``: particles of the same structure."""
    leaves, tree = jax.tree.flatten(like)
    done = dict.fromkeys(columns, 0)
    found = []
    for x in leaves:
        kind = words(x, reverse)
        number = x.size // x.shape[-1]
        part = columns[kind][done[kind] : done[kind] + number].reshape(x.shape)
        done[kind] += number
        if x.dtype == bool:
            part = part != 0
        elif kind == "uint32":
            part = lax.bitcast_convert_type(part, x.dtype)
        found.append(part)
    return jax.tree.unflatten(tree, found)


def stacked(particle: Particle, reverse: bool) -> Words:
    """Particles, one a lane, as rows of words, (lanes, words): what belongs together lies together in memory, and is
    written and read at once."""

    def rows(part: Array) -> Array:
        used = len(part)
        room = -(-used // 8) * 8 if used > 4 else 1 << (used - 1).bit_length()  # rows of whole vectors are faster
        return jnp.concatenate([part, jnp.zeros((room - used, part.shape[-1]), part.dtype)]).T

    return {kind: rows(part) for kind, part in columns(particle, reverse).items()}


def unstacked(rows: Words, like: Particle, reverse: bool) -> Particle:
    """What `stacked` made rows of; ``like``: particles of the same structure."""
    return particles_of({kind: part.T for kind, part in rows.items()}, like, reverse)


def popped(stack: Words, place: Array, like: Particle, reverse: bool) -> Particle:
    """The particles, one a lane, in the rows ``place`` of a stack; ``like``: particles of the same structure."""
    rows = jax.tree.map(lambda s: s.at[place].get(mode="promise_in_bounds"), stack)
    found = unstacked(rows, pushed(like), reverse)
    return replace(found, stream=(*found.stream, jnp.zeros(len(place), jnp.uint32)))


def blank_stack(particle: Particle, capacity: int, reverse: bool) -> Words:
    """An empty stack for particles like ``particle``: of each lane in turn a row for every level, and one that is never
    read: it takes the writes of lanes that push nothing."""
    rows = jax.eval_shape(lambda p: stacked(pushed(p), reverse), particle)
    return {kind: jnp.zeros(((capacity + 1) * x.shape[0], x.shape[1]), x.dtype) for kind, x in rows.items()}
