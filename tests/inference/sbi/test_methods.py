"""Trained posteriors against exact ones, kept and taken up again, and what is refused.

Networks are trained on few simulations. How near they come is measured over the prior predictive, as the mean
Kullback–Leibler divergence to the exact posterior in nats: zero only at the exact one; an estimator that ignores the
data has 0.90 here, and one whose mean is off by a third of a standard deviation 0.056.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hepppl
from hepppl.inference.sbi import c2st, saved
from hepppl.inference.sbi.methods import METHODS, train
from hepppl.inference.sbi.networks import Shape
from hepppl.inference.sbi.posterior import Posterior
from hepppl.inference.sbi.training import Schedule
from tests.inference.sbi.programs import GAUSSIAN, MOONS, TOY, gaussian_posterior, moons_posterior

NESTED = TOY.replace("normal(0, 1)", "normal(0, 1)\n param q: real ~ normal(theta, 1)")
SMALL = {"shape": Shape(width=24, depth=1, bins=6, layers=1), "schedule": Schedule(epochs=30, rate=5e-3)}


@pytest.fixture(scope="module")
def gaussian() -> hepppl.Model:
    return hepppl.parse(GAUSSIAN)


def divergence(posterior: Posterior) -> float:
    """Mean over 40 experiments of KL(exact, learned), by exact draws and densities."""
    rng, n = np.random.default_rng(3), 200
    mu = rng.normal(1, 5**0.5, 40)
    x, y = rng.normal(mu, 2**0.5), rng.normal(mu, 2**0.5)
    mean, sd = gaussian_posterior(x, y)
    draws = mean[:, None] + sd * rng.normal(size=(40, n))
    exact = -0.5 * ((draws - mean[:, None]) / sd) ** 2 - np.log(sd * (2 * np.pi) ** 0.5)
    prior = posterior.prior
    seen = posterior.features.batch({"x": x, "y": y}, 1)
    coordinates = prior.to_normal(draws.reshape(-1, 1)).reshape(40, n, 1)
    slope = prior.log_slope(draws.reshape(-1, 1)).reshape(40, n)
    return float((exact - posterior.log_densities(coordinates, seen) - slope).mean())


@pytest.fixture(scope="module")
def npe(gaussian: hepppl.Model) -> Posterior:
    return train(gaussian, "npe", simulations=3000, calibrate=200, **SMALL)


def test_posterior_estimation(npe: Posterior) -> None:
    assert 0 < divergence(npe) < 0.056
    assert npe.calibration is not None
    assert npe.calibration.ok


@pytest.mark.slow
@pytest.mark.parametrize("name", ["nle", "nre"])
def test_likelihood_and_ratio_estimation(name: str, gaussian: hepppl.Model) -> None:
    """Their densities, and that chains draw from them: the mean and the spread of draws at x = 2, y = 3."""
    found = train(gaussian, name, simulations=3000, calibrate=0, **SMALL)
    assert -0.01 < divergence(found) < 0.056
    data, grid = {"x": 2.0, "y": 3.0}, np.linspace(-6, 10, 801)
    density = np.exp(found.log_prob({"mu": grid}, data))
    assert density.sum() * 0.02 == pytest.approx(1, abs=0.05)  # 16,384 prior draws
    density /= density.sum()
    mean = (grid * density).sum()
    sd = ((grid - mean) ** 2 * density).sum() ** 0.5
    draws = found.sample(data, 4000)["mu"]
    # chains of 125 correlated draws: at least 400 independent ones in all
    assert abs(draws.mean() - mean) < 4.5 * sd / 20
    assert abs(draws.std() / sd - 1) < 4.5 / 20 / 2**0.5


@pytest.mark.slow
def test_an_observation_out_of_two_is_another_posterior(gaussian: hepppl.Model) -> None:
    """Features chosen: x alone has mean (1/5 + x/2) / 0.7 and variance 1/0.7."""
    found = train(gaussian, "npe", simulations=3000, calibrate=0, features=["x"], **SMALL)
    draws = found.sample({"x": 3.0}, 4000)["mu"]
    assert draws.mean() == pytest.approx((1 / 5 + 3 / 2) / 0.7, abs=0.4)
    assert draws.std() == pytest.approx(0.7**-0.5, rel=0.2)


@pytest.mark.slow
def test_likelihoods_of_events_multiply() -> None:
    """MadMiner's toy by alices: ten events at once, trained on single ones. Exact: precision 1 + 10/5."""
    model = hepppl.parse(TOY)
    found = train(model, "alices", simulations=3000, calibrate=0, reference={"theta": 0}, **SMALL)
    x = np.random.default_rng(0).normal(0.7, 5**0.5, 10)
    draws = found.sample({"value": x}, 4000)["theta"]
    assert draws.mean() == pytest.approx(x.sum() / 5 / 3, abs=0.25)
    assert draws.std() == pytest.approx(3**-0.5, rel=0.2)
    grid = np.array([-1.0, 0.0, 1.0])
    exact = (grid * x[0] - grid**2 / 2) / 5
    np.testing.assert_allclose(found.log_ratio({"theta": grid}, {"value": x[0]}), exact, atol=0.06)
    assert found.reference == {"theta": 0.0}


