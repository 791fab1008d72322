"""The vectorised arctan2 of the back end against NumPy's."""

from __future__ import annotations

import jax
import numpy as np

from hepppl.backends.jax.ops import arctan2


def test_accuracy_in_units_in_the_last_place() -> None:
    rng = np.random.default_rng(0)
    y = (rng.normal(size=100_000) * 10.0 ** rng.uniform(-6, 6, 100_000)).astype(np.float32)
    x = rng.normal(size=100_000).astype(np.float32)
    exact = np.arctan2(y.astype(np.float64), x.astype(np.float64))
    off = np.abs(np.asarray(jax.jit(arctan2)(y, x), np.float64) - exact)
    assert (off / np.spacing(np.abs(exact).astype(np.float32))).max() < 4


def test_special_values() -> None:
    special = np.array([0, -0.0, 1, -1, np.inf, -np.inf, np.nan], np.float32)
    y, x = np.meshgrid(special, special)
    ours, numpys = np.asarray(jax.jit(arctan2)(y, x)), np.arctan2(y, x)
    np.testing.assert_allclose(ours, numpys, atol=1e-6)
    known = ~np.isnan(numpys)
    np.testing.assert_array_equal(np.signbit(ours)[known], np.signbit(numpys)[known])


def test_derivative() -> None:
    y, x = 0.3, -1.2
    dy, dx = jax.grad(arctan2, argnums=(0, 1))(np.float32(y), np.float32(x))
    np.testing.assert_allclose([dy, dx], [x / (x * x + y * y), -y / (x * x + y * y)], rtol=1e-5)
