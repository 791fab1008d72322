"""Rounds near one observation: regions, what is drawn in them, checks around the observation, and what is learned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from jax import Array
from scipy import stats

import hepppl
from hepppl.inference.sbi import features, rounds, saved
from hepppl.inference.sbi.methods import train
from hepppl.inference.sbi.networks import Density, Likelihood, Shape
from hepppl.inference.sbi.posterior import Posterior
from hepppl.inference.sbi.priors import Prior
from hepppl.inference.sbi.rounds import Region
from hepppl.inference.sbi.simulator import Simulator
from hepppl.inference.sbi.training import Schedule
from tests.inference.sbi.programs import GAUSSIAN

SMALL: dict[str, Any] = {
    "shape": Shape(width=24, depth=1, bins=6, layers=1),
    "schedule": Schedule(epochs=30, rate=5e-3),
}
TAIL = {"x": 8.0, "y": 9.0}


@dataclass
class Normal:
    """A learned posterior that is normal, of the same mean and width in each of ``dim`` numbers."""

    mean: float
    sd: float
    dim: int = 1
    prior: Any = field(init=False)

    def __post_init__(self) -> None:
        self.prior = SimpleNamespace(dim=self.dim)

    def draw(self, x: Any, n: int, seed: int) -> tuple[np.ndarray, None]:
        return self.mean + self.sd * np.random.default_rng(seed).normal(size=(1, n, self.dim)), None

    def log_densities(self, y: np.ndarray, x: Any) -> np.ndarray:
        return stats.norm(self.mean, self.sd).logpdf(y).sum(-1)


def ends(region: Region) -> tuple[float, float]:
    """Of a region in one dimension, an interval: by the roots of its parabola."""
    m, s = region.posterior.mean, region.posterior.sd
    a, b, c = 0.5 - 0.5 / s**2, m / s**2, -0.5 * m**2 / s**2 - np.log(s) - region.least
    low, high = sorted(np.roots([a, b, c]).real)
    return float(low), float(high)


@pytest.mark.parametrize(("mean", "sd", "narrow"), [(1.5, 1e-4, True), (0.3, 0.95, False)])
def test_points_follow_the_prior_inside_the_region(mean: float, sd: float, narrow: bool) -> None:
    """By draws from the posterior and from the prior; Kolmogorov–Smirnov at 1e-4. The region leaves out 1e-4 of the
    posterior, by 50,000 draws: 5 of them, within a factor of four."""
    posterior: Any = Normal(mean, sd)
    region = Region.of(posterior, None, 3)
    assert (region.least > 0) == narrow
    low, high = ends(region)
    outside = 1 - np.diff(stats.norm(mean, sd).cdf([low, high]))[0]
    assert 2.5e-5 < outside < 4e-4
    drawn = rounds.truncated((region,), 1, 4000, 7)
    assert drawn.shape == (4000, 1)
    assert stats.kstest(drawn[:, 0], stats.truncnorm(low, high).cdf).pvalue > 1e-4
    if narrow:  # and not the posterior
        assert stats.kstest(drawn[:, 0], stats.norm(mean, sd).cdf).pvalue < 1e-4


def test_regions_lie_in_each_other() -> None:
    """A later posterior that has moved away does not leave the region before."""
    first, second = (Region.of(Normal(mean, 0.2), None, 0) for mean in (0.0, 0.5))  # type: ignore[arg-type]
    drawn = rounds.truncated((first, second), 1, 2000, 1)[:, 0]
    low, high = ends(second)[0], ends(first)[1]
    assert stats.kstest(drawn, stats.truncnorm(low, high).cdf).pvalue > 1e-4


def test_a_region_that_holds_nothing_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "TRIES", 1)
    apart = tuple(Region.of(Normal(mean, 0.05), None, 0) for mean in (-1.0, 1.0))  # type: ignore[arg-type]
    with pytest.raises(hepppl.HepUnsupportedError) as caught:
        rounds.truncated(apart, 1, 100, 1)
    assert [d.code for d in caught.value.diagnostics] == ["E724"]


# ---------------------------------------------------------------- checks around the observation

NOISE = 0.5
KNOWN = f"model known {{ param a ~ normal(0, 1); x ~ normal(a, {NOISE}); return x }}"


class ExactPosterior(Density):
    """N(0.8 x, 0.2) of a given x, ``off`` by standard deviations and too wide by ``wide``."""

    loc: float
    scale: float
    off: float
    wide: float

    def __init__(self, loc: float, scale: float, off: float, wide: float):
        self.embedding, self.flow = None, None  # type: ignore[assignment]
        self.loc, self.scale, self.off, self.wide = loc, scale, off, wide

    def moments(self, x: Any) -> tuple[Array, Array]:
        sd = jnp.sqrt(NOISE**2 / (1 + NOISE**2))
        return (x["fixed"][0, 0] * self.scale + self.loc) / (1 + NOISE**2) + self.off * sd, self.wide * sd

    def log_prob(self, y: Array, x: Any) -> Array:
        mean, sd = self.moments(x)
        return -0.5 * ((y[0] - mean) / sd) ** 2 - jnp.log(sd) - 0.5 * jnp.log(2 * jnp.pi)

    def sample(self, key: Array, x: Any, n: int) -> Array:
        mean, sd = self.moments(x)
        return mean + sd * jr.normal(key, (n, 1))


class ExactLikelihood(Likelihood):
    """N(a, NOISE) of each x, ``off`` and too wide as above."""

    loc: float
    scale: float
    off: float
    wide: float

    def __init__(self, loc: float, scale: float, off: float, wide: float):
        self.flow = None  # type: ignore[assignment]
        self.loc, self.scale, self.off, self.wide = loc, scale, off, wide

    def log_likelihood(self, y: Array, x: Any) -> Array:
        seen = x["fixed"][:, 0] * self.scale + self.loc
        return (-0.5 * ((seen - y[0] - self.off * NOISE) / (self.wide * NOISE)) ** 2 - jnp.log(self.wide)).sum()


class Needles(Likelihood):
    """At a = 1.3 and at -0.4, far thinner than what is between."""

    def __init__(self) -> None:
        self.flow = None  # type: ignore[assignment]

    def log_likelihood(self, y: Array, x: Any) -> Array:
        return -0.5 * (jnp.minimum(jnp.abs(y[0] - 1.3), jnp.abs(y[0] + 0.4)) / 1e-4) ** 2 + 0 * x["fixed"].sum()


@pytest.mark.slow
@pytest.mark.parametrize("kind", [ExactPosterior, ExactLikelihood])
@pytest.mark.parametrize(("off", "wide", "passes"), [(0.0, 1.0, True), (0.6, 1.0, False), (0.0, 0.5, False)])
def test_checks_around_the_observation(kind: type, off: float, wide: float, passes: bool) -> None:
    """An exact network passes, and a wrong one does not, though it is wrong in the same way everywhere."""
    prior = Prior.of(hepppl.parse(KNOWN))
    simulator = Simulator(prior)
    seen = features.fit(prior.model, simulator.draw(500, 0), ["value"])
    (column,) = seen.columns
    network = kind(column.loc, column.scale, off, wide)
    posterior = Posterior("npe" if kind is ExactPosterior else "nle", prior, seen, Shape(), (network,), 500, 0)
    x = posterior.seen({"value": 1.7})
    regions = (Region.of(posterior, x, 1),) if posterior.direct else ()
    found = rounds.check(posterior, x, regions, simulator, 200, 5)
    assert found.local
    assert found.to_dict()["around"] == "the observation"
    assert found.ok == passes


@pytest.mark.slow
def test_the_points_of_likelihoods_reach_beyond_the_posterior() -> None:
    """Half are draws from N(0.8 x, 0.2), and half from the posterior of a likelihood of twice the noise, N(x / 2, 0.5),
    in no order: Kolmogorov–Smirnov of every fourth at 1e-4, and not draws from the posterior alone."""
    prior = Prior.of(hepppl.parse(KNOWN))
    seen = features.fit(prior.model, Simulator(prior).draw(500, 0), ["value"])
    (column,) = seen.columns
    network = ExactLikelihood(column.loc, column.scale, 0.0, 1.0)
    posterior = Posterior("nle", prior, seen, Shape(), (network,), 500, 0)
    drawn = rounds.propose(posterior, posterior.seen({"value": 1.7}), (), 4001, 2)[::4]
    assert drawn.shape == (1001, 1)
    near, around = stats.norm(0.8 * 1.7, 0.2**0.5), stats.norm(1.7 / 2, 0.5**0.5)
    assert stats.kstest(drawn[:, 0], lambda y: (near.cdf(y) + around.cdf(y)) / 2).pvalue > 1e-4
    assert stats.kstest(drawn[:, 0], near.cdf).pvalue < 1e-4


@pytest.mark.slow
def test_few_draws_are_of_chains_long_enough_to_be_judged() -> None:
    """A posterior four standard deviations out gives a hundred draws from each of ten seeds (by chains of as few R̂ is
    over 1.05); one of two needles, between which no chain goes, gives none."""
    prior = Prior.of(hepppl.parse(KNOWN))
    seen = features.fit(prior.model, Simulator(prior).draw(500, 0), ["value"])
    (column,) = seen.columns
    tail = ExactLikelihood(column.loc, column.scale, 0.0, 1.0)
    posterior = Posterior("nle", prior, seen, Shape(), (tail,), 500, 0)
    for seed in range(10):
        drawn = posterior.sample({"value": 5.0}, 100, seed)["a"]
        assert abs(drawn.mean() - 4.0) < 4.5 * 0.2**0.5 / 10
    with pytest.raises(hepppl.HepResultError) as caught:
        replace(posterior, networks=(Needles(),)).sample({"value": 5.0}, 100)
    assert [d.code for d in caught.value.diagnostics] == ["E931"]
    assert caught.value.result["a"].shape == (100,)


# ---------------------------------------------------------------- learned


@pytest.fixture(scope="module")
def gaussian() -> hepppl.Model:
    return hepppl.parse(GAUSSIAN)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "ensemble", "epochs", "calibrate"),
    [("npe", 2, 30, 200), ("nle", 1, 30, 200), ("nre", 1, 100, 0)],
)
def test_the_tail_is_served_by_rounds(
    name: str, ensemble: int, epochs: int, calibrate: int, gaussian: hepppl.Model, tmp_path: Path
) -> None:
    """pyprob's Gaussian, N(7.25, 0.9129), 2.8 standard deviations out in the prior, from 3,000 simulations in three
    rounds and small networks: the mean to a third of its width, the width to a fifth."""
    options: dict[str, Any] = {"simulations": 3000, "ensemble": ensemble, "checkpoint": tmp_path / "kept", **SMALL}
    options |= {"calibrate": calibrate, "schedule": Schedule(epochs=epochs, rate=5e-3)}
    found = train(gaussian, name, rounds=3, data=TAIL, **options)
    draws = found.sample(TAIL, 4000)["mu"]
    assert abs(draws.mean() - 7.25) < 0.9129 / 3
    assert draws.std() == pytest.approx(0.9129, rel=0.2)
    assert (found.rounds, len(found.networks), found.simulations) == (3, ensemble, 3000)
    assert (found.calibration is not None and found.calibration.local) == bool(calibrate)
    assert sorted(p.name for p in (tmp_path / "kept").iterdir()) == ["round0", "round1", "round2"]
    saved.save(found, tmp_path / "rounds.eqx")
    again = saved.load(tmp_path / "rounds.eqx", gaussian)
    assert (again.calibration is not None and again.calibration.local) == bool(calibrate)
    np.testing.assert_array_equal(again.sample(TAIL, 100)["mu"], found.sample(TAIL, 100)["mu"])
    with pytest.raises(hepppl.HepValueError) as caught:
        again.sample({"x": 8.0, "y": 9.5})
    assert [d.code for d in caught.value.diagnostics] == ["E485"]


@pytest.mark.slow
def test_rounds_are_taken_up_after_a_kill(gaussian: hepppl.Model, tmp_path: Path) -> None:
    """In the second round; the same posterior to the last bit."""
    options: dict[str, Any] = {"simulations": 400, "rounds": 2, "data": TAIL, "calibrate": 0, "shape": SMALL["shape"]}
    options["schedule"] = Schedule(epochs=6)

    def killed(what: str, done: int, total: int) -> None:
        if what.startswith("round 2 of 2: training") and done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(gaussian, "npe", checkpoint=tmp_path, progress=killed, **options)
    told: list[str] = []
    resumed = train(gaussian, "npe", checkpoint=tmp_path, progress=lambda w, d, t: told.append(w), **options)
    assert not [what for what in told if what.startswith("round 1 of 2: training")]
    whole = train(gaussian, "npe", **options)
    np.testing.assert_array_equal(resumed.sample(TAIL, 50)["mu"], whole.sample(TAIL, 50)["mu"])


@pytest.mark.slow
def test_an_ensemble_is_the_mean_of_its_densities(gaussian: hepppl.Model) -> None:
    """Networks before training: the density is their mean, and draws come from each in turn."""
    prior = Prior.of(gaussian)
    drawn = Simulator(prior).draw(50, 0)
    seen = features.fit(gaussian, drawn, ["x", "y"])
    networks = tuple(Density(seen, 1, SMALL["shape"], jr.key(i)) for i in range(3))
    whole = Posterior("npe", prior, seen, SMALL["shape"], networks, 50, 0)
    grid, data = {"mu": np.linspace(-4, 6, 21)}, {"x": 2.0, "y": 3.0}
    each = [replace(whole, networks=(net,)).log_prob(grid, data) for net in networks]
    np.testing.assert_allclose(np.exp(whole.log_prob(grid, data)), np.mean(np.exp(each), 0), rtol=1e-4)
    assert np.abs(np.diff(each, axis=0)).max() > 1e-3


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"rounds": 0}, "E484"),
        ({"rounds": 3, "simulations": 50}, "E484"),
        ({"method": "alices", "rounds": 2}, "E471"),
        ({"rounds": 2, "ensemble": 0}, "E484"),
    ],
)
def test_what_is_refused(gaussian: hepppl.Model, options: dict[str, Any], code: str) -> None:
    with pytest.raises(hepppl.HepValueError) as caught:
        gaussian.infer(TAIL, **{"method": "npe", **options})
    assert [d.code for d in caught.value.diagnostics] == [code]


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda m: train(m, "npe", rounds=2), "E484"),
        (lambda m: train(m, "alices", rounds=2, data=TAIL), "E484"),
        (lambda m: train(m, "npe", rounds=2, data={"x": [8.0, 9.0], "y": [9.0, 8.0]}), "E483"),
        (lambda m: train(m, "npe", rounds=2, data={"x": 8.0}), "E482"),
    ],
)
def test_what_rounds_need(gaussian: hepppl.Model, call: Callable[[hepppl.Model], Any], code: str) -> None:
    with pytest.raises(hepppl.HepValueError) as caught:
        call(gaussian)
    assert [d.code for d in caught.value.diagnostics] == [code]
