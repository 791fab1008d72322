"""The Galton board of arXiv:1805.12244 from few events, against its published rows (`benchmarks/galton_board.py` has
all methods and sizes)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import hepppl
from benchmarks.galton_board import FAR, NEAR, PUBLISHED, SIZES, board, error
from hepppl.inference.sbi.methods import METHODS, train


def test_the_exact_board() -> None:
    """Moments that are known of it, and what answering log r = 0 costs."""
    near, far = board(NEAR), board(FAR)
    place = np.arange(32)
    assert (far @ place, far @ place**2 - (far @ place) ** 2) == pytest.approx((15.583061, 20.416816), abs=1e-6)
    seen = near > 1e-9
    assert (np.log(far[seen] / near[seen]) ** 2 * near[seen]).sum() == pytest.approx(0.0632, abs=5e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rascal", "scandal", "rolr", "nre"])
@pytest.mark.parametrize("n", [200, 500])
def test_no_worse_than_published(name: str, n: int, examples: Path) -> None:
    """Mean of five trainings; `nre` against the published CARL. The means of ten others are 0.2 to 0.4 of the rows at
    200 events."""
    model = hepppl.load(examples / "galton.hep")
    reference = {"theta": NEAR} if METHODS[name].relative else None
    errors = [
        error(train(model, name, simulations=n, seed=seed, calibrate=0, reference=reference))
        for seed in range(100, 105)
    ]
    assert np.mean(errors) <= PUBLISHED["carl" if name == "nre" else name][SIZES.index(n)], errors
