"""Every law against SciPy: quantiles, log densities and masses, both tails; far into the tails, in both precisions."""

from __future__ import annotations

import numpy as np
import pytest

from .cases import BY_NAME, CONTINUOUS, DISCRETE, HEAVY, exact, in_both_precisions, quantile, run, uniforms

#: Relative error of a quantile, absolute error of a log density, relative error of a tail.
TOLERANCES = {np.float32: (2e-5, 4e-5, 4e-5), np.float64: (1e-11, 1e-10, 1e-10)}
#: What SciPy itself does not reach.
SCIPY = {"poisson": 2e-5, "student_t": 2e-12}


@in_both_precisions(CONTINUOUS)
def test_draws_are_quantiles(name, dtype):
    u = uniforms(dtype)
    for case in BY_NAME[name]:
        oracle = exact(case, dtype)
        x, expected = run(case, "sample", u, dtype), quantile(oracle, u)
        assert x.dtype == dtype
        width = 1.0 if name == "delta" else float(oracle.ppf(0.75) - oracle.ppf(0.25))
        error = np.abs(x - expected) / (np.abs(expected) + 1e-2 * width)
        assert error.max() < TOLERANCES[dtype][0], (case, u[error.argmax()])


@in_both_precisions(CONTINUOUS)
def test_median_is_exact(name, dtype):
    """TensorFlow Probability's inverse incomplete beta function is wrong at one half."""
    for case in BY_NAME[name]:
        x, oracle = run(case, "sample", [dtype(0.5)], dtype)[0], exact(case, dtype)
        close = 1e-12 if dtype == np.float64 else 3e-6
        assert np.isclose(x, oracle.ppf(0.5), rtol=close, atol=0.1 * close), case


def _points(case, dtype):
    """Where to look at a law: quantiles from 1e-12 to 1 - 1e-12, and outside."""
    oracle = exact(case, dtype)
    p = np.concatenate([10.0 ** np.arange(-12, -1), np.linspace(0.02, 0.5, 25)])
    x = np.concatenate([oracle.ppf(p), oracle.isf(p)])
    x = x[np.isfinite(x)]
    width = max(x.max() - x.min(), 1)
    x = np.concatenate([x, [x.min() - 0.5 * width, x.max() + 0.5 * width]])
    if case.name in DISCRETE:
        x = np.unique(np.concatenate([x, [0, 1, 2]])).astype(np.int32)
        return x if case.name != "bernoulli" else np.array([0, 1], bool)
    tiny = np.finfo(np.float32).tiny
    x = x.astype(dtype)
    x = x[(np.abs(x) > 10 * tiny) | (x == 0)]
    return x[(x != 0) & (x != 1)] if case.name == "beta" else x


@in_both_precisions(BY_NAME)
def test_log_prob(name, dtype):
    for case in BY_NAME[name]:
        oracle, x = exact(case, dtype), _points(case, dtype)
        ours = run(case, "log_prob", x, dtype)
        wide = x.astype(float) if name in CONTINUOUS else x.astype(int)
        theirs = oracle.logpdf(wide) if name in CONTINUOUS else oracle.logpmf(wide)
        assert ours.dtype == dtype
        assert (np.isneginf(ours) == np.isneginf(theirs)).all(), case
        ours, theirs = ours[np.isfinite(theirs)], theirs[np.isfinite(theirs)]
        limit = max(TOLERANCES[dtype][1], 2e-9 if name in ("poisson", "binomial") else 0)  # SciPy's own error
        assert (np.abs(ours - theirs) / (1 + np.abs(theirs))).max(initial=0) < limit, case


@pytest.mark.every(2)
@in_both_precisions(BY_NAME)
def test_tails(name, dtype):
    for case in BY_NAME[name]:
        oracle, x = exact(case, dtype), _points(case, dtype)
        ours = run(case, "tails", x, dtype)
        wide = x.astype(float) if name in CONTINUOUS else x.astype(int)
        below = oracle.cdf(wide)
        above = 1 - below if name == "delta" else oracle.sf(wide)
        if name not in HEAVY and dtype == np.float32:
            assert (run(case, "cdf", x, dtype) == ours[0]).all()
        for mine, theirs, other in ((ours[0], below, above), (ours[1], above, below)):
            assert mine.dtype == dtype
            assert ((mine >= 0) & (mine <= 1)).all()
            assert (mine[theirs == 0] == 0).all()
            assert (mine[other == 0] == 1).all()
            # relative to the tail itself, but for how far x and the parameters are rounded near an end
            near_end = name in ("log_uniform", "pareto", "uniform", "beta", "weibull")
            limit = max(TOLERANCES[dtype][2], SCIPY.get(name, 0))
            slack = 4 * np.finfo(dtype).eps if near_end else 1e-30
            assert (np.abs(mine - theirs) <= limit * theirs + slack).all(), case


@in_both_precisions(CONTINUOUS, slow=HEAVY)
def test_quantile_takes_both_tails(name, dtype):
    """Far beyond what one uniform reaches, at either end."""
    p = np.array([1e-9, 1e-15, 1e-20 if dtype == np.float64 else 1e-10], dtype)
    for case in BY_NAME[name]:
        oracle = exact(case, dtype)
        ours = run(case, "quantile", np.concatenate([p, 1 - p]), dtype, np.concatenate([1 - p, p]))
        theirs = np.concatenate([oracle.ppf(p.astype(float)), oracle.isf(p.astype(float))])
        width = 1.0 if name == "delta" else float(oracle.ppf(0.75) - oracle.ppf(0.25))
        known = np.isfinite(theirs) & (np.abs(theirs) < 1e15) & (np.abs(theirs) > 1e-30)
        error = np.abs(ours - theirs) / (np.abs(theirs) + 1e-2 * width)
        assert (error[known] < 2 * TOLERANCES[dtype][0]).all(), case
