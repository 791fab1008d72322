"""Elliptical slice sampling, and the diagnostics of chains."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from jax import Array

from hepppl.inference.sbi.sampling import Effort, r_hat, sample


def gaussian(network: Array, y: Array, x: Any) -> Array:
    return -0.5 * ((x - y) ** 2).sum() / network**2


def two_modes(network: Array, y: Array, x: Any) -> Array:
    return jnp.logaddexp(-0.5 * ((y[0] - 1.0) / 0.05) ** 2, -0.5 * ((y[0] + 1.0) / 0.05) ** 2) + 0 * x.sum()


def a_sum(network: Array, y: Array, x: Any) -> Array:
    """The sum of the coordinates is measured as x."""
    return -0.5 * ((y.sum() - x) ** 2).sum() / network**2


def fork(network: Array, y: Array, x: Any) -> Array:
    """Modes about 2 and -2, of different widths."""
    first, second = (-0.5 * (((y - m) / s) ** 2).sum() for m, s in ((2.0, 0.3), (-2.0, 0.1)))
    return jnp.logaddexp(first, second) + 0 * x.sum()


@pytest.mark.slow
def test_gaussian_posteriors_of_several_experiments() -> None:
    """Prior N(0, 1), noise 0.5: mean x / 1.25, variance 0.2. Errors from the chains' own spread, |z| < 4.5 each."""
    x = jnp.asarray([[0.0, 1.0], [2.0, -3.0]])
    chains = sample(gaussian, jnp.asarray(0.5), x, 2, 32 * 100, jr.key(0))
    assert chains.shape == (2, 32, 100, 2)
    for values, exact in ((chains, np.asarray(x) / 1.25), ((chains - np.asarray(x)[:, None, None] / 1.25) ** 2, 0.2)):
        each = values.mean(2)
        assert np.abs((each.mean(1) - exact) / (each.std(1, ddof=1) / 32**0.5)).max() < 4.5
    assert (r_hat(chains) < 1.05).all()


@pytest.mark.slow
def test_both_of_two_modes_are_found() -> None:
    """As many chains in either, within a binomial error of 4.5."""
    chains = sample(two_modes, jnp.zeros(()), jnp.zeros((1, 1)), 1, 256, jr.key(1), Effort(chains=256, prior=4096))
    inside = (chains[0, :, -1, 0] > 0).mean()
    assert abs(inside - 0.5) < 4.5 * 0.5 / 16
    assert np.abs(np.abs(chains).mean() - 1) < 0.05


@pytest.mark.slow
def test_a_ridge_in_the_tail_is_walked_along() -> None:
    """The sum of four numbers is 9 ± 0.05: each has the mean 9 / 4.0025, 2.25 standard deviations out in its prior, and
    the variance 1 - 1 / 4.0025. Errors from the chains' own spread, |z| < 4.5 each. By the prior's ellipses alone R̂ is
    over 1.2."""
    chains = sample(a_sum, jnp.asarray(0.05), jnp.full((1, 1), 9.0), 4, 4000, jr.key(3))[0]
    mean = 9 / 4.0025
    for values, exact in ((chains, mean), ((chains - mean) ** 2, 1 - 1 / 4.0025)):
        each = values.mean(1)
        assert np.abs((each.mean(0) - exact) / (each.std(0, ddof=1) / 32**0.5)).max() < 4.5
    assert (r_hat(chains) < 1.04).all()


@pytest.mark.slow
def test_chains_go_from_mode_to_mode() -> None:
    """Unequal modes on either side of the prior's: their shares within 4.5 standard errors, and the same in all chains.
    By fitted ellipses alone R̂ is over 1.3."""
    chains = sample(fork, jnp.zeros(()), jnp.zeros((1, 1)), 2, 4000, jr.key(4))[0]
    first, second = (s**2 / (1 + s**2) * np.exp(-4 / (1 + s**2)) for s in (0.3, 0.1))
    each = (chains[..., 0] > 0).mean(1)
    assert abs(each.mean() - first / (first + second)) < 4.5 * each.std(ddof=1) / 32**0.5
    assert (r_hat(chains) < 1.1).all()


def test_chains_that_disagree_are_seen() -> None:
    rng = np.random.default_rng(0)
    apart = rng.normal(0, 1, (4, 50, 1)) + np.arange(4)[:, None, None]
    assert r_hat(apart)[0] > 1.3
    assert r_hat(rng.normal(0, 1, (4, 500, 1)))[0] == pytest.approx(1, abs=0.02)
