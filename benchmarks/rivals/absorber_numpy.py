"""The absorber of arXiv:2308.16680 in vectorised NumPy, as one would write it by hand for speed.

All particles of a tile of events take one step together. Structure of arrays, updated in place; the first child of a
split takes its parent's slot, and the second children and the last particles fill the slots of those that have stopped,
so that the arrays stay dense at a cost proportional to what changed. The four sigmoids share one division.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

DT, START_ENERGY, END_ENERGY, END_RADIUS, KICK, LOSS = 0.02, 25.0, 0.5, 20.0, 0.05, 2.0


class Events(NamedTuple):
    """One entry per event: the objective (mean radius - 2)^2, the number of hits, and the score d log p / d theta
    (zeros unless asked for)."""

    value: NDArray[np.floating]
    hits: NDArray[np.integer]
    score: NDArray[np.floating]


class _Particles:
    """Dense arrays of the particles alive; the first ``alive`` entries count."""

    fields = ("energy", "x", "y", "px", "py", "event")

    def __init__(self, n: int, capacity: int, dtype: np.dtype, rng: np.random.Generator):
        phi = rng.uniform(-np.pi, np.pi, n)
        starts = {
            "energy": START_ENERGY,
            "x": 0.0,
            "y": 0.0,
            "px": np.cos(phi),
            "py": np.sin(phi),
            "event": np.arange(n),
        }
        for name, start in starts.items():
            column = np.empty(capacity, np.intp if name == "event" else dtype)
            column[:n] = start
            setattr(self, name, column)
        self.alive = n

    def replace(self, gone: NDArray[np.intp], new: dict[str, NDArray]) -> None:
        """Take out the particles at the sorted indices ``gone`` and put in ``new`` ones."""
        count, m = len(new["event"]), self.alive
        if count >= len(gone):
            slots = np.concatenate([gone, np.arange(m, m + count - len(gone))])
            for name, values in new.items():
                getattr(self, name)[slots] = values
            self.alive = m + count - len(gone)
            return
        for name, values in new.items():
            getattr(self, name)[gone[:count]] = values
        holes = gone[count:]
        self.alive = m - len(holes)
        tail = np.arange(self.alive, m)
        movers = tail[~np.isin(tail, holes, assume_unique=True)]
        holes = holes[: len(movers)]
        for name in self.fields:
            column = getattr(self, name)
            column[holes] = column[movers]


def run(
    n: int,
    theta: float = 2.5,
    *,
    splitting: bool = True,
    seed: ArrayLike = 0,
    score: bool = False,
    tile: int = 256,
    dtype: type = np.float32,
) -> Events:
    """Simulate ``n`` events, ``tile`` at a time. ``splitting``: the shower; otherwise the energy-loss variant."""
    rng = np.random.Generator(np.random.SFC64(seed))
    parts = [_tile(min(tile, n - i), theta, splitting, rng, score, np.dtype(dtype)) for i in range(0, n, tile)]
    return Events(*map(np.concatenate, zip(*parts, strict=True)))


def _tile(n: int, theta: float, splitting: bool, rng: np.random.Generator, score: bool, dtype: np.dtype) -> Events:
    p = _Particles(n, n * (64 if splitting else 1), dtype, rng)
    radius, hits, total = np.zeros(n, dtype), np.zeros(n, np.int64), np.zeros(n)
    t, one = dtype.type(theta), dtype.type(1)
    with np.errstate(over="ignore"):
        while p.alive:
            m = p.alive
            energy, x, y, px, py = (getattr(p, name)[:m] for name in p.fields[:5])
            new_x, new_y = x + dtype.type(DT) * px, y + dtype.type(DT) * py
            r2 = new_x * new_x + new_y * new_y
            r = np.sqrt(r2)
            alpha = np.arctan2(new_x, new_y)  # this argument order is the paper's
            before, behind = np.exp(10 * (t - r)), np.exp(10 * (r - (t + 10)))
            rows = np.exp(10 * np.sin(10 * (alpha + 2 * r)))
            layers = np.exp(10 * np.cos(10 * (r - 2)))
            probability = dtype.type(0.5) / ((one + before) * (one + behind) * (one + rows) * (one + layers))
            ends = (energy < END_ENERGY) | (r2 > END_RADIUS**2)
            interacts = (rng.random(m, dtype) < probability) & ~ends
            if score:  # d log P / d theta = 10 (s_before - s_behind) in terms of the complements of the two sigmoids
                slope = 10 * (one - one / (one + behind)) - 10 * (one - one / (one + before))
                odds = np.where(interacts, 1.0, -probability / (one - probability))
                total += np.bincount(p.event[:m], np.where(ends, 0, slope * odds), n)
            gone, split = np.flatnonzero(ends), np.flatnonzero(interacts)
            for which in (gone, split):
                np.add.at(radius, p.event[which], np.hypot(x[which], y[which]))
                np.add.at(hits, p.event[which], 1)
            x[:], y[:] = new_x, new_y
            children = {name: np.empty(0, dtype) for name in p.fields[:5]} | {"event": np.empty(0, np.intp)}
            if len(split):
                old_x, old_y = px[split], py[split]
                if splitting:
                    energy[split] /= 2
                    px[split], py[split] = _turned(old_x + KICK, old_y + KICK)
                    down_x, down_y = _turned(old_x - KICK, old_y - KICK)
                    children = {
                        "energy": energy[split],
                        "x": x[split],
                        "y": y[split],
                        "px": down_x,
                        "py": down_y,
                        "event": p.event[split],
                    }
                else:
                    energy[split] = np.maximum(energy[split] - LOSS, 0)
                    sx, sy = KICK * (1 - 2 * rng.integers(0, 2, (2, len(split)))).astype(dtype)
                    px[split], py[split] = _turned(old_x + sx, old_y + sy)
            p.replace(gone, children)
    return Events((radius / hits - 2) ** 2, hits, total)


def _turned(px: NDArray, py: NDArray) -> tuple[NDArray, NDArray]:
    norm = np.sqrt(px * px + py * py)
    return px / norm, py / norm
