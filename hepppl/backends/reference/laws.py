"""The distributions as SciPy's laws: quantiles for simulation, log densities for what is observed.

Independent of `hepppl.distributions.numerics` on purpose, the conventions apart: a draw is the quantile at one uniform
u (for a discrete law the smallest k with cdf(k) >= u), but a Bernoulli is true where u < probs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import ModuleType
from typing import Any

import numpy as np

from hepppl import distributions
from hepppl.backends.reference import combinators
from hepppl.backends.reference.combinators import Invalid, Law
from hepppl.distributions import Distribution, Parameter
from hepppl.graph import Dist


def stats() -> ModuleType:
    try:
        import scipy.stats
    except ImportError as error:
        raise ImportError("the reference back end needs SciPy; install hepppl[test]") from error
    return scipy.stats


#: name -> frozen SciPy law of the arguments, in the order of the registry.
SCIPY: Mapping[str, Callable[..., Any]] = {
    "beta": lambda a, b: stats().beta(a, b),
    "binomial": lambda n, p: stats().binom(n, min(max(p, 0), 1)),
    "breit_wigner": lambda mass, width: stats().cauchy(mass, width / 2),
    "cauchy": lambda loc, scale: stats().cauchy(loc, scale),
    "chi2": lambda df: stats().chi2(df),
    "discrete_uniform": lambda low, high: stats().randint(low, high + 1),
    "exponential": lambda rate: stats().expon(scale=1 / rate),
    "gamma": lambda concentration, rate: stats().gamma(concentration, scale=1 / rate),
    "gumbel": lambda loc, scale: stats().gumbel_r(loc, scale),
    "half_cauchy": lambda scale: stats().halfcauchy(scale=scale),
    "half_normal": lambda scale: stats().halfnorm(scale=scale),
    "inverse_gamma": lambda concentration, rate: stats().invgamma(concentration, scale=rate),
    "laplace": lambda loc, scale: stats().laplace(loc, scale),
    "log_normal": lambda loc, scale: stats().lognorm(scale, scale=np.exp(loc)),
    "log_uniform": lambda low, high: stats().loguniform(low, high),
    "logistic": lambda loc, scale: stats().logistic(loc, scale),
    "normal": lambda loc, scale: stats().norm(loc, scale),
    "pareto": lambda scale, alpha: stats().pareto(alpha, scale=scale),
    "poisson": lambda rate: stats().poisson(rate),
    "student_t": lambda df, loc, scale: stats().t(df, loc, scale),
    "uniform": lambda low, high: stats().uniform(low, high - low),
    "weibull": lambda scale, concentration: stats().weibull_min(concentration, scale=scale),
}

#: Probabilities may leave [0, 1] by the rounding of float32, and those of a categorical sum to 1 within `TOTAL`.
TOLERANCE, TOTAL = 1e-5, 1e-3

CONSTRAINTS: Mapping[str, Callable[[np.ndarray], Any]] = {
    "real": np.isfinite,
    "positive": lambda x: np.isfinite(x) & (x > 0),
    "nonnegative": lambda x: np.isfinite(x) & (x >= 0),
    "probability": lambda x: (x >= -TOLERANCE) & (x <= 1 + TOLERANCE),
    "simplex": lambda x: (x >= -TOLERANCE) & (abs(x.sum() - 1) <= TOTAL),
    "int": lambda x: x == np.floor(x),
    "nonnegative_int": lambda x: (x >= 0) & (x == np.floor(x)),
    "positive_int": lambda x: (x > 0) & (x == np.floor(x)),
}


class Scipy(Law):
    """A law of SciPy, discrete or continuous."""

    def __init__(self, frozen: Any):
        self.frozen = frozen
        self.discrete = hasattr(frozen, "pmf")

    def quantile(self, u: float) -> Any:
        return self.frozen.ppf(u)

    def quantile_above(self, v: float) -> Any:
        return self.frozen.isf(v)

    def cdf(self, x: Any) -> float:
        return float(self.frozen.cdf(x))

    def survival(self, x: Any) -> float:
        return float(self.frozen.sf(x))

    def log_prob(self, x: Any) -> float:
        return float(self.frozen.logpmf(x) if self.discrete else self.frozen.logpdf(x))


class Bernoulli(Law):
    discrete = True

    def __init__(self, probs: float):
        self.probs = min(max(probs, 0.0), 1.0)

    def quantile(self, u: float) -> bool:
        return u < self.probs

    def cdf(self, x: Any) -> float:
        return 0.0 if x < 0 else 1 - self.probs if x < 1 else 1.0

    def log_prob(self, x: Any) -> float:
        return float(np.log(self.probs if x else 1 - self.probs))


class Categorical(Law):
    discrete = True

    def __init__(self, probs: np.ndarray):
        """Probabilities that sum to 1 nearly: they are divided by their sum."""
        clipped = np.maximum(probs, 0)
        self.probs = clipped / np.sum(clipped)

    def quantile(self, u: float) -> int:
        """The smallest k whose cumulative probability is at least u; the last one where rounding leaves none."""
        return min(int(np.searchsorted(np.cumsum(self.probs), u, side="left")), len(self.probs) - 1)

    def cdf(self, x: Any) -> float:
        return float(np.sum(self.probs[: max(int(np.floor(x)) + 1, 0)]))

    def log_prob(self, x: Any) -> float:
        return float(np.log(self.probs[int(x)])) if 0 <= x < len(self.probs) else -np.inf


class Geometric(Law):
    """Failures before the first success. (SciPy counts trials, and is wrong at probability 1.)"""

    discrete = True

    def __init__(self, probs: float):
        self.probs = min(probs, 1.0)

    def quantile(self, u: float) -> int:
        return 0 if self.probs == 1 else max(int(np.ceil(np.log1p(-u) / np.log1p(-self.probs))) - 1, 0)

    def cdf(self, x: Any) -> float:
        return 1 - (1 - self.probs) ** (np.floor(x) + 1) if x >= 0 else 0.0

    def log_prob(self, x: Any) -> float:
        return float(np.log(self.probs * (1 - self.probs) ** x)) if x >= 0 else -np.inf


class Delta(Law):
    def __init__(self, v: float):
        self.v = v

    def quantile(self, u: float) -> float:
        return self.v

    def cdf(self, x: Any) -> float:
        return float(x >= self.v)

    def log_prob(self, x: Any) -> float:
        return 0.0 if x == self.v else -np.inf


class Plugged(Law):
    """A plugin's law, by its own numerics: there is no second implementation to check it against."""

    def __init__(self, metadata: Distribution, args: Sequence[Any]):
        self.numerics, self.args, self.discrete = distributions.implementation(metadata), args, metadata.discrete
        self.valid = bool(self.numerics.valid(*args))

    def quantile(self, u: float) -> Any:
        return np.asarray(self.numerics.sample(u, *self.args))[()]

    def cdf(self, x: Any) -> float:
        return float(self.numerics.cdf(x, *self.args))

    def log_prob(self, x: Any) -> float:
        return float(self.numerics.log_prob(x, *self.args))


