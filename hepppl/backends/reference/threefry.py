"""Threefry-2x32, the counter-based generator behind every random number, in plain Python integers.

Source: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC11 (2011).
"""

from __future__ import annotations

import numpy as np

MASK = 0xFFFFFFFF
PARITY = 0x1BD11BDA
GOLDEN = 0x9E3779B9
ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)

Words = tuple[int, int]


def threefry2x32(key0: int, key1: int, ctr0: int, ctr1: int, rounds: int = 13) -> Words:
    """Two 32-bit words as a pure function of a 64-bit key and a 64-bit counter, all given as pairs of words."""
    key = (key0, key1, key0 ^ key1 ^ PARITY)
    x0, x1 = (ctr0 + key0) & MASK, (ctr1 + key1) & MASK
    for r in range(rounds):
        x0 = (x0 + x1) & MASK
        rotation = ROTATIONS[r % 8]
        x1 = ((x1 << rotation) | (x1 >> (32 - rotation))) & MASK
        x1 ^= x0
        if r % 4 == 3:
            s = r // 4 + 1
            x0 = (x0 + key[s % 3]) & MASK
            x1 = (x1 + key[(s + 1) % 3] + s) & MASK
    return x0, x1


def event_key(seed: int, event: int, rounds: int = 13) -> Words:
    """The key of an event: that of the run (the words of its 64-bit seed, low first) applied to the event's number."""
    return threefry2x32(seed & MASK, (seed >> 32) & MASK, event & MASK, (event >> 32) & MASK, rounds)


def child_key(key: Words, step: int, number: int) -> Words:
    """The key of the ``number``-th further particle that a particle spawns at a step: each word of its own goes, with
    step and number, through the finaliser of MurmurHash3, which is one to one."""
    return mixed(key[0] ^ (step + number * GOLDEN) & MASK), mixed(key[1] ^ (number + step * GOLDEN) & MASK)


def mixed(x: int) -> int:
    x = ((x ^ (x >> 16)) * 0x85EBCA6B) & MASK
    x = ((x ^ (x >> 13)) * 0xC2B2AE35) & MASK
    return x ^ (x >> 16)


def uniform(word: int) -> np.float32:
    """The uniform of a word, in (0, 1): its upper 24 bits as the middle of one of 2**24 intervals, rounded to float32.

    The middle of the last interval would round to 1; the number below it is taken.
    """
    return min(np.float32(word >> 8) * np.float32(2.0**-24) + np.float32(2.0**-25), np.float32(1 - 2.0**-24))
