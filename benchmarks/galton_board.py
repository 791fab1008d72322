"""The Galton board of arXiv:1805.12244: mean squared error of log r(x | -0.8, -0.6) by method and training size.

    python benchmarks/galton_board.py [--repeats 10] [--sizes 200,1000] [--methods alices,nre] [-o galton_board.png]

Prints a table, method by size, the published number in brackets, and draws it. The error is a mean over x drawn at
-0.6, against the exact ratio; answering log r = 0 has 0.0632. The published numbers are read off the paper's figure,
±10 %. Every estimator is trained on theta drawn from (-1, -0.4), with the library's defaults.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import hepppl
from hepppl.inference.sbi import METHODS, Posterior, train

SIZES = (200, 500, 1000, 2000, 5000, 10_000)
PUBLISHED = {
    "carl": (0.133, 0.150, 0.115, 0.088, 0.048, 0.020),
    "nle": (0.082, 0.077, 0.069, 0.052, 0.018, 0.004),
    "rolr": (0.058, 0.029, 0.013, 0.005, 0.003, 0.003),
    "rascal": (0.019, 0.010, 0.007, 0.004, 0.002, 0.002),
    "scandal": (0.0175, 0.005, 0.0035, 0.002, 0.0015, 0.0015),
}
NEAR, FAR = -0.6, -0.8


def board(theta: float) -> np.ndarray:
    """Where a ball ends: exact, row by row."""
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


def error(posterior: Posterior) -> float:
    near, far = board(NEAR), board(FAR)
    x = np.flatnonzero(near > 1e-9)
    two = [posterior.log_ratio({"theta": [FAR, NEAR]}, {"position": float(at)}) for at in x]
    return float(((np.array([a - b for a, b in two]) - np.log(far[x] / near[x])) ** 2 * near[x]).sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument("--methods", default="nre,carl,nle,rolr,alice,cascal,rascal,alices,scandal")
    parser.add_argument("-o", "--output", type=Path)
    chosen = parser.parse_args()
    model = hepppl.load(Path(__file__).parents[1] / "examples" / "galton.hep")
    sizes = [int(n) for n in chosen.sizes.split(",")]
    found: dict[str, list[float]] = {}
    print("| method | " + " | ".join(map(str, sizes)) + " |\n|" + " --- |" * (len(sizes) + 1))
    for name in chosen.methods.split(","):
        reference = {"theta": NEAR} if METHODS[name].relative else None
        cells = []
        for n in sizes:
            runs = [
                error(train(model, name, simulations=n, seed=seed, calibrate=0, reference=reference))
                for seed in range(chosen.repeats)
            ]
            found.setdefault(name, []).append(float(np.mean(runs)))
            known = f" ({PUBLISHED[name][SIZES.index(n)]:.4g})" if name in PUBLISHED and n in SIZES else ""
            cells.append(f"{np.mean(runs):.2g}{known}")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
    if chosen.output is not None:
        draw(chosen.output, sizes, found)


def draw(path: Path, sizes: list[int], found: dict[str, list[float]]) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.subplots()
    for i, (name, errors) in enumerate(found.items()):
        axes.plot(sizes, errors, "o-", color=f"C{i}", label=name)
        if name in PUBLISHED:
            axes.plot(SIZES, PUBLISHED[name], ":", color=f"C{i}")
    axes.set(xscale="log", yscale="log", xlabel="training events", ylabel="mean squared error of log r")
    axes.set_title("Galton board; dotted: arXiv:1805.12244")
    axes.legend(ncols=2)
    figure.savefig(path)


if __name__ == "__main__":
    main()
