"""Derivatives with respect to parameters and values, against finite differences of SciPy in double precision."""

from __future__ import annotations

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import gammainc, polygamma

from hepppl import distributions

from .cases import (
    BY_NAME,
    CONTINUOUS,
    DISCRETE,
    HEAVY,
    ORACLES,
    REARRANGED,
    Case,
    exact,
    in_both_precisions,
    on_batch,
    quantile,
)

#: Largest error of a derivative, relative to the largest of the law: rounding, and in float64 the finite difference.
TOLERANCES = {np.float32: 1e-3, np.float64: 2e-6}


def _probabilities(name: str) -> np.ndarray:
    """Where to look: into the tails, but a finite difference must not cross a kink or an edge of the density."""
    if name in ("uniform", "log_uniform", "pareto", "laplace"):
        return np.array([0.1, 0.3, 0.45, 0.55, 0.7, 0.9])
    return np.array([1e-6, 1e-3, 0.01, 0.1, 0.3, 0.45, 0.5, 0.55, 0.7, 0.9, 0.99, 0.999, 1 - 1e-6])


def _moving(name: str) -> list[int]:
    """Positions of the parameters that a derivative is taken with respect to."""
    return [i for i, p in enumerate(distributions.get(name).parameters) if p.kind == "real" and p.rank == 0]


def _slope(f, case: Case, i: int):
    """The central difference of ``f(oracle)`` in parameter i, extrapolated to fourth order."""
    value = float(case.params[i])
    probability = distributions.get(case.name).parameters[i].constraint == "probability"
    step = 1e-3 * (min(value, 1 - value) if probability else max(abs(value), 0.1))
    if case.name == "poisson":
        step = min(step, 0.02 * np.sqrt(value))
    if case.name == "binomial":
        step = min(step, 0.02 * np.sqrt(value * (1 - value) / case.params[0]))

    def at(v):
        return f(ORACLES[case.name](*case.params[:i], v, *case.params[i + 1 :]))

    wide, narrow = ((at(value + h) - at(value - h)) / (2 * h) for h in (step, step / 2))
    return (4 * narrow - wide) / 3


@cache
def _derivatives(name: str, function: str, double: bool):
    """Of a law's function, one column per moving parameter."""
    f = getattr(distributions.get(name).load(), function)
    return jax.jit(jax.vmap(jax.jacfwd(f, argnums=tuple(i + 1 for i in _moving(name)))))


def _compare(case: Case, function: str, x, expected_of, dtype, weight=1.0):
    columns = on_batch(_derivatives(case.name, function, dtype == np.float64), case, dtype, x)
    for i, ours in zip(_moving(case.name), columns, strict=True):
        theirs = _slope(expected_of, case, i)
        assert np.isfinite(ours).all(), (case, i)
        error = np.abs(ours - theirs) * weight / np.abs(theirs * weight).max()
        assert error.max() < TOLERANCES[dtype], (case, i, x[error.argmax()], ours, theirs)


WITHOUT_ORACLE = {"delta", "categorical", "discrete_uniform"}


@pytest.mark.every(3)
@in_both_precisions([name for name in CONTINUOUS if name not in WITHOUT_ORACLE], slow=REARRANGED, double={"normal"})
def test_draws(name, dtype):
    """At fixed noise; the error is taken per probability, since draws in a tail may lie orders of magnitude apart."""
    u = _probabilities(name).astype(dtype)
    for case in BY_NAME[name]:
        oracle = exact(case, np.float64)
        # a draw moves by dx, and its probability by p(x) dx
        density = oracle.pdf(quantile(oracle, u))
        _compare(case, "sample", u, lambda o: quantile(o, u), dtype, density)


@pytest.mark.every(3)
@in_both_precisions([name for name in BY_NAME if name not in WITHOUT_ORACLE], slow=REARRANGED, double={"normal"})
def test_cdf(name, dtype):
    for case in BY_NAME[name]:
        x = _values(case, dtype)
        wide = _wide(x)
        _compare(case, "cdf", x, lambda o, x=wide: o.cdf(x), dtype)


@pytest.mark.every(3)
@in_both_precisions([name for name in BY_NAME if name not in WITHOUT_ORACLE], slow=REARRANGED, double={"normal"})
def test_log_prob(name, dtype):
    for case in BY_NAME[name]:
        if case.params[0] == 1e6 and dtype == np.float64:
            continue  # SciPy's log mass has lost the digits a difference needs
        x = _values(case, dtype)
        wide, log_prob = _wide(x), "logpdf" if name in CONTINUOUS else "logpmf"
        _compare(case, "log_prob", x, lambda o, f=log_prob, x=wide: getattr(o, f)(x), dtype)


def _wide(x):
    return x.astype(float) if x.dtype in (np.float32, np.float64) else x.astype(int)


