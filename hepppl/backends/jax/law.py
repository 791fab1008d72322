"""The law of a site: its distribution expression with the site's inputs bound, for one event."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from hepppl.distributions import get
from hepppl.distributions.numerics import combinators
from hepppl.graph import Dist


def bound_law(dist: Dist, inputs: tuple[Any, ...]) -> combinators.Law:
    """A distribution expression with its arguments taken from ``inputs``; combinators nest."""
    args = dict(dist.args)

    def value(name: str, default: Any = None) -> Any:
        return inputs[args[name]] if name in args else default

    if dist.name == "mixture":
        components = tuple(bound_law(d, inputs) for d in args["components"])
        return combinators.mixture(value("weights"), components)
    if dist.name == "truncated":
        low, high = value("low", -jnp.inf), value("high", jnp.inf)
        return combinators.truncated(bound_law(args["base"], inputs), low, high)
    if dist.name == "affine":
        return combinators.affine(bound_law(args["base"], inputs), value("loc"), value("scale"))
    distribution = get(dist.name)
    return combinators.bind(distribution, *(value(p.name) for p in distribution.parameters))
