"""Addressed randomness: Threefry-2x32 computed inline, so that XLA fuses it with what uses it.

Random bits are a pure function of a key and a counter (Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as
easy as 1, 2, 3"; constants as in Random123). Thirteen rounds is the smallest number its authors report to pass
BigCrush; twenty is their default and is offered as an option.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
PARITY = 0x1BD11BDA
# First counter words that are no site's number: the event's reservoir, and the choice between its and a process's.
DRAW, MERGE = 0xFFFD0000, 0xFFFE0000
GOLDEN = np.uint32(0x9E3779B9)


def threefry2x32(
    key0: ArrayLike, key1: ArrayLike, ctr0: ArrayLike, ctr1: ArrayLike, rounds: int
) -> tuple[Array, Array]:
    """Two words of random bits (uint32) for a key and a counter of two words each; arguments broadcast."""
    k0, k1, x0, x1 = (jnp.asarray(a, jnp.uint32) for a in (key0, key1, ctr0, ctr1))
    ks = (k0, k1, k0 ^ k1 ^ jnp.uint32(PARITY))
    x0, x1 = x0 + ks[0], x1 + ks[1]
    for i in range(rounds):
        r = ROTATIONS[i % 8]
        x0 = x0 + x1
        x1 = ((x1 << r) | (x1 >> (32 - r))) ^ x0
        if i % 4 == 3:
            j = i // 4 + 1
            x0, x1 = x0 + ks[j % 3], x1 + ks[(j + 1) % 3] + jnp.uint32(j)
    return x0, x1


def child_key(key0: Array, key1: Array, step: Array, number: Array) -> tuple[Array, Array]:
    """The key of the ``number``-th further particle that a particle spawns at a step. A key need not be random, only
    its own, since Threefry makes random words of it: each word goes through a mixing that loses nothing."""
    return mixed(key0 ^ (step + number * GOLDEN)), mixed(key1 ^ (number + step * GOLDEN))


def mixed(x: Array) -> Array:
    """The finaliser of MurmurHash3 (A. Appleby), one to one on words."""
    x = (x ^ (x >> 16)) * np.uint32(0x85EBCA6B)
    x = (x ^ (x >> 13)) * np.uint32(0xC2B2AE35)
    return x ^ (x >> 16)


def uniform(bits: Array, dtype: jnp.dtype) -> Array:
    """A uniform strictly inside (0, 1) from the upper 24 bits of a word: the middle of one of 2**24 intervals, rounded
    to float32 (the last would round to 1; the number below it is taken), the same numbers in float32 and float64."""
    u = (bits >> 8).astype(jnp.float32) * np.float32(2.0**-24) + np.float32(2.0**-25)
    return jnp.minimum(u, np.float32(1 - 2.0**-24)).astype(dtype)


def event_keys(seed: ArrayLike, events: tuple[Array, Array], rounds: int) -> tuple[Array, Array]:
    """Keys of events from the run's seed (two words) and the events' numbers (two words each, shape (events,))."""
    return threefry2x32(seed[0], seed[1], events[0], events[1], rounds)
