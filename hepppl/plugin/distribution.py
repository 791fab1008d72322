"""What a distribution is to the compiler: static metadata that needs no JAX, and numerics loaded on use.

A plugin's entry point lies in the group ``hepppl.distributions``, under the name that programs use, and resolves to a
`Distribution` without importing JAX.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from hepppl.plugin.estimator import API_VERSION
from hepppl.plugin.loading import load_target

CONSTRAINTS = ("real", "positive", "nonnegative", "probability", "simplex", "nonnegative_int", "positive_int", "int")
DIMENSIONS = ("value", "inverse", "none")
PATHWISE = ("location_scale", "icdf", "implicit", None)
SUPPORTS = ("real", "positive", "unit_interval", "interval", "boolean", "nonnegative_int", "int_range")


@dataclass(frozen=True)
class Parameter:
    """One argument of a distribution.

    ``constraint``: "real", "positive", "nonnegative", "probability" ([0, 1]), "simplex", "nonnegative_int",
    "positive_int", "int". ``dim``: "value" (the dimension of the drawn value), "inverse" (its inverse), "none"
    (dimensionless). ``rank`` 0 for a scalar, 1 for a vector. ``default`` None where it must be given. ``least`` and
    ``most``: beyond them what is drawn could not be held (integers have 32 bits); ``valid`` refuses them too.
    """

    name: str
    constraint: str = "real"
    dim: str = "none"
    rank: int = 0
    kind: str = "real"  # "int" where only an integer makes sense
    default: float | None = None
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True)
class Distribution:
    """Metadata of one distribution. ``name`` is NumPyro's, in snake case; so are the parameters' names.

    ``value``: kind of what is drawn, "real", "int" or "bool". ``pathwise``: how a draw can be differentiated at fixed
    noise: "location_scale", "icdf", "implicit" or None. ``support_size``: number of values where it is finite and known
    without the arguments (2 for a Bernoulli), the name of the vector parameter whose length it is ("probs"), or None.
    ``numerics`` is ``module:Class``, imported when a back end asks. Of second derivatives: ``kinks``, the parameters
    that move a place where the density has a kink (``loc`` of a Laplace law); ``jumps``: the density jumps inside its
    support, so that the quantile has kinks.
    """

    name: str
    parameters: tuple[Parameter, ...]
    value: str
    support: str  # "real", "positive", "unit_interval", "interval", "boolean", "nonnegative_int", "int_range"
    pathwise: str | None
    numerics: str
    summary: str
    support_size: int | str | None = None
    aliases: tuple[str, ...] = ()  # of a built-in; a plugin goes by the name of its entry point
    kinks: tuple[str, ...] = ()
    jumps: bool = False
    api: int = API_VERSION

    @property
    def discrete(self) -> bool:
        return self.value != "real"

    def load(self) -> Numerics:
        return load_target(self.numerics, f"distribution '{self.name}'")

    def problem(self) -> str | None:
        """What in this metadata no program could use; None where all is well."""
        for p in self.parameters:
            if p.constraint not in CONSTRAINTS or p.dim not in DIMENSIONS or p.rank not in (0, 1):
                return f"its parameter '{p.name}' has a constraint, dim or rank that does not exist"
        if self.value not in ("real", "int", "bool") or self.pathwise not in PATHWISE or self.support not in SUPPORTS:
            return "its value, support or pathwise is none that exists"
        if not set(self.kinks) <= {p.name for p in self.parameters}:
            return "its kinks name what is no parameter"
        if isinstance(self.support_size, str) and self.support_size not in {p.name for p in self.parameters}:
            return "its support_size names no parameter"
        return None


class Numerics(Protocol):
    """The mathematics of a distribution, for one event: scalars (vectors for parameters of rank 1), traceable by JAX.

    Parameters come in the order of the metadata. ``u`` is one uniform in (0, 1). A discrete value comes and goes as an
    int32 (a bool for "bool"). Nothing here may branch on values in Python, and nothing may use CPU-only calls.
    """

    @staticmethod
    def sample(u: Any, *params: Any) -> Any:
        """The quantile at ``u``. Monotone in ``u``. Where ``pathwise`` is set, twice differentiable in the
        parameters."""

    @staticmethod
    def log_prob(x: Any, *params: Any) -> Any:
        """Log density, or log mass. -inf outside the support. Twice differentiable in the parameters (and once in a
        real x)."""

    @staticmethod
    def cdf(x: Any, *params: Any) -> Any:
        """P(X <= x). Differentiable in the parameters. For a discrete law 0 below its support and 1 at its end."""

    @staticmethod
    def valid(*params: Any) -> Any:
        """One bool: the parameters are in range (NaN is not). Probabilities may exceed [0, 1] by float32 rounding."""
