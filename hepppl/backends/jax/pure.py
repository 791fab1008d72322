"""A compiled program as functions that can be traced: for people who write JAX."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from hepppl.backends.jax.gradients import WEIGHT
from hepppl.graph import ModelGraph

if TYPE_CHECKING:
    from hepppl.backends.jax.program import Compiled


def simulate(
    compiled: Compiled, key: Any, params: Mapping[str, Any], n: int, data: Mapping[str, Any] | None = None
) -> dict[str, Array]:
    """Outputs of ``n`` events, (n, *shape); traceable in ``key`` and ``params``. ``key``: an integer or a JAX key.
    An output of varying length is (n, capacity + 1): its elements, zeros, and last their number."""
    call, _ = compiled.function("simulate", n, 1)
    out = _checked(compiled, call(*_traced(compiled, key, params, n, data)))
    return {k: jnp.moveaxis(v, -1, 0) for k, v in out["outputs"].items()}


def value_and_grad(
    compiled: Compiled, key: Any, params: Mapping[str, Any], n: int, data: Mapping[str, Any] | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Means of the outputs, and their gradients as ``{output: {param: array}}``; traceable in ``key`` and
    ``params``."""
    call, _ = compiled.function(compiled.way, n, 1, compiled.wrt)
    out = _checked(compiled, call(*_traced(compiled, key, params, n, data)))
    means = {k: v.mean(-1) for k, v in out["outputs"].items()}
    slopes = {k: v.sum(-1) / n for k, v in out["gradient"].items()}
    if WEIGHT in means and all(o.name != WEIGHT for o in compiled.graph.program.outputs):
        w, d_w = means[WEIGHT], slopes[WEIGHT]
        for k in [k for k in means if k != WEIGHT]:
            means[k] = means[k] / w
            spread = d_w.reshape(-1, *([1] * means[k].ndim))
            slopes[k] = (slopes[k] - means[k] * spread) / w
    ends = np.cumsum([0, *compiled.wrt.sizes])
    split = {
        k: {
            name: jnp.moveaxis(v[a:b], 0, -1).reshape(*means[k].shape, *shape)
            for name, shape, a, b in zip(compiled.wrt.names, compiled.wrt.shapes, ends[:-1], ends[1:], strict=True)
        }
        for k, v in slopes.items()
    }
    return means, split


def _checked(compiled: Compiled, out: Any) -> Any:
    """A traced function cannot run again with more room: the events that need it are NaN (integers: the least)."""
    full = None if out.get("most") is None else out["most"] > compiled.settings.capacity
    if "turns" in out:
        late = out["turns"] > compiled.turns
        full = late if full is None else full | late
    if full is None:
        return out

    def marked(x: Array) -> Array:
        if x.dtype == bool:
            return x
        return jnp.where(full, jnp.nan if jnp.issubdtype(x.dtype, jnp.floating) else jnp.iinfo(x.dtype).min, x)

    return {k: jax.tree.map(marked, v) if k in ("outputs", "gradient") else v for k, v in out.items()}


def _traced(
    compiled: Compiled, key: Any, params: Mapping[str, Any], n: int, data: Mapping[str, Any] | None
) -> tuple[Any, ...]:
    defaults = {p.name: p.default for p in compiled.graph.program.params}
    point = {k: 0 if v is None else v for k, v in defaults.items()}
    _, first, count, typed, data = compiled.arguments(0, 0, n, point, stand_in(compiled.graph, data))
    typed = {k: jnp.asarray(params.get(k, v), v.dtype) for k, v in typed.items()}
    if isinstance(key, int):
        seed = (jnp.uint32(key & 0xFFFFFFFF), jnp.uint32(key >> 32 & 0xFFFFFFFF))
    else:
        array = jnp.asarray(key) if not jnp.issubdtype(key.dtype, jax.dtypes.prng_key) else jax.random.key_data(key)
        seed = (array[-1], array[0]) if array.ndim else (array.astype(jnp.uint32), jnp.uint32(0))
    return seed, first, count, typed, data


def stand_in(graph: ModelGraph, data: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The data given, their defaults, or zeros of the right shape."""
    given = data or {}

    def value(item: Any) -> Any:
        return np.zeros(item.value.type.shape) if item.default is None else item.default

    return {item.name: given.get(item.name, value(item)) for item in graph.program.data}
