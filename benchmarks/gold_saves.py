"""How many simulations the joint score and ratio save: the Galton board, 50 balls seen at once, posterior of theta.

    python -m benchmarks.gold_saves [--simulations 3000] [--repeats 3] [--check]

C2ST against the exact posterior (exact and learned likelihoods of the balls on a grid of 2,000 points), mean over five
observations and over repeats with other seeds: without gold (`nre`) from so many simulations, with it (`alices`,
`rascal`) from a third of them. `--check` exits 1 where `alices` is above `nre` by more than two standard errors.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

import hepppl
from hepppl.inference.sbi import c2st, train

from .galton_board import board

BALLS, OBSERVED, DRAWS = 50, 5, 2000
STEP = 0.6 / 2000
GRID = -1 + STEP * (np.arange(2000) + 0.5)
LOG = np.log(np.array([board(theta) for theta in GRID]) + 1e-300)  # (grid, places)


def drawn(log: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draws (n, 1) from the posterior of log-likelihoods on the grid: of a grid point, and evenly within its step."""
    p = np.exp(log - log.max())
    at = rng.choice(GRID, DRAWS, p=p / p.sum())
    return (at + (rng.random(DRAWS) - 0.5) * STEP)[:, None]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=3000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--check", action="store_true")
    chosen = parser.parse_args()
    model = hepppl.load(Path(__file__).parents[1] / "examples" / "galton.hep")
    rng = np.random.default_rng(3)
    seen = [rng.choice(32, BALLS, p=board(theta)) for theta in rng.uniform(-1, -0.4, OBSERVED)]
    truth = [drawn(LOG[:, places].sum(-1), rng) for places in seen]
    found: dict[str, list[float]] = {}
    for name, n in (
        ("nre", chosen.simulations),
        ("alices", chosen.simulations // 3),
        ("rascal", chosen.simulations // 3),
    ):
        for seed in range(chosen.repeats):
            posterior = train(model, name, simulations=n, seed=seed, calibrate=0)
            logs = [posterior.log_ratio({"theta": GRID}, {"position": places.astype(float)}) for places in seen]
            scores = [c2st(t, drawn(log, rng)) for t, log in zip(truth, logs, strict=True)]
            found.setdefault(name, []).append(float(np.mean(scores)))
        values = found[name]
        print(f"{name} from {n}: C2ST {np.mean(values):.3f} ± {error(values):.3f}", flush=True)
    worse = np.mean(found["alices"]) - np.mean(found["nre"]) > 2 * np.hypot(error(found["alices"]), error(found["nre"]))
    return int(chosen.check and worse)


def error(values: list[float]) -> float:
    return float(np.std(values, ddof=1) / len(values) ** 0.5) if len(values) > 1 else 0.0


if __name__ == "__main__":
    sys.exit(main())
