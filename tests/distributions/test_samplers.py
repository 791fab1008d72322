"""Draws by inversion: exact for counts, coupled, and distributed as they should be."""

from __future__ import annotations

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats as st

from hepppl import distributions

from .cases import BY_NAME, CONTINUOUS, DISCRETE, LENGTH, exact, in_both_precisions, run, uniforms

#: How much probability rounding may move across the edge of a value.
ROUNDING = {np.float32: 3e-7, np.float64: 1e-12}
#: A correct sampler fails a test of its draws this often; they are drawn with one seed, so in fact always or never.
FALSE_ALARM = 1e-6


@in_both_precisions(DISCRETE)
def test_inversion(name, dtype):
    """The smallest k with cdf(k) >= u (for a Bernoulli u < probs), up to rounding of the cdf."""
    u = uniforms(dtype)
    for case in BY_NAME[name]:
        oracle, k = exact(case, np.float32 if dtype == np.float32 else np.float64), run(case, "sample", u, dtype)
        assert k.dtype == (bool if name == "bernoulli" else np.int32)
        level = 1 - u.astype(float) if name == "bernoulli" else u.astype(float)
        k = k.astype(int)
        assert (oracle.cdf(k) >= level - ROUNDING[dtype]).all(), case
        assert (oracle.cdf(k - 1) <= level + ROUNDING[dtype]).all(), case
        assert (k != oracle.ppf(level)).sum() <= (12 if dtype == np.float32 else 0), (
            case
        )  # in the last 40 or so of 2^24


@pytest.mark.parametrize("law", ["poisson", "binomial"])
def test_inversion_at_every_mean(law):
    """Across the seam of the two methods, and up to a million: every mean with its own uniforms, the ends included."""
    random = np.random.default_rng(2)
    means = np.concatenate([random.uniform(0, 30, 700), 10 ** random.uniform(1, 6, LENGTH - 700)])
    steps = np.where(random.random(LENGTH) < 0.3, random.integers(0, 50, LENGTH), random.integers(0, 2**24, LENGTH))
    steps = np.where(random.random(LENGTH) < 0.15, 2**24 - 1 - random.integers(0, 50, LENGTH), steps)
    u = np.minimum((steps + 0.5) / 2**24, 1 - 2.0**-24).astype(np.float32)
    numerics = distributions.get(law).load()
    if law == "poisson":
        means = means.astype(np.float32)
        k, oracle = jax.jit(jax.vmap(numerics.sample))(u, means), st.poisson(means.astype(float))
    else:
        n = np.maximum((means / random.uniform(0.001, 1, LENGTH)).astype(np.int32), 1)
        p = np.minimum(means / n, 1).astype(np.float32)
        k, oracle = jax.jit(jax.vmap(numerics.sample))(u, n, p), st.binom(n, p.astype(float))
    k, level = np.asarray(k, int), u.astype(float)
    # at a mean of a million one bit of the rate, or of probs, moves the cdf by up to 1e-5
    slack = 3e-7 + 1e-8 * np.sqrt(means)
    assert (oracle.cdf(k) >= level - slack).all()
    assert (oracle.cdf(k - 1) <= level + slack).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("law", "params"), [("poisson", (4.0,)), ("poisson", (12.0,)), ("poisson", (300.0,)), ("binomial", (60, 0.7))]
)
def test_inversion_on_the_whole_grid(law, params):
    """All 2^24 uniforms: each value comes as often as its mass says, to a few of 2^24."""
    numerics = distributions.get(law).load()
    draw = jax.jit(jax.vmap(lambda u: numerics.sample(u, *params)))
    counts = np.zeros(1000, int)
    for part in np.array_split(np.arange(2**24), 16):
        u = ((part + 0.5) / 2**24).astype(np.float32)
        counts += np.bincount(np.asarray(draw(u)), minlength=1000)
    oracle = {"poisson": st.poisson, "binomial": st.binom}[law](*(np.float64(np.float32(p)) for p in params))
    assert np.abs(counts - 2**24 * oracle.pmf(np.arange(1000))).max() <= 12
    assert counts[int(oracle.ppf(1 - 1e-8)) + 1 :].sum() == 0


