"""``enumerate``: every other value of a small finite support is a candidate for the alternative run."""

from __future__ import annotations

from hepppl.plugin import Estimator, SiteInfo

LARGEST = 32  # values of a support: each visit weighs all of them


class Enumeration(Estimator):
    def refuses(self, site: SiteInfo) -> str | None:
        if site.distribution.split("(")[0] not in ("bernoulli", "categorical"):
            return f"the values of {site.distribution} cannot be listed: enumerate serves bernoulli and categorical"
        if not site.law_depends:
            return "the site's law holds no parameter, so that no value gains or loses probability"
        if site.support_size is not None and site.support_size > LARGEST:
            return f"{site.distribution} has {site.support_size} values here, and each visit would weigh all of them"
        return None


ESTIMATOR = Enumeration(
    name="enumerate",
    summary="runs an alternative with any other value of a finite support, chosen as its probability changes",
    unbiased=True,
    cost="one alternative run",
    relative_cost=1.0,
    citation=(
        "G. Casella and C. P. Robert, Rao-Blackwellisation of sampling schemes, Biometrika 83 (1996) 81, "
        "doi:10.1093/biomet/83.1.81; A. K. Lew et al., ADEV: sound automatic differentiation of expected values of "
        "probabilistic programs, arXiv:2212.06386"
    ),
    numerics="hepppl_estimators._enumeration:OtherValues",
    offers=True,
    rank=5,
)