OWN: Mapping[str, Callable[..., Law]] = {
    "bernoulli": Bernoulli, "categorical": Categorical, "delta": Delta, "geometric": Geometric,
}  # fmt: skip

#: What else must hold of the parameters.
CONDITIONS: Mapping[str, Callable[..., Any]] = {
    "discrete_uniform": lambda low, high: low <= high and high - low < 2**24,
    "log_uniform": lambda low, high: low < high,
    "uniform": lambda low, high: low < high,
}


def build(dist: Dist, inputs: Sequence[Any]) -> Law:
    """The law of a site whose inputs have these values."""
    given: dict[str, Any] = {}
    for name, arg in dist.args:
        if isinstance(arg, int):
            given[name] = inputs[arg]
        elif isinstance(arg, Dist):
            given[name] = build(arg, inputs)
        else:
            given[name] = [build(component, inputs) for component in arg]
    if dist.name in combinators.COMBINATORS:
        return combinators.COMBINATORS[dist.name](**given)
    metadata = distributions.get(dist.name)
    args = [np.asarray(given.get(p.name, p.default), np.float64)[()] for p in metadata.parameters]
    in_range = all(np.all(_allowed(p, x)) for p, x in zip(metadata.parameters, args, strict=True))
    if not (in_range and CONDITIONS.get(dist.name, lambda *_: True)(*args)):
        return Invalid()
    if dist.name in OWN:
        return OWN[dist.name](*args)
    if dist.name not in SCIPY:
        return Plugged(metadata, args)
    return _frozen(dist.name, *map(float, args))


def _allowed(p: Parameter, x: np.ndarray) -> Any:
    inside = (p.least is None or x >= p.least) & (p.most is None or x <= p.most)
    return inside & CONSTRAINTS[p.constraint](x)


@lru_cache(4096)
def _frozen(name: str, *args: float) -> Scipy:
    """SciPy needs 0.3 ms to freeze a law, and most sites have the same arguments again and again."""
    return Scipy(SCIPY[name](*args))
