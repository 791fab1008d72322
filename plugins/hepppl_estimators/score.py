"""``score``: the derivative of the log-probability of what was drawn, times the output less a baseline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hepppl.plugin import Estimator, SiteInfo

BASELINES = ("loo", "optimal", "steered", "none")
DEFAULT = "loo"
SPECTRUM = 31  # above the rank of `reparam`


class Score(Estimator):
    def refuses(self, site: SiteInfo) -> str | None:
        if not site.law_depends:
            return "the site's law holds no parameter, so that its score is zero"
        if site.moving_support:
            return f"the support of {site.distribution} moves with a parameter here, which the score does not see"
        return None

    def preference(self, site: SiteInfo) -> int:
        """Of a spectrum that is smeared and then cut, the score is what a relative change of its scale makes; the cut
        of what is measured tells more where the smearing is as wide as the spectrum, and less the narrower it is."""
        return SPECTRUM if site.spectrum else self.rank

    def check_options(self, options: Mapping[str, Any]) -> str | None:
        baseline = options.get("baseline", DEFAULT)
        if baseline not in BASELINES:
            return f'baseline of estimator \'score\' is "loo", "optimal", "steered" or "none", not {baseline!r}'
        return super().check_options(options)


ESTIMATOR = Score(
    name="score",
    summary="weighs the output by the derivative of the log-probability of what was drawn (REINFORCE)",
    unbiased=True,
    cost="no extra run, more variance",
    relative_cost=0.1,
    citation=(
        "R. J. Williams, Simple statistical gradient-following algorithms for connectionist reinforcement learning, "
        "Machine Learning 8 (1992) 229, doi:10.1007/BF00992696; leave-one-out baseline: W. Kool, H. van Hoof and "
        "M. Welling, Buy 4 REINFORCE samples, get a baseline for free!, ICLR 2019 workshop; optimal "
        "baseline: L. Weaver and N. Tao, The optimal reward baseline for gradient-based reinforcement learning, "
        "arXiv:1301.2315"
    ),
    numerics="hepppl_estimators._score:ScoreFunction",
    options={"baseline": DEFAULT},
    twice=True,
    rank=10,
    variants=({"baseline": "optimal"}, {"baseline": "loo"}),
)
