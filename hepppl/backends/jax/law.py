"""The law of a site: its distribution expression as functions of the site's inputs."""

from __future__ import annotations

from typing import Any, NamedTuple

from hepppl.distributions import get
from hepppl.graph import Dist


class Law(NamedTuple):
    """Functions of one event. ``inputs`` are the site's, in order."""

    sample: Any  # (u, *inputs) -> value
    log_prob: Any  # (x, *inputs)
    cdf: Any  # (x, *inputs)
    valid: Any  # (*inputs) -> bool
    positions: tuple[int, ...]  # of the parameters, for a law that is a single distribution


def law(dist: Dist) -> Law:
    """Build the functions of a distribution expression; combinators nest."""
    from hepppl.distributions.numerics import combinators

    if dist.name in combinators.COMBINATORS:
        parts = {
            name: tuple(law(d) for d in arg) if isinstance(arg, tuple) else law(arg) if isinstance(arg, Dist) else arg
            for name, arg in dist.args
        }
        return Law(*combinators.COMBINATORS[dist.name](**parts), positions=())
    numerics = get(dist.name).load()
    given = dict(dist.args)
    positions = tuple(given[p.name] for p in get(dist.name).parameters)

    def bound(fn: Any) -> Any:
        return lambda x, *inputs: fn(x, *(inputs[i] for i in positions))

    return Law(
        bound(numerics.sample),
        bound(numerics.log_prob),
        bound(numerics.cdf),
        lambda *inputs: numerics.valid(*(inputs[i] for i in positions)),
        positions,
    )
