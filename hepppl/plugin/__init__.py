"""What authors of plugins need: everything here is public, and nothing else of hepppl has to be imported.

An estimator is an `Estimator` (metadata) registered under the entry-point group ``hepppl.estimators``, and an
`EstimatorNumerics` in a module of its own, which may import JAX.
"""

from hepppl.plugin.estimator import (
    API_VERSION,
    Estimator,
    EstimatorNumerics,
    Event,
    Offer,
    SiteInfo,
    Visit,
    VisitSite,
)

__all__ = ["API_VERSION", "Estimator", "EstimatorNumerics", "Event", "Offer", "SiteInfo", "Visit", "VisitSite"]
