"""Truncated, affine and mixed laws, nested too."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats as st

from hepppl.distributions import get
from hepppl.distributions.numerics.combinators import Bound, affine, bind, mixture, truncated

U = np.array([2.0**-25, 1e-4, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 1 - 1e-4, 1 - 2.0**-24], np.float32)


def law(name, *params):
    return bind(get(name), *params)


def along(f, x):
    return np.asarray(jax.jit(jax.vmap(f))(np.asarray(x)))


def conditional(oracle, low, high):
    """A continuous SciPy law between two bounds: its quantile, cdf and log density."""
    from_above = oracle.cdf(low) > 0.5
    mass = oracle.sf(low) - oracle.sf(high) if from_above else oracle.cdf(high) - oracle.cdf(low)

    def quantile(u):
        u = u.astype(float)
        return oracle.isf(oracle.sf(low) - u * mass) if from_above else oracle.ppf(oracle.cdf(low) + u * mass)

    def cdf(x):
        return (oracle.sf(low) - oracle.sf(x)) / mass if from_above else (oracle.cdf(x) - oracle.cdf(low)) / mass

    return quantile, cdf, lambda x: oracle.logpdf(x) - np.log(mass)


@pytest.mark.parametrize(
    ("inner", "oracle", "bounds"),
    [
        (law("normal", 0.0, 1.0), st.norm(), [(-1, 2), (6, 9), (-9, -6), (-np.inf, 1), (1, np.inf)]),
        (law("breit_wigner", 91.2, 2.5), st.cauchy(91.2, 1.25), [(80, 100)]),
        (law("exponential", 1.0), st.expon(), [(0.5, 30), (20, 30)]),
        pytest.param(law("gamma", 2.5, 1.0), st.gamma(2.5), [(1, 4)], marks=pytest.mark.slow),
    ],
    ids=["normal", "breit_wigner", "exponential", "gamma"],
)
def test_truncated(inner, oracle, bounds):
    def event(u, x, low, high):
        cut = truncated(inner, low, high)
        return cut.sample(u), cut.log_prob(x), cut.cdf(x), cut.valid()

    compiled = jax.jit(jax.vmap(event, (0, 0, None, None)))
    for low, high in bounds:
        quantile, cdf, logpdf = conditional(oracle, low, high)
        span = min(high - low, 10)
        x = np.concatenate([quantile(np.linspace(1e-3, 0.999, 9)), [low - span, high + span]]).astype(np.float32)
        draws, densities, shares, valid = compiled(U, x, np.float32(low), np.float32(high))
        assert np.allclose(draws, quantile(U), rtol=1e-5, atol=1e-5)
        assert ((draws >= low) & (draws <= high)).all()
        inside = x[:9].astype(float)
        assert np.allclose(densities[:9], logpdf(inside), rtol=1e-4, atol=1e-4)
        assert np.allclose(shares[:9], cdf(inside), rtol=1e-4, atol=1e-6)
        assert np.isneginf(densities[9:]).all()  # infinite values too
        assert (shares[9], shares[10]) == (0, 1)
        assert valid.all()


def test_truncated_draws_move_with_bounds_and_parameters():
    def draw(loc, scale, low, high):
        return truncated(law("normal", loc, scale), low, high).sample(0.3)

    def oracle(*params):
        return conditional(st.norm(params[0], params[1]), params[2], params[3])[0](np.array([0.3]))[0]

    at = (0.2, 1.5, -1.0, 2.0)
    slopes = jax.jit(jax.grad(draw, (0, 1, 2, 3)))(*at)
    for i, slope in enumerate(slopes):
        up, down = (oracle(*at[:i], at[i] + h, *at[i + 1 :]) for h in (1e-5, -1e-5))
        assert np.isclose(slope, (up - down) / 2e-5, rtol=1e-4)


def test_truncated_log_prob_moves_with_the_mass():
    def log_prob(low):
        return truncated(law("normal", 0.0, 1.0), low, 2.0).log_prob(1.0)

    slope = jax.jit(jax.grad(log_prob))(0.5)
    assert np.isclose(slope, st.norm.pdf(0.5) / (st.norm.cdf(2) - st.norm.cdf(0.5)), rtol=1e-4)
    assert jax.jit(jax.grad(log_prob))(1.5) == 0  # x is outside: -inf, whatever the bound does


def test_truncated_counts_include_both_bounds():
    cut = truncated(law("poisson", 3.0), 1, 5)
    k = np.arange(-1, 8)
    mass = np.where((k >= 1) & (k <= 5), st.poisson(3).pmf(k), 0)
    mass = mass / mass.sum()
    assert np.allclose(np.exp(along(cut.log_prob, k)), mass, atol=1e-6)
    assert np.allclose(along(cut.cdf, k), mass.cumsum(), atol=1e-6)
    u = np.linspace(0.001, 0.999, 999).astype(np.float32)
    draws = along(cut.sample, u)
    assert draws.dtype == np.int32
    assert np.array_equal(draws, k[np.searchsorted(mass.cumsum(), u)])
    assert cut.discrete


def test_invalid_truncations():
    assert not bool(truncated(law("normal", 0.0, 1.0), 2.0, 1.0).valid())
    assert not bool(truncated(law("exponential", 1.0), -3.0, -1.0).valid())
    assert not bool(truncated(law("normal", 0.0, -1.0), 0.0, 1.0).valid())


@pytest.mark.parametrize(("loc", "scale"), [(2.0, 3.0), (2.0, -3.0)])
def test_affine(loc, scale):
    moved = affine(law("exponential", 1.0), loc, scale)
    inner = st.expon()
    u = U.astype(float)
    x = along(moved.sample, U)
    assert np.allclose(x, loc + scale * np.where(u < 0.5, inner.ppf(u), inner.isf(1 - u)), rtol=1e-4)
    at = (loc + scale * np.array([0.1, 1.0, 3.0])).astype(np.float32)
    z = (at.astype(float) - loc) / scale
    assert np.allclose(along(moved.log_prob, at), inner.logpdf(z) - np.log(3), rtol=1e-4)
    assert np.allclose(along(moved.cdf, at), inner.cdf(z) if scale > 0 else inner.sf(z), rtol=1e-4)
    quantiles = along(lambda p: moved.quantile(p, 1 - p), U)
    assert (np.diff(quantiles) > 0).all()  # a draw falls with u where the scale is negative; a quantile does not
    assert bool(moved.valid())
    assert not bool(affine(law("exponential", 1.0), 0.0, 0.0).valid())


@pytest.mark.parametrize("scale", [0.1, -0.1])
def test_affine_of_counts(scale):
    moved, inner, k = affine(law("poisson", 4.0), 7.0, scale), st.poisson(4), np.arange(12)
    points = (7 + scale * k).astype(np.float32)
    assert np.allclose(along(moved.log_prob, points), inner.logpmf(k), rtol=1e-4)
    assert np.isneginf(along(moved.log_prob, points + 0.03)).all()
    assert np.allclose(along(moved.cdf, points), inner.cdf(k) if scale > 0 else inner.sf(k - 1), atol=1e-5)
    assert (
        np.allclose(along(moved.cdf, points + 0.03), inner.cdf(k) if scale > 0 else inner.sf(k), atol=1e-5) or scale < 0
    )


def test_mixture():
    weights, parts = jnp.array([0.3, 0.7]), [law("normal", -2.0, 1.0), law("exponential", 0.5)]
    mixed = mixture(weights, parts)
    oracles = (st.norm(-2, 1), st.expon(scale=2))
    x = np.array([-6.0, -3.0, -0.5, 0.2, 4.0], np.float32)
    wide = x.astype(float)
    density = 0.3 * oracles[0].pdf(wide) + 0.7 * oracles[1].pdf(wide)
    cdf = 0.3 * oracles[0].cdf(wide) + 0.7 * oracles[1].cdf(wide)
    assert np.allclose(along(mixed.log_prob, x), np.log(density), rtol=1e-5)
    assert np.allclose(along(mixed.cdf, x), cdf, rtol=1e-5)
    u = ((np.random.default_rng(8).integers(0, 2**24, 20000) + 0.5) / 2**24).astype(np.float32)
    draws = along(mixed.sample, u).astype(float)
    share = 0.3 * oracles[0].cdf(draws) + 0.7 * oracles[1].cdf(draws)
    assert st.kstest(share, "uniform").pvalue > 1e-6
    assert bool(mixed.valid())
    assert not bool(mixture(jnp.array([0.3, 0.9]), parts).valid())


def test_quantiles_of_mixtures():
    """A truncated mixture inverts its cdf: continuous, turned by a negative scale, and discrete, in both tails."""
    mixed = mixture(jnp.array([0.3, 0.7]), [law("normal", -2.0, 1.0), law("exponential", 0.5)])

    def cdf(x):
        return 0.3 * st.norm(-2, 1).cdf(x) + 0.7 * st.expon(scale=2).cdf(x)

    u = np.array([1e-6, 1e-3, 0.2, 0.5, 0.9, 0.999, 1 - 1e-6], np.float32)
    x = along(truncated(mixed, -3.0, 8.0).sample, u).astype(float)
    assert np.all((x >= -3) & (x <= 8))
    assert np.allclose((cdf(x) - cdf(-3)) / (cdf(8) - cdf(-3)), u, atol=1e-6)
    turned = along(truncated(affine(mixed, 1.0, -2.0), -9.0, 3.0).sample, u).astype(float)
    low, high = cdf((-9 - 1) / -2), cdf((3 - 1) / -2)
    assert np.allclose((low - cdf((turned - 1) / -2)) / (low - high), u, atol=1e-6)
    counts = mixture(jnp.array([0.5, 0.5]), [law("poisson", 2.0), law("poisson", 9.0)])
    k = along(truncated(counts, 1.0, 12.0).sample, u)

    def below(k):
        return 0.5 * (st.poisson(2).cdf(k) + st.poisson(9).cdf(k))

    share = (below(np.arange(1, 13)) - below(0)) / (below(12) - below(0))
    assert np.array_equal(k, 1 + np.searchsorted(share, u))


def test_mixture_is_safe_where_nothing_is_possible():
    def log_prob(weights, x):
        return mixture(weights, [law("exponential", 1.0), law("uniform", 0.0, 1.0)]).log_prob(x)

    value, slope = jax.jit(jax.value_and_grad(log_prob))(jnp.array([0.4, 0.6]), -1.0)
    assert np.isneginf(value)
    assert not np.any(slope)
    assert np.allclose(jax.jit(jax.grad(log_prob))(jnp.array([0.4, 0.6]), 2.0), [1 / 0.4 - 1, -1])
    assert np.isfinite(jax.jit(jax.grad(log_prob))(jnp.array([0.0, 1.0]), 0.5)).all()


def test_mixture_draws_have_no_derivative_but_one_component_is_itself():
    def draw(loc, weights):
        return mixture(weights, [law("normal", loc, 1.0)] * len(weights)).sample(0.3)

    slope = jax.jit(jax.grad(draw))
    assert slope(0.0, jnp.array([0.5, 0.5])) == 0
    assert slope(0.0, jnp.array([1.0])) == 1


def test_nesting():
    nested = affine(truncated(law("normal", 0.0, 1.0), -1.0, 1.0), 10.0, 2.0)
    assert np.allclose(along(nested.sample, U), 10 + 2 * st.truncnorm(-1, 1).ppf(U.astype(float)), rtol=1e-5)
    twice = truncated(affine(law("normal", 0.0, 1.0), 1.0, -2.0), 0.0, 3.0)
    assert np.allclose(along(twice.sample, U), conditional(st.norm(1, 2), 0, 3)[0](U), rtol=1e-4, atol=1e-5)
    mixed = mixture(jnp.array([0.5, 0.5]), [nested, law("uniform", 0.0, 1.0)])
    assert np.isclose(jax.jit(mixed.cdf)(1.0), 0.5)


def test_numerics_of_a_plugin_need_four_functions_only():
    """Without tails and quantiles of their own, truncation works through cdf and sample."""

    class Least:
        def __init__(self, numerics):
            self.sample, self.log_prob, self.cdf, self.valid = (
                getattr(numerics, name) for name in ("sample", "log_prob", "cdf", "valid")
            )

    cut = truncated(Bound(Least(get("normal").load()), (0.0, 1.0)), -1.0, 2.0)
    assert np.allclose(along(cut.sample, U), st.truncnorm(-1, 2).ppf(U.astype(float)), atol=1e-5)
    assert np.isclose(jax.jit(cut.cdf)(0.5), st.truncnorm(-1, 2).cdf(0.5), rtol=1e-5)
    counts = truncated(Bound(Least(get("geometric").load()), (0.3,), discrete=True), 1, 3)
    assert set(along(counts.sample, U)) == {1, 2, 3}
