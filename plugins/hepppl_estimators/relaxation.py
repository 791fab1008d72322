"""``gumbel_softmax`` and ``straight_through``: a discrete value gives way to a real one, or takes its derivative from
it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hepppl.plugin import Estimator, SiteInfo

TEMPERATURE = 0.5
_CITATION = (
    "E. Jang, S. Gu and B. Poole, Categorical reparameterization with Gumbel-softmax, arXiv:1611.01144; "
    "C. J. Maddison, A. Mnih and Y. W. Teh, The concrete distribution, arXiv:1611.00712"
)


class Relaxation(Estimator):
    def refuses(self, site: SiteInfo) -> str | None:
        if site.distribution not in ("bernoulli", "categorical"):
            return f"{self.name} relaxes bernoulli and categorical, not {site.distribution}"
        if not site.law_depends:
            return "the site's law holds no parameter, so that nothing is gained by a relaxation"
        if site.in_process:
            return "what a branching process does is decided, not relaxed"
        if site.unrelaxed is not None:
            return f"{site.unrelaxed} takes the value as it was drawn, or decides by what is made of it"
        return None

    def check_options(self, options: Mapping[str, Any]) -> str | None:
        temperature = options.get("temperature", TEMPERATURE)
        number = isinstance(temperature, int | float) and not isinstance(temperature, bool)
        good = 0.01 <= temperature <= 100 if number else temperature is self.options["temperature"] is None
        if not good:
            return f"temperature of estimator '{self.name}' is a number from 0.01 to 100, not {temperature!r}"
        return super().check_options(options)


GUMBEL_SOFTMAX = Relaxation(
    name="gumbel_softmax",
    summary="runs the program with a differentiable number (weights of the values) in place of the discrete one",
    unbiased=False,
    cost="none; the means are those of the relaxed program",
    relative_cost=0.0,
    citation=_CITATION,
    numerics="hepppl_estimators._relaxation:GumbelSoftmax",
    options={"temperature": TEMPERATURE},
    relaxes=True,
)

STRAIGHT_THROUGH = Relaxation(
    name="straight_through",
    summary="runs the program with the discrete value, which takes the derivative of a relaxation along",
    unbiased=False,
    cost="none",
    relative_cost=0.0,
    citation=(
        "Y. Bengio, N. Léonard and A. Courville, Estimating or propagating gradients through stochastic neurons for "
        f"conditional computation, arXiv:1308.3432; with a temperature: {_CITATION}"
    ),
    numerics="hepppl_estimators._relaxation:StraightThrough",
    options={"temperature": None},
    relaxes=True,
)
