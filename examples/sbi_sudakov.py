"""The coupling of a shower from the emissions of 20 events: a list of scales each, of varying length.

    python examples/sbi_sudakov.py

A posterior is learned from simulated experiments by a network that sees the emissions as sets (extra ``sbi``), checked
on held-out experiments, and compared with what the numbers of emissions alone say, exactly: they are Poisson, and hold
most of what there is to know; the scales tell of the running of the coupling.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import hepppl
from hepppl.inference.sbi import Schedule, Shape, train

EVENTS, TRUTH = 20, 0.118


def exact(counts: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation of the posterior given the numbers of emissions alone, by quadrature."""
    alpha = np.linspace(0.09, 0.15, 2001)
    mean = -4 * np.log(1 - 1.22 * alpha * np.log(91.1876)) / 1.22
    log = counts.sum() * np.log(mean) - len(counts) * mean
    density = np.exp(log - log.max())
    density /= density.sum()
    centre = (alpha * density).sum()
    return float(centre), float(((alpha - centre) ** 2 * density).sum() ** 0.5)


def main(simulations: int = 5000) -> None:
    model = hepppl.load(Path(__file__).parent / "sudakov_emissions.hep")
    observed = model.simulate(EVENTS, seed=7, alpha_mz=TRUTH).outputs["q"]

    def progress(what: str, done: int, total: int) -> None:
        print(f"\r{what}: {done}/{total}    ", end="", file=sys.stderr, flush=True)

    posterior = train(
        model,
        "npe",
        simulations=simulations,
        events=EVENTS,
        features=["q"],
        shape=Shape(width=32, summary=8),
        schedule=Schedule(epochs=40),
        progress=progress,
    )
    print(file=sys.stderr)
    draws = posterior.sample({"q": observed}, 4000)["alpha_mz"]
    print(f"true coupling                   {TRUTH}")
    print(f"learned from the emissions      {draws.mean():.4f} ± {draws.std():.4f}")
    print("exact, from their numbers       {:.4f} ± {:.4f}".format(*exact(observed.counts)))
    assert posterior.calibration is not None
    for level, covered in posterior.calibration.coverage.items():
        print(f"coverage of {float(level):.0%} regions         {covered['region']:.1%}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
