"""NPE of the `sbi` package with its defaults, run by an interpreter that has it (hepppl does not depend on it).

    python sbi_npe.py IN.npz OUT.npz

IN: ``theta`` (n, dim) and ``x`` (n, k), the simulations; ``observed`` (m, k); ``low`` and ``high`` (dim,), the box of a
uniform prior, or ``scale`` (dim,), the standard deviations of a normal one around zero; ``draws`` and ``seed``.
OUT: ``draws`` (m, draws, dim), ``cpu`` and ``wall``: seconds of training and drawing, ``versions``.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import sbi
import torch
from sbi.inference import NPE
from sbi.utils import BoxUniform


def main(given: str, wanted: str) -> None:
    torch.set_num_threads(1)
    with np.load(given) as archive:
        data = {name: torch.as_tensor(archive[name], dtype=torch.float32) for name in archive}
    torch.manual_seed(int(data["seed"]))
    if "low" in data:
        prior = BoxUniform(data["low"], data["high"])
    else:
        prior = torch.distributions.MultivariateNormal(torch.zeros_like(data["scale"]), torch.diag(data["scale"] ** 2))
    cpu, wall = time.process_time(), time.perf_counter()
    inference = NPE(prior=prior)
    inference.append_simulations(data["theta"], data["x"]).train(show_train_summary=False)
    posterior = inference.build_posterior()
    draws = [posterior.sample((int(data["draws"]),), x=x, show_progress_bars=False) for x in data["observed"]]
    taken = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    versions = f"sbi {sbi.__version__}, torch {torch.__version__}"
    np.savez(wanted, draws=torch.stack(draws).numpy(), versions=np.array(versions), **taken)


if __name__ == "__main__":
    main(*sys.argv[1:])
