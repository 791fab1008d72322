"""Where balls fall on the Galton board of `galton.hep`, and what that says of the tilt of its nails.

    python examples/galton_gold.py [events]

The likelihood of a final position is a sum over all paths. Each simulated ball knows how probable its own path was, so
that `alices` learns the likelihood ratio from few balls (extra ``sbi``; arXiv:1805.12244). Here the sum over paths can
be done, row by row, and is printed beside what was learned.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import hepppl
from hepppl.inference.sbi import Schedule, Shape, train

TRUTH, REFERENCE, BALLS = -0.8, -0.6, 30


def board(theta: float) -> np.ndarray:
    """The probability of each final position: exact, row by row."""
    p = np.eye(32)[15]
    for row in range(20):
        nudge, place = np.sin(np.pi * row / 19), np.arange(32)
        left = (1 - nudge) / 2 + nudge / (1 + np.exp(-10 * theta * (2 * place / 30 - 1)))
        if row % 2:
            left[0], left[31] = 0, 1
            p = np.append((p * left)[1:], 0) + p * (1 - left)
        else:
            p = p * left + np.append(0, (p * (1 - left))[:-1])
    return p


def exact(positions: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation of the tilt's posterior."""
    tilt = np.linspace(-1, -0.4, 601)
    log = np.array([np.log(board(t)[positions]).sum() for t in tilt])
    density = np.exp(log - log.max())
    density /= density.sum()
    centre = (tilt * density).sum()
    return float(centre), float(((tilt - centre) ** 2 * density).sum() ** 0.5)


def main(events: int = 5000) -> None:
    model = hepppl.load(Path(__file__).with_name("galton.hep"))
    learned = train(
        model,
        "alices",
        simulations=events,
        reference={"theta": REFERENCE},
        shape=Shape(width=48),
        schedule=Schedule(epochs=60),
    )
    print(f"log likelihood ratio of {TRUTH} to {REFERENCE}, from {events} balls")
    print("position   learned    exact")
    ratio = np.log(board(TRUTH) / np.maximum(board(REFERENCE), 1e-300))
    for position in range(7, 26, 3):
        (found,) = learned.log_ratio({"theta": [TRUTH]}, {"position": position})
        print(f"{position:8} {found:9.3f} {ratio[position]:8.3f}")
    seen = model.simulate(BALLS, seed=11, theta=TRUTH)["position"]
    draws = learned.sample({"position": seen}, 4000)["theta"]
    print(f"tilt from {BALLS} balls   {draws.mean():.3f} ± {draws.std():.3f}")
    print("exact                {:.3f} ± {:.3f}".format(*exact(seen)))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
