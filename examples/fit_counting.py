"""A counting experiment in one file: posterior, fit, upper limit and significance, from `counting.hep`.

python examples/fit_counting.py [n]
"""

from __future__ import annotations

import sys
from pathlib import Path

import hepppl
from hepppl.inference import posterior


def main(n: int = 100) -> None:
    model = hepppl.load(Path(__file__).with_name("counting.hep"))
    print(f"{n} events seen, {model.asimov(mu=0)['n']:.1f} expected without a signal")

    draws = model.infer({"n": n}, method="nuts", seed=1)
    for row in posterior.rows(draws):
        print(f"posterior    {row.name:8} {row.mean:.3f} ± {row.sd:.3f}   (R-hat {row.rhat:.3f}, ESS {row.ess:.0f})")

    fit = model.infer({"n": n}, method="mle", limit="mu", discovery="mu")
    for name in fit.names:
        ends = fit.intervals[name]
        print(f"likelihood   {name:8} {fit[name]:.3f} ± {fit.error(name):.3f}   ({ends.low:.3f} to {ends.high:.3f})")
    print(f"limit        mu < {fit.limit.observed:.2f} at 95 % (CLs), {fit.limit.expected[2]:.2f} expected")
    print(f"discovery    {fit.discovery.significance:.2f} σ, {fit.discovery.expected:.2f} σ expected at mu = 1")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
