"""The incomplete gamma and beta functions, and what they are made of, over all the parameters they promise."""

from __future__ import annotations

import jax
import numpy as np
import pytest
import scipy.special as sp
import scipy.stats as st

from hepppl.distributions.numerics import elementary, incomplete, location_scale, quantiles

SIZE = 4096


def _shapes(random, low, high):
    return (10 ** random.uniform(low, high, SIZE)).astype(np.float32)


def _tails(random):
    """Probabilities: half of them far down one of the tails."""
    deep = 10 ** random.uniform(-9, 0, SIZE)
    return np.where(random.random(SIZE) < 0.5, deep, random.random(SIZE))


def _smaller(below, above):
    return np.minimum(below, above)


def test_gamma_in_float32():
    random = np.random.default_rng(3)
    a, p = _shapes(random, -2, 6), _tails(random)
    x = np.where(random.random(SIZE) < 0.5, sp.gammaincinv(a, p), sp.gammainccinv(a, p)).astype(np.float32)
    x = np.maximum(x, 1e-30)
    below, above = jax.jit(jax.vmap(incomplete.gamma_tails))(a, x)
    wide = a.astype(float), x.astype(float)
    reference = sp.gammainc(*wide), sp.gammaincc(*wide)
    assert np.abs(below - reference[0]).max() < 1e-5
    # the smaller tail keeps its own digits, but where a < 0.1: there the upper one is what the lower leaves
    kept = a > 0.1
    assert np.abs(_smaller(below, above) / _smaller(*reference) - 1)[kept].max() < 1e-4


def test_beta_in_float32():
    random = np.random.default_rng(4)
    a, b, p = _shapes(random, -2, 5), _shapes(random, -2, 5), _tails(random)
    law = st.beta(a.astype(float), b.astype(float))
    x = np.clip(np.where(random.random(SIZE) < 0.5, law.ppf(p), law.isf(p)), 1e-30, 1 - 1e-6).astype(np.float32)
    below, above = jax.jit(jax.vmap(incomplete.beta_tails))(a, b, x, 1 - x)
    wide = a.astype(float), b.astype(float), x.astype(float)
    reference = sp.betainc(*wide), sp.betaincc(*wide)
    assert np.abs(below - reference[0]).max() < 3e-5
    kept = (np.minimum(a, b) > 0.1) & (_smaller(*reference) > 1e-12)
    assert np.abs(_smaller(below, above) / _smaller(*reference) - 1)[kept].max() < 5e-4


@pytest.mark.slow
def test_float64():
    random = np.random.default_rng(5)
    a, b, p = 10 ** random.uniform(-2, 4, SIZE), 10 ** random.uniform(-2, 4, SIZE), _tails(random)
    with jax.enable_x64(True):
        x = np.maximum(sp.gammaincinv(a, p), 1e-280)
        below, above = jax.jit(jax.vmap(incomplete.gamma_tails))(a, x)
        assert np.abs(below - sp.gammainc(a, x)).max() < 1e-11
        relative = _smaller(below, above) / _smaller(sp.gammainc(a, x), sp.gammaincc(a, x)) - 1
        assert np.abs(relative)[a > 0.1].max() < 1e-9
        x = np.clip(st.beta(a, b).ppf(p), 1e-280, 1 - 1e-12)
        below, above = jax.jit(jax.vmap(incomplete.beta_tails))(a, b, x, 1 - x)
        assert np.abs(below - sp.betainc(a, b, x)).max() < 1e-11


