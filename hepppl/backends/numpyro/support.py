"""Where the draws of a law lie: an interval for continuous laws, a list of values for discrete ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpyro.distributions import constraints

from hepppl.distributions import get
from hepppl.graph import Dist

INF = float("inf")
#: ``fixed(i)``: the i-th input of the site where it is a constant, else None; ``now(i)``: its value, traced.
Lookup = Callable[[int], Any]


@dataclass(frozen=True)
class Interval:
    """From ``low`` to ``high``, each a float where it is known before the run, else a traced array."""

    low: Any = -INF
    high: Any = INF

    @property
    def static(self) -> bool:
        return isinstance(self.low, float) and isinstance(self.high, float)

    def meet(self, other: Interval) -> Interval:
        return Interval(_larger(self.low, other.low), _smaller(self.high, other.high))

    def constraint(self) -> constraints.Constraint:
        """As NumPyro has it. Dynamic ends that might be infinite count as finite."""
        below, above = (not isinstance(x, float) or np.isfinite(x) for x in (self.low, self.high))
        if below and above:
            return constraints.interval(self.low, self.high)
        if below:
            return constraints.positive if isinstance(self.low, float) and self.low == 0 else _above(self.low)
        return constraints.less_than(self.high) if above else constraints.real


def _above(low: Any) -> constraints.Constraint:
    return constraints.greater_than(low)


def _larger(a: Any, b: Any) -> Any:
    return max(a, b) if isinstance(a, float) and isinstance(b, float) else jnp.maximum(a, b)


def _smaller(a: Any, b: Any) -> Any:
    return min(a, b) if isinstance(a, float) and isinstance(b, float) else jnp.minimum(a, b)


def interval(dist: Dist, value: Lookup) -> Interval:
    """The support of a continuous law; ``value(i)`` is its i-th input, a float where that is a constant."""
    args = dict(dist.args)
    if dist.name == "truncated":
        ends = (value(args[end]) if end in args else limit for end, limit in (("low", -INF), ("high", INF)))
        return interval(args["base"], value).meet(Interval(*ends))
    if dist.name == "mixture":
        parts = [interval(d, value) for d in args["components"]]
        whole = parts[0]
        for part in parts[1:]:
            whole = Interval(_smaller(whole.low, part.low), _larger(whole.high, part.high))
        return whole
    if dist.name == "affine":
        return _affine(interval(args["base"], value), value(args["loc"]), value(args["scale"]))
    law = get(dist.name)
    if law.support == "real":
        return Interval()
    if law.support == "unit_interval":
        return Interval(0.0, 1.0)
    if dist.name == "pareto":
        return Interval(value(args["scale"]), INF)
    if law.support == "positive":
        return Interval(0.0, INF)
    defaults = {p.name: p.default for p in law.parameters}
    if "low" in defaults and "high" in defaults:
        return Interval(*(value(args[end]) if end in args else float(defaults[end]) for end in ("low", "high")))
    if "edges" in args:
        edges = value(args["edges"])
        ends = edges[0], edges[-1]
        return Interval(*(float(e) if isinstance(edges, np.ndarray) else e for e in ends))
    return Interval()


def _affine(inner: Interval, loc: Any, scale: Any) -> Interval:
    if isinstance(scale, float) and isinstance(loc, float):
        ends = sorted(loc + scale * end for end in (inner.low, inner.high)) if inner.static else None
        if ends is not None:
            return Interval(*ends)
    if inner.static and inner.low == -INF and inner.high == INF:
        return Interval()
    ends = loc + scale * inner.low, loc + scale * inner.high
    return Interval(jnp.minimum(*ends), jnp.maximum(*ends))


def values(dist: Dist, fixed: Lookup, length: Callable[[int], int]) -> np.ndarray | None:
    """All values of a discrete law, where they are finitely many and known before the run. ``fixed(i)``: the i-th input
    where it is a constant, else None; ``length(i)``: of a vector."""
    args = dict(dist.args)
    if dist.name == "truncated":
        low, high = (fixed(args[end]) if end in args else None for end in ("low", "high"))
        inner = values(args["base"], fixed, length)
        if inner is None:
            least = 0.0 if discrete_from_zero(args["base"]) else None
            low = least if low is None else low if least is None else max(low, least)
            if low is None or high is None:
                return None
            inner = np.arange(np.ceil(low), np.floor(high) + 1).astype(np.int32)
        keep = np.ones(len(inner), bool)
        keep &= inner >= (-INF if low is None else low)
        keep &= inner <= (INF if high is None else high)
        return inner[keep]
    if dist.name == "mixture":
        parts = [values(d, fixed, length) for d in args["components"]]
        return None if any(part is None for part in parts) else np.unique(np.concatenate(parts))
    if dist.name == "affine":
        return None
    law = get(dist.name)
    if law.value == "bool":
        return np.array([False, True])
    if isinstance(law.support_size, str):
        return np.arange(length(args[law.support_size]), dtype=np.int32)
    if law.support_size is not None:
        return np.arange(law.support_size, dtype=np.int32)
    if dist.name == "discrete_uniform":
        low, high = (fixed(args[end]) if end in args else default for end, default in (("low", 0), ("high", 1)))
        return None if low is None or high is None else np.arange(int(low), int(high) + 1, dtype=np.int32)
    if dist.name == "binomial":
        total = fixed(args["total_count"]) if "total_count" in args else 1
        return None if total is None else np.arange(int(total) + 1, dtype=np.int32)
    return None


def discrete_from_zero(dist: Dist) -> bool:
    return dist.name not in ("truncated", "mixture", "affine") and get(dist.name).support == "nonnegative_int"
