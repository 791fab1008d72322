"""What a distribution is to the compiler: static metadata that needs no JAX, and numerics loaded on use."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Parameter:
    """One argument of a distribution.

    ``constraint``: "real", "positive", "nonnegative", "probability" ([0, 1]), "simplex", "nonnegative_int",
    "positive_int", "int". ``dim``: "value" (the dimension of the drawn value), "inverse" (its inverse), "none"
    (dimensionless). ``rank`` 0 for a scalar, 1 for a vector. ``default`` None where it must be given.
    """

    name: str
    constraint: str = "real"
    dim: str = "none"
    rank: int = 0
    kind: str = "real"  # "int" where only an integer makes sense
    default: float | None = None


@dataclass(frozen=True)
class Distribution:
    """Metadata of one distribution. ``name`` is NumPyro's, in snake case; so are the parameters' names.

    ``value``: kind of what is drawn, "real", "int" or "bool". ``pathwise``: how a draw can be differentiated at fixed
    noise: "location_scale", "icdf", "implicit" or None. ``support_size``: number of values where it is finite and known
    without the arguments (2 for a Bernoulli), the name of the vector parameter whose length it is ("probs"), or None.
    ``numerics`` is ``module:Class``, imported when a back end asks.
    """

    name: str
    parameters: tuple[Parameter, ...]
    value: str
    support: str  # "real", "positive", "unit_interval", "interval", "boolean", "nonnegative_int", "int_range"
    pathwise: str | None
    numerics: str
    summary: str
    support_size: int | str | None = None
    aliases: tuple[str, ...] = ()

    @property
    def discrete(self) -> bool:
        return self.value != "real"

    def load(self) -> Numerics:
        module, _, attribute = self.numerics.partition(":")
        return getattr(importlib.import_module(module), attribute)


class Numerics(Protocol):
    """The mathematics of a distribution, for one event: scalars (vectors for parameters of rank 1), traceable by JAX.

    Parameters come in the order of the metadata. ``u`` is one uniform in (0, 1). A discrete value comes and goes as an
    int32 (a bool for "bool"). Nothing here may branch on values in Python, and nothing may use CPU-only calls.
    """

    @staticmethod
    def sample(u: Any, *params: Any) -> Any:
        """The quantile at ``u``. Monotone in ``u``. Where ``pathwise`` is set, differentiable in the parameters."""

    @staticmethod
    def log_prob(x: Any, *params: Any) -> Any:
        """Log density, or log mass. -inf outside the support. Differentiable in the parameters (and in a real x)."""

    @staticmethod
    def cdf(x: Any, *params: Any) -> Any:
        """P(X <= x). Differentiable in the parameters. For a discrete law 0 below its support and 1 at its end."""

    @staticmethod
    def valid(*params: Any) -> Any:
        """One bool: the parameters are in range (NaN is not). Probabilities may exceed [0, 1] by float32 rounding."""
