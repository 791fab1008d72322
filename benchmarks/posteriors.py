"""NPE on three standard tasks, against exact posteriors and the `sbi` package on the same simulations.

    python -m benchmarks.posteriors [--simulations 10000] [--tasks two_moons] [--reference PYTHON]

C2ST is the mean over five observations drawn from the prior predictive: 0.5 is exact, 1 the worst. Times are CPU
seconds of training and of drawing, on one thread, hepppl's with compilation (from an empty cache); simulating takes no
part. ``--reference`` is an interpreter that has the `sbi` package; without one hepppl runs alone. Rows are kept in
`posteriors.json` beside this file. `--check` exits 1 where hepppl's C2ST is more than 0.03 above the reference's, or
its time longer.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import hepppl
from hepppl.inference.sbi import c2st, train
from hepppl.inference.sbi.priors import Prior
from hepppl.inference.sbi.simulator import Simulator

from . import exact
from .worker import empty_cache

HERE = Path(__file__).parent
KEPT = HERE / "posteriors.json"
#: What the `sbi` package is told of the prior, and the outputs side by side as its data.
TASKS: dict[str, tuple[dict[str, np.ndarray], tuple[str, ...]]] = {
    "two_moons": ({"low": -np.ones(2), "high": np.ones(2)}, ("x", "y")),
    "gaussian_linear": ({"scale": np.full(10, 0.1**0.5)}, ("x",)),
    "slcp": ({"low": np.full(5, -3.0), "high": np.full(5, 3.0)}, ("x", "y")),
}
OBSERVED, DRAWS, WITHIN = 5, 2000, 0.03


def own(model: hepppl.Model, names: tuple[str, ...], n: int, seed: int, observed: Any) -> dict[str, Any]:
    simulator = Simulator(Prior.of(model))
    drawn = simulator.draw(n, seed)
    cpu, wall = time.process_time(), time.perf_counter()
    posterior = train(model, "npe", simulations=n, seed=seed, calibrate=0)
    draws = [posterior.sample({k: observed.outputs[k][i] for k in names}, DRAWS)["theta"] for i in range(OBSERVED)]
    taken = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    return {"draws": np.stack(draws), "simulations": drawn, **taken}


def reference(python: str, task: str, drawn: Any, observed: np.ndarray, seed: int) -> dict[str, Any]:
    prior, names = TASKS[task]
    with tempfile.TemporaryDirectory() as folder:
        given, wanted = Path(folder) / "in.npz", Path(folder) / "out.npz"
        x = flat(drawn.outputs, names)
        np.savez(given, theta=drawn.theta, x=x, observed=observed, draws=DRAWS, seed=seed, **prior)
        subprocess.run([python, str(HERE / "rivals" / "sbi_npe.py"), str(given), str(wanted)], check=True, cwd=folder)
        with np.load(wanted) as archive:
            return dict(archive)


def flat(outputs: Any, names: tuple[str, ...]) -> np.ndarray:
    return np.concatenate([np.asarray(outputs[k], float).reshape(len(outputs[k]), -1) for k in names], -1)


def distance(task: str, draws: np.ndarray, observed: np.ndarray) -> float:
    rng = np.random.default_rng(1)
    exactly = [getattr(exact, task)(x, DRAWS, rng) for x in observed]
    return float(np.mean([c2st(one, other) for one, other in zip(exactly, draws, strict=True)]))


def run(task: str, n: int, seed: int, python: str | None) -> dict[str, Any]:
    model = hepppl.load(HERE / "programs" / f"{task}.hep")
    names = TASKS[task][1]
    observed = Simulator(Prior.of(model)).draw(OBSERVED, 12345)
    x = flat(observed.outputs, names)
    found = own(model, names, n, seed, observed)
    row: dict[str, Any] = {"task": task, "simulations": n, "seed": seed, "versions": f"hepppl {hepppl.__version__}"}
    row |= {"c2st": distance(task, found["draws"], x), "cpu": found["cpu"], "wall": found["wall"]}
    print(row, file=sys.stderr, flush=True)
    if python is not None:
        other = reference(python, task, found["simulations"], x, seed)
        row["versions"] += f", {other['versions']}"
        row |= {"sbi_c2st": distance(task, other["draws"], x)}
        row |= {"sbi_cpu": float(other["cpu"]), "sbi_wall": float(other["wall"])}
    return row


def table(rows: list[dict[str, Any]]) -> str:
    lines = ["| task | simulations | C2ST | sbi's C2ST | CPU s | sbi's CPU s |", "|" + " --- |" * 6]
    for row in rows:
        other = (f"{row['sbi_c2st']:.3f}", f"{row['sbi_cpu']:.0f}") if "sbi_c2st" in row else ("", "")
        numbers = (f"{row['c2st']:.3f}", other[0], f"{row['cpu']:.0f}", other[1])
        lines.append(f"| {row['task']} | {row['simulations']:,} | " + " | ".join(numbers) + " |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", default="10000")
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--reference", metavar="PYTHON")
    parser.add_argument("--check", action="store_true")
    chosen = parser.parse_args()
    rows = json.loads(KEPT.read_text()) if KEPT.exists() else []
    for task in chosen.tasks.split(","):
        for n in map(int, chosen.simulations.split(",")):
            with empty_cache() as cache:
                os.environ.update(cache)
                row = run(task, n, chosen.seed, chosen.reference)
            same = [r for r in rows if (r["task"], r["simulations"], r["seed"]) == (task, n, chosen.seed)]
            rows = [r for r in rows if r not in same] + [row]
            KEPT.write_text(json.dumps(rows, indent=1) + "\n")
    print(table(rows))
    compared = [r for r in rows if "sbi_c2st" in r]
    bad = [r for r in compared if r["c2st"] > r["sbi_c2st"] + WITHIN or r["cpu"] > r["sbi_cpu"]]
    for row in bad:
        print(f"missed: {row}", file=sys.stderr)
    return 1 if chosen.check and bad else 0


if __name__ == "__main__":
    sys.exit(main())
