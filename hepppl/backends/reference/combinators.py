"""What a law offers to the interpreter, and the laws made of laws: truncated, affine, mixture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np


class Law:
    """A distribution with its arguments. ``valid`` says whether they are in range; the rest needs that they are."""

    valid: bool = True
    discrete: bool = False

    def draw(self, u: float) -> Any:
        """The draw at the uniform ``u``."""
        return self.quantile(u)

    def quantile(self, u: float) -> Any:
        """The value below which lies the probability ``u``."""
        raise NotImplementedError

    def cdf(self, x: Any) -> float:
        """P(X <= x)."""
        raise NotImplementedError

    def log_prob(self, x: Any) -> float:
        raise NotImplementedError

    def survival(self, x: Any) -> float:
        """P(X > x)."""
        return 1 - self.cdf(x)

    def quantile_above(self, v: float) -> Any:
        """The value above which lies the probability ``v``."""
        return self.quantile(1 - v)


class Invalid(Law):
    """A law whose arguments are out of range."""

    valid = False


class Truncated(Law):
    """``base`` given low <= X <= high: its quantile between those of the bounds, from the side with more digits."""

    def __init__(self, base: Law, low: float, high: float):
        self.base, self.low, self.high, self.discrete = base, low, high, base.discrete
        below = np.ceil(low) - 1 if base.discrete else low  # P(X < low) = P(X <= below)
        self.lower = base.cdf(below) < 0.5
        side = base.cdf if self.lower else base.survival
        self.start, self.stop = side(below), side(high)
        self.valid = low <= high and abs(self.stop - self.start) > 0

    def quantile(self, u: float) -> Any:
        at = self.start + u * (self.stop - self.start)
        x = self.base.quantile(at) if self.lower else self.base.quantile_above(at)
        return min(max(x, np.ceil(self.low) if self.discrete else self.low), self.high)

    def cdf(self, x: Any) -> float:
        if x < self.low:
            return 0.0
        side = self.base.cdf if self.lower else self.base.survival
        return (side(min(x, self.high)) - self.start) / (self.stop - self.start)

    def log_prob(self, x: Any) -> float:
        inside = self.low <= x <= self.high
        return float(self.base.log_prob(x) - np.log(abs(self.stop - self.start))) if inside else -np.inf


class Affine(Law):
    """loc + scale X. A negative scale reverses the order: the draw at u is then the quantile at 1 - u."""

    def __init__(self, base: Law, loc: float, scale: float):
        self.base, self.loc, self.scale = base, loc, scale
        self.valid = bool(np.isfinite(loc) and np.isfinite(scale) and scale != 0)

    def draw(self, u: float) -> Any:
        return self.loc + self.scale * self.base.draw(u)

    def quantile(self, u: float) -> Any:
        return self.loc + self.scale * (self.base.quantile(u) if self.scale > 0 else self.base.quantile_above(u))

    def cdf(self, x: Any) -> float:
        z = (x - self.loc) / self.scale
        return self.base.cdf(z) if self.scale > 0 else self.base.survival(z)

    def survival(self, x: Any) -> float:
        z = (x - self.loc) / self.scale
        return self.base.survival(z) if self.scale > 0 else self.base.cdf(z)

    def quantile_above(self, v: float) -> Any:
        return self.loc + self.scale * (self.base.quantile_above(v) if self.scale > 0 else self.base.quantile(v))

    def log_prob(self, x: Any) -> float:
        return self.base.log_prob((x - self.loc) / self.scale) - np.log(abs(self.scale))


class Mixture(Law):
    """One of the components by its weight. A draw uses u to choose the component, and where u lies in it to draw."""

    def __init__(self, weights: np.ndarray, components: Sequence[Law]):
        clipped = np.maximum(weights, 0)
        self.weights, self.components = clipped / np.sum(clipped), components
        self.discrete = components[0].discrete
        self.valid = bool(np.all(weights >= -1e-5) and abs(np.sum(weights) - 1) <= 1e-3)

    def draw(self, u: float) -> Any:
        sums = np.cumsum(self.weights)
        k = min(int(np.searchsorted(sums, u, side="left")), len(sums) - 1)
        before = sums[k - 1] if k else 0.0
        inner = (u - before) / self.weights[k]
        return self.components[k].draw(min(max(inner, np.finfo(np.float32).tiny), 1 - 2.0**-24))

    def quantile(self, u: float) -> Any:
        return self._between([c.quantile(u) for c in self.components], lambda x: self.cdf(x) >= u)

    def quantile_above(self, v: float) -> Any:
        return self._between([c.quantile_above(v) for c in self.components], lambda x: self.survival(x) <= v)

    def _between(self, ends: Sequence[Any], reached: Callable[[Any], bool]) -> Any:
        """The least value that is far enough, by bisection between the components' own."""
        low, high = min(ends), max(ends)
        for _ in range(200):
            middle = (int(low) + int(high)) // 2 if self.discrete else low + 0.5 * (high - low)
            if not low < high:
                break
            if reached(middle):
                high = middle
            else:
                low = middle + 1 if self.discrete else middle
        return high

    def survival(self, x: Any) -> float:
        return float(sum(w * c.survival(x) for w, c in zip(self.weights, self.components, strict=True)))

    def cdf(self, x: Any) -> float:
        return float(sum(w * c.cdf(x) for w, c in zip(self.weights, self.components, strict=True)))

    def log_prob(self, x: Any) -> float:
        density = sum(w * np.exp(c.log_prob(x)) for w, c in zip(self.weights, self.components, strict=True))
        return float(np.log(density))


def _of_valid(make: Callable[..., Law]) -> Callable[..., Law]:
    """A combinator of laws that are not all valid is not valid either."""

    def combine(**given: Any) -> Law:
        laws = given["components"] if "components" in given else [given["base"]]
        return make(**given) if all(law.valid for law in laws) else Invalid()

    return combine


COMBINATORS: Mapping[str, Callable[..., Law]] = {
    "truncated": _of_valid(Truncated),
    "affine": _of_valid(Affine),
    "mixture": _of_valid(Mixture),
}
