"""``stochastic_ad``: the event is run once more with one discrete draw moved to a neighbouring value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hepppl.plugin import Estimator, SiteInfo

SIDES = ("both", "up", "down")


class StochasticAD(Estimator):
    def refuses(self, site: SiteInfo) -> str | None:
        if not site.discrete:
            return f"{site.distribution} is continuous: its values have no neighbours"
        if not site.law_depends:
            return "the site's law holds no parameter, so that no neighbour gains or loses probability"
        if site.moving_support:
            return f"the support of {site.distribution} moves with a parameter here, in jumps"
        return None

    def check_options(self, options: Mapping[str, Any]) -> str | None:
        side = options.get("side", "both")
        if side not in SIDES:
            return f'side of estimator \'stochastic_ad\' is "both", "up" or "down", not {side!r}'
        return super().check_options(options)


ESTIMATOR = StochasticAD(
    name="stochastic_ad",
    summary="runs an alternative in which one discrete draw is moved to a neighbouring value, all else coupled",
    unbiased=True,
    cost="one alternative run",
    relative_cost=1.0,
    citation=(
        "G. Arya, M. Schauer, F. Schäfer and C. Rackauckas, Automatic differentiation of programs with discrete "
        "randomness, arXiv:2210.08572"
    ),
    numerics="hepppl_estimators._stochastic_ad:Neighbours",
    options={"side": "both"},
    offers=True,
    rank=20,
    variants=tuple({"side": side} for side in SIDES),
)
