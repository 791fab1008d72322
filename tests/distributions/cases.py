"""Every built-in law with parameters to try it at, and SciPy's form of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.stats as st


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
    "geometric": [(0.3,), (0.95,), (0.002,), (1.0,)],
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
    "student_t": [(1.0, 0.0, 1.0), (2.5, 1.0, 2.0), (30.0, 0.0, 0.5), (1000.0, 0.0, 1.0)],
    "uniform": [(0.0, 1.0), (-2.0, 5.0)],
    "weibull": [(1.0, 0.8), (3.0, 1.0), (2.0, 4.0)],
}

CASES = tuple(Case(name, params, ORACLES[name](*params)) for name, rows in _PARAMS.items() for params in rows)
FIRST = tuple({case.name: case for case in reversed(CASES)}.values())


def cases(*, discrete: bool) -> list[Case]:
    from hepppl import distributions

    return [case for case in CASES if distributions.get(case.name).discrete is discrete]
