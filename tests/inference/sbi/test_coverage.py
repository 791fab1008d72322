"""Regions of learned posteriors hold the truth as often as they say: 200 pseudo-experiments of two programs.

Each count is compared with the binomial law of an exact posterior, outside of whose interval it lies with probability
0.0005 on either side: eight counts, a false alarm in 125 for an exact posterior. The seeds are fixed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from scipy.stats import binom

import hepppl
from hepppl.inference.sbi.methods import train
from tests.inference.sbi.programs import GAUSSIAN

N, TAIL = 200, 5e-4


@pytest.mark.slow
@pytest.mark.parametrize(("program", "method"), [("gaussian", "npe"), ("galton", "alices")])
def test_the_regions_cover(program: str, method: str, examples: Path) -> None:
    """Posterior estimation without gold, and ratios with all of it: intervals of the parameter, regions of density."""
    model: Any = hepppl.parse(GAUSSIAN) if program == "gaussian" else hepppl.load(examples / "galton.hep")
    found = train(model, method, simulations=3000, calibrate=N, seed=1)
    assert found.calibration is not None
    assert len(found.calibration.ranks) == N
    for level, said in found.calibration.coverage.items():
        low, high = binom.ppf([TAIL, 1 - TAIL], N, float(level))
        assert set(said) == {*found.prior.labels, "region"}
        for name, fraction in said.items():
            assert low <= round(fraction * N) <= high, (program, level, name, fraction)
