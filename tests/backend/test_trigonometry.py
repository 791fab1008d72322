"""The vectorised sin, cos and arctan2 of the back end against NumPy's."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hepppl.backends.jax.trigonometry import arctan2, cos, sin

SPECIAL = np.array([0, -0.0, 1, -1, np.inf, -np.inf, np.nan], np.float32)


@pytest.mark.parametrize(("ours", "numpys"), [(sin, np.sin), (cos, np.cos)], ids=["sin", "cos"])
@pytest.mark.parametrize("decades", [(-6, 1), (1, 3.5), (3.5, 3.7), (3.7, 8), (8, 38.5)])
def test_sine_and_cosine_of_every_size(ours: Callable, numpys: Callable, decades: tuple[float, float]) -> None:
    rng = np.random.default_rng(0)
    x = (10 ** rng.uniform(*decades, 200_000) * rng.choice([-1, 1], 200_000)).astype(np.float32)
    exact = numpys(x.astype(np.float64))
    found = np.asarray(jax.jit(ours)(x), np.float64)
    assert np.abs(found - exact).max() < 1.2e-7
    if decades[1] <= 1:  # near zero the relative error counts
        assert np.abs(found / exact - 1).max() < 3e-7


@pytest.mark.parametrize(("ours", "numpys"), [(sin, np.sin), (cos, np.cos)], ids=["sin", "cos"])
def test_special_values_of_sine_and_cosine(ours: Callable, numpys: Callable) -> None:
    with np.errstate(invalid="ignore"):
        expected = numpys(SPECIAL)
    found = np.asarray(ours(jnp.asarray(SPECIAL)))
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    np.testing.assert_array_equal(np.signbit(found)[:4], np.signbit(expected)[:4])


def test_derivatives_of_sine_and_cosine() -> None:
    x = np.float32(-2.3)
    np.testing.assert_allclose([jax.grad(sin)(x), jax.grad(cos)(x)], [np.cos(x), -np.sin(x)], rtol=1e-6)
    np.testing.assert_allclose(jax.grad(jax.grad(sin))(x), -np.sin(x), rtol=1e-6)


def test_accuracy_of_arctan2_in_units_in_the_last_place() -> None:
    rng = np.random.default_rng(0)
    y = (rng.normal(size=100_000) * 10.0 ** rng.uniform(-6, 6, 100_000)).astype(np.float32)
    x = rng.normal(size=100_000).astype(np.float32)
    exact = np.arctan2(y.astype(np.float64), x.astype(np.float64))
    off = np.abs(np.asarray(jax.jit(arctan2)(y, x), np.float64) - exact)
    assert (off / np.spacing(np.abs(exact).astype(np.float32))).max() < 4


def test_special_values_of_arctan2() -> None:
    y, x = np.meshgrid(SPECIAL, SPECIAL)
    ours, numpys = np.asarray(jax.jit(arctan2)(y, x)), np.arctan2(y, x)
    np.testing.assert_allclose(ours, numpys, atol=1e-6)
    known = ~np.isnan(numpys)
    np.testing.assert_array_equal(np.signbit(ours)[known], np.signbit(numpys)[known])


def test_derivative_of_arctan2() -> None:
    y, x = 0.3, -1.2
    dy, dx = jax.grad(arctan2, argnums=(0, 1))(np.float32(y), np.float32(x))
    np.testing.assert_allclose([dy, dx], [x / (x * x + y * y), -y / (x * x + y * y)], rtol=1e-5)
