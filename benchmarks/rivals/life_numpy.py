"""The stochastic game of life of StochasticAD.jl in NumPy, and dE[alive]/dp without any estimator's help.

The cells start independently, alive with probability p, so that dE/dp = Σ_cells E[alive at the end | the cell starts
alive] - E[… | it starts dead]. Both boards of a pair have the same random numbers; one cell of each orbit under the
symmetries of the square stands for all of it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

SIZE = 7
TURNS = 3


class Life(NamedTuple):
    """One number per event: cells alive at the end, and the estimate of the derivative."""

    alive: np.ndarray
    slope: np.ndarray


def orbits() -> list[tuple[tuple[int, int], int]]:
    """A cell of each orbit, and how many the orbit has."""
    found: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for cell in np.ndindex(SIZE, SIZE):
        folded = sorted(min(i, SIZE - 1 - i) for i in cell)
        found.setdefault((folded[0], folded[1]), []).append(cell)
    return [(cells[0], len(cells)) for cells in found.values()]


def turn(board: np.ndarray, u: np.ndarray, noise: float = 0.1) -> np.ndarray:
    """The boards (…, SIZE, SIZE) after a turn: alive with probability 1 - noise where the rules say so, else noise."""
    neighbours = np.zeros(board.shape, np.int8)
    neighbours[..., 1:, :] += board[..., :-1, :]
    neighbours[..., :-1, :] += board[..., 1:, :]
    neighbours[..., :, 1:] += board[..., :, :-1]
    neighbours[..., :, :-1] += board[..., :, 1:]
    lives = (neighbours == 3) | (board & (neighbours == 2))
    return u < np.where(lives, 1 - noise, noise).astype(u.dtype)


def run(n: int, p: float, seed: int, tile: int = 4000) -> Life:
    rng = np.random.default_rng(seed)
    parts = [_tile(rng, min(tile, n - first), p) for first in range(0, n, tile)]
    return Life(*map(np.concatenate, zip(*parts, strict=True)))


def _tile(rng: np.random.Generator, n: int, p: float) -> Life:
    shape = (n, SIZE, SIZE)
    boards = [rng.random(shape, np.float32) < p]
    for cell, _ in orbits():
        for value in (True, False):
            pair = boards[0].copy()
            pair[:, *cell] = value
            boards.append(pair)
    board = np.stack(boards)
    for _ in range(TURNS):
        board = turn(board, rng.random(shape, np.float32))
    alive = board.sum((-1, -2)).astype(float)
    weights = np.array([count for _, count in orbits()])
    return Life(alive[0], weights @ (alive[1::2] - alive[2::2]))


if __name__ == "__main__":
    found = run(400_000, 0.5, seed=1)
    for name, x in found._asdict().items():
        print(f"{name}: {x.mean():.5f} ± {x.std() / np.sqrt(len(x)):.5f}")
