"""Conditional densities: autoregressive rational-quadratic spline flows, and those of flowjax.

The own one has a network for each dimension that sees the dimensions before and the condition, and gives an affine map
and a monotone spline to the standard normal (Durkan, Bekasov, Murray and Papamakarios, "Neural spline flows",
arXiv:1906.04032, eqs. 4 to 8). Two such layers are built and compiled several times faster
than a stack of flowjax's layers.
"""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array
from jax.nn import silu, softmax, softplus
from jax.scipy.stats import norm

#: The spline acts on [-BOUND, BOUND]; beyond, the map is the identity.
BOUND = 4.0
LEAST = 1e-3  # of a bin's share and of a slope
KINDS = ("spline", "maf", "coupling")


def spline(x: Array, shape: Array, inverse: bool = False) -> tuple[Array, Array]:
    """A monotone map of scalars and the logarithm of its slope (of the inverse's, for ``inverse``), from ``3 k - 1``
    free numbers for k bins."""
    k = (shape.shape[-1] + 1) // 3
    widths, heights = (2 * BOUND * (LEAST + (1 - LEAST * k) * softmax(p)) for p in (shape[:k], shape[k : 2 * k]))
    slopes = jnp.concatenate([jnp.ones(1), LEAST + softplus(shape[2 * k :] + 0.5413), jnp.ones(1)])
    # where bins begin; sums and choices of a dozen numbers are written out: with cumsum, searchsorted and gather a
    # training takes a fifth longer to compile
    ats, tos = (jnp.tril(jnp.broadcast_to(w, (k, k)), -1).sum(-1) - BOUND for w in (widths, heights))
    inside = (x > -BOUND) & (x < BOUND)
    x_in = jnp.where(inside, x, 0.0)
    here = jnp.arange(k) == (x_in >= (tos if inverse else ats)[1:]).sum()
    parts = widths, heights, ats, tos, slopes[:-1], slopes[1:]
    w, h, at, to, low, high = (jnp.where(here, part, 0.0).sum() for part in parts)
    mean = h / w
    bend = low + high - 2 * mean
    if inverse:
        y = x_in - to
        a, b, c = h * (mean - low) + y * bend, h * low - y * bend, -mean * y
        t = 2 * c / (-b - jnp.sqrt(jnp.maximum(b * b - 4 * a * c, 0.0)))
    else:
        t = (x_in - at) / w
    t = jnp.clip(t, 0.0, 1.0)
    below = mean + bend * t * (1 - t)
    slope = mean**2 * (high * t**2 + 2 * mean * t * (1 - t) + low * (1 - t) ** 2) / below**2
    value = at + t * w if inverse else to + h * (mean * t**2 + low * t * (1 - t)) / below
    log = jnp.log(slope)
    return jnp.where(inside, value, x), jnp.where(inside, -log if inverse else log, 0.0)


class Layer(eqx.Module):
    """Each dimension given those before it and the condition."""

    nets: eqx.nn.MLP  # one for each dimension, stacked
    dim: int = eqx.field(static=True)

    def __init__(self, dim: int, condition: int, width: int, depth: int, bins: int, key: Array):
        def net(key: Array) -> eqx.nn.MLP:
            made = eqx.nn.MLP(dim + condition, 3 * bins + 1, width, depth, activation=silu, key=key)
            # begins near the identity
            return eqx.tree_at(lambda m: m.layers[-1].weight, made, made.layers[-1].weight * 0.1)

        self.nets, self.dim = eqx.filter_vmap(net)(jr.split(key, dim)), dim

    def to_base(self, y: Array, condition: Array) -> tuple[Array, Array]:
        before = jnp.tril(jnp.ones((self.dim, self.dim)), -1) * y
        seen = jnp.concatenate([before, jnp.broadcast_to(condition, (self.dim, *condition.shape))], -1)
        found = eqx.filter_vmap(lambda net, x: net(x))(self.nets, seen)
        u = (y - found[:, 0]) * jnp.exp(-found[:, 1])
        z, log = jax.vmap(spline)(u, found[:, 2:])
        return z, (log - found[:, 1]).sum()

    def from_base(self, z: Array, condition: Array) -> Array:
        def one(i: Array, y: Array) -> Array:
            net = jax.tree.map(lambda w: w[i] if eqx.is_array(w) else w, self.nets)
            found = net(jnp.concatenate([jnp.where(jnp.arange(self.dim) < i, y, 0), condition]))
            u, _ = spline(z[i], found[2:], inverse=True)
            return y.at[i].set(u * jnp.exp(found[1]) + found[0])

        return jax.lax.fori_loop(0, self.dim, one, jnp.zeros(self.dim))


class SplineFlow(eqx.Module):
    """A density of ``dim`` numbers given a condition; its layers take the dimensions in turns from either end."""

    layers: tuple[Layer, ...]

    def __init__(self, dim: int, condition: int, width: int, depth: int, bins: int, layers: int, key: Array):
        keys = jr.split(key, layers)
        self.layers = tuple(Layer(dim, condition, width, depth, bins, k) for k in keys)

    def log_prob(self, y: Array, condition: Array) -> Array:
        """Of one point, (dim,), given one condition."""
        total = jnp.zeros(())
        for layer in self.layers:
            y, log = layer.to_base(y, condition)
            y, total = y[::-1], total + log
        return total + norm.logpdf(y).sum()

    def sample(self, key: Array, condition: Array) -> Array:
        z = jr.normal(key, (self.layers[0].dim,))
        for layer in reversed(self.layers):
            z = layer.from_base(z[::-1], condition)
        return z


class Flowjax(eqx.Module):
    """The same interface around a flow of flowjax."""

    flow: Any

    def __init__(self, kind: str, dim: int, condition: int, width: int, depth: int, bins: int, layers: int, key: Array):
        from flowjax.bijections import RationalQuadraticSpline
        from flowjax.distributions import Normal
        from flowjax.flows import coupling_flow, masked_autoregressive_flow

        make = coupling_flow if kind == "coupling" and dim > 1 else masked_autoregressive_flow
        first, second = jr.split(key)
        inner = make(
            first,
            base_dist=Normal(jnp.zeros(dim)),
            transformer=RationalQuadraticSpline(knots=bins, interval=BOUND),
            cond_dim=condition,
            flow_layers=layers,
            nn_width=width,
            nn_depth=depth,
        )
        options: dict[str, Any] = {"cond_dim": condition, "flow_layers": 1, "nn_width": width, "nn_depth": depth}
        self.flow = masked_autoregressive_flow(second, base_dist=inner, **options)

    def log_prob(self, y: Array, condition: Array) -> Array:
        import paramax

        return paramax.unwrap(self.flow).log_prob(y, condition)

    def sample(self, key: Array, condition: Array) -> Array:
        import paramax

        return paramax.unwrap(self.flow).sample(key, (), condition)


def flow(kind: str, dim: int, condition: int, width: int, depth: int, bins: int, layers: int, key: Array) -> eqx.Module:
    """``kind``: "spline", or flowjax's "maf" (masked autoregressive) or "coupling"."""
    if kind == "spline":
        return SplineFlow(dim, condition, width, depth, bins, layers, key)
    return Flowjax(kind, dim, condition, width, depth, bins, layers, key)
