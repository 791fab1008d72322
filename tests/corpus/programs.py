"""The corpus: where its programs are, and what the comments of the good ones promise.

A good program says in its comments what must come out of it, one promise a line. The right-hand sides are Python, with
`np`, `stats` and `special` (of SciPy) and `quad`:

    # E[n] = 0.3 * 139            the mean of an output (of E[w f] / E[w] where there are weights; `weight` is E[w])
    # E[n | mu = 0] = 0           the same at other values of the parameters, in base units
    # total = 55                  the value in every event
    # z = 91188 +- 5              the value within a tolerance
    # faults: truncated           what may go wrong in some events: truncated, range or invalid

A program without promises is held to the agreement of the two back ends, event by event.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import scipy.special
import scipy.stats
from scipy.integrate import quad

from hepppl.diagnostics import Source
from hepppl.semantics import check
from hepppl.semantics.ir import Program
from hepppl.syntax import parse

HERE = Path(__file__).parent
GOOD = {path.stem: path for path in sorted((HERE / "good").rglob("*.hep"))}
EXAMPLES = {path.stem: path for path in sorted((HERE.parents[1] / "examples").glob("*.hep"))}
#: Every program that runs, by the stem of its file's name.
FILES = {**GOOD, **EXAMPLES}
BAD = {str(path.relative_to(HERE / "bad").with_suffix("")): path for path in sorted((HERE / "bad").rglob("*.hep"))}

_NAMES = {"np": np, "stats": scipy.stats, "special": scipy.special, "quad": quad}
_PROMISE = re.compile(r"^# (?P<mean>E\[)?(?P<name>\w+)(?: \| (?P<at>[^\]=]+ = [^\]=]+?))?(?(mean)\]) = (?P<value>.+)$")


@dataclass(frozen=True)
class Promise:
    """What an output must be: its ``value`` in every event within ``tolerance``, or its ``mean``, at ``params``."""

    output: str
    mean: bool
    params: Mapping[str, Any]
    value: Any
    tolerance: float | None


def program(text: str, name: str = "<test>") -> Program:
    """The checked program of a text."""
    return check(parse(Source(name, text)))


@cache
def load(name: str) -> Program:
    """The program of that name, by its file."""
    return program(FILES[name].read_text(encoding="utf-8"), FILES[name].name)


@cache
def promises(name: str) -> tuple[Promise, ...]:
    """Those of the comments at the top of a file, in order."""
    found = []
    for line in GOOD[name].read_text(encoding="utf-8").splitlines() if name in GOOD else ():
        match = _PROMISE.match(line)
        if match:
            value, _, tolerance = match["value"].partition(" +- ")
            params = dict(re.findall(r"(\w+) = ([^,]+)", match["at"] or ""))
            found.append(
                Promise(
                    match["name"],
                    bool(match["mean"]),
                    {k: ast.literal_eval(v.strip()) for k, v in params.items()},
                    np.asarray(eval(value, dict(_NAMES)), float),
                    float(tolerance) if tolerance else None,
                )
            )
    return tuple(found)


def faults(name: str) -> set[str]:
    """What may go wrong in some events of a program, as its comments say."""
    found = re.search(r"^# faults: (.+)$", FILES[name].read_text(encoding="utf-8"), re.MULTILINE)
    return set(found[1].split()) if found else set()
