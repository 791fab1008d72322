"""More than one core, by the clock: a quiet machine is wanted. And the time from a cold start to a first result."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from . import worker
from .contest import path
from .report import Ratio, Row

#: Two devices of one CPU, each of which uses one thread.
TWO = "--xla_force_host_platform_device_count=2 --xla_cpu_multi_thread_eigen=false"
ONE = "--xla_cpu_multi_thread_eigen=false"


def cores(scale: float, rounds: int) -> Iterator[Row]:
    """The absorber on one core, on two devices of the host, and on a local Dask cluster of two workers."""
    n = int(1_048_576 * scale)
    task: dict[str, Any] = {"file": str(path("absorber")), "what": "simulate", "events": [n], "rounds": 1}
    cpus = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    everywhere = sorted(range(os.cpu_count() or 1))[:2]
    found = {}
    try:
        if cpus:
            os.sched_setaffinity(0, set(everywhere[-1:]))
        found["one core"] = worker.run(task, XLA_FLAGS=ONE)[0]
        if cpus:
            os.sched_setaffinity(0, set(everywhere))
        found["two devices"] = worker.run({**task, "options": {"devices": 2}}, XLA_FLAGS=TWO)[0]
        found["two workers of Dask"] = on_dask(n, max(rounds // 3, 1))
    finally:
        if cpus:
            os.sched_setaffinity(0, set(cpus))
    for name, bar in (("two devices", 1.7), ("two workers of Dask", 1.6)):
        what = f"absorber: events per second, {name} / one core"
        yield Ratio(what, found["one core"]["seconds"] / found[name]["seconds"], bar)
    digests = {row["digest"] for row in found.values()}
    yield Ratio("absorber: different events among one core, two devices and Dask", len(digests) - 1, 0, at_least=False)


DASK = """
import json, statistics, sys, time
from benchmarks.worker import digest
import hepppl

if __name__ == "__main__":
    from distributed import Client, LocalCluster

    file, n, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    model = hepppl.load(file)
    cluster = LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None)
    with cluster, Client(cluster) as client:
        model.simulate(n, seed=0, dask=client)  # the workers compile
        times = []
        for _ in range(rounds):
            start = time.perf_counter()
            events = model.simulate(n, seed=1, dask=client)
            times.append(time.perf_counter() - start)
    print(json.dumps({"seconds": min(times), "digest": digest(events)}))
"""


def on_dask(n: int, rounds: int) -> Any:
    command = [sys.executable, "-c", DASK, str(path("absorber")), str(n), str(rounds)]
    env = {**os.environ, "XLA_FLAGS": ONE, "PYTHONPATH": str(worker.ROOT)}
    done = subprocess.run(command, cwd=worker.ROOT, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return json.loads(done.stdout.splitlines()[-1])


FIRST = """
import time
import sys
import hepppl
hepppl.load(sys.argv[1]).grad(int(sys.argv[2]))
print(time.process_time())
"""
BY_HAND = """
import time
import sys
import jax
from benchmarks.rivals import walk_jax
jax.block_until_ready(walk_jax.stochastic_ad(jax.random.key(0), jax.numpy.float32(200.0), int(sys.argv[1])))
print(time.process_time())
"""


def start(scale: float, rounds: int) -> Iterator[Row]:
    """From a new process to a first gradient, importing included: without a cache, and with a warm one. Seconds are of
    the processor: on one core they are the clock's, but for what other programs take of it."""
    n, rounds = 4096, max(rounds // 3, 1)
    absorber, walk = ([sys.executable, "-c", FIRST, str(path(name)), str(n)] for name in ("absorber", "random_walk"))
    cold, warm, walks, rivals = [], [], [], []
    for _ in range(rounds):
        with worker.empty_cache() as cache:
            cold.append(first(absorber, cache))
            warm += [first(absorber, cache) for _ in range(2)]
            walks.append(first(walk, cache))
            rivals.append(first([sys.executable, "-c", BY_HAND, str(n)], cache))
    for name, taken, bar in (("cold", cold, 6.0), ("warm cache, a new process", warm, 2.0)):
        yield Ratio(f"absorber: seconds to the first gradient, {name}", statistics.median(taken), bar, at_least=False)
    yield Ratio(
        "random_walk: time to the first gradient, cold, hepppl / JAX by hand: stochastic AD",
        statistics.median(walks) / statistics.median(rivals),
        1.3,
        at_least=False,
    )


def first(command: list[str], cache: dict[str, str]) -> float:
    """Seconds of the processor that a new process says it took. Python may keep what it compiles, as users' does."""
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | cache
    done = subprocess.run(command, cwd=worker.ROOT, env=env, capture_output=True, text=True, check=True)
    return float(done.stdout)
