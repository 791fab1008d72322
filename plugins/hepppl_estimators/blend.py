"""``blend``: two estimators of the same sites, combined so that least variance is left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from hepppl.plugin import Estimator, SiteInfo
from hepppl.plugin.registry import load_estimator, parse
from hepppl_estimators.measure_valued import COUNTS, PREFERRED

Part = tuple[Estimator, Mapping[str, Any]]


def part(text: str) -> Part:
    """An estimator and all its options. Score's baseline is the steered one here: the mean over the batch is no part
    of an event's own estimate. Raises ValueError with the reason why it cannot be blended."""
    try:
        name, options = parse(str(text))
    except ValueError:
        raise ValueError(f"cannot read the estimator {text!r} in it") from None
    estimator = load_estimator(name)
    if name == "score":
        options = {"baseline": "steered", **options}
    reason = estimator.check_options(options)
    if reason is not None:
        raise ValueError(reason)
    if name == ESTIMATOR.name or estimator.whole_program or estimator.pathwise or not estimator.unbiased:
        raise ValueError(f"it cannot take '{name}': it blends unbiased estimators of values without a derivative")
    if options.get("baseline") == "loo":
        raise ValueError("it cannot take score(baseline='loo'), which uses the batch: 'steered', 'optimal' or 'none'")
    return estimator, {**estimator.options, **options}


@dataclass(frozen=True)
class Blend(Estimator):
    """``blended``: the estimators that the options name."""

    blended: tuple[Estimator, ...] = ()

    def refuses(self, site: SiteInfo) -> str | None:
        for estimator in self.blended or usual():
            reason = estimator.refuses(site)
            if reason is not None:
                return f"{estimator.name}: {reason}"
        return None

    def preference(self, site: SiteInfo) -> int:
        """The score sees what an alternative does not: how other derivatives differ with the value, how values differ
        that are not neighbours, and the draws of a shower beside the one that is changed. It needs each event's own
        gradient."""
        many = site.distribution in (*COUNTS, "categorical")
        favoured = site.interplay or (site.fixed_length and many) or (site.shares is not None and site.by_event)
        return PREFERRED + 1 if favoured else self.rank

    def suggested(self, site: SiteInfo) -> Mapping[str, Any]:
        return {**self.options, "b": "measure_valued"} if site.distribution in COUNTS else self.options

    def check_options(self, options: Mapping[str, Any]) -> str | None:
        reason = super().check_options(options)
        if reason is not None:
            return reason
        try:
            parts = [part(text) for text in {**self.options, **options}.values()]
        except (ValueError, TypeError) as error:
            return f"estimator 'blend': {error}"
        if all(estimator.offers for estimator, _ in parts):
            return "estimator 'blend': both of its estimators ask for the event's one alternative"
        return None

    def given(self, options: Mapping[str, Any]) -> Blend:
        blended = tuple(estimator.given(given) for estimator, given in map(part, options.values()))
        cost = sum(estimator.relative_cost for estimator in blended)
        names = tuple(estimator.name for estimator in blended)
        number = next((estimator.alternatives for estimator in blended if estimator.offers), 1)
        return replace(self, blended=blended, parts=names, relative_cost=cost, alternatives=number)


@cache
def usual() -> tuple[Estimator, ...]:
    """The two that are blended unless others are named."""
    return ESTIMATOR.given(ESTIMATOR.options).blended


ESTIMATOR = Blend(
    name="blend",
    summary="combines two unbiased estimators with the coefficient of least variance, fitted on other events",
    unbiased=True,
    cost="what both cost",
    relative_cost=1.1,
    citation=(
        "estimates of the same quantity as control variates of each other: R. Y. Rubinstein and R. Marcus, Efficiency "
        "of multivariate control variates in Monte Carlo simulation, Operations Research 33 (1985) 661, "
        "doi:10.1287/opre.33.3.661; T. Geffner and J. Domke, Using large ensembles of control variates for "
        "variational inference, arXiv:1810.12482"
    ),
    numerics="hepppl_estimators._blend:Blended",
    options={"a": "score", "b": "stochastic_ad"},
    offers=True,
    rank=1,
    variants=({}, {"b": "stochastic_ad(alternatives=2)"}),
)
