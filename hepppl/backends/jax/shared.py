"""What particles share among those that they spawn (`hepppl.graph.shared`), as a batch of events has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax.numpy as jnp
from jax import Array

from hepppl.backends.jax.value import Val, batch

if TYPE_CHECKING:
    from hepppl.backends.jax.particles import Particle
    from hepppl.backends.jax.processes import Run


def root_share(run: Run, args: list[Val]) -> Val | None:
    """What the first particles have of what particles share; None where nothing is shared."""
    shared, root = run.lowering.graph.shared(), run.node.attrs["process"]
    return args[run.lowering.program.processes[root].formals.index(shared[root])] if root in shared else None


def differ(run: Run, args: list[Val]) -> bool:
    """Whether events' first particles may differ in what particles share."""
    share = root_share(run, args)
    return share is not None and share.batched


def first_of(run: Run, args: list[Val], size: int) -> dict[int, Array]:
    """What the first particle has of what particles share: (events,) by the id of each process's formal."""
    shared, first = run.lowering.graph.shared(), root_share(run, args)
    return {} if first is None else {shared[k].id: batch(first, size).p for k in run.layout.keys if k in shared}


def share_of(run: Run, particle: Particle) -> Array | None:
    """What particles have of what they share, (particles,): the more, the longer is their descent. None where nothing
    is shared, or where all have the same."""
    shared, place = run.lowering.graph.shared(), run.layout.place
    keys = [key for key in run.layout.keys if key in shared and shared[key] in place]
    found: Array | None = None
    for key in keys:
        own = particle.slots[place[shared[key]]].p
        chosen = found is not None and particle.kind is not None
        found = jnp.where(particle.kind == run.layout.keys.index(key), own, found) if chosen else own
    return found
