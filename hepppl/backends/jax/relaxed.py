"""Operations on relaxed values of discrete sites: truths between 0 and 1, and weights of the values of an integer.

A Bernoulli's value is its truth, a categorical site's own value the weights of its possible values, (values,), that add
up to 1. Everything else that is computed from them is a real number: the weights' mean value, products for `and`,
mixtures for choices.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from jax import lax

from hepppl.backends.jax.ops import function
from hepppl.backends.jax.value import Val, apply
from hepppl.graph import Node, Value

if TYPE_CHECKING:
    from hepppl.backends.jax.lowering import Lowering
    from hepppl.backends.jax.machine import Machine


def number(lowering: Lowering, value: Value, v: Val) -> Val:
    """A value as one real number, if it is or depends on a relaxed one: weights give their mean."""
    if value in lowering.weights:
        return apply(lambda y: jnp.dot(jnp.arange(y.shape[0], dtype=y.dtype), y), (v,))
    return lowering.cast(v, lowering.settings.dtype) if value in lowering.soft else v


def joined(lowering: Lowering, result: Value, value: Value, v: Val) -> Val:
    """What one side of a branch gives for ``result``, which may be relaxed because the other side's is."""
    v = number(lowering, value, v)
    return lowering.cast(v, lowering.settings.dtype) if result in lowering.soft else v


def mixed(truth: Any, yes: Any, no: Any) -> Any:
    """``yes`` or ``no`` where the truth is 1 or 0, whatever the other is, and their mixture between. In the derivative
    the truth counts everywhere."""
    sure = lax.stop_gradient(truth)
    gap = lax.stop_gradient(yes - no)
    value = jnp.where(sure == 1, yes, jnp.where(sure == 0, no, sure * yes + (1 - sure) * no))
    return value + (truth - sure) * jnp.where(jnp.isfinite(gap), gap, 0)


_TRUTHS: dict[str, Callable[..., Any]] = {
    "not": lambda x: 1 - x,
    "and": lambda x, y: x * y,
    "or": lambda x, y: x + y - x * y,
}


def operation(lowering: Lowering, node: Node, inputs: list[Val]) -> Val:
    """A pure operation that takes relaxed values."""
    real = lowering.settings.dtype
    if node.op == "index":
        table, weights = lowering.cast(inputs[0], real), inputs[1]
        return apply(lambda rows, y: jnp.tensordot(y, rows[: y.shape[0]], 1), (table, weights))
    if node.op in ("eq", "ne"):
        own = next(i for i, v in enumerate(node.inputs) if v in lowering.weights)
        k = int(lowering.producer[node.inputs[1 - own]].attrs["value"])

        def weight(y: Any) -> Any:
            share = y[k] if 0 <= k < y.shape[0] else jnp.zeros((), y.dtype)
            return share if node.op == "eq" else 1 - share

        return apply(weight, (inputs[own],))
    truth = node.op == "select" and node.inputs[0] not in lowering.soft
    values = [number(lowering, v, x) for v, x in zip(node.inputs, inputs, strict=True)]
    values = [x if truth and i == 0 else lowering.cast(x, real) for i, x in enumerate(values)]
    if node.op == "select" and not truth:
        return apply(mixed, values)
    return apply(_TRUTHS.get(node.op) or function(node.op, node.attrs), values)


def branch(lowering: Lowering, m: Machine, node: Node) -> None:
    """Both sides, which hold nothing but pure operations, are mixed."""
    truth = number(lowering, node.inputs[0], m.env[node.inputs[0]])
    sides = []
    for region in node.regions:
        results = lowering.run(m, region)
        sides.append([number(lowering, v, x) for v, x in zip(region.results, results, strict=True)])
    real = lowering.settings.dtype
    for result, *ways in zip(node.results, *sides, strict=True):
        m.env[result] = apply(mixed, (truth, *(lowering.cast(x, real) for x in ways)))
