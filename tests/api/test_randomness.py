"""The uniforms that programs draw, with the thirteen rounds users get: uniform, and independent between addresses.

Each test has a probability of about 1e-6 to fail for a perfect generator. The seeds are fixed.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import hepppl

stats = pytest.importorskip("scipy.stats")

ALARM = 1e-6
N = 100_000
PROGRAM = """
model uniforms {
    a ~ uniform(0, 1)
    b ~ uniform(0, 1)
    plate i in 0..3 { c ~ uniform(0, 1) }
    return (a = a, b = b, c = c)
}
"""


@pytest.fixture(scope="module")
def columns() -> dict[str, np.ndarray]:
    """Draws that differ in one part of the address only: the site, the turn of a loop, the event, the seed."""
    model = hepppl.parse(PROGRAM)
    events, other, far = (model.simulate(N, seed=seed) for seed in (1, 2, 1 + 2**32))
    found = {"a": events["a"], "b": events["b"], "other seed": other["a"], "seed with another high word": far["a"]}
    found |= {f"c[{i}]": events["c"][:, i] for i in range(3)}
    found["next event"] = np.roll(events["a"], 1)
    return {name: values.astype(np.float64) for name, values in found.items()}


def test_each_is_uniform(columns: dict[str, np.ndarray]) -> None:
    for name, values in columns.items():
        assert stats.kstest(values, "uniform").pvalue > ALARM / len(columns), name
        low_bits = np.bincount((values * 2**23).astype(np.int64) % 256, minlength=256)
        assert stats.chisquare(low_bits).pvalue > ALARM / len(columns), name


def test_each_pair_is_independent(columns: dict[str, np.ndarray]) -> None:
    pairs = list(itertools.combinations(columns, 2))
    for x, y in pairs:
        cells = (columns[x] * 16).astype(int) * 16 + (columns[y] * 16).astype(int)
        assert stats.chisquare(np.bincount(cells, minlength=256)).pvalue > ALARM / len(pairs), (x, y)


def test_coincidences_are_as_frequent_as_they_should_be(columns: dict[str, np.ndarray]) -> None:
    """A birthday test on 100,000 draws. Below 1/2 there are 2^23 values (149 coincidences expected); above, where
    float32 is coarser, 2^22 (298). 447 on average, with that variance: the bounds are five standard deviations off."""
    for name in ("a", "b", "other seed"):
        assert 341 < N - len(np.unique(columns[name])) < 553, name
