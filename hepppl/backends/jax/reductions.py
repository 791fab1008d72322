"""Reductions over what a process emits, accumulated while it runs."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from hepppl.backends.jax.value import Val, apply, batch
from hepppl.graph import Node, Tensor


def fill(size: int | None, shape: tuple[int, ...], value: Any, dtype: Any) -> Val:
    if size is None:
        return Val(jnp.full(shape, value, dtype), batched=False)
    return Val(jnp.full((*shape, size), value, dtype))


def empty(node: Node, size: int | None, dtype: Any, real: Any, capacity: int) -> list[Val]:
    """The accumulators of a reduction before anything is emitted, with a batch axis of ``size`` (None: of one event,
    without one). ``capacity``: the most elements that an output of varying length can hold."""
    kind, type_ = node.attrs["kind"], node.results[0].type
    assert isinstance(type_, Tensor)
    shape = type_.shape
    if kind == "count":
        return [fill(size, shape, 0, np.int32)]
    if kind == "sum":
        return [fill(size, shape, 0, dtype)]
    if kind == "mean":
        return [fill(size, shape, 0, real), fill(size, (), 0, np.int32)]
    if kind in ("min", "max"):
        whole = np.issubdtype(dtype, np.integer)
        top = np.iinfo(np.int32).max if whole else np.inf
        bottom = np.iinfo(np.int32).min if whole else -np.inf
        return [fill(size, shape, top if kind == "min" else bottom, dtype)]
    if kind in ("any", "all"):
        return [fill(size, shape, kind == "all", bool)]
    if kind == "hist":
        return [fill(size, shape, 0, real)]
    if kind == "jagged":
        return [fill(size, (capacity, *shape), 0, dtype), fill(size, (), 0, np.int32)]
    assert kind in ("padded", "keep")
    return [fill(size, shape, node.attrs.get("fill", 0), dtype), fill(size, (), 0, np.int32)]


def add(node: Node, acc: list[Val], element: list[Val], edges: Val | None, active: Val, size: int | None) -> list[Val]:
    """The accumulators after one emitted element, for the lanes that are ``active``."""
    kind = node.attrs["kind"]
    value = element[0] if element else None
    if kind == "count":
        counted = active if value is None else apply(jnp.logical_and, (active, value), elementwise=True)
        return [apply(lambda n, c: n + c.astype(n.dtype), (acc[0], counted), elementwise=True)]
    assert value is not None
    if kind in ("sum", "mean"):
        total = apply(lambda s, a, v: s + jnp.where(a, v, 0).astype(s.dtype), (acc[0], active, value), elementwise=True)
        count = (
            [apply(lambda n, a: n + a.astype(n.dtype), (acc[1], active), elementwise=True)] if kind == "mean" else []
        )
        return [total, *count]
    if kind in ("min", "max"):
        better = jnp.less if kind == "min" else jnp.greater

        # a NaN is taken and stays, so that it is seen
        def taken(m: Any, a: Any, v: Any) -> Any:
            return jnp.where(a & (better(v, m) | (v != v)), v, m)

        value = value if size is None else batch(value, size)
        return [apply(taken, (acc[0], active, value), elementwise=True)]
    if kind == "any":
        return [apply(lambda s, a, v: s | (a & v), (acc[0], active, value), elementwise=True)]
    if kind == "all":
        return [apply(lambda s, a, v: s & (~a | v), (acc[0], active, value), elementwise=True)]
    if kind == "hist":
        assert edges is not None
        return [apply(_fill_bin, (acc[0], active, value, element[1], edges))]
    return list(apply(_append, (acc[0], acc[1], active, value)))


def _fill_bin(bins: Any, active: Any, x: Any, weight: Any, edges: Any) -> Any:
    """A bin holds its lower edge and not its upper one, as ROOT's."""
    i = jnp.searchsorted(edges, x, side="right") - 1
    hit = active & (i >= 0) & (i < bins.shape[0])
    return bins + jnp.where(hit & (jnp.arange(bins.shape[0]) == i), weight, 0).astype(bins.dtype)


def _append(buffer: Any, count: Any, active: Any, x: Any) -> tuple[Any, Any]:
    place = jnp.where(active, count, buffer.shape[0])
    return buffer.at[place].set(x.astype(buffer.dtype), mode="drop"), count + active.astype(count.dtype)


def finish(node: Node, acc: list[Val]) -> Val:
    """The reduction's value. The mean of nothing is NaN, which the run reports. Of varying length: the buffer with the
    number of elements as its last row."""
    if node.attrs["kind"] == "mean":
        return apply(lambda s, n: s / n.astype(s.dtype), acc, elementwise=True)
    if node.attrs["kind"] == "jagged":
        wide = apply(lambda b: b.astype(jnp.int32) if b.dtype == bool else b, acc[:1])

        def with_number(b: Any, n: Any) -> Any:
            return jnp.concatenate([b, jnp.broadcast_to(n.astype(b.dtype), (1, *b.shape[1:]))])

        return apply(with_number, [wide, acc[1]])
    return acc[0]


def overflows(node: Node, acc: list[Val]) -> Val | None:
    """Where more was emitted than a ``padded`` array holds."""
    if node.attrs["kind"] != "padded":
        return None
    return apply(lambda n: n > node.attrs["size"], acc[1:], elementwise=True)
