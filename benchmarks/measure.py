"""Timing on one core: contestants in turn, medians, and ratios round by round."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Call = Callable[[int], Any]  # takes a seed, returns when its arrays are ready


def use_one_core() -> str:
    """Pins this process, and every thread it will start, to one core. Must run before JAX and NumPy are imported."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    flags = "--xla_cpu_multi_thread_eigen=false"
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flags}".strip()
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    if not hasattr(os, "sched_setaffinity"):
        return "one thread (this system cannot pin to a core)"
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    return "one core (CPU affinity)"


def ready(value: Any) -> Any:
    """Waits for JAX arrays; anything else is ready."""
    import jax

    return jax.block_until_ready(value) if isinstance(value, (jax.Array, tuple, list, dict)) else value


def seconds(call: Call, seed: int) -> float:
    """CPU time of a call: on one core the time it takes, but for what other programs take of it."""
    start = time.process_time()
    ready(call(seed))
    return time.process_time() - start


def in_turn(calls: Mapping[str, Call], rounds: int) -> dict[str, list[float]]:
    """Seconds of each call in each round. Each is warmed up (compiled) first, and the order alternates."""
    for call in calls.values():
        ready(call(0))
    times: dict[str, list[float]] = {name: [] for name in calls}
    names = list(calls)
    for i in range(rounds):
        for name in names if i % 2 == 0 else reversed(names):
            times[name].append(seconds(calls[name], i + 1))
    return times


def median_ratio(top: Iterable[float], bottom: Iterable[float]) -> float:
    """The median over rounds of one contestant's time over another's."""
    return statistics.median(a / b for a, b in zip(top, bottom, strict=True))


def fastest(variants: Mapping[str, Call]) -> tuple[str, Call]:
    """The fastest of several ways to run a rival: the best of two calls each, after compiling."""

    def best(call: Call) -> float:
        ready(call(0))
        return min(seconds(call, 1), seconds(call, 2))

    name = min(variants, key=lambda name: best(variants[name]))
    return name, variants[name]


def machine() -> dict[str, str]:
    """What the numbers were measured on, as far as a reader needs it."""
    import jax
    import numpy as np

    return {
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "jax": jax.__version__,
        "numpy": np.__version__,
    }
