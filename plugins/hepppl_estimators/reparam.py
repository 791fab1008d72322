"""``reparam``: the drawn value is a differentiable function of the parameters at fixed noise."""

from __future__ import annotations

from hepppl.plugin import Estimator, SiteInfo


class Reparameterisation(Estimator):
    def refuses(self, site: SiteInfo) -> str | None:
        if site.discrete:
            return f"{site.distribution} is discrete: its draws do not move when a parameter does, they jump"
        if site.pathwise is None:
            return f"draws of {site.distribution} cannot be differentiated"
        if site.nonsmooth:
            return f"{site.nonsmooth[0]} would lose the derivative of the drawn value"
        return None


ESTIMATOR = Reparameterisation(
    name="reparam",
    summary="differentiates the drawn value at fixed noise (pathwise derivative, reparameterisation)",
    unbiased=True,
    cost="none",
    relative_cost=0.0,
    citation=(
        "D. P. Kingma and M. Welling, Auto-encoding variational Bayes, arXiv:1312.6114; "
        "M. Figurnov, S. Mohamed and A. Mnih, Implicit reparameterization gradients, arXiv:1805.08498"
    ),
    numerics="hepppl_estimators._reparam:Reparam",
    pathwise=True,
    twice=True,
    rank=30,
)
