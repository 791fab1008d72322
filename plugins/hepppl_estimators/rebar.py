"""``rebar``: the score of a discrete value, with the program of a relaxed value as a control variate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hepppl.plugin import Estimator, SiteInfo

TEMPERATURE = 0.5


class Rebar(Estimator):
    def refuses(self, site: SiteInfo) -> str | None:
        if site.distribution not in ("bernoulli", "categorical"):
            return f"{self.name} relaxes bernoulli and categorical, not {site.distribution}"
        if not site.law_depends:
            return "the site's law holds no parameter, so that its score is zero"
        if site.in_process:
            return "what a branching process does is decided, not relaxed"
        if site.unshadowed is not None:
            return f"{site.unshadowed} would not move smoothly with a relaxed value, beside the event; score serves"
        return None

    def check_options(self, options: Mapping[str, Any]) -> str | None:
        temperature, eta = options.get("temperature", TEMPERATURE), options.get("eta")
        if not _number(temperature) or not 0.01 <= temperature <= 100:
            return f"temperature of estimator '{self.name}' is a number from 0.01 to 100, not {temperature!r}"
        if eta is not None and (not _number(eta) or not abs(eta) <= 100):
            return f"eta of estimator '{self.name}' is a number from -100 to 100, not {eta!r}"
        return super().check_options(options)


def _number(x: Any) -> bool:
    return isinstance(x, int | float) and not isinstance(x, bool)


ESTIMATOR = Rebar(
    name="rebar",
    summary="the score, less what the score and the pathwise derivative of a relaxed program say of one another",
    unbiased=True,
    cost="two runs with relaxed values",
    relative_cost=2.0,
    citation=(
        "G. Tucker, A. Mnih, C. J. Maddison, D. Lawson and J. Sohl-Dickstein, REBAR: low-variance, unbiased gradient "
        "estimates for discrete latent variable models, arXiv:1703.07370"
    ),
    numerics="hepppl_estimators._rebar:RelaxedControl",
    options={"temperature": TEMPERATURE, "eta": None},
    shadows=True,
    rank=1,
)
