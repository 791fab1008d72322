"""Several alternatives of one event: an axis that comes first in their values, in its reservoirs and in its choices.

Sampled layers are equal: each keeps one of all candidates, chosen with a uniform of its own, and their estimates are
averaged. Then come the layers of candidates that each have their own, whose estimates are added. Where an event has one
alternative, there is no such axis.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from hepppl.backends.jax.value import Val, batch
from hepppl.graph import Node
from hepppl.plugin.estimator import ALL

if TYPE_CHECKING:
    from hepppl.backends.jax.lowering import Lowering


@dataclass(frozen=True)
class Layers:
    """``sampled`` layers, then ``count - sampled`` of single candidates. ``first``: of a site whose candidates have
    their own, the layer of the first and how many one visit makes."""

    count: int = 1
    sampled: int = 1
    first: Mapping[int, tuple[int, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, lowering: Lowering) -> Layers:
        if lowering.settings.pilot:  # one candidate of an event is looked at
            return cls()
        metadata = {number: lowering.metadata[group] for number, group in lowering.group_of.items()}
        asked = {number: found.alternatives for number, found in metadata.items() if found.offers}
        sampled = max((int(k) for k in asked.values() if k != ALL), default=0)
        count, first = sampled, {}
        for number in (n for n, k in asked.items() if k == ALL):
            site = lowering.graph.site(number)
            each = offers_made(lowering, site.node)
            first[number] = count, each
            count += each * site.instances
        return cls(count, sampled, first) if count > 1 else cls()

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.count,) if self.count > 1 else ()

    @property
    def numbers(self) -> Any:
        """To address random numbers: (layers, 1), or 0."""
        return np.arange(self.count, dtype=np.uint32)[:, None] if self.shape else 0

    def each(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """``fn`` of one layer, for all of them."""
        return jax.vmap(fn) if self.shape else fn

    def in_turn(self, fn: Callable[..., Any], *args: Any) -> Any:
        """The same, one after the other."""
        return lax.map(lambda xs: fn(*xs), args) if self.shape else fn(*args)

    def spread(self, tree: Any) -> Any:
        return jax.tree.map(lambda x: jnp.broadcast_to(x, (*self.shape, *jnp.shape(x))), tree)

    def of_each(self, vals: Sequence[Val], size: int) -> list[Val]:
        """The values that the alternatives have, as values of events, a layer each."""
        found = []
        for v in vals:
            v = v if v.a is None else batch(v, size)
            alone = Val(v.alt, batched=v.batched)
            found.append(alone if v.a is not None else self.spread(alone))
        return found

    def most(self, x: Array) -> Array:
        """The largest of the layers', (events,)."""
        return x.max(0) if x.ndim > 1 else x

    def admitted(self, weight: Array, number: int, index: Any, place: int) -> Array:
        """The weight that a candidate of a site has in each layer. ``index``: which instance of the site it is of,
        ``place``: which of that visit."""
        if not self.shape:
            return weight
        layers = jnp.arange(self.count, dtype=jnp.int32)[:, None]
        if number in self.first:
            start, each = self.first[number]
            return jnp.where(layers == start + jnp.asarray(index).astype(jnp.int32) * each + place, weight, 0)
        return jnp.where(layers < self.sampled, weight, 0)

    def joined(self, factor: Array, v: Val) -> Val:
        """What the layers contribute together: ``v``, (*layers, events), times ``factor``, (*layers, elements, events),
        which has no derivative."""
        if not self.shape:
            return Val(factor * v.p, None if v.t is None else factor * v.t[:, None, :])
        share = np.where(np.arange(self.count) < self.sampled, 1 / max(self.sampled, 1), 1).astype(factor.dtype)
        factor = factor * share[:, None, None]
        t = None if v.t is None else jnp.sum(factor * v.t[:, :, None, :], 1)
        return Val(jnp.sum(factor * v.p[:, None, :], 0), t)


def offers_made(lowering: Lowering, node: Node) -> int:
    """How many candidates one visit of a site makes."""
    from hepppl.backends.jax.sites import SiteView

    numerics = lowering.numerics[lowering.group_of[node.attrs["number"]]]
    real = lowering.settings.dtype

    def visit(u: Any, *inputs: Any) -> tuple[Any, ...]:
        return tuple(offer.value for offer in numerics.visit(numerics.init(), SiteView(dist, u, inputs)).offers)

    dist = node.attrs["dist"]
    inputs = [jax.ShapeDtypeStruct(v.type.shape, lowering.dtype(v.type.kind)) for v in node.inputs]
    return len(jax.eval_shape(visit, jax.ShapeDtypeStruct((), real), *inputs))
