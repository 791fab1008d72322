"""What authors of plugins need: everything here is public, and nothing else of hepppl has to be imported.

A plugin is metadata, registered as an entry point, and an implementation in a module of its own, which may import JAX
and is imported on use:

- ``hepppl.estimators``: an `Estimator`, implemented by an `EstimatorNumerics` (or `ProgramNumerics`);
- ``hepppl.distributions``: a `Distribution`, implemented by `Numerics`;
- ``hepppl.functions``: a `Function`, implemented by a function of an array namespace and the arguments.
"""

from hepppl.plugin.distribution import Distribution, Numerics, Parameter
from hepppl.plugin.estimator import (
    ALL,
    API_VERSION,
    Estimator,
    EstimatorNumerics,
    Event,
    Offer,
    ProgramNumerics,
    SiteInfo,
    Visit,
    VisitSite,
)
from hepppl.plugin.function import Function

__all__ = [
    "ALL",
    "API_VERSION",
    "Distribution",
    "Estimator",
    "EstimatorNumerics",
    "Event",
    "Function",
    "Numerics",
    "Offer",
    "Parameter",
    "ProgramNumerics",
    "SiteInfo",
    "Visit",
    "VisitSite",
]
