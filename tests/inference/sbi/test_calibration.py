"""Calibration passes what is exact and flags what is not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from scipy import stats

from hepppl.inference.sbi.c2st import c2st
from hepppl.inference.sbi.calibration import Calibration, calibrate, kolmogorov, rank, uniform


class Coordinates:
    labels = ("a", "b")

    @staticmethod
    def to_normal(theta: np.ndarray) -> np.ndarray:
        return theta


class Seen:
    @staticmethod
    def batch(outputs: Any, events: int) -> np.ndarray:
        return outputs["x"]


@dataclass
class Stub:
    """A posterior of y given x = y + N(0, 1), two numbers, whose mean is off by ``shift`` and width by ``factor``."""

    shift: float = 0.0
    factor: float = 1.0
    prior: Any = field(default_factory=Coordinates)
    features: Any = field(default_factory=Seen)
    direct: bool = True

    def draw(self, x: np.ndarray, n: int, seed: int, effort: Any) -> tuple[np.ndarray, None]:
        noise = np.random.default_rng(seed + 1).normal(size=(len(x), n, 2))
        return x[:, None] / 2 + self.shift + self.factor * noise / 2**0.5, None

    def log_densities(self, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        return -(((y - x[:, None] / 2 - self.shift) / self.factor) ** 2).sum(-1)


@dataclass
class Experiments:
    theta: np.ndarray
    outputs: dict[str, np.ndarray]
    events: int = 1


@pytest.fixture(scope="module")
def held_out() -> Experiments:
    rng = np.random.default_rng(5)
    truth = rng.normal(size=(300, 2))
    return Experiments(truth, {"x": truth + rng.normal(size=truth.shape)})


def test_the_exact_posterior_passes(held_out: Experiments) -> None:
    found = calibrate(Stub(), held_out, draws=400)
    assert found.ok
    for level, said in found.coverage.items():
        c = float(level)
        for fraction in said.values():
            assert abs(fraction - c) < 4.5 * np.sqrt(c * (1 - c) / 300)


@pytest.mark.parametrize(
    ("wrong", "failing"),
    [
        (Stub(shift=0.3), {"rank of a", "rank of b"}),
        (Stub(factor=0.6), {"credibility of the truth", "TARP"}),
        (Stub(factor=2.0), {"credibility of the truth", "TARP"}),
    ],
)
def test_a_wrong_one_fails(wrong: Stub, failing: set[str], held_out: Experiments) -> None:
    found = calibrate(wrong, held_out, draws=400)
    assert not found.ok
    assert failing <= {c.name for c in found.failed}


def test_kolmogorovs_law() -> None:
    for n in (50, 200, 1000):
        for d in (0.8, 1.2, 1.6, 2.0):
            exact = stats.kstwo.sf(d / np.sqrt(n), n)
            assert kolmogorov(d / np.sqrt(n), n) == pytest.approx(exact, rel=0.06, abs=1e-4)
    assert kolmogorov(0.0, 100) == 1
    values = np.random.default_rng(0).random(300)
    assert uniform("x", values).value == pytest.approx(stats.kstest(values, "uniform").statistic)


def test_a_rank_among_draws_and_ties_is_uniform() -> None:
    rng = np.random.default_rng(0)
    for values in (rng.normal(size=(3000, 20)), rng.integers(0, 3, (3000, 20))):
        found = rank(values[:, 1:], values[:, :1], rng)[:, 0]
        assert stats.kstest(found, "uniform").pvalue > 1e-4


def test_it_is_kept_as_plain_lists(held_out: Experiments) -> None:
    found = calibrate(Stub(), held_out, draws=100)
    again = Calibration.of(found.saved(), found.labels)
    assert again.to_dict() == found.to_dict()


def test_c2st() -> None:
    """Alike: 0.5 within 4.5 standard errors. Normals a unit apart: at most Φ(1/2) = 0.6915, and near it."""
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=(2, 1500, 2))
    error = 0.5 / np.sqrt(3000)
    assert abs(c2st(first, second, epochs=20) - 0.5) < 4.5 * error
    apart = c2st(first, second + np.array([1.0, 0.0]), epochs=20)
    assert stats.norm.cdf(0.5) - 0.03 < apart < stats.norm.cdf(0.5) + 4.5 * error
