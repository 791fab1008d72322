"""``boundary``: a drawn value that decides comparisons is differentiated between them, and the event is run once more
on the other side of one."""

from __future__ import annotations

from hepppl.plugin import Estimator, SiteInfo


class Boundary(Estimator):
    def refuses(self, site: SiteInfo) -> str | None:
        if site.discrete:
            return f"{site.distribution} is discrete: its values are not cut by comparisons, they jump themselves"
        if site.pathwise is None and site.law_depends:
            return f"draws of {site.distribution} cannot be differentiated"
        if site.obstacles:
            return site.obstacles[0]
        if not site.crossings:
            return "no comparison that its value decides last is crossed as a parameter moves"
        return None


ESTIMATOR = Boundary(
    name="boundary",
    summary="differentiates the drawn value between the thresholds it meets, and runs an alternative across one",
    unbiased=True,
    cost="one alternative run",
    relative_cost=1.0,
    citation=(
        "the boundary term of Leibniz' rule: W. Lee, H. Yu and H. Yang, Reparameterization gradient for "
        "non-differentiable models, arXiv:1806.00176; S. P. Bangaru et al., Systematically differentiating parametric "
        "discontinuities, ACM Trans. Graph. 40 (2021) 107, doi:10.1145/3450626.3459775; served by neighbours as in "
        "G. Arya, M. Schauer, F. Schäfer and C. Rackauckas, arXiv:2210.08572"
    ),
    numerics="hepppl_estimators._boundary:Strata",
    pathwise=True,
    offers=True,
    stratifies=True,
    rank=25,
)
