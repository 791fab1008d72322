"""Why an estimator serves a site, in words."""

from __future__ import annotations

from collections.abc import Sequence

from hepppl.graph import SiteContext
from hepppl.planning.laws import Law
from hepppl.plugin.estimator import ALL, Estimator, SiteInfo


def declared(estimator: Estimator) -> str:
    return "" if estimator.unbiased else "; biased"


def either(names: Sequence[str]) -> str:
    return "a parameter" if len(names) > 3 else " or ".join(names)


def reason(info: SiteInfo, its_law: Law, chosen: Estimator) -> str:
    if chosen.stratifies and info.law_depends:
        return f"{info.crossings[0]} would lose the derivative of its value, which is cut there"
    if chosen.stratifies:
        return f"its law holds no parameter, but the value at which {info.crossings[0]} flips moves with one"
    if chosen.pathwise:
        return "continuous, and every use of it is smooth"
    if its_law.discrete:
        return "discrete: its value jumps" + ("; other derivatives differ with it, too" if info.interplay else "")
    if info.spectrum:
        return "a spectrum, which is smeared before it is cut: what its scale does is told by its own density"
    if its_law.pathwise is None:
        return f"draws of {its_law.text} cannot be differentiated"
    if info.nonsmooth:
        return f"{info.nonsmooth[0]} would lose the derivative of its value"
    return "its density jumps" if its_law.jumps else "a use further on would lose the derivative of its value"


def cost_of(estimator: Estimator, site: SiteContext) -> float:
    return estimator.relative_cost * (site.instances if estimator.alternatives == ALL else 1)
