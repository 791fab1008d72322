"""hepppl's laws as NumPyro distributions: a thin wrapper around their own numerics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jax import Array
from jax.scipy.special import gammaln, xlog1py, xlogy
from numpyro.distributions import constraints

from hepppl.backends.jax.law import bound_law
from hepppl.backends.jax.value import Val, apply
from hepppl.backends.numpyro.support import Interval
from hepppl.backends.numpyro.survey import discrete
from hepppl.distributions import get
from hepppl.distributions.numerics import combinators
from hepppl.graph import Dist

#: An argument that is in range whatever the others are, by constraint.
HARMLESS: dict[str, float | None] = {
    "real": 0.0, "positive": 1.0, "nonnegative": 1.0, "probability": 0.5, "simplex": None, "nonnegative_int": 1,
    "positive_int": 1, "int": 1,
}  # fmt: skip


def bound(law: Dist, inputs: Sequence[Any]) -> combinators.Law:
    return bound_law(law, tuple(inputs))


def log_prob(law: Dist, x: Any, inputs: Sequence[Any], cut: Interval | None = None) -> Array:
    """The log-density at ``x``, -inf where an argument is out of range. Counts that are given as real numbers (expected
    data) have the mass function's continuation."""
    made: Any = bound(law, inputs)
    whole = jnp.issubdtype(jnp.result_type(x), jnp.integer)
    if law.name in CONTINUED and not whole:
        args = dict(law.args)
        value = CONTINUED[law.name](
            x, *(inputs[args[p.name]] if p.name in args else p.default for p in get(law.name).parameters)
        )
    else:
        if cut is not None:
            made = combinators.truncated(made, cut.low, cut.high)
        value = made.log_prob(x)
    return jnp.where(made.valid(), value, -jnp.inf)


def _poisson(k: Any, rate: Any) -> Array:
    some = k > 0  # at a rate of 0 the derivative of k log(rate) is none
    return jnp.where(some, xlogy(k, jnp.where(some, rate, 1.0)), 0.0) - rate - gammaln(k + 1)


def _binomial(k: Any, total: Any, probs: Any) -> Array:
    choices = gammaln(total + 1.0) - gammaln(k + 1) - gammaln(total - k + 1)
    return choices + xlogy(k, probs) + xlog1py(total - k, -probs)


CONTINUED = {"poisson": _poisson, "binomial": _binomial}


def harmless(law: Dist) -> Iterator[tuple[int, float | None]]:
    """For each input of a law, by its position, a value that is in range (None: equal probabilities)."""
    args = dict(law.args)
    if law.name in ("mixture", "truncated", "affine"):
        for name in ("weights", "loc", "scale"):
            if name in args:
                yield args[name], {"weights": None, "loc": 0.0, "scale": 1.0}[name]
        for inner in args.get("components", ()) if law.name == "mixture" else (args["base"],):
            yield from harmless(inner)
        return
    for p in get(law.name).parameters:
        if p.name in args:
            yield args[p.name], HARMLESS[p.constraint] if p.default is None else p.default


class Flat(dist.ImproperUniform):
    """The flat measure on an interval: the density proper comes from elsewhere."""

    def __init__(self, bounds: Interval, batch_shape: tuple[int, ...]):
        self.bounds = bounds
        super().__init__(bounds.constraint(), batch_shape, ())


class SiteLaw(dist.Distribution):
    """A law over the plates around a site. ``inputs``: its arguments, with the plates flattened into one batch axis.
    ``cut``: what it is restricted to."""

    def __init__(
        self,
        law: Dist,
        inputs: Sequence[Val],
        batch_shape: tuple[int, ...] = (),
        bounds: Interval | None = None,
        cut: Interval | None = None,
        dtype: Any = np.float64,
    ):
        self.law, self.inputs, self.bounds, self.cut = law, tuple(inputs), bounds or Interval(), cut
        self.dtype = dtype
        super().__init__(batch_shape=batch_shape, event_shape=(), validate_args=False)

    @property
    def support(self) -> constraints.Constraint:
        if not discrete(self.law):
            return self.bounds.constraint()
        return constraints.boolean if get_value(self.law) == "bool" else constraints.integer

    def _over(self, fn: Any, x: Array) -> Array:
        """``fn(x, *inputs)`` for ``x`` of shape (*more, *batch_shape)."""
        size = int(np.prod(self.batch_shape, dtype=int))
        if not self.batch_shape:
            flat = x.reshape(-1)
            one = lambda y: apply(fn, (Val(y, batched=False), *self.inputs)).p  # noqa: E731
        else:
            x = jnp.broadcast_to(x, jnp.broadcast_shapes(x.shape, self.batch_shape))
            flat = x.reshape(-1, size)
            one = lambda y: apply(fn, (Val(y), *self.inputs)).p  # noqa: E731
        return jax.vmap(one)(flat).reshape(x.shape)

    def _drawn(self, u: Array) -> Array:
        def draw(u: Any, *xs: Any) -> Array:
            law = bound(self.law, xs)
            return (law if self.cut is None else combinators.truncated(law, self.cut.low, self.cut.high)).sample(u)

        return self._over(draw, u)

    def sample(self, key: Any, sample_shape: tuple[int, ...] = ()) -> Array:
        least = np.finfo(self.dtype).tiny
        return self._drawn(jax.random.uniform(key, (*sample_shape, *self.batch_shape), self.dtype, minval=least))

    def quantile(self, u: float) -> Array:
        """Of each element."""
        return self._drawn(jnp.full(self.batch_shape, u, self.dtype))

    def log_prob(self, value: Any) -> Array:
        return self._over(lambda x, *xs: log_prob(self.law, x, xs, self.cut), jnp.asarray(value))

    def argument(self, name: str, shape: tuple[int, ...]) -> Array:
        """One of the law's arguments (of rank 0) by its name, over ``shape``; its default where it was left out."""
        args = dict(self.law.args)
        if name not in args:
            default = next(p.default for p in get(self.law.name).parameters if p.name == name)
            return jnp.full(shape, default, self.dtype)
        given = self.inputs[args[name]]
        return jnp.broadcast_to(given.p.reshape(self.batch_shape) if given.batched else given.p, shape)


#: The means of laws with which counting and binned models are written.
MEANS = {
    "poisson": lambda law, shape: law.argument("rate", shape),
    "binomial": lambda law, shape: law.argument("total_count", shape) * law.argument("probs", shape),
    "normal": lambda law, shape: law.argument("loc", shape),
}


def expected(law: SiteLaw | Flat) -> Array | None:
    """The mean of a law of counts or of a normal law, over the plates around it; None of any other."""
    if isinstance(law, SiteLaw) and law.law.name in MEANS:
        return MEANS[law.law.name](law, law.batch_shape)
    return None


def get_value(law: Dist) -> str:
    """The kind of what a discrete law draws: "int" or "bool"."""
    args = dict(law.args)
    if law.name == "mixture":
        return get_value(args["components"][0])
    return get_value(args["base"]) if law.name in ("truncated", "affine") else get(law.name).value
