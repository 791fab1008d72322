"""The ends of parameter ranges and supports: right values, and never NaN, in values or derivatives."""

from __future__ import annotations

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hepppl import distributions

from .cases import BY_NAME, CASES, CONTINUOUS, DISCRETE, HEAVY, Case, run, typed

INF = np.inf


def law(name):
    return distributions.get(name).load()


@cache
def _compiled(name, function):
    """The value, and its derivative in every real argument, in forward and (but where it takes long) reverse mode."""
    f = getattr(law(name), function)

    def all_of_it(x, *params):
        args = [i for i, p in enumerate((x, *params)) if jnp.issubdtype(p.dtype, jnp.floating)]
        if not args:
            return f(x, *params), (), ()
        forward = jax.jacfwd(f, args)(x, *params)
        return f(x, *params), forward, forward if name in HEAVY else jax.jacrev(f, args)(x, *params)

    return jax.jit(all_of_it)


def with_slopes(name, function, x, *params):
    return _compiled(name, function)(
        *(np.asarray(v, np.float32 if isinstance(v, float) else None) for v in (x, *params))
    )


@pytest.mark.every(3)
@pytest.mark.parametrize(
    ("name", "x", "params", "expected", "slope"),
    [
        ("bernoulli", False, (0.0,), 0, -1),
        ("bernoulli", True, (0.0,), -INF, 0),
        ("bernoulli", True, (1.0,), 0, 1),
        ("bernoulli", False, (1.0,), -INF, 0),
        ("bernoulli", True, (1.000005,), 0, 1),
        ("poisson", 0, (0.0,), 0, -1),
        ("poisson", 3, (0.0,), -INF, 0),
        ("poisson", -1, (2.0,), -INF, 0),
        ("geometric", 0, (1.0,), 0, 1),
        ("geometric", 2, (1.0,), -INF, None),
        ("geometric", -1, (0.3,), -INF, 0),
        ("binomial", 0, (5, 0.0), 0, -5),
        ("binomial", 5, (5, 1.0), 0, 5),
        ("binomial", 2, (5, 0.0), -INF, 0),
        ("binomial", 2, (5, 1.0), -INF, 0),
        ("binomial", 6, (5, 0.3), -INF, 0),
        ("binomial", -1, (5, 0.3), -INF, 0),
        ("binomial", 0, (0, 0.3), 0, 0),
        ("exponential", -1.0, (2.0,), -INF, 0),
        ("exponential", 0.0, (2.0,), np.log(2), 0.5),
        ("half_normal", -1.0, (2.0,), -INF, 0),
        ("gamma", -1.0, (2.0, 1.0), -INF, 0),
        ("gamma", 0.0, (2.0, 1.0), -INF, 0),
        ("beta", 1.5, (2.0, 3.0), -INF, 0),
        ("beta", -0.5, (2.0, 3.0), -INF, 0),
        ("log_normal", -1.0, (0.0, 1.0), -INF, 0),
        ("pareto", 0.5, (1.0, 2.0), -INF, 0),
        ("weibull", -1.0, (1.0, 2.0), -INF, 0),
        ("uniform", 3.0, (0.0, 1.0), -INF, 0),
        ("log_uniform", 30.0, (1.0, 10.0), -INF, 0),
        ("gumbel", -200.0, (0.0, 1.0), None, None),
        ("normal", 1e15, (0.0, 1.0), None, None),
        ("normal", INF, (0.0, 1.0), -INF, 0),
        ("cauchy", -INF, (0.0, 1.0), -INF, 0),
        ("log_normal", INF, (0.0, 1.0), -INF, 0),
        ("student_t", 1e15, (3.0, 0.0, 1.0), None, None),
    ],
)
def test_log_prob_at_the_edge(name, x, params, expected, slope):
    value, forward, backward = with_slopes(name, "log_prob", x, *params)
    if expected is not None:
        assert np.isclose(value, expected, atol=1e-5)
    for derivatives in (forward, backward):
        assert not any(np.isnan(d) for d in derivatives)
        if slope is not None:
            assert np.isclose(derivatives[-1], slope, rtol=1e-5)