@pytest.mark.slow
def test_the_score_at_one_point() -> None:
    """sally: t(x) = x / 5 at θ = 0, Fisher information 1/5."""
    found = train(hepppl.parse(TOY), "sally", simulations=4000, calibrate=0, reference={"theta": 0}, **SMALL)
    (net,) = found.networks
    assert float(net.information[0, 0]) == pytest.approx(1 / 5, abs=0.04)
    slopes = [found.log_ratio({"theta": [0.01, -0.01]}, {"value": x}) for x in (-2.0, 0.0, 2.0)]
    np.testing.assert_allclose([(s[0] - s[1]) / 0.02 for s in slopes], [-0.4, 0, 0.4], atol=0.1)


@pytest.mark.slow
def test_several_events_and_collections() -> None:
    """Five events of a collection each: its emissions are Poisson, their sizes exponential. The posterior of the rate
    (gamma prior) is known: gamma(2 + n, 0.5 + 5)."""
    model = hepppl.parse(
        """process emits(left: real) { size ~ exponential(1); emit size; if left > 1 { spawn emits(left - 1) } }
        model m { param rate ~ gamma(2, 0.5); n ~ poisson(rate); h ~ emits(n + 1.0) limit 100; return h }"""
    )
    found = train(model, "npe", simulations=2000, events=5, calibrate=0, shape=Shape(width=24, summary=6, layers=1))
    sizes = [np.ones(k + 1) for k in (2, 5, 3, 4, 6)]
    draws = found.sample({"value": sizes}, 4000)["rate"]
    assert draws.mean() == pytest.approx(22 / 5.5, rel=0.15)
    with pytest.raises(hepppl.HepValueError) as caught:
        found.sample({"value": sizes[:3]})
    assert [d.code for d in caught.value.diagnostics] == ["E483"]


@pytest.mark.slow
def test_an_estimator_is_kept(npe: Posterior, gaussian: hepppl.Model, tmp_path: Path) -> None:
    saved.save(npe, tmp_path / "npe.eqx")
    again = saved.load(tmp_path / "npe.eqx", gaussian)
    data = {"x": 2.0, "y": 3.0}
    np.testing.assert_array_equal(again.sample(data, 100)["mu"], npe.sample(data, 100)["mu"])
    assert again.calibration is not None
    assert npe.calibration is not None
    assert again.calibration.to_dict() == npe.calibration.to_dict()
    assert again.history == npe.history
    other = hepppl.parse(GAUSSIAN.replace("normal(1,", "normal(0,"))
    with pytest.raises(hepppl.HepValueError) as caught:
        saved.load(tmp_path / "npe.eqx", other)
    assert [d.code for d in caught.value.diagnostics] == ["E484"]
    (tmp_path / "npe.eqx").write_bytes(b"{}\n")
    with pytest.raises(hepppl.HepFileError):
        saved.load(tmp_path / "npe.eqx", gaussian)


