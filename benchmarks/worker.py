"""One measurement in a process of its own: ``python -m benchmarks.worker '{"program": …}'`` prints JSON.

For what a process has only one of: peak memory, the time of a cold start, the number of devices.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def run(task: Mapping[str, Any], **environment: str) -> Any:
    """What `main` prints for a task, in a new process with these variables beside its parent's."""
    command = [sys.executable, "-m", "benchmarks.worker", json.dumps(task)]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{task}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


@contextlib.contextmanager
def empty_cache() -> Any:
    """Environment with a cache of compiled programs of its own, empty at first."""
    with tempfile.TemporaryDirectory() as folder:
        yield {"HEPPPL_CACHE": folder}


def main(task: Mapping[str, Any]) -> Any:
    """``text`` or ``file``: the program; ``what``: "simulate", "stream" (nothing is kept), "grad"; ``options`` of the
    call; ``events``: one run for each, the smallest first. Per run: seconds of compiling, of the processor (the lower
    median of its rounds, each of another seed) and of the clock, per event where it says so, and the peak of memory in
    MB."""
    began = time.perf_counter()
    import hepppl

    model = hepppl.parse(task["text"]) if "text" in task else hepppl.load(ROOT / task["file"])
    options = dict(task.get("options", {}))
    call = {
        "simulate": model.simulate,
        "stream": lambda n, **kw: model.simulate_to(None, n, **kw),
        "grad": model.grad,
    }[task["what"]]
    rows = []
    for n in task["events"]:
        result = call(n, seed=0, **options)  # compiles, or finds it compiled
        first = time.perf_counter() - began
        compiling = result.seconds["compile"]
        del result
        forget_peak()
        clock, processor = [], []
        for seed in range(1, 1 + task.get("rounds", 1)):
            start = time.perf_counter(), time.process_time()
            result = call(n, seed=seed, **options)
            clock.append(time.perf_counter() - start[0])
            processor.append(time.process_time() - start[1])
        row = {"events": n, "first": first, "compile": compiling, "peak_mb": peak_mb()}
        rows.append(
            {**row, "seconds": min(clock), "us": 1e6 * statistics.median_low(processor) / n, "digest": digest(result)}
        )
    return rows


def forget_peak() -> None:
    """Let the peak of memory be that of what follows: give back what is free, and start anew (Linux)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_mb() -> float | None:
    """The largest memory since `forget_peak`; None where the system does not say."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    return None


def digest(result: Any) -> str:
    """Of all events, bit for bit; of other results nothing."""
    whole = hashlib.sha256()
    for name, values in sorted(getattr(result, "outputs", {}).items()):
        whole.update(name.encode())
        whole.update(values.tobytes() if hasattr(values, "tobytes") else values.values.tobytes())
    return whole.hexdigest()


if __name__ == "__main__":  # the workers of a local cluster import this module too
    print(json.dumps(main(json.loads(sys.argv[1]))))