@pytest.mark.every(3)
@pytest.mark.parametrize(
    ("name", "x", "params", "expected", "slope"),
    [
        ("bernoulli", False, (1.0,), 0, -1),
        ("bernoulli", True, (1.0,), 1, 0),
        ("poisson", 0, (0.0,), 1, -1),
        ("poisson", -1, (3.0,), 0, 0),
        ("geometric", 0, (1.0,), 1, 1),
        ("geometric", 4, (1.0,), 1, 0),
        ("geometric", -1, (0.5,), 0, 0),
        ("binomial", 5, (5, 0.5), 1, 0),
        ("binomial", -1, (5, 0.5), 0, 0),
        ("binomial", 0, (5, 0.0), 1, -5),
        ("binomial", 4, (5, 1.0), 0, -5),
        ("discrete_uniform", -4, (-3, 3), 0, None),
        ("discrete_uniform", 3, (-3, 3), 1, None),
        ("normal", INF, (0.0, 1.0), 1, 0),
        ("normal", -INF, (0.0, 1.0), 0, 0),
        pytest.param("student_t", INF, (3.0, 0.0, 1.0), 1, 0, marks=pytest.mark.slow),
        ("cauchy", -INF, (0.0, 1.0), 0, 0),
        ("gamma", INF, (2.0, 3.0), 1, 0),
        ("gamma", -2.0, (2.0, 3.0), 0, 0),
        pytest.param("beta", 2.0, (2.0, 3.0), 1, 0, marks=pytest.mark.slow),
        ("log_normal", -2.0, (0.0, 1.0), 0, 0),
        ("pareto", 0.5, (1.0, 3.0), 0, 0),
        ("weibull", INF, (1.0, 3.0), 1, 0),
        ("exponential", -1.0, (3.0,), 0, 0),
        ("gumbel", -150.0, (0.0, 1.0), 0, 0),
        ("uniform", 4.0, (0.0, 1.0), 1, 0),
    ],
)
def test_cdf_at_the_edge(name, x, params, expected, slope):
    value, forward, backward = with_slopes(name, "cdf", x, *params)
    assert value == expected
    for derivatives in (forward, backward):
        assert not any(np.isnan(d) for d in derivatives)
        if slope is not None:
            assert np.isclose(derivatives[-1], slope, atol=1e-6)


@pytest.mark.every(3)
@pytest.mark.parametrize("name", BY_NAME)
def test_draws_are_in_the_support_at_both_ends_of_u(name):
    """Also at 0 and 1, where the last midpoint of the float32 grid is rounded to."""
    u = np.array([0.0, 2.0**-25, 0.5, 1 - 2.0**-24, 1.0], np.float32)
    for case in BY_NAME[name]:
        x = run(case, "sample", u, np.float32)
        assert np.isfinite(x).all()
        assert not np.isnan(run(case, "log_prob", x, np.float32)).any()
        if name not in ("bernoulli", "delta"):
            assert (np.diff(x) >= 0).all()


@pytest.mark.parametrize("name", CONTINUOUS)
def test_infinity_has_no_density(name):
    x = np.array([-INF, INF], np.float32)
    assert np.isneginf(run(BY_NAME[name][0], "log_prob", x, np.float32)).all()


@pytest.mark.parametrize(
    ("name", "params", "draw"),
    [
        ("bernoulli", (0.0,), False),
        ("bernoulli", (1.0,), True),
        ("bernoulli", (1.00001,), True),
        ("binomial", (7, 0.0), 0),
        ("binomial", (7, 1.0), 7),
        ("binomial", (0, 0.4), 0),
        ("poisson", (0.0,), 0),
        ("geometric", (1.0,), 0),
        ("discrete_uniform", (4, 4), 4),
    ],
)
def test_certain_draws(name, params, draw):
    u = np.linspace(2.0**-25, 1 - 2.0**-24, 33, dtype=np.float32)
    assert (run(Case(name, params, None), "sample", u, np.float32) == draw).all()


