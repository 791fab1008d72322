"""The same models written by hand in NumPyro: the densities are equal, and so is everything made of them."""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
import numpyro
import pytest
from numpyro import distributions as dist
from numpyro.infer.util import log_density as of_numpyro

Density = Callable[..., float]


def test_a_binned_template_fit(log_density: Density) -> None:
    text = """model binned {
        param mu in [0, 10] ~ uniform(0, 10) = 1
        param scale: real[3] in (0, 5) ~ gamma(50, 50) = [1, 1, 1]
        param shift ~ normal(0, 1) = 0
        const signal = [3, 12, 5]
        const background = [90, 60, 40]
        plate i in 0..3 { observe n[i] ~ poisson(mu * signal[i] * 1.1^shift + background[i] * scale[i]) }
    }"""

    def by_hand(n: np.ndarray) -> None:
        mu = numpyro.sample("mu", dist.Uniform(0, 10))
        scale = numpyro.sample("scale", dist.Gamma(50, 50).expand([3]).to_event(1))
        shift = numpyro.sample("shift", dist.Normal(0, 1))
        rate = mu * jnp.array([3, 12, 5]) * 1.1**shift + jnp.array([90, 60, 40]) * scale
        numpyro.sample("n", dist.Poisson(rate).to_event(1), obs=n)

    n = np.array([95, 70, 44])
    values = {"mu": 1.3, "scale": np.array([0.9, 1.0, 1.1]), "shift": -0.4}
    exact, _ = of_numpyro(by_hand, (n,), {}, values)
    assert log_density(text, {"n": n}, values) == pytest.approx(float(exact), abs=1e-9)


@pytest.mark.slow
def test_an_unbinned_mixture(log_density: Density) -> None:
    text = """model peak {
        param f in (0, 1) ~ beta(2, 3)
        param mass in (80, 100) ~ uniform(80, 100)
        param width in (0.1, 10) ~ log_normal(1, 0.5)
        plate i in 0..50 {
            signal ~ bernoulli(f)
            observe m[i] ~ normal(if signal then mass else 90, if signal then width else 12)
        }
    }"""

    def by_hand(m: np.ndarray) -> None:
        f = numpyro.sample("f", dist.Beta(2, 3))
        mass = numpyro.sample("mass", dist.Uniform(80, 100))
        width = numpyro.sample("width", dist.TruncatedDistribution(dist.Normal(1, 0.5), *np.log([0.1, 10.0])))
        parts = [dist.Normal(mass, jnp.exp(width)), dist.Normal(90, 12)]
        law = dist.MixtureGeneral(dist.Categorical(jnp.array([f, 1 - f])), parts)
        numpyro.sample("m", law.expand([50]).to_event(1), obs=m)

    m = np.random.default_rng(0).normal(91, 6, 50)
    values = {"f": 0.3, "mass": 91.0, "width": 2.5}
    exact, _ = of_numpyro(by_hand, (m,), {}, {**values, "width": np.log(2.5)})
    jacobian = -np.log(2.5)  # by hand the density is that of the logarithm
    assert log_density(text, {"m": m}, values) == pytest.approx(float(exact) + jacobian, abs=1e-8)
