"""Which checks a plugin is given, by its kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepPluginError
from hepppl.distributions import registry as distributions
from hepppl.plugin import registry
from hepppl.testing.report import Check, NamedCheck, Report, ran

EVENTS, SEED, FALSE_ALARM = 20_000, 1, 1e-4
KINDS = {kind: group for group, kind in registry.GROUPS.items() if group in registry.METADATA}


def checks(
    name: str,
    kind: str | None = None,
    *,
    events: int = EVENTS,
    seed: int = SEED,
    false_alarm: float = FALSE_ALARM,
    **more: Any,
) -> tuple[NamedCheck, ...]:
    """The checks of the plugin of that name; ``kind`` ("estimator", "distribution", "function") where it is not unique.

    ``events``: of each statistical run, from ``seed``; ``false_alarm``: the probability that a plugin without fault
    fails. ``options=`` of an estimator; ``points=`` at which a distribution (parameters) or a function (arguments, in
    base units) is tried, where those that the kit finds do not do. Raises `HepPluginError` as the registry does.
    """
    kind, _ = _found(name, kind)
    return tuple(NamedCheck(name, title, run) for title, run in _kit(kind, name, events, seed, false_alarm, more))


def check(name: str, kind: str | None = None, *, told: Callable[[Check], None] | None = None, **options: Any) -> Report:
    """Run all `checks`, with the same ``options``. ``told`` hears of each as it ends."""
    kind, package = _found(name, kind)
    return Report(kind, name, package, ran(checks(name, kind, **options), told))


def _found(name: str, kind: str | None) -> tuple[str, str]:
    """The kind of a plugin, and its package."""
    if kind is not None and kind not in KINDS:
        raise HepPluginError(Diagnostic("E801", f"there is no kind of plugin '{kind}'", hints=(", ".join(KINDS),)))
    wanted = [kind] if kind is not None else list(KINDS)
    for each in wanted:
        if name in registry.names(KINDS[each]):
            registry.load(KINDS[each], name)
            return each, str(registry.find(KINDS[each], name))
    if "distribution" in wanted and name in distributions.names():
        return "distribution", "hepppl"
    registry.find(KINDS[wanted[0]], name)  # raises, with the nearest name
    raise AssertionError(name)


def _kit(
    kind: str, name: str, events: int, seed: int, false_alarm: float, more: dict[str, Any]
) -> Iterator[tuple[str, Callable[[], str]]]:
    if kind == "estimator":
        from hepppl.testing.estimators import EstimatorKit

        return EstimatorKit(name, events, seed, false_alarm, **more).checks()
    if kind == "distribution":
        from hepppl.testing.distributions import DistributionKit

        return DistributionKit(name, events, seed, false_alarm, **more).checks()
    from hepppl.testing.functions import FunctionKit

    return FunctionKit(name, seed, **more).checks()