def test_categorical_never_draws_an_impossible_index():
    probs = np.array([0, 0.3, 0, 0.7, 0], np.float32)
    u = jnp.array([0.0, 2.0**-25, 0.3, 0.301, 1 - 2.0**-24, 1.0])
    assert list(jax.vmap(lambda u: law("categorical").sample(u, probs))(u)) == [1, 1, 1, 3, 3, 3]
    many = np.full(100, 0.01, np.float32)
    assert list(jax.vmap(lambda u: law("categorical").sample(u, many))(u)) == [0, 0, 29, 30, 99, 99]


def test_huge_counts_saturate():
    u = np.array([0.999], np.float32)
    assert run(Case("geometric", (1e-12,), None), "sample", u, np.float32)[0] == 2**31 - 128
    assert np.isclose(run(Case("poisson", (1e9,), None), "sample", u, np.float32)[0], 1e9, rtol=2e-4)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_valid(case):
    assert bool(law(case.name).valid(*typed(case, np.float32)))


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("bernoulli", (-0.1,)), ("bernoulli", (1.1,)), ("bernoulli", (np.nan,)),
        ("beta", (0.0, 1.0)), ("beta", (1.0, np.nan)),
        ("binomial", (-1, 0.5)), ("binomial", (3, 1.1)), ("binomial", (2**25, 0.5)),
        ("breit_wigner", (91.0, 0.0)),
        ("categorical", (np.array([0.5, 0.6]),)), ("categorical", (np.array([-0.5, 1.5]),)),
        ("categorical", (np.array([np.nan, 1.0]),)),
        ("cauchy", (np.nan, 1.0)), ("chi2", (-1.0,)), ("delta", (np.nan,)),
        ("discrete_uniform", (3, 2)),
        ("exponential", (0.0,)), ("exponential", (-1.0,)), ("exponential", (np.inf,)), ("exponential", (np.nan,)),
        ("gamma", (-1.0, 1.0)), ("gamma", (1.0, 0.0)),
        ("geometric", (0.0,)), ("geometric", (1.1,)),
        ("gumbel", (0.0, -1.0)), ("half_cauchy", (0.0,)), ("half_normal", (-1.0,)),
        ("inverse_gamma", (0.0, 1.0)), ("laplace", (np.inf, 1.0)), ("logistic", (0.0, 0.0)),
        ("log_normal", (0.0, 0.0)), ("log_uniform", (0.0, 1.0)), ("log_uniform", (2.0, 1.0)),
        ("normal", (0.0, 0.0)), ("normal", (0.0, np.nan)), ("pareto", (0.0, 1.0)), ("pareto", (1.0, -1.0)),
        ("poisson", (-0.1,)), ("poisson", (np.nan,)), ("poisson", (1e12,)),
        ("student_t", (0.0, 0.0, 1.0)), ("student_t", (1.0, 0.0, 0.0)),
        ("uniform", (1.0, 1.0)), ("uniform", (2.0, 1.0)), ("weibull", (1.0, 0.0)),
    ],
)  # fmt: skip
def test_invalid(name, params):
    assert not bool(law(name).valid(*params))


def test_every_law_has_an_invalid_example():
    marks = next(m for m in test_invalid.pytestmark if m.name == "parametrize")
    assert {name for name, _ in marks.args[1]} == set(CONTINUOUS) | set(DISCRETE)


@pytest.mark.parametrize("p", [0.0, 1e-30, 0.4, 1 - 2**-24, 1.0])
def test_masses_themselves_are_those_of_log_prob(p):
    """A probability far below single precision's steps at 1 is not lost."""
    for name, values, params in (("bernoulli", (False, True), p), ("categorical", (0, 1), np.array([1 - p, p]))):
        for x in (*values, 2):
            params = np.asarray(params, np.float32)
            expected = np.exp(law(name).log_prob(x, params))
            np.testing.assert_allclose(law(name).prob(x, params), expected, rtol=3e-5, atol=1e-37)
    assert law("bernoulli").prob(True, np.float32(1e-30)) == np.float32(1e-30)