class Killed(Exception):
    pass


@pytest.mark.slow
def test_training_is_taken_up_after_a_kill(gaussian: hepppl.Model, tmp_path: Path) -> None:
    """The same network to the last bit."""
    options: dict[str, Any] = {"simulations": 400, "calibrate": 0, "seed": 4, "shape": SMALL["shape"]}
    options["schedule"] = Schedule(epochs=6)

    def killed(what: str, done: int, total: int) -> None:
        if what.startswith("training") and done == 3:
            raise Killed

    with pytest.raises(Killed):
        train(gaussian, "npe", checkpoint=tmp_path, progress=killed, **options)
    told: list[int] = []
    resumed = train(
        gaussian,
        "npe",
        checkpoint=tmp_path,
        progress=lambda w, d, t: told.append(d) if "train" in w else None,
        **options,
    )
    whole = train(gaussian, "npe", **options)
    assert told == [4, 5, 6]
    data = {"x": 0.0, "y": 1.0}
    np.testing.assert_array_equal(resumed.sample(data, 50)["mu"], whole.sample(data, 50)["mu"])
    assert resumed.history == whole.history


@pytest.mark.slow
def test_inference_by_its_method(gaussian: hepppl.Model, tmp_path: Path) -> None:
    """`Model.infer`: ArviZ data that say how they were made."""
    path = tmp_path / "estimator.eqx"
    options: dict[str, Any] = {"simulations": 1000, "epochs": 10, "width": 24, "depth": 1, "calibrate": 100}
    tree = gaussian.infer({"x": 2.0, "y": 3.0}, method="npe", samples=400, save=path, **options)
    assert tree["posterior"]["mu"].shape == (4, 100)
    assert json.loads(tree.attrs["calibration"])["experiments"] == 100
    again = gaussian.infer({"x": 2.0, "y": 3.0}, method="npe", samples=400, load=path)
    np.testing.assert_array_equal(again["posterior"]["mu"], tree["posterior"]["mu"])


@pytest.mark.slow
def test_what_is_not_calibrated_is_not_trusted() -> None:
    """A parabola around one point is not the likelihood of a Poisson count far from it."""
    model = hepppl.parse("model m { param p ~ gamma(2, 1); k ~ poisson(20 * p); return k }")
    with pytest.raises(hepppl.HepResultError) as caught:
        train(model, "sally", simulations=500, reference={"p": 0.5}, **SMALL)
    assert {d.code for d in caught.value.diagnostics} == {"E930"}
    assert caught.value.exit_status == 3
    assert isinstance(caught.value.result, Posterior)


@pytest.mark.parametrize(
    ("text", "data", "options", "code"),
    [
        (GAUSSIAN, {"z": 1}, {}, "E481"),
        (GAUSSIAN, {}, {}, "E473"),
        (GAUSSIAN, {"x": 1, "y": 1}, {"simulations": 5}, "E484"),
        (GAUSSIAN, {"x": 1, "y": 1}, {"smulations": 500}, "E471"),
        (GAUSSIAN, {"x": [[1.0, 2.0]], "y": 1.0}, {}, "E482"),
        (NESTED, {"value": 1}, {"method": "alices"}, "E722"),
    ],
)  # fmt: skip
def test_what_is_refused(text: str, data: dict[str, Any], options: dict[str, Any], code: str) -> None:
    with pytest.raises(hepppl.HepError) as caught:
        hepppl.parse(text).infer(data, **{"method": "npe", **options})
    assert [d.code for d in caught.value.diagnostics] == [code]


def test_chains_that_do_not_converge_are_said_to(npe: Posterior) -> None:
    rng = np.random.default_rng(0)
    npe._converged(rng.normal(size=(8, 200, 1)), None)
    with pytest.raises(hepppl.HepResultError) as caught:
        npe._converged(rng.normal(size=(8, 200, 1)) + np.arange(8)[:, None, None], {"mu": np.zeros(3)})
    assert [d.code for d in caught.value.diagnostics] == ["E931"]
    assert list(caught.value.result) == ["mu"]


