"""Mined gold of the Galton board of arXiv:1805.12244, against its exact distributions.

Seeds are fixed, and means are compared at 4.5 standard errors: a false alarm in 150,000 comparisons.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import binom

import hepppl

from . import oracles

Z = 4.5


def mean_is(values: np.ndarray, exact: Any) -> None:
    z = (values.mean(0) - exact) / (values.std(0, ddof=1) / np.sqrt(len(values)))
    assert (np.abs(z) < Z).all(), z


@pytest.fixture(scope="module")
def galton(examples: Path) -> Any:
    return hepppl.load(examples / "galton.hep").gold(60_000, seed=2, ratios_to=[{"theta": -0.6}, {"theta": 0.0}])


def test_the_board_has_the_published_numbers(galton: Any) -> None:
    p, t = oracles.galton_board(-0.8)
    places = np.arange(33)
    assert_allclose([(p * places).sum(), (p * (places - 15.583061) ** 2).sum()], [15.583061, 20.416816], atol=1e-6)
    assert_allclose((t[p > 0] ** 2 / p[p > 0]).sum(), 1.41232, atol=1e-5)
    mined = galton
    counts = np.bincount(mined["position"], minlength=33)
    expected = len(mined) * p
    used = expected > 5
    # chi-square of 20 degrees of freedom: above 58 once in 70,000
    assert ((counts - expected)[used] ** 2 / expected[used]).sum() < 58


def test_the_scores_of_the_board_are_those_of_its_paths(galton: Any) -> None:
    mined = galton
    score = mined.score["theta"]
    assert score.shape == (60_000,)
    mean_is(score, 0.0)
    mean_is(score**2, 2.35469)
    p, t = oracles.galton_board(-0.8)
    for place in (10, 15, 20):
        mean_is(score[mined["position"] == place], t[place] / p[place])


def test_the_ratios_of_the_board_average_to_those_of_its_positions(galton: Any) -> None:
    mined = galton
    ratio = np.exp(mined.log_ratio)
    mean_is(ratio, 1.0)
    here, there = oracles.galton_board(-0.8)[0], oracles.galton_board(-0.6)[0]
    for place in (10, 15, 20):
        mean_is(ratio[mined["position"] == place, 0], there[place] / here[place])
    # at theta = 0 the position less 5 is Binomial(20, 1/2)
    mean_is(ratio[:, 1] * (mined["position"] == 14), binom.pmf(9, 20, 0.5))
