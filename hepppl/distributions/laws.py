"""The built-in laws: NumPyro's names in snake case, NumPyro's parameter names and defaults. Metadata only.

A default is a dimensionless number; 0 fits any dimension, so ``normal(scale = 3 GeV)`` is centred on 0 GeV, while
``normal(loc = 3 GeV)`` lacks a scale.
"""

from __future__ import annotations

from hepppl.plugin.distribution import Distribution, Parameter

_NUMERICS = "hepppl.distributions.numerics."


def _loc(default: float | None = 0.0, name: str = "loc") -> Parameter:
    return Parameter(name, "real", "value", default=default)


def _scale(default: float | None = 1.0, name: str = "scale") -> Parameter:
    return Parameter(name, "positive", "value", default=default)


def _shape(name: str) -> Parameter:
    """A positive, dimensionless parameter without a default."""
    return Parameter(name, "positive", "none")


def _rate(default: float | None = None) -> Parameter:
    return Parameter("rate", "positive", "inverse", default=default)


_PROBS = Parameter("probs", "probability", "none")
#: The largest geometric draw, at the last number below 1 of 64 bits, is 36.8 over this; it is below 2^31.
LEAST_PROBS = 2e-8
_TOTAL = Parameter("total_count", "nonnegative_int", "none", kind="int", default=1, most=2**24)


def _law(
    name: str,
    parameters: tuple[Parameter, ...],
    numerics: str,
    summary: str,
    *,
    value: str = "real",
    support: str = "real",
    pathwise: str | None = None,
    size: int | str | None = None,
    kinks: tuple[str, ...] = (),
) -> Distribution:
    return Distribution(name, parameters, value, support, pathwise, _NUMERICS + numerics, summary, size, kinks=kinks)


DISCRETE = (
    _law(
        "bernoulli", (_PROBS,), "discrete:Bernoulli",
        "True with probability probs.",
        value="bool", support="boolean", size=2,
    ),
    _law(
        "binomial", (_TOTAL, _PROBS), "counts:Binomial",
        "Number of successes in total_count independent trials, each with probability probs.",
        value="int", support="nonnegative_int",
    ),
    _law(
        "categorical", (Parameter("probs", "simplex", "none", rank=1),), "discrete:Categorical",
        "Index i with probability probs[i], which sum to 1.",
        value="int", support="int_range", size="probs",
    ),
    _law(
        "discrete_uniform",
        (Parameter("low", "int", kind="int", default=0), Parameter("high", "int", kind="int", default=1)),
        "discrete:DiscreteUniform",
        "Each integer from low to high, both included, with equal probability.",
        value="int", support="int_range",
    ),
    _law(
        "geometric", (Parameter("probs", "probability", "none", least=LEAST_PROBS),), "discrete:Geometric",
        "Number of failures before the first success, each trial a success with probability probs.",
        value="int", support="nonnegative_int",
    ),
    _law(
        "poisson", (Parameter("rate", "nonnegative", "none", most=2**30),), "counts:Poisson",
        "Number of events where rate are expected.",
        value="int", support="nonnegative_int",
    ),
)  # fmt: skip

LOCATION_SCALE = (
    _law(
        "breit_wigner", (_loc(None, "mass"), _scale(None, "width")), "location_scale:BreitWigner",
        "Non-relativistic resonance at mass with full width at half maximum width: cauchy(mass, width / 2).",
        pathwise="location_scale",
    ),
    _law(
        "cauchy", (_loc(), _scale()), "location_scale:Cauchy",
        "Cauchy (Lorentz) law centred on loc, of half width at half maximum scale.",
        pathwise="location_scale",
    ),
    _law(
        "delta", (_loc(0.0, "v"),), "location_scale:Delta",
        "Always v.",
        pathwise="location_scale",
    ),
    _law(
        "gumbel", (_loc(), _scale()), "location_scale:Gumbel",
        "Gumbel (extreme value) law of maxima, with mode loc.",
        pathwise="location_scale",
    ),
    _law(
        "laplace", (_loc(), _scale()), "location_scale:Laplace",
        "Two-sided exponential centred on loc, with mean absolute deviation scale.",
        pathwise="location_scale", kinks=("loc",),
    ),
    _law(
        "logistic", (_loc(), _scale()), "location_scale:Logistic",
        "Law whose cdf is the logistic function of (x - loc) / scale.",
        pathwise="location_scale",
    ),
    _law(
        "normal", (_loc(), _scale()), "location_scale:Normal",
        "Gaussian with mean loc and standard deviation scale.",
        pathwise="location_scale",
    ),
    _law(
        "student_t", (_shape("df"), _loc(), _scale()), "beta_family:StudentT",
        "Student's t with df degrees of freedom, centred on loc.",
        pathwise="implicit",
    ),
    _law(
        "uniform", (_loc(0.0, "low"), _loc(1.0, "high")), "location_scale:Uniform",
        "Uniform between low and high.",
        support="interval", pathwise="location_scale",
    ),
)  # fmt: skip

POSITIVE = (
    _law(
        "beta", (_shape("concentration1"), _shape("concentration0")), "beta_family:Beta",
        "Beta law on (0, 1), density x^(concentration1 - 1) (1 - x)^(concentration0 - 1) up to a constant.",
        support="unit_interval", pathwise="implicit",
    ),
    _law(
        "chi2", (_shape("df"),), "gamma_family:Chi2",
        "Sum of the squares of df standard normal values.",
        support="positive", pathwise="implicit",
    ),
    _law(
        "exponential", (_rate(1.0),), "location_scale:Exponential",
        "Exponential law of mean 1 / rate.",
        support="positive", pathwise="location_scale",
    ),
    _law(
        "gamma", (_shape("concentration"), _rate(1.0)), "gamma_family:Gamma",
        "Gamma law of mean concentration / rate.",
        support="positive", pathwise="implicit",
    ),
    _law(
        "half_cauchy", (_scale(),), "location_scale:HalfCauchy",
        "Absolute value of cauchy(0, scale).",
        support="positive", pathwise="location_scale",
    ),
    _law(
        "half_normal", (_scale(),), "location_scale:HalfNormal",
        "Absolute value of normal(0, scale).",
        support="positive", pathwise="location_scale",
    ),
    _law(
        "inverse_gamma", (_shape("concentration"), _scale(1.0, "rate")), "gamma_family:InverseGamma",
        "1 / x where x follows gamma(concentration, rate).",
        support="positive", pathwise="implicit",
    ),
    _law(
        "log_normal",
        (Parameter("loc", "real", "none", default=0.0), Parameter("scale", "positive", "none", default=1.0)),
        "log_scale:LogNormal",
        "exp(x) where x follows normal(loc, scale).",
        support="positive", pathwise="icdf",
    ),
    _law(
        "log_uniform", (_scale(None, "low"), _scale(None, "high")), "log_scale:LogUniform",
        "Density proportional to 1 / x between low and high, both positive.",
        support="interval", pathwise="icdf",
    ),
    _law(
        "pareto", (_scale(None), _shape("alpha")), "log_scale:Pareto",
        "Falling power law x^-(alpha + 1) above scale.",
        support="positive", pathwise="icdf",
    ),
    _law(
        "weibull", (_scale(None), _shape("concentration")), "log_scale:Weibull",
        "Law with cdf 1 - exp(-(x / scale)^concentration).",
        support="positive", pathwise="icdf",
    ),
)  # fmt: skip

BUILTINS: tuple[Distribution, ...] = tuple(sorted(DISCRETE + LOCATION_SCALE + POSITIVE, key=lambda law: law.name))
