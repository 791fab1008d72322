"""NUTS and SVI against exact posteriors and quadrature.

A mean of draws is compared by its z-score, with the Monte Carlo error that the effective draws give; a standard
deviation by the error sd / sqrt(2 ESS) of normal draws, times 1.5 for tails. Each comparison allows |z| = 4: all of
them together fail by chance with probability below 1e-3. Seeds are fixed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import integrate, stats

import hepppl
from hepppl.inference import posterior

#: The Gaussian with unknown mean of pyprob's tests: A. Baydin et al., SC'19.
GAUSSIAN = """model gaussian {
    param mu ~ normal(1, sqrt(5))
    observe a ~ normal(mu, sqrt(2))
    observe b ~ normal(mu, sqrt(2))
}"""
FAST = {"samples": 600, "warmup": 500}


def agrees(row: posterior.Row, mean: float, sd: float) -> None:
    assert abs(row.mean - mean) < 4 * row.mcse
    assert abs(row.sd - sd) < 4 * 1.5 * sd / np.sqrt(2 * row.ess)


@pytest.fixture(scope="module")
def gaussian() -> Any:
    return hepppl.parse(GAUSSIAN).infer({"a": 8, "b": 9}, seed=1, **FAST)


@pytest.mark.slow
def test_pyprobs_gaussian(gaussian: Any) -> None:
    (row,) = posterior.rows(gaussian)
    agrees(row, 7.25, np.sqrt(1 / 1.2))
    assert row.rhat < 1.01
    assert abs(row.high - row.low - 2 * 0.9945 * np.sqrt(1 / 1.2)) < 0.15  # 16 % to 84 %


def test_the_result_is_an_arviz_data_set(gaussian: Any, tmp_path: Path) -> None:
    import xarray

    assert gaussian["posterior"]["mu"].shape == (4, 600)
    assert gaussian["sample_stats"]["diverging"].shape == (4, 600)
    assert float(gaussian["observed_data"]["b"]) == 9
    assert (gaussian.attrs["model"], gaussian.attrs["method"], gaussian.attrs["seed"]) == ("gaussian", "nuts", "1")
    posterior.save(gaussian, tmp_path / "post.nc")
    read = xarray.open_datatree(tmp_path / "post.nc", engine="h5netcdf")
    np.testing.assert_array_equal(read["posterior"]["mu"], gaussian["posterior"]["mu"])
    assert read.attrs["units"] == gaussian.attrs["units"]


def test_a_seed_gives_the_same_draws(gaussian: Any) -> None:
    again = hepppl.parse(GAUSSIAN).infer({"a": 8, "b": 9}, seed=1, **FAST)
    np.testing.assert_array_equal(again["posterior"]["mu"], gaussian["posterior"]["mu"])


@pytest.fixture(scope="module")
def counting(examples: Path) -> hepppl.Model:
    return hepppl.load(examples / "counting.hep")


def exact(n: int) -> dict[str, tuple[float, float]]:
    """Means and standard deviations of the posterior of `counting`, by quadrature."""
    mu, b = np.meshgrid(np.linspace(0, 3, 1501), np.linspace(0.5, 1.7, 601), indexing="ij")
    density = stats.lognorm(0.1).pdf(b) * stats.poisson(mu * 0.3 * 139 + b * 0.5 * 139).pmf(n)

    def mean(f: np.ndarray) -> float:
        inner = integrate.simpson(f * density, x=b[0], axis=1)
        return float(integrate.simpson(inner, x=mu[:, 0]))

    norm = mean(np.ones_like(mu))
    found = {}
    for name, x in (("mu", mu), ("b_scale", b)):
        first, second = mean(x) / norm, mean(x**2) / norm
        found[name] = first, float(np.sqrt(second - first**2))
    return found


def test_nuts_on_the_counting_experiment(counting: hepppl.Model) -> None:
    tree = counting.infer({"n": 60}, "nuts", seed=3, target_accept=0.9, **FAST)
    for row in posterior.rows(tree):
        agrees(row, *exact(60)[row.name])


@pytest.mark.slow
def test_svi_on_the_counting_experiment(counting: hepppl.Model) -> None:
    """At n = 110, where a normal approximation is good: it is one, so that its moments are near the exact ones, not
    equal to them. It is narrower than the posterior, whose tail towards mu = 0 is the heavier one."""
    tree = counting.infer({"n": 110}, "svi", seed=2)
    assert 0 < tree.attrs["gap"] < 0.05
    for row in posterior.rows(tree):
        mean, sd = exact(110)[row.name]
        assert abs(row.mean - mean) < 0.1 * sd
        assert 0.9 * sd < row.sd < 1.02 * sd


@pytest.mark.slow
def test_latent_draws_are_part_of_the_posterior() -> None:
    """A random effect in a plate, normal throughout: exact by linear algebra."""
    text = """model m {
        param mu ~ normal(0, 2)
        plate i in 0..3 {
            u ~ normal(mu, 1)
            observe x[i] ~ normal(u, 0.5)
        }
        return sum(u)
    }"""
    x = np.array([1.0, 2.0, 4.0])
    precision = np.zeros((4, 4))
    precision[0, 0] = 1 / 4 + 3
    precision[0, 1:] = precision[1:, 0] = -1
    precision[1:, 1:] = np.eye(3) * (1 + 4)
    covariance = np.linalg.inv(precision)
    means = covariance @ np.concatenate([[0], 4 * x])
    tree = hepppl.parse(text).infer({"x": x}, "nuts", seed=4, **FAST)
    rows = {row.name: row for row in posterior.rows(tree)}
    assert set(rows) == {"mu", "u[0]", "u[1]", "u[2]"}
    for name, mean, variance in zip(("mu", "u[0]", "u[1]", "u[2]"), means, np.diag(covariance), strict=True):
        agrees(rows[name], float(mean), float(np.sqrt(variance)))


@pytest.mark.parametrize("fault", ["apart", "few", "divergent", "nan", "none"])
def test_draws_that_are_not_to_be_trusted(counting: hepppl.Model, fault: str) -> None:
    draws = np.random.default_rng(6).normal(size=(4, 500))
    diverging = np.zeros((4, 500), bool)
    if fault == "apart":
        draws[0] += 1
    if fault == "few":
        draws = np.repeat(draws[:, :50], 10, axis=1)
    if fault == "divergent":
        diverging[1, :20] = True
    if fault == "nan":
        draws[2, 3] = np.nan
    tree = posterior.data_set(counting, "nuts", 0, {"mu": draws}, {"n": np.array(3)}, {"diverging": diverging})
    if fault == "none":
        posterior.check(tree)
        return
    with pytest.raises(hepppl.HepResultError) as caught:
        posterior.check(tree)
    assert {d.code for d in caught.value.diagnostics} == {"E910"}
    assert caught.value.result is tree


@pytest.mark.slow
def test_an_approximation_without_correlations_is_not_trusted() -> None:
    text = "model m {\n    param a ~ normal(0, 1)\n    param b ~ normal(0, 1)\n    observe x ~ normal(a + b, 0.1)\n}"
    with pytest.raises(hepppl.HepResultError) as caught:
        hepppl.parse(text).infer({"x": 1}, "svi", guide="normal", steps=500)
    assert {d.code for d in caught.value.diagnostics} == {"E910"}
    assert caught.value.result.attrs["gap"] > 0.5