@pytest.mark.slow
def test_quantiles_invert_over_the_whole_range():
    """cdf(quantile(p)) = p, in the tail where p is small."""
    random = np.random.default_rng(6)
    a, b, p = _shapes(random, -1, 5), _shapes(random, -1, 5), np.clip(_tails(random), 2.0**-25, 0.5)
    flip = random.random(SIZE) < 0.5
    below, above = (np.where(flip, 1 - p, p).astype(np.float32), np.where(flip, p, 1 - p).astype(np.float32))
    small = np.minimum(below, above).astype(float)

    def moved(reference):
        return np.abs(reference / small - 1)

    y = np.asarray(jax.jit(jax.vmap(quantiles.log_gamma_quantile))(below, above, a), float)
    x = np.exp(y)
    error = moved(np.where(flip, sp.gammaincc(a.astype(float), x), sp.gammainc(a.astype(float), x)))
    assert error[np.abs(y) < 86].max() < 1e-3  # log x is rounded to float32; exp of less than -87 would underflow
    y = np.asarray(jax.jit(jax.vmap(quantiles.logit_beta_quantile))(below, above, a, b), float)
    x, c = 1 / (1 + np.exp(-y)), 1 / (1 + np.exp(y))
    lower = np.where(x < 0.5, sp.betainc(a, b, x), sp.betaincc(b, a, c))
    upper = np.where(x < 0.5, sp.betaincc(a, b, x), sp.betainc(b, a, c))
    assert moved(np.where(flip, upper, lower))[np.abs(y) < 86].max() < 1e-3


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_differences_do_not_cancel(dtype):
    small = np.array([1e-6, 1e-4, 1e-3, 0.01, 0.1, 0.3, 0.39, 0.41, 0.49, 0.51, 0.9]).astype(dtype)
    x = np.concatenate([-small, small])
    wide = x.astype(np.longdouble)
    tolerance = 40 * np.finfo(dtype).eps if dtype == np.float32 else 1e-12
    series = {
        elementary.log1pmx: sum((-1) ** (k + 1) * wide**k / k for k in range(2, 30)),
        elementary.expm1mx: sum(wide**k / sp.factorial(k) for k in range(2, 30)),
    }
    direct = {elementary.log1pmx: np.log1p(wide) - wide, elementary.expm1mx: np.expm1(wide) - wide}
    with jax.enable_x64(dtype == np.float64):
        for f, expected in series.items():
            expected = np.where(np.abs(wide) < 0.2, expected, direct[f])
            assert np.abs(np.asarray(jax.jit(f)(x)) / expected - 1).max() < tolerance
        y = np.logspace(-3, 6, 200).astype(dtype)
        error = sp.gammaln(y.astype(float)) - ((y - 0.5) * np.log(y.astype(float)) - y + 0.5 * np.log(2 * np.pi))
        known = y < 50  # beyond, the reference has lost its digits
        ours = np.asarray(jax.jit(elementary.stirling_error)(y))
        assert np.abs(ours - error)[known].max() < (2e-6 if dtype == np.float32 else 2e-13)
        assert np.allclose(ours[~known], 1 / (12 * y[~known].astype(float)), rtol=1e-4)


def test_log1p_in_float32():
    random = np.random.default_rng(9)
    x = np.concatenate(
        [-random.random(SIZE), 10 ** random.uniform(-9, 30, SIZE), -(10 ** random.uniform(-9, -0.01, SIZE))]
    )
    x = np.concatenate([x, [0.4, -0.4, 0, -1 + 2**-24]]).astype(np.float32)
    expected = np.log1p(x.astype(float))
    np.testing.assert_allclose(jax.jit(elementary.log1p)(x), expected, rtol=3e-7)
    slope = jax.vmap(jax.grad(elementary.log1p))(x)
    np.testing.assert_allclose(slope, 1 / (1 + x.astype(float)), rtol=3e-7)
    assert elementary.log1p(np.float32(-1)) == -np.inf
    assert np.isnan(elementary.log1p(np.float32(-1.5)))


def test_normal_draws_in_float32_up_to_the_last_uniform():
    grid = (np.arange(0, 2**24, 997) + 0.5) / 2**24
    u = np.concatenate([grid, [2**-25, 1 - 2**-24, 0.5, *np.geomspace(2**-25, 0.02, 999)]]).astype(np.float32)
    expected = sp.ndtri(u.astype(float))
    assert np.abs(jax.jit(location_scale._draw_normal)(u) - expected).max() < 2e-6
    np.testing.assert_allclose(jax.jit(location_scale._draw_normal)(u), expected, rtol=6e-7, atol=1e-7)
