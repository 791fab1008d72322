"""``measure_valued``: the derivative of a law is a multiple of the difference of two laws, one value of which replaces
the drawn one."""

from __future__ import annotations

from collections.abc import Mapping

from hepppl.plugin import Estimator, SiteInfo

#: Law -> the arguments with respect to which its weak derivative is known.
SERVED: Mapping[str, tuple[str, ...]] = {
    "bernoulli": ("probs",),
    "binomial": ("probs",),
    "categorical": ("probs",),
    "exponential": ("rate",),
    "gamma": ("rate",),
    "geometric": ("probs",),
    "laplace": ("loc", "scale"),
    "log_normal": ("loc", "scale"),
    "normal": ("loc", "scale"),
    "poisson": ("rate",),
    "uniform": ("low", "high"),
}


#: Laws whose alternative is a count and one more or less: `stochastic_ad` would make it a neighbour of the count too,
#: for the price of an incomplete gamma or beta function and its derivative.
COUNTS = ("poisson", "binomial")
PREFERRED = 22  # for these: above the rank of `stochastic_ad`


class MeasureValued(Estimator):
    def refuses(self, site: SiteInfo) -> str | None:
        if not site.law_depends:
            return "the site's law holds no parameter, so that its derivative is zero"
        if site.distribution not in SERVED:
            return f"no weak derivative of {site.distribution} is known to it (it knows {', '.join(SERVED)})"
        for name in site.moving:
            if name not in SERVED[site.distribution]:
                return f"the weak derivative of {site.distribution} with respect to its {name} has no simple form"
        return None

    def preference(self, site: SiteInfo) -> int:
        return PREFERRED if site.distribution in COUNTS else self.rank


ESTIMATOR = MeasureValued(
    name="measure_valued",
    summary="runs an alternative with a value drawn from a part of the law's weak derivative",
    unbiased=True,
    cost="one alternative run",
    relative_cost=1.0,
    citation=(
        "G. Ch. Pflug, Sampling derivatives of probabilities, Computing 42 (1989) 315, doi:10.1007/BF02243227; "
        "B. Heidergott, F. J. Vázquez-Abad and W. Volk-Makarewicz, Sensitivity estimation for Gaussian systems, "
        "Eur. J. Oper. Res. 187 (2008) 193; table 1 of S. Mohamed, M. Rosca, "
        "M. Figurnov and A. Mnih, Monte Carlo gradient estimation in machine learning, arXiv:1906.10652"
    ),
    numerics="hepppl_estimators._measure_valued:WeakDerivative",
    offers=True,
    rank=2,
)
