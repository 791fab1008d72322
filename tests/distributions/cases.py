"""Every built-in law with parameters to try it at, and SciPy's form of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import jax
import numpy as np
import pytest
import scipy.stats as st

from hepppl import distributions


@dataclass(frozen=True)
class Case:
    name: str
    params: tuple[Any, ...]
    oracle: Any  # a frozen SciPy distribution

    def __str__(self) -> str:
        return f"{self.name}{self.params}"


class _Delta:
    """SciPy has no point mass."""

    def __init__(self, v: float) -> None:
        self.v = v

    def cdf(self, x: Any) -> Any:
        return np.asarray(x >= self.v, float)

    def ppf(self, q: Any) -> Any:
        return np.full_like(q, self.v)

    isf = ppf

    def logpdf(self, x: Any) -> Any:
        return np.where(x == self.v, 0.0, -np.inf)


class _Categorical:
    def __init__(self, *probs: float) -> None:
        self.frozen = st.rv_discrete(values=(np.arange(len(probs)), probs))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.frozen, name)


ORACLES: dict[str, Callable[..., Any]] = {
    "bernoulli": st.bernoulli,
    "beta": st.beta,
    "binomial": st.binom,
    "breit_wigner": lambda mass, width: st.cauchy(mass, width / 2),
    "categorical": lambda probs: _Categorical(*probs),
    "cauchy": st.cauchy,
    "chi2": st.chi2,
    "delta": _Delta,
    "discrete_uniform": lambda low, high: st.randint(low, high + 1),
    "exponential": lambda rate: st.expon(scale=1 / rate),
    "gamma": lambda a, rate: st.gamma(a, scale=1 / rate),
    "geometric": lambda p: st.geom(p, loc=-1),
    "gumbel": st.gumbel_r,
    "half_cauchy": lambda scale: st.halfcauchy(scale=scale),
    "half_normal": lambda scale: st.halfnorm(scale=scale),
    "inverse_gamma": lambda a, rate: st.invgamma(a, scale=rate),
    "laplace": st.laplace,
    "log_normal": lambda loc, scale: st.lognorm(scale, scale=np.exp(loc)),
    "log_uniform": st.loguniform,
    "logistic": st.logistic,
    "normal": st.norm,
    "pareto": lambda scale, alpha: st.pareto(alpha, scale=scale),
    "poisson": st.poisson,
    "student_t": st.t,
    "uniform": lambda low, high: st.uniform(low, high - low),
    "weibull": lambda scale, k: st.weibull_min(k, scale=scale),
}

_PARAMS: dict[str, list[tuple[Any, ...]]] = {
    "bernoulli": [(0.3,), (0.9,), (1e-3,)],
    "beta": [(2.0, 3.0), (0.5, 0.5), (0.2, 4.0), (30.0, 0.7), (500.0, 900.0)],
    "binomial": [(1, 0.3), (10, 0.5), (40, 0.02), (100, 0.95), (1000, 0.3), (100000, 0.61)],
    "breit_wigner": [(91.1876, 2.4952)],
    "categorical": [((0.2, 0.5, 0.3),), ((0.0, 0.25, 0.0, 0.75, 0.0),)],
    "cauchy": [(0.0, 1.0), (-3.0, 0.2)],
    "chi2": [(1.0,), (4.0,), (60.0,)],
    "delta": [(1.5,)],
    "discrete_uniform": [(0, 1), (-3, 7), (10, 10)],
    "exponential": [(1.0,), (0.02,)],
    "gamma": [(0.3, 1.0), (1.0, 2.0), (2.5, 0.1), (40.0, 3.0), (3000.0, 1.0)],
    "geometric": [(0.3,), (0.95,), (0.002,)],
    "gumbel": [(0.0, 1.0), (2.0, 5.0)],
    "half_cauchy": [(2.0,)],
    "half_normal": [(2.0,)],
    "inverse_gamma": [(3.0, 2.0), (0.8, 1.0)],
    "laplace": [(0.0, 1.0), (4.0, 0.1)],
    "log_normal": [(0.0, 1.0), (2.0, 0.3)],
    "log_uniform": [(0.1, 20.0)],
    "logistic": [(0.0, 1.0), (-1.0, 3.0)],
    "normal": [(0.0, 1.0), (5.0, 0.3)],
    "pareto": [(1.0, 3.0), (10.0, 0.7)],
    "poisson": [(0.05,), (1.0,), (4.0,), (9.9,), (10.1,), (55.0,), (3000.0,), (1e6,)],
    "student_t": [(1.0, 0.0, 1.0), (2.5, 1.0, 2.0), (30.0, 0.0, 0.5), (31.0, 0.0, 1.0), (1000.0, 0.0, 1.0)],
    "uniform": [(0.0, 1.0), (-2.0, 5.0)],
    "weibull": [(1.0, 0.8), (3.0, 1.0), (2.0, 4.0)],
}

CASES = tuple(Case(name, params, ORACLES[name](*params)) for name, rows in _PARAMS.items() for params in rows)
BY_NAME = {name: [case for case in CASES if case.name == name] for name in _PARAMS}
DISCRETE = [name for name in _PARAMS if distributions.get(name).discrete]
CONTINUOUS = [name for name in _PARAMS if not distributions.get(name).discrete]
#: Every batch is filled up to this, so that a function is compiled once.
LENGTH = 1536
#: Laws whose functions take about a second to compile.
HEAVY = {"beta", "binomial", "chi2", "gamma", "inverse_gamma", "poisson", "student_t"}


#: Laws that are run in float64 too; the others are where slow tests are run.
DOUBLE = {"normal", "exponential", "geometric", "bernoulli"}
#: Laws that are another one with its arguments rearranged.
REARRANGED = {"chi2", "inverse_gamma"}


def in_both_precisions(names: Iterable[str], slow: Collection[str] = (), double: Collection[str] = DOUBLE) -> Any:
    """Parametrizes a test over laws and dtypes. The laws ``slow`` are slow tests; in float64 all are that are not in
    ``double``."""
    return pytest.mark.parametrize(
        ("name", "dtype"),
        [
            pytest.param(name, dtype, id=f"{name}-{dtype.__name__}", marks=[pytest.mark.slow] * late)
            for name in names
            for dtype in (np.float32, np.float64)
            for late in [name in slow or (dtype == np.float64 and name not in double)]
        ],
    )


def typed(case: Case, dtype: Any) -> list[np.ndarray]:
    """The parameters as arrays; integers stay int32."""
    kinds = [p.kind for p in distributions.get(case.name).parameters]
    return [np.asarray(p, np.int32 if k == "int" else dtype) for p, k in zip(case.params, kinds, strict=True)]


def exact(case: Case, dtype: Any) -> Any:
    """SciPy's law at the parameters as rounded to the dtype."""
    if case.name in ("categorical", "delta"):
        return case.oracle
    return ORACLES[case.name](*(p.astype(int if p.dtype == np.int32 else float) for p in typed(case, dtype)))


