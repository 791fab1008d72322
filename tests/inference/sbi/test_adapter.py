"""The adapter for the package sbi, with a stand-in for PyTorch: tensors are NumPy arrays there."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import jax.random as jr
import numpy as np
import pytest
from scipy import stats

import hepppl
from hepppl.inference.sbi import adapter, features
from hepppl.inference.sbi.methods import made
from hepppl.inference.sbi.networks import Density, Shape
from hepppl.inference.sbi.posterior import Posterior
from hepppl.inference.sbi.priors import Prior
from hepppl.inference.sbi.simulator import Simulator
from tests.inference.sbi.programs import SHOWER

MODEL = """model m {
    param mu: length in (0 mm, 10 mm) ~ uniform(0 mm, 10 mm)
    param s ~ gamma(2, 1)
    param z ~ normal(0, 1)
    x ~ normal(mu, 1 mm)
    n ~ poisson(s)
    return (place = [x, x + z * 1 mm], n = n)
}"""


class Distribution:
    def __init__(self, batch_shape: Any = (), event_shape: Any = (), validate_args: bool | None = None):
        self.batch_shape, self.event_shape = batch_shape, event_shape


def law(name: str) -> Any:
    return lambda *args, **kwargs: (name, *args, *kwargs.values())


@pytest.fixture
def torch(monkeypatch: pytest.MonkeyPatch) -> None:
    names = "independent interval greater_than less_than cat".split()
    constraints = SimpleNamespace(**{name: law(name) for name in names}, real="real")
    distributions = SimpleNamespace(Distribution=Distribution, constraints=constraints)
    fake = SimpleNamespace(as_tensor=np.asarray, Size=tuple, distributions=distributions)
    monkeypatch.setitem(sys.modules, "torch", fake)


@pytest.fixture(scope="module")
def model() -> hepppl.Model:
    return hepppl.parse(MODEL)


@pytest.mark.slow
@pytest.mark.usefixtures("torch")
def test_the_prior_is_a_distribution_over_vectors(model: hepppl.Model) -> None:
    prior = adapter.prior(model)
    assert prior.event_shape == (3,)
    assert prior.sample().shape == (3,)
    first, second = prior.sample((500,)), prior.sample((500,))
    assert first.dtype == np.float32
    assert (first != second).any(1).all()
    for column, exact in zip(second.T, (stats.uniform(0, 10), stats.gamma(2), stats.norm()), strict=True):
        assert stats.kstest(column, exact.cdf).pvalue > 1e-4
    exact = stats.uniform(0, 10).logpdf(first[:, 0]) + stats.gamma(2).logpdf(first[:, 1])
    np.testing.assert_allclose(prior.log_prob(first), exact + stats.norm().logpdf(first[:, 2]), rtol=1e-4)
    assert prior.log_prob(np.array([11.0, 1.0, 0.0])) == -np.inf
    assert prior.mean == pytest.approx([5, 2, 0], abs=0.15)
    assert prior.variance == pytest.approx([100 / 12, 2, 1], rel=0.1)
    box = ("cat", [("interval", 0.0, 10.0), ("greater_than", 0.0), "real"], -1, [1, 1, 1])
    assert prior.support == ("independent", box, 1)


@pytest.mark.usefixtures("torch")
def test_the_simulator_gives_vectors(model: hepppl.Model) -> None:
    """Two events of three numbers each; every call draws anew."""
    simulate = adapter.simulator(model, events=2)
    theta = np.repeat([[4.0, 3.0, 1.0], [8.0, 3.0, -1.0]], 200, 0).astype(np.float32)
    first, second = simulate(theta), simulate(theta)
    assert first.shape == (400, 6)
    assert (first[:, 0] != second[:, 0]).all()
    np.testing.assert_allclose(first[:200, 1] - first[:200, 0], 1, atol=1e-5)
    np.testing.assert_allclose(first[200:, 4] - first[200:, 3], -1, atol=1e-5)
    for column, mean, sd in ((first[:200, 0], 4, 1), (first[:, 5], 3, 3**0.5), (second[200:, 3], 8, 1)):
        assert abs(column.mean() - mean) < 4.5 * sd / len(column) ** 0.5
    assert simulate(theta[0]).shape == (1, 6)
    assert adapter.simulator(model, features=["n"])(theta).shape == (400, 1)


@pytest.mark.slow
@pytest.mark.usefixtures("torch")
def test_a_posterior_is_sampled_in_batches(model: hepppl.Model) -> None:
    """The same densities and draws as by our own methods; two events each."""
    prior = Prior.of(model)
    drawn = Simulator(prior, 2).draw(40, 0)
    seen = features.fit(model, drawn, ["place", "n"])
    shape = Shape(width=8, depth=1, bins=4, layers=1, summary=4)
    network = made(Density, seen, 3, shape, jr.key(0))
    own = Posterior("npe", prior, seen, shape, (network,), 40, 0)
    theirs = adapter.posterior(own)
    x = theirs.layout.pack(drawn.outputs)
    assert x.shape == (40, 6)
    draws = theirs.sample_batched((7,), x, show_progress_bars=False)
    assert draws.shape == (7, 40, 3)
    assert theirs.set_default_x(x[2]).sample((5,)).shape == (5, 3)
    assert (draws[..., 0] >= 0).all()
    assert (draws[..., 0] <= 10).all()
    data = {"place": drawn.outputs["place"][4:6], "n": drawn.outputs["n"][4:6]}
    points = prior.unpack(drawn.theta[:9])
    np.testing.assert_allclose(theirs.log_prob(drawn.theta[:9], x[2]), own.log_prob(points, data), rtol=1e-3, atol=1e-4)
    with pytest.raises(hepppl.HepValueError) as caught:
        theirs.sample_batched((7,), x[:, :5])
    assert [d.code for d in caught.value.diagnostics] == ["E482"]


@pytest.mark.usefixtures("torch")
def test_what_varies_in_length_is_no_vector() -> None:
    with pytest.raises(hepppl.HepValueError) as caught:
        adapter.simulator(hepppl.parse(SHOWER))
    assert [d.code for d in caught.value.diagnostics] == ["E481"]


def test_without_pytorch_it_says_what_to_install(model: hepppl.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(hepppl.HepFileError) as caught:
        adapter.prior(model)
    (said,) = caught.value.diagnostics
    assert said.code == "E512"
    assert said.hints == ("pip install torch sbi",)