def _values(case: Case, dtype):
    """Values inside the support."""
    oracle = exact(case, np.float64)
    if case.name in DISCRETE:
        x = np.unique(oracle.ppf(_probabilities(case.name))).astype(np.int32)
        return x.astype(bool) if case.name == "bernoulli" else x
    x = quantile(oracle, _probabilities(case.name)).astype(dtype)
    return x[(oracle.pdf(x.astype(float)) > 0) & (x != (1 if case.name == "beta" else np.inf))]


@pytest.mark.parametrize("name", ["poisson", "binomial", "geometric", "bernoulli"])
def test_cdf_moves_by_the_mass_on_its_edge(name):
    """What stochastic derivatives weigh by: for a Poisson -mass(k), for a binomial -n mass(k; n - 1)."""
    law, last = distributions.get(name).load(), len(distributions.get(name).parameters)
    slope = jax.jit(jax.vmap(jax.grad(law.cdf, last), (0, *[None] * last)))
    for case in BY_NAME[name]:
        oracle = exact(case, np.float32)
        first, last_drawn = oracle.ppf([1e-3, 0.999])
        k = np.linspace(first, last_drawn, 32).astype(int)
        *fixed, p = case.params
        if name == "poisson":
            expected = -oracle.pmf(k)
        elif name == "binomial":
            expected = -fixed[0] * ORACLES[name](fixed[0] - 1, p).pmf(k)
        else:
            expected = (k + 1) * (1 - p) ** k if name == "geometric" else -np.ones(len(k)) * (k == 0)
        ours = slope(jnp.asarray(k), *fixed, jnp.float32(p))
        assert np.allclose(ours, expected, rtol=2e-4, atol=1e-7), case


@pytest.mark.parametrize("name", [name for name in CONTINUOUS if name not in HEAVY | {"delta"}])
def test_cdf_moves_by_the_density(name):
    law = distributions.get(name).load()
    case = BY_NAME[name][0]
    oracle = exact(case, np.float32)
    x = quantile(oracle, np.array([0.05, 0.3, 0.55, 0.8])).astype(np.float32)
    axes = (0, *[None] * len(case.params))
    slope = jax.jit(jax.vmap(jax.grad(law.cdf), axes))(x, *case.params)
    score = jax.jit(jax.vmap(jax.grad(law.log_prob), axes))(x, *case.params)
    x = x.astype(float)
    step = 1e-4 * np.abs(x)
    difference = (oracle.logpdf(x + step) - oracle.logpdf(x - step)) / (2 * step)
    assert np.allclose(slope, oracle.pdf(x), rtol=1e-4)
    assert np.allclose(score, difference, rtol=1e-3, atol=1e-3 * np.abs(difference).max() + 1e-6)


def test_categorical():
    law = distributions.get("categorical").load()
    probs = jnp.array([0.2, 0.5, 0.3])
    assert np.allclose(jax.jit(jax.jacfwd(law.log_prob, 1))(1, probs), [-1, 1, -1])  # 1/p less that of the sum
    assert np.allclose(jax.jit(jax.jacrev(law.cdf, 1))(1, probs), [0.3, 0.3, -0.7], atol=1e-6)
    assert not np.any(jax.jit(jax.jacfwd(lambda p: law.sample(0.4, p).astype(jnp.float32)))(probs))


@pytest.mark.parametrize("name", DISCRETE)
def test_discrete_draws_have_no_derivative(name):
    case = BY_NAME[name][0]
    kinds = [p.kind for p in distributions.get(name).parameters]
    if "int" in kinds and name != "binomial":
        return
    law, fixed = distributions.get(name).load(), case.params[:-1]
    draw = jax.grad(lambda p: law.sample(0.3, *fixed, p).astype(jnp.float32).sum())
    out = jax.jit(draw)(jnp.asarray(case.params[-1]))
    assert not np.any(out)


@pytest.mark.slow
def test_second_derivative_of_an_incomplete_gamma_function():
    step, cdf = 1e-3, lambda a: gammainc(a, 1.3)
    expected = (cdf(2 + step) - 2 * cdf(2.0) + cdf(2 - step)) / step**2
    cdf = distributions.get("gamma").load().cdf
    assert np.isclose(jax.jit(jax.jacfwd(jax.grad(cdf, 1), 1))(1.3, 2.0, 1.0), expected, rtol=1e-3)


def test_second_derivatives():
    gamma, poisson = distributions.get("gamma").load(), distributions.get("poisson").load()
    assert np.isclose(jax.jit(jax.grad(jax.grad(gamma.log_prob, 1), 1))(1.3, 2.0, 1.0), -polygamma(1, 2.0), rtol=1e-4)
    k, rate = 3, 2.0
    mass = np.exp(-rate) * rate**k / 6
    assert np.isclose(jax.jit(jax.grad(jax.grad(poisson.cdf, 1), 1))(k, rate), -mass * (k / rate - 1), rtol=1e-4)
