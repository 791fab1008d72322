"""The parts of a run on the workers of a Dask cluster.

Each worker compiles once per process. A worker that is lost costs the parts it was at: the scheduler gives them to
another. No more parts are under way than keep the workers busy, so that memory does not grow with the run.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from hepppl import identity
from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepValueError
from hepppl.io.write import library
from hepppl.scale.work import Part, Work

#: Parts under way for each thread of the workers: one runs, one waits.
AHEAD = 2
#: Runs, and programs with what was compiled of them, that a worker keeps.
KEPT = 8
_works: dict[str, Work] = {}
_programs: dict[str, Any] = {}
_busy = threading.Lock()


def run(dask: Any, work: Work, parts: Sequence[Part]) -> Iterator[Any]:
    """The results of the parts, in their order. ``dask``: the address of a scheduler, ``"local"`` or ``"local:N"`` for
    a cluster of this machine's cores or of N processes, or a `distributed.Client`.

    Raises `HepFileError` (E512) without the library, `HepValueError` (E466) where no scheduler answers or the workers
    are lost again and again, and what a part raises.
    """
    distributed = library("distributed", "cluster")
    payload = pickle.dumps(work)
    key = hashlib.sha256(payload).hexdigest()
    with ExitStack() as stack:
        client = _client(distributed, dask, stack)
        threads = client.nthreads().values()
        window, each = AHEAD * max(1, sum(threads)), min(threads, default=1)
        waiting: list[Any] = []
        try:
            for index in range(len(parts)):
                while len(waiting) < min(window, len(parts) - index):
                    part = parts[index + len(waiting)]
                    waiting.append(client.submit(_part, key, payload, part, each, pure=False))
                yield waiting[0].result()
                waiting.pop(0).release()
        except (distributed.KilledWorker, distributed.client.FutureCancelledError, OSError) as error:
            if isinstance(error, OSError) and hasattr(error, "diagnostics"):
                raise
            message = f"the workers of Dask were lost: {_first_line(error)}"
            raise HepValueError(Diagnostic("E466", message)) from None
        finally:
            for future in waiting:
                future.release()


def _client(distributed: Any, dask: Any, stack: ExitStack) -> Any:
    if hasattr(dask, "submit"):
        return dask
    name = str(dask)
    if name == "local" or name.startswith("local:"):
        number = name.partition(":")[2]
        if number and not (number.isdecimal() and int(number)):
            raise HepValueError(Diagnostic("E466", f"a local cluster has a number of processes, not '{number}'"))
        cluster = distributed.LocalCluster(
            n_workers=int(number) if number else None,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
        )
        return stack.enter_context(distributed.Client(stack.enter_context(cluster)))
    try:
        return stack.enter_context(distributed.Client(name, timeout=10))
    except (OSError, ValueError, TypeError) as error:
        hint = "an address is that which `dask scheduler` prints: tcp://HOST:8786"
        message = f"no scheduler of Dask answers at '{name}': {_first_line(error)}"
        raise HepValueError(Diagnostic("E466", message, hints=(hint,))) from None


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).partition("\n")[0]


def _part(key: str, payload: bytes, part: Part, threads: int) -> Any:
    """On a worker: one part. Threads take turns, since one part uses all that XLA has: as many ``threads`` as the
    worker, where JAX has not begun. By itself each worker would take all cores, and two no less time than one."""
    with _busy:
        os.environ.setdefault("PJRT_NPROC", str(threads))
        if key not in _works:
            _keep(_works, key, _compiled_before(pickle.loads(payload)))
        return _works[key].run(part)


def _compiled_before(work: Work) -> Work:
    """A run with what earlier ones of its program have compiled: other seeds and other values need nothing new."""
    program = identity.of_program(work.model)
    if program not in _programs:
        _keep(_programs, program, work.model)
    return replace(work, model=replace(work.model, _memo=_programs[program]._memo))


def _keep(kept: dict[str, Any], key: str, value: Any) -> None:
    while len(kept) >= KEPT:
        del kept[next(iter(kept))]
    kept[key] = value
