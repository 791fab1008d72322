"""Conditional densities are normalised, draws follow them, splines invert."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy import stats

from hepppl.inference.sbi.flows import KINDS, SplineFlow, flow, spline

CONDITION = jnp.asarray([0.3, -1.0])


def rough(made: eqx.Module, scale: float) -> eqx.Module:
    """A network with weights large enough that its density is far from normal."""
    return jax.tree.map(lambda x: x * scale if eqx.is_inexact_array(x) else x, made)


def test_a_spline_inverts_and_knows_its_slope() -> None:
    x, shape = jnp.linspace(-6, 6, 401), 1.5 * jr.normal(jr.key(0), (23,))
    y, log = jax.vmap(lambda a: spline(a, shape))(x)
    back, other = jax.vmap(lambda a: spline(a, shape, inverse=True))(y)
    assert float((jnp.abs(back - x) * jnp.exp(log)).max()) < 5e-6  # flat pieces lose digits on the way there
    np.testing.assert_allclose(other, -log, atol=1e-2)
    np.testing.assert_allclose(jnp.log(jax.vmap(jax.grad(lambda a: spline(a, shape)[0]))(x)), log, atol=1e-4)
    assert (jnp.diff(y) > 0).all()


@pytest.mark.slow
@pytest.mark.parametrize("layers", [1, 2])
def test_a_density_of_two_numbers_is_normalised(layers: int) -> None:
    made = rough(SplineFlow(2, 2, 16, 1, 6, layers, jr.key(1)), 1.6)
    grid = jnp.linspace(-9, 9, 241)
    points = jnp.stack(jnp.meshgrid(grid, grid), -1).reshape(-1, 2)
    logs = jax.jit(jax.vmap(lambda y: made.log_prob(y, CONDITION)))(points)
    step = float(grid[1] - grid[0])
    assert float(jnp.exp(logs).sum()) * step**2 == pytest.approx(1, abs=5e-3)
    assert float(jnp.abs(logs - stats.norm.logpdf(points).sum(-1)).max()) > 0.5


@pytest.mark.slow
def test_draws_follow_the_density() -> None:
    """The layers carry draws back to normal numbers (Kolmogorov–Smirnov, 1e-4 each)."""
    made = rough(SplineFlow(2, 2, 16, 1, 6, 2, jr.key(2)), 3.0)
    draws = jax.jit(jax.vmap(lambda k: made.sample(k, CONDITION)))(jr.split(jr.key(3), 4000))

    def base(y: jax.Array) -> jax.Array:
        for layer in made.layers:
            y = layer.to_base(y, CONDITION)[0][::-1]
        return y

    for column in np.asarray(jax.jit(jax.vmap(base))(draws)).T:
        assert stats.kstest(column, stats.norm.cdf).pvalue > 1e-4
    assert stats.kstest(np.asarray(draws)[:, 0], stats.norm.cdf).pvalue < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS[1:])
def test_flowjax_serves_too(kind: str) -> None:
    made = flow(kind, 2, 2, 16, 1, 6, 2, jr.key(1))
    grid = jnp.linspace(-8, 8, 161)
    points = jnp.stack(jnp.meshgrid(grid, grid), -1).reshape(-1, 2)
    logs = eqx.filter_jit(jax.vmap(lambda y: made.log_prob(y, CONDITION)))(points)
    assert float(jnp.exp(logs).sum()) * float(grid[1] - grid[0]) ** 2 == pytest.approx(1, abs=1e-2)
    assert made.sample(jr.key(0), CONDITION).shape == (2,)
