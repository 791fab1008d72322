"""The parts of a run divided among the processes of `jax.distributed`, on one machine or many.

Every process makes the same call. Process p of P takes the parts p, p + P, … on its own devices, and gets the
results of all; files are written by each for its own parts and put together by the first, in a folder that all see.
"""

from __future__ import annotations

import os
import pickle
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepValueError
from hepppl.io.write import writing
from hepppl.scale.parts import Parts
from hepppl.scale.runs import Progress, Spread
from hepppl.scale.streams import missing, prepared, put_together, store
from hepppl.scale.summary import Summary
from hepppl.scale.work import Part, Work


def start() -> None:
    """Join the processes of a run, where that has not been done: by SLURM's, Open MPI's or a cloud's variables, or by
    ``HEPPPL_HOSTS=ADDRESS:PORT,PROCESSES,NUMBER``. Raises `HepValueError` (E466)."""
    if jax.distributed.is_initialized():
        return
    given = os.environ.get("HEPPPL_HOSTS")
    try:
        if given:
            address, processes, number = given.split(",")
            jax.distributed.initialize(address, int(processes), int(number))
        else:
            jax.distributed.initialize()
    except (ValueError, RuntimeError) as error:
        message = f"the processes of the run do not find each other: {str(error).partition(chr(10))[0]}"
        hint = "start them with srun or mpirun, or set HEPPPL_HOSTS=ADDRESS:PORT,PROCESSES,NUMBER in each"
        raise HepValueError(Diagnostic("E466", message, hints=(hint,))) from None


def is_first() -> bool:
    return jax.process_index() == 0


def mine(parts: Sequence[Part]) -> list[Part]:
    return list(parts[jax.process_index() :: jax.process_count()])


def run(work: Work, parts: Sequence[Part]) -> list[Any]:
    """The results of all parts, in their order, in every process."""
    found = gathered(lambda: [work.run(part) for part in mine(parts)])
    return [found[i % len(found)][i // len(found)] for i in range(len(parts))]


def write(
    path: str | os.PathLike[str], work: Work, tolerance: float, resume: bool, progress: Progress | None
) -> Summary:
    """As `hepppl.scale.streams.stream`; every process gets the summary."""
    began, first = time.perf_counter(), is_first()

    def of_the_first(job: Callable[[], Any]) -> Any:
        return gathered(lambda: job() if first else None)[0]

    def opened() -> Parts:
        place = prepared(path)
        with writing(place):
            return Parts.opened(place, work, resume)

    parts = of_the_first(opened)
    todo = mine(of_the_first(lambda: missing(parts, work)))
    compiling = max(gathered(lambda: store(parts, work, Spread(), todo, progress)))
    return of_the_first(lambda: put_together(Path(path), parts, work, tolerance, began, compiling))


def gathered(job: Callable[[], Any]) -> list[Any]:
    """What the job gives in each process, by their numbers. Where it fails in one it fails in all: those that went on
    would wait for it for ever."""
    try:
        outcome: tuple[bool, Any] = True, job()
    except Exception as error:  # whatever it is, it is raised again below
        outcome = False, error
    own = np.frombuffer(pickle.dumps(outcome), np.uint8)
    with _standard_output_untouched():
        sizes = multihost_utils.process_allgather(np.array([len(own)], np.uint32)).ravel()
        padded = np.zeros(sizes.max(), np.uint8)
        padded[: len(own)] = own
        rows = multihost_utils.process_allgather(padded)
    outcomes = [pickle.loads(row[:size].tobytes()) for row, size in zip(rows, sizes, strict=True)]
    for fine, value in outcomes:
        if not fine:
            raise value
    return [value for _, value in outcomes]


@contextmanager
def _standard_output_untouched() -> Iterator[None]:
    """Gloo, by which CPUs talk, says on standard output whom it has met; that belongs on standard error."""
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