def test_draws_that_did_not_converge_are_shown_all_the_same(npe: Posterior, monkeypatch: pytest.MonkeyPatch) -> None:
    from hepppl.inference.sbi.infer import data_set

    def bad(self: Posterior, data: Any, n: int, seed: int) -> Any:
        error = hepppl.HepResultError([])
        error.result = {"mu": np.arange(float(n))}
        raise error

    monkeypatch.setattr(Posterior, "sample", bad)
    with pytest.raises(hepppl.HepResultError) as caught:
        data_set(npe, {"x": 1.0, "y": 2.0}, 40, 0)
    assert caught.value.result["posterior"]["mu"].shape == (4, 10)


@pytest.mark.parametrize("given", [{"x": [[1.0, 2.0]], "y": 1.0}, {"x": "three", "y": 1.0}, {"x": 1.0}])
def test_data_that_do_not_fit(npe: Posterior, given: dict[str, Any]) -> None:
    with pytest.raises(hepppl.HepValueError) as caught:
        npe.sample(given)
    assert [d.code for d in caught.value.diagnostics] == ["E482"]


@pytest.mark.slow
def test_pyprobs_gaussian(gaussian: hepppl.Model) -> None:
    """Observations 8 and 9, in the tail of the prior: N(7.25, 0.9129). Within a fifth of the width."""
    found = train(gaussian, "npe", simulations=20_000, calibrate=0)
    draws = found.sample({"x": 8.0, "y": 9.0}, 4000)["mu"]
    assert draws.mean() == pytest.approx(7.25, abs=0.2)
    assert draws.std() == pytest.approx(0.9129, rel=0.1)


@pytest.mark.slow
def test_two_moons() -> None:
    """C2ST against exact draws: at most 0.58 at each of three observations, from 10,000 simulations."""
    found = train(hepppl.parse(MOONS), "npe", simulations=10_000, calibrate=0)
    for x, y in ((0.0, 0.0), (-0.4, 0.3), (-0.7, -0.2)):
        exact = moons_posterior(x, y, 1500, 0)
        draws = found.sample({"x": x, "y": y}, len(exact))
        assert c2st(exact, np.stack([draws["a"], draws["b"]], -1)) < 0.58


@pytest.mark.slow
def test_scores_and_ratios_beat_classification_on_the_galton_board(examples: Path) -> None:
    """Mean squared error of log r(x | -0.8, -0.6) over x at -0.6, against the exact sums over paths. Published at
    10,000 (arXiv:1805.12244): RASCAL 0.002, CARL 0.020; the issue asks for 0.0015."""
    model = hepppl.load(examples / "galton.hep")
    near, far = board(-0.6), board(-0.8)
    x = np.flatnonzero(near > 1e-9)
    exact = np.log(far[x] / near[x])
    for name, most in (("alices", 0.0015), ("nre", 0.020)):
        reference = {"theta": -0.6} if METHODS[name].relative else None
        found = train(model, name, simulations=10_000, calibrate=0, reference=reference)
        two = [found.log_ratio({"theta": [-0.8, -0.6]}, {"position": float(at)}) for at in x]
        assert ((np.array([a - b for a, b in two]) - exact) ** 2 * near[x]).sum() < most


def board(theta: float) -> np.ndarray:
    """Where a ball ends on the board of `examples/galton.hep`: exact, row by row."""
    p = np.eye(32)[15]
    for row in range(20):
        nudge, place = np.sin(np.pi * row / 19), np.arange(32)
        left = (1 - nudge) / 2 + nudge / (1 + np.exp(-10 * theta * (2 * place / 30 - 1)))
        if row % 2:
            left[0], left[31] = 0, 1
            p = np.append((p * left)[1:], 0) + p * (1 - left)
        else:
            p = p * left + np.append(0, (p * (1 - left))[:-1])
    return p


def test_every_method_says_what_it_learns() -> None:
    from hepppl.inference import SIMULATED

    assert set(METHODS) == set(SIMULATED)
