"""Events to a file, however many: part by part to disk, then put together; killed at any moment, it can be resumed."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

from hepppl import trust
from hepppl.io.write import WEIGHT, event_format, write_pieces, writing
from hepppl.scale.parts import Parts, Pieces
from hepppl.scale.runs import Progress, Spread, results, running
from hepppl.scale.summary import Summary
from hepppl.scale.work import Part, Work


def stream(
    path: str | os.PathLike[str] | None,
    work: Work,
    spread: Spread,
    tolerance: float,
    resume: bool,
    progress: Progress | None,
) -> Summary:
    """Run the parts that are not on disk yet, then write the file; without a path, a summary only. Where the result is
    not to be trusted, there is no file, and the parts stay: to be resumed with another tolerance.

    Raises `HepFileError` (E511 to E513, E515), and `HepResultError` with the `Summary` as its result.
    """
    spread.begin()
    began = time.perf_counter()
    if path is None:
        summary = Summary.of(work)
        for (first, _), raw in results(work, spread, progress, work.parts()):
            summary.add(first, raw)
        compiling = summary.seconds["compile"]
        check(summary, began, compiling, tolerance)
        return summary
    if spread.hosts:
        from hepppl.scale import hosts

        return hosts.write(path, work, tolerance, resume, progress)
    path = prepared(path)
    with writing(path):
        parts = Parts.opened(path, work, resume)
        compiling = store(parts, work, spread, missing(parts, work), progress)
    return put_together(path, parts, work, tolerance, began, compiling)


def prepared(path: str | os.PathLike[str]) -> Path:
    """The path of a file that can be written. Raises `HepFileError` before there is work to lose."""
    event_format(path)
    return Path(path)


def missing(parts: Parts, work: Work) -> list[Part]:
    return [part for part in work.parts(parts.size) if not parts.has(part[0])]


def store(parts: Parts, work: Work, spread: Spread, todo: list[Part], progress: Progress | None) -> float:
    """Run parts and keep each as soon as it is there; the seconds that the slowest to compile took for it."""
    compiling = 0.0
    for (first, _), raw in results(work, spread, progress, todo):
        parts.write(first, raw)
        compiling = max(compiling, raw.compile_seconds)
    return compiling


def put_together(path: Path, parts: Parts, work: Work, tolerance: float, began: float, compiling: float) -> Summary:
    """The file of a run all of whose parts are there. Raises `HepResultError` with the `Summary` as its result."""
    summary = Summary.of(work)
    firsts = tuple(first for first, _ in work.parts(parts.size))
    for first in firsts:
        summary.add(first, parts.read(first))
    check(summary, began, compiling, tolerance)
    names = dict.fromkeys((*summary.names, WEIGHT) if summary.weighted else summary.names)
    write_pieces(path, Pieces(parts, firsts, tuple(names)), summary.to_dict(), parts.folder / "whole")
    with suppress(OSError):  # someone put something there
        parts.remove()
    return summary


def check(summary: Summary, began: float, compiling: float, tolerance: float) -> None:
    summary.seconds.update(compile=compiling, run=running(began, compiling))
    trust.check(summary, tolerance, summary.defined())
