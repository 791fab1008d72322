"""Static choices of a compilation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Settings:
    """Static choices of a compilation. ``tangents``: derivatives carried along (0 in simulation and reverse mode).
    ``pilot``: what decides which candidate an event keeps is noted (`hepppl.backends.jax.steering`). ``guessed``:
    weights of candidates are made as in reverse mode.
    ``joint``: they are those of the density of all that is drawn, at fixed values of it, or the densities at so many
    other points (`hepppl.backends.jax.joint`). ``moves``: they are those of the outputs, of which no expectation is
    taken."""

    precision: int = 32
    rounds: int = 13
    lanes: int | None = None  # None: chosen by the size of the batch
    max_steps: int = 1_000_000
    capacity: int = 32  # elements of an output of varying length
    tangents: int = 0
    reverse: bool = False
    joint: bool = False
    moves: bool = False
    pilot: bool = False
    guessed: bool = False
    tape: int = 0  # turns of the lanes' driver that reverse mode has room to go back through; 0 where it does not

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(np.float32 if self.precision == 32 else np.float64)

    def width(self, size: int, uneven: bool = False, again: bool = False, divided: bool = False) -> int:
        """Lanes for a batch of ``size`` events, or of their alternatives (``again``): enough to make a kernel worth its
        launch, few enough for the caches and for the queue to last, which is sooner at an end where some events are
        much longer than others (``uneven``), unless several lanes follow these together (``divided``)."""
        if self.tape:  # the batches are small
            most = min(256, max(64, size // 8))
        elif divided:
            most = min(512, max(128, size // 8))
        elif uneven and not again:
            most = max(64, min(256, size // 128))
        else:
            most = 128 if size <= 2048 else 512 if uneven else 768
        return min(size, self.lanes or most)

    @property
    def gradient(self) -> bool:
        """Whether expectations are differentiated."""
        return (self.reverse or self.tangents > 0) and not self.joint and not self.moves