@pytest.mark.every(3)
@pytest.mark.parametrize("name", [n for n in BY_NAME if n not in ("delta",)])
def test_draws_are_monotone_in_u(name):
    u = np.sort(uniforms(np.float32))
    for case in BY_NAME[name]:
        x = run(case, "sample", u, np.float32).astype(float)
        steps = np.diff(x) * (-1 if name == "bernoulli" else 1)
        # a continuous quantile may wobble by rounding
        assert (steps >= (0 if name in DISCRETE else -1e-5 * np.maximum(np.abs(x[1:]), 1e-2))).all(), case


@pytest.mark.parametrize(("name", "values"), [("poisson", (0.1, 3, 9.9, 10.1, 60)), ("bernoulli", (0.1, 0.4, 0.9))])
def test_draws_are_coupled_across_parameters(name, values):
    """At the same u a larger mean never gives a smaller draw."""
    numerics, u = distributions.get(name).load(), uniforms(np.float32)
    draw = jax.jit(jax.vmap(numerics.sample))
    draws = [np.asarray(draw(u, np.full_like(u, value))).astype(int) for value in values]
    for smaller, larger in pairwise(draws):
        assert (smaller <= larger).all()


@pytest.mark.parametrize("name", BY_NAME)
def test_goodness_of_fit(name):
    """Pearson's chi-square of 20 x 1,536 draws against SciPy's law, in cells of equal expectation."""
    if name == "delta":
        pytest.skip("no spread")
    random = np.random.default_rng(7)
    for case in BY_NAME[name]:
        oracle = exact(case, np.float32)
        u = [((random.integers(0, 2**24, LENGTH) + 0.5) / 2**24).astype(np.float32) for _ in range(20)]
        x = np.concatenate([run(case, "sample", part, np.float32) for part in u])
        if name in CONTINUOUS:
            observed = np.bincount(np.minimum((oracle.cdf(x.astype(float)) * 40).astype(int), 39), minlength=40)
            expected = np.full(40, len(x) / 40)
        else:
            edges = np.unique(oracle.ppf(np.linspace(0, 1, 41)[1:-1]))
            share = np.diff(oracle.cdf(edges), prepend=0, append=1)
            cells = np.searchsorted(edges, x.astype(int))
            kept = share * len(x) > 5
            observed = np.append(np.bincount(cells, minlength=len(share))[kept], (~kept)[cells].sum())
            expected = np.append(share[kept], share[~kept].sum()) * len(x)
            observed, expected = observed[expected > 0], expected[expected > 0]
        if len(expected) > 1:
            statistic = ((observed - expected) ** 2 / expected).sum()
            assert st.chi2(len(expected) - 1).sf(statistic) > FALSE_ALARM, case


@pytest.mark.parametrize(("law", "params"), [("poisson", (1.0,)), ("binomial", (5.0, 0.5))])
def test_no_lane_with_a_small_mean_pays_for_large_ones(law, params):
    """The work for large means is in a loop that a batch without any passes by; nothing may be moved in front of it."""
    columns = [jnp.full(7, value) for value in (0.5, *params)]
    jaxpr = jax.make_jaxpr(jax.vmap(distributions.get(law).load().sample))(*columns).jaxpr
    (loop,) = (eqn for eqn in jaxpr.eqns if eqn.primitive.name == "while")
    assert not any(eqn.primitive.name in ("scan", "lgamma") for eqn in jaxpr.eqns)
    assert "scan" in str(loop.params["body_jaxpr"])  # the incomplete gamma or beta function
    first = loop.params["cond_nconsts"]
    constants = loop.invars[first : first + loop.params["body_nconsts"]]
    assert not any(7 in constant.aval.shape for constant in constants)  # what is not carried, the compiler hoists
