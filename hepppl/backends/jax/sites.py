"""Random sites: drawing by inversion of an addressed uniform, visits of estimators, and the event's one candidate."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from hepppl.backends.jax import steering
from hepppl.backends.jax.crossings import coincident, thresholds
from hepppl.backends.jax.joint import record
from hepppl.backends.jax.law import bound_law
from hepppl.backends.jax.lowering import Lowering
from hepppl.backends.jax.machine import Machine, Reservoir
from hepppl.backends.jax.random import threefry2x32, uniform
from hepppl.backends.jax.served import not_finite
from hepppl.backends.jax.value import Val, apart, apply, batch, decided, is_val, kept, select, strict
from hepppl.distributions.numerics.combinators import Bound
from hepppl.graph import Dist, Node
from hepppl.plugin.estimator import Offer


class SiteView:
    """One dynamic instance of a site as an estimator's `visit` sees it (`hepppl.plugin.VisitSite`). ``thresholds``: the
    values, scalars or vectors, at which comparisons flip, NaN where one does not. ``words``: the site's random bits,
    the first of which made the uniform ``u``."""

    def __init__(
        self,
        dist: Dist,
        u: Any,
        inputs: tuple[Any, ...],
        thresholds: tuple[Any, ...] = (),
        words: tuple[Any, Any] | None = None,
        rounds: int = 20,
        importance: Any = 1.0,
    ):
        self._law, self.uniform, self.params = bound_law(dist, inputs), u, inputs
        self.distribution, self._args = dist.name, dict(dist.args)
        self._thresholds, self._words, self._rounds = thresholds, words, rounds
        self.importance = importance
        self._draw, self.wrong = self._law.sample(u), jnp.logical_not(self._law.valid())
        if self._draw.dtype == bool:
            self._draw, self.wrong = apart(self._draw, self.wrong)

    def sample(self) -> Any:
        return self._draw

    def log_prob(self, x: Any) -> Any:
        return self._law.log_prob(x)

    def prob(self, x: Any) -> Any:
        return self._law.prob(x) if isinstance(self._law, Bound) else jnp.exp(self._law.log_prob(x))

    def cdf(self, x: Any) -> Any:
        return self._law.cdf(x)

    def quantile(self, u: Any) -> Any:
        return self._law.sample(u)

    def boundary(self, k: Any) -> Any:
        return self._law.boundary(k) if hasattr(self._law, "boundary") else None

    def argument(self, name: str) -> Any:
        return self.params[self._args[name]]

    def further(self, count: int) -> Any:
        """The site's words are the key of a block cipher: what it makes of 0, 1, … is independent of them."""
        assert self._words is not None
        words = threefry2x32(*self._words, jnp.arange((count + 1) // 2, dtype=jnp.uint32), 0, self._rounds)
        return uniform(jnp.concatenate(words)[:count], jnp.result_type(self.uniform))

    @property
    def crossings(self) -> Any:
        """The cdf at the thresholds: its derivative is that of the law's parameters plus density times the
        threshold's. Beyond the support, or where there is none, it does not move."""
        found = [self._crossing(t) for t in self._thresholds]
        return jnp.concatenate([u.reshape(-1) for u in found]) if found else jnp.zeros(0, self._draw.dtype)

    def _crossing(self, t: Any) -> Any:
        stop = lax.stop_gradient
        exists = jnp.isfinite(t)
        t = jnp.where(exists, t, stop(self._draw))
        u, density = self.cdf(stop(t)), stop(jnp.exp(self.log_prob(stop(t))))
        inside = exists & (u > 0) & (u < 1)
        moved = jnp.where(jnp.isfinite(density), density, 0) * (t - stop(t))
        return jnp.where(inside, u + moved, jnp.where(exists, stop(u), 1))


def lower_site(lowering: Lowering, m: Machine, node: Node) -> None:
    dist, number = node.attrs["dist"], node.attrs["number"]
    inputs = [m.env[v] for v in node.inputs]
    dtype = lowering.dtype(node.results[0].type.kind)
    words = m.words(number)
    u = uniform(words[0], lowering.settings.dtype)
    if node.results[0].type.kind == "real" or any(v.a is not None for v in inputs):  # several values are made of it
        u = kept(u)
    u = Val(u)

    def check(wrong: Val) -> None:
        if inputs:
            message = f"an argument of '{dist.name}' is outside its range at site '{node.attrs['name']}'"
            m.fault(lowering.fault_code("invalid", node, message), wrong)

    def draw(u: Any, *xs: Any) -> tuple[Any, Any]:
        view = SiteView(dist, u, xs)
        return view.sample(), view.wrong

    group = lowering.group_of.get(number)
    if group is None or (m.particles is not None and m.particles.override is not None):
        value, wrong = apply(draw, (u, *(Val(v.p, None, v.a, v.batched) for v in inputs)))
        check(wrong)
        value = lowering.cast(Val(lax.stop_gradient(value.p), None, value.a, value.batched), dtype)
        m.env[node.results[0]] = overridden(m, node, value)
        if m.registers.joint is not None:
            record(lowering, m, node, value, inputs)
        return

    state = m.registers.estimators[group]
    leaves, tree = jax.tree.flatten(state, is_leaf=is_val)
    crossed = thresholds(lowering, m, lowering.crossings.get(number, ()))
    clash = coincident(crossed, m.size)
    if clash is not None:
        message = f"two values of site '{node.attrs['name']}' at which comparisons flip coincide, and move differently,"
        m.fault(lowering.fault_code("coincident", node, message), Val(clash))
    arguments = len(leaves) + len(inputs)
    offer_count: list[int] = []

    importance = steering.importance(lowering, m, number)
    one = np.ones((), lowering.settings.dtype)
    steered = Val(one, batched=False) if importance is None else Val(importance)

    def visit(u: Any, w0: Any, w1: Any, h: Any, *flat: Any) -> tuple[Any, ...]:
        before = jax.tree.unflatten(tree, flat[: len(leaves)])
        rounds = lowering.settings.rounds
        view = SiteView(dist, u, flat[len(leaves) : arguments], flat[arguments:], (w0, w1), rounds, h)
        out = lowering.numerics[group].visit(before, view)
        offer_count[:] = [len(out.offers)]
        return (view.wrong, out.value, *jax.tree.leaves(out.state), *(x for offer in out.offers for x in offer))

    moves, given = visit, (u, *map(Val, words), steered, *leaves, *inputs, *crossed)
    if lowering.settings.reverse:  # every event's own slopes are looked at: none may be shared by the batch
        moves, given = strict(visit), tuple(batch(v, m.size) for v in given)
    wrong, value, *rest = apply(moves, given)
    check(wrong)
    if not lowering.numerics[group].own:
        what = f"{lowering.numerics[group].what} gave a number that is not finite at site '{node.attrs['name']}'"
        m.fault(lowering.fault_code("plugin", node, what), not_finite([value, *rest]))
    relaxes = lowering.metadata[group].relaxes
    dtype = lowering.settings.dtype if relaxes else dtype
    if not (lowering.metadata[group].pathwise or relaxes):
        value = Val(lax.stop_gradient(value.p), None, value.a, value.batched)
    value = lowering.cast(value, dtype)

    after = [Val(v.p, v.t, None, v.batched) for v in rest[: len(leaves)]]
    mask = m.here
    if mask is not None:
        after = [select(Val(mask), new, old) for new, old in zip(after, leaves, strict=True)]
    estimators = list(m.registers.estimators)
    estimators[group] = jax.tree.unflatten(tree, [batch(v, m.size) for v in after])
    m.registers = replace(m.registers, estimators=tuple(estimators))

    flat = rest[len(leaves) :]
    offers = [Offer(*(Val(v.p, v.t, None, v.batched) for v in flat[3 * i : 3 * i + 3])) for i in range(offer_count[0])]
    if offers and m.registers.reservoir is not None:
        take, alternative = consider(lowering, m, offers, dtype, number, importance)
        if m.particles is not None:
            m.particles.choose(m, node, take, alternative)
        else:
            m.restart_alternative(take)
            value = batch(value, m.size)
            value = Val(value.p, value.t, jnp.where(take, alternative, value.alt))
    m.env[node.results[0]] = value


def overridden(m: Machine, node: Node, value: Val) -> Val:
    """In the first step of an alternative subtree, the chosen site has the alternative value."""
    if m.particles is None or m.particles.override is None:
        return value
    return m.particles.override.at(m, node, value)


def consider(
    lowering: Lowering, m: Machine, offers: list[Offer], dtype: Any, number: int, importance: Array | None
) -> tuple[Array, Array]:
    """Put the candidates of a visit of a site to the event's reservoir; returns which events took one, and its value.

    Reservoir sampling with weights (Chao 1982): a candidate replaces the kept one with probability weight / total, so
    that in the end each is kept with probability proportional to its weight. Weights are |coefficient| times the norm
    of the potential's derivative where derivatives are carried, times a guess of it in reverse mode, and times the
    site's importance where that was learned. One uniform serves all decisions of an event: given its outcome, each
    leaves a uniform behind.
    """
    reservoir = m.registers.reservoir
    assert reservoir is not None
    real = lowering.settings.dtype
    total, chosen, draw = reservoir.total, reservoir.chosen, reservoir.draw
    group = lowering.group_of[number]
    alternative, taken = jnp.zeros(total.shape, dtype), jnp.zeros(total.shape, bool)
    for place, offer in enumerate(offers):
        coefficient = lax.stop_gradient(batch(offer.coefficient, m.size).p).astype(real)
        weight, product = selection_weight(lowering, m, coefficient, offer.potential)
        weight = weight if importance is None else weight * importance
        weight = lowering.layers.admitted(weight, number, m.address.index, place)
        after = total + weight
        mark = draw * after
        take = decided(mark < weight)
        share = jnp.where(take, weight, total)
        left = jnp.where(take, mark, mark - weight) / jnp.where(share > 0, share, 1)
        draw, total = jnp.clip(jnp.where(share > 0, left, draw), 0, 1 - 2**-24), after
        scaled = reweighted(lowering, batch(offer.potential, m.size), coefficient, weight, importance, product)
        chosen = select(Val(take), scaled, chosen)
        alternative = jnp.where(take, lax.stop_gradient(batch(offer.value, m.size).p).astype(dtype), alternative)
        taken = taken | take
    takes = None if reservoir.takes is None else reservoir.takes + taken.astype(jnp.int32)
    owner = None if reservoir.owner is None else jnp.where(taken, group, reservoir.owner)
    noted = reservoir.noted
    if noted is not None:
        noted = jnp.where(taken, steering.note(lowering, m, number, importance), noted)
    m.registers = replace(m.registers, reservoir=Reservoir(total, chosen, takes, draw, owner, noted))
    return taken, alternative


def reweighted(
    lowering: Lowering,
    potential: Val,
    coefficient: Array,
    weight: Array,
    importance: Array | None,
    product: Array | None,
) -> Val:
    """A candidate's potential times coefficient over weight; outside reverse mode only its derivative, which alone is
    asked for. Of a weight of 0 it may be anything: nothing is taken there."""
    settings = lowering.settings
    if settings.reverse:
        ratio = Val(coefficient / jnp.where(weight > 0, weight, 1))
        return apply(lambda r, f: lax.stop_gradient(r) * f, (ratio, potential), elementwise=True)
    slope = jnp.zeros((), settings.dtype)
    if product is not None:  # weight / importance is its size
        slope = jnp.where(product < 0, -1, 1).astype(settings.dtype)
        slope = slope if importance is None else slope / importance
    elif potential.t is not None:
        slope = potential.t.reshape(settings.tangents, *[1] * (weight.ndim - 1), -1)
        slope = coefficient / jnp.where(weight > 0, weight, 1) * slope
    slope = jnp.broadcast_to(slope, (settings.tangents, *weight.shape))
    return Val(jnp.zeros(weight.shape, settings.dtype), slope)


def guessed_slope(potential: Array) -> Array:
    """What a potential's derivative may be like, up to a factor, where none is carried: potentials are probabilities as
    a rule, and F(1 - F) is the derivative of F = sigmoid(x). It is never 0, so that no candidate is left out."""
    f = jnp.clip(jnp.abs(potential), 0, 1)
    return jnp.where(jnp.abs(potential) > 1, 1, jnp.maximum(4 * f * (1 - f), np.float32(1e-3)))


def selection_weight(lowering: Lowering, m: Machine, coefficient: Array, potential: Val) -> tuple[Array, Array | None]:
    """A candidate's weight; and, where one derivative is carried, coefficient times that of the potential: its size is
    the weight, and its sign all that is kept of it."""
    settings, product = lowering.settings, None
    slope = batch(potential, m.size).t
    if settings.reverse or settings.guessed:
        weight = jnp.abs(coefficient) * guessed_slope(lax.stop_gradient(batch(potential, m.size).p))
    elif slope is None:
        return jnp.zeros_like(coefficient), None
    elif settings.tangents == 1:
        product = kept(coefficient * lax.stop_gradient(slope[0]))
        weight = jnp.abs(product)
    else:
        slope = lax.stop_gradient(slope)
        weight = jnp.abs(coefficient) * jnp.sqrt(jnp.sum(slope * slope, 0))
    here = m.here
    return weight if here is None else jnp.where(here, weight, 0), product
