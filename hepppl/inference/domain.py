"""The free parameters of an optimisation as one vector without bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np

if TYPE_CHECKING:
    from hepppl.model import Model

#: A start at an end of its interval is taken this part of the interval (or of its scale) inside.
INSIDE = 1e-3


@dataclass(frozen=True, eq=False)
class Domain:
    """``low``, ``high``, ``origin``, ``scale``: shape (size,). An interval (low, high) is the logistic function of x,
    a half-line ``low + exp x`` (``high - exp x``), and a line ``origin + scale x``, scale the size of the start or 1:
    a step of x is relative, whatever the units."""

    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    low: np.ndarray
    high: np.ndarray
    origin: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, model: Model, names: Sequence[str], start: Mapping[str, Any]) -> Domain:
        info = [model.params[name] for name in names]
        sizes = [int(np.prod(i.shape, dtype=int)) for i in info]
        origin = np.concatenate([np.ravel(np.asarray(start[i.name], float)) for i in info])
        low = [i.support.low if i.support else -np.inf for i in info]
        high = [i.support.high if i.support else np.inf for i in info]
        scale = np.where(origin == 0, 1.0, np.abs(origin))
        return cls(
            tuple(names), tuple(i.shape for i in info), np.repeat(low, sizes), np.repeat(high, sizes), origin, scale
        )

    @property
    def labels(self) -> list[str]:
        """One for every number: ``theta``, ``w[0]``, ``w[1]``, …"""
        return [
            name + (f"[{', '.join(map(str, at))}]" if at else "")
            for name, shape in zip(self.names, self.shapes, strict=True)
            for at in np.ndindex(*shape)
        ]

    def start(self) -> np.ndarray:
        """Where the search begins, (size,)."""
        below, above = np.isfinite(self.low), np.isfinite(self.high)
        with np.errstate(all="ignore"):
            width = np.where(below & above, self.high - self.low, self.scale)
            x = np.where(below, np.maximum(self.origin, self.low + INSIDE * width), self.origin)
            x = np.where(above, np.minimum(x, self.high - INSIDE * width), x)
            both = np.log((x - self.low) / (self.high - x))
            half = np.where(below, np.log(x - self.low), np.log(self.high - x))
        return np.where(below & above, both, np.where(below | above, half, 0.0))

    def values(self, x: Any) -> Any:
        """The parameters' values, (size,); traceable. Never outside of their intervals, whatever the rounding."""
        below, above = np.isfinite(self.low), np.isfinite(self.high)
        low, high = np.where(below, self.low, 0.0), np.where(above, self.high, 0.0)
        grown = jnp.exp(jnp.where(below ^ above, x, 0.0))
        half = jnp.where(below, low + grown, high - grown)
        # expit has no overflow; rounding may still end at an end, which an open interval excludes
        part = jnp.clip(1 / (1 + jnp.exp(-jnp.clip(x, -30, 30))), 1e-6, 1 - 1e-6)
        return jnp.where(below & above, low + (high - low) * part, jnp.where(below | above, half, self._line(x)))

    def _line(self, x: Any) -> Any:
        return self.origin + self.scale * x

    def split(self, values: Any) -> dict[str, Any]:
        """Name -> its numbers, of a vector (…, size)."""
        ends = np.cumsum([0, *(int(np.prod(shape, dtype=int)) for shape in self.shapes)])
        return {
            name: values[..., a:b].reshape((*values.shape[:-1], *shape))
            for name, shape, a, b in zip(self.names, self.shapes, ends[:-1], ends[1:], strict=True)
        }
