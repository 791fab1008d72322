"""The front end: what a user waits for before anything runs. Budgets in seconds of the processor."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from hepppl.diagnostics import Source
from hepppl.graph import ModelGraph
from hepppl.planning import choose
from hepppl.semantics import check
from hepppl.syntax import parse

from .report import Ratio

SMALL = Path(__file__).parents[1] / "examples" / "discrete_choice.hep"


def front(scale: float, rounds: int) -> Iterator[Ratio]:
    """A small file checked from a cold start, and programs of 1,000 lines in a process that has parsed before."""
    yield Ratio("front end: seconds of `hepppl check`, cold start", cold(rounds), 0.5, at_least=False)
    for what, text in PROGRAMS.items():
        assert text.count("\n") == 1000
        planned(text)
        yield Ratio(
            f"front end: seconds to parse, check and plan 1,000 lines, {what}",
            statistics.median(planned(text) for _ in range(rounds)),
            1.0,
            at_least=False,
        )


def cold(rounds: int) -> float:
    """Median seconds of the processor that ``hepppl check`` takes in a new Python."""
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    times = []
    for _ in range(rounds + 1):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "hepppl", "check", "--quiet", SMALL], env=env, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(times[1:])


def planned(text: str) -> float:
    """Seconds from a text to its plan."""
    start = time.process_time()
    choose(ModelGraph(check(parse(Source("long.hep", text)))))
    return time.process_time() - start


def _program(head: list[str], turn: str, result: str) -> str:
    """A model of 1,000 lines: ``turn``, lines with {i}, as often as fits."""
    each = turn.count("\n") + 1
    lines = ["model long {", *head]
    count, rest = divmod(1000 - len(lines) - 2, each)
    lines += [turn.format(i=i) for i in range(count)]
    lines += ["    # filled up"] * rest
    return "\n".join([*lines, result.format(fields=", ".join(f"a{i} = z{i}" for i in range(count))), "}"]) + "\n"


_HEAD = ["    param t: real in (0, 10) = 1"]
PROGRAMS = {
    "smooth sites": _program(
        [*_HEAD, "    s = 0"],
        "    x{i} ~ normal(t * {i} + 1, 2)\n    y{i} = sin(x{i})^2 + exp(-x{i}^2) * {i}\n    s = s + y{i}",
        "    return s",
    ),
    "sites that are compared, an output each": _program(
        _HEAD,
        "    x{i} ~ normal(t * {i} + 1, 2)\n    y{i} = sin(x{i})^2 + {i}\n    z{i} = if y{i} > 3 then 1 else y{i}",
        "    return ({fields})",
    ),
    "functions and branches": _program(
        [*_HEAD, "    s = 0"],
        "    b{i} ~ bernoulli(sigmoid(t))\n    if b{i} {{\n        s = s + {i} * t\n    }} else {{\n"
        "        s = s + min(t, {i})\n    }}",
        "    return s",
    ),
}