@cache
def _compiled(name: str, function: str, double: bool) -> Any:
    return jax.jit(jax.vmap(getattr(distributions.get(name).load(), function)))


def run(case: Case, function: str, first: Any, dtype: Any, *more: Any) -> Any:
    """A function of the law at every value of ``first`` (and ``more``), arrays; compiled once per law and precision."""
    return on_batch(_compiled(case.name, function, dtype == np.float64), case, dtype, first, *more)


def on_batch(batched: Any, case: Case, dtype: Any, first: Any, *more: Any) -> Any:
    """``batched(first, *more, *params)`` on full-length columns, cut to size; ``batched`` is a vmapped function."""
    size = len(first)
    columns = [np.resize(np.asarray(column), LENGTH) for column in (first, *more)]
    params = [np.broadcast_to(p, (LENGTH, *p.shape)) for p in typed(case, dtype)]
    with jax.enable_x64(dtype == np.float64):
        out = batched(*columns, *params)
    return jax.tree.map(lambda x: np.asarray(x)[:size], out)


def uniforms(dtype: Any) -> np.ndarray:
    """Some of the grid on which draws are made: the ends, the median, and the middle at random."""
    steps = np.concatenate([np.arange(40), [2**22, 2**23 - 1, 2**23], np.arange(2**24 - 40, 2**24)])
    random = np.random.default_rng(1).integers(0, 2**24, 1400)
    grid = (np.concatenate([steps, random]) + 0.5) / 2**24
    return np.minimum(np.concatenate([grid, [0.5, 0.25]]), 1 - 2.0**-24).astype(dtype)


def quantile(oracle: Any, u: np.ndarray) -> np.ndarray:
    """SciPy's quantile, from the nearer end."""
    u = u.astype(float)
    return np.where(u < 0.5, oracle.ppf(u), oracle.isf(1 - u))
