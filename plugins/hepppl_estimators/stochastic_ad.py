"""``stochastic_ad``: the event is run once more with one discrete draw moved to a neighbouring value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from hepppl.plugin import ALL, Estimator, SiteInfo

SIDES = ("both", "up", "down")
MOST = 64  # alternatives of an event


@dataclass(frozen=True)
class StochasticAD(Estimator):
    def given(self, options: Mapping[str, Any]) -> StochasticAD:
        number = options["alternatives"]
        if number == ALL:
            return replace(self, alternatives=ALL, cost="one alternative run for each candidate")
        cost = self.cost if number == 1 else f"{number} alternative runs"
        return replace(self, alternatives=number, cost=cost, relative_cost=float(number))

    def refuses(self, site: SiteInfo) -> str | None:
        if not site.discrete:
            return f"{site.distribution} is continuous: its values have no neighbours"
        if not site.law_depends:
            return "the site's law holds no parameter, so that no neighbour gains or loses probability"
        if site.moving_support:
            return f"the support of {site.distribution} moves with a parameter here, in jumps"
        if self.alternatives == ALL and site.instances is None:
            return "the number of its draws is random, so that there is no alternative for each: give a number of them"
        if self.alternatives == ALL and site.instances > MOST:
            return f"an event has {site.instances} of its draws, and would have an alternative for each"
        return None

    def check_options(self, options: Mapping[str, Any]) -> str | None:
        side = options.get("side", "both")
        if side not in SIDES:
            return f'side of estimator \'stochastic_ad\' is "both", "up" or "down", not {side!r}'
        number = options.get("alternatives", 1)
        if number != ALL and not (isinstance(number, int) and 1 <= number <= MOST):
            return f"alternatives of estimator 'stochastic_ad' is a number from 1 to {MOST} or \"all\", not {number!r}"
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
    options={"side": "both", "alternatives": 1},
    offers=True,
    rank=20,
    variants=(*({"side": side} for side in SIDES), {"alternatives": 2}),
)
