"""One call on several devices of this process: each takes the next ``share`` of the call's events.

Events do not talk to one another across devices, so that nothing is exchanged; the result is put together by number.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.sharding import Mesh, PartitionSpec

from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepValueError

AXIS = "devices"


def clock() -> float:
    """Seconds that work takes: of the CPU where that does it, whatever else it does; else as they pass."""
    return time.process_time() if jax.default_backend() == "cpu" else time.perf_counter()


def chosen(number: int | None) -> tuple[Any, ...]:
    """The first ``number`` devices of this process, all of them for 0. None at all where the default one is enough.
    Raises `HepValueError` (E465) where there are fewer."""
    if number is None or number == 1:
        return ()
    found = jax.local_devices()
    if number == 0 and len(found) == 1:
        return ()
    if number > len(found):
        hint = "--devices all takes those that there are"
        if found[0].platform == "cpu":
            hint += "; XLA_FLAGS=--xla_force_host_platform_device_count=N makes N of one CPU"
        has = f"JAX has {len(found)} device{'s'[: len(found) > 1]} here, not {number}"
        raise HepValueError(Diagnostic("E465", has, hints=(hint,)))
    return tuple(found[: number or None])


def spread(call: Callable[..., Any], devices: Sequence[Any]) -> Callable[..., Any]:
    """``call`` (see `Compiled.function`) on each device, as a function of (seed, first event, share, count, params,
    data): its arrays have a new leading axis, one row for each device."""

    def of_device(seed: Any, first: Any, share: Array, count: Array, params: Any, data: Any) -> Any:
        before = lax.axis_index(AXIS).astype(jnp.uint32) * share
        mine = jnp.where(count > before, jnp.minimum(count - before, share), jnp.uint32(0))
        low = first[0] + before
        high = first[1] + (low < before).astype(jnp.uint32)
        return jax.tree.map(lambda x: x[None], call(seed, (low, high), mine, params, data))

    mesh = Mesh(np.asarray(devices), (AXIS,))
    everywhere = PartitionSpec()
    return jax.shard_map(
        of_device, mesh=mesh, in_specs=(everywhere,) * 6, out_specs=PartitionSpec(AXIS), check_vma=False
    )


def joined(out: Any, share: int) -> Any:
    """Arrays (devices, …, events of a device) as (…, events), the first ``share`` of every device."""
    return jax.tree.map(lambda x: np.concatenate(list(np.asarray(x)[..., :share]), -1), out)
