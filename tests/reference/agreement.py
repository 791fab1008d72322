"""Another back end's events against the reference's, event by event.

Both draw the same random bits at the same address, so an event must come out the same: discrete outputs equal, reals
within rounding. Where a back end computes in float32, now and then a probability (or a threshold) falls on the other
side of a uniform than in the reference, and the event takes another course: `compare` counts such events, and
`assert_agreement` allows a stated fraction of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hepppl.backends import reference
from hepppl.semantics import ir


@dataclass(frozen=True)
class Report:
    """What `compare` found. ``differing``: numbers of the events that differ, each with the outputs that do."""

    program: ir.Program
    events: int
    differing: Mapping[int, tuple[str, ...]]
    ours: Mapping[int, Mapping[str, Any]]
    theirs: Mapping[int, Mapping[str, Any]]
    options: Mapping[str, Any]

    @property
    def fraction(self) -> float:
        return len(self.differing) / max(self.events, 1)

    def __str__(self) -> str:
        head = f"{self.program.name}: {len(self.differing)} of {self.events} events differ"
        if not self.differing:
            return head
        event, names = next(iter(self.differing.items()))
        lines = [head, f"event {event} in {', '.join(names)}:"]
        lines += [f"  {n}: reference {self.ours[event][n]!r}, other {self.theirs[event][n]!r}" for n in names]
        draws = reference.trace(self.program, event, **self.options)
        lines += ["drawn by the reference:"]
        for d in draws[:200]:
            args = ", ".join(f"{a!r}" for a in d.args)
            lines.append(f"  #{d.number} at {d.counter}: u = {d.u:.9f}  {d.site} ~ {d.law}({args}) = {d.value!r}")
        return "\n".join(lines + ["  …"] * (len(draws) > 200))


def compare(
    program: ir.Program,
    theirs: Mapping[str, Any],
    seed: int = 0,
    params: Mapping[str, Any] | None = None,
    first_event: int = 0,
    rtol: float = 1e-5,
    atol: float = 1e-6,
    precision: int = 32,
    **options: Any,
) -> Report:
    """Compare ``theirs``, name -> array of shape (n, …) or n arrays, and under ``weight`` the weights if any.

    The names must be those of the program's outputs. Reals agree within ``atol + rtol * |reference|``, NaN with NaN.
    """
    given = {name: values for name, values in theirs.items() if name != "weight" or name in _names(program)}
    assert set(given) == _names(program), f"outputs {sorted(given)} instead of {sorted(_names(program))}"
    n = len(next(iter(theirs.values())))
    options = {"seed": seed, "params": params, "precision": precision, **options}
    events = reference.simulate(program, n, first_event=first_event, **options)
    expected = {"weight": events.weight, **events.outputs} if "weight" in theirs else events.outputs
    differing: dict[int, tuple[str, ...]] = {}
    for i in range(n):
        names = tuple(k for k, v in expected.items() if not same(v[i], theirs[k][i], rtol, atol))
        if names:
            differing[first_event + i] = names
    rows = {i: i - first_event for i in differing}
    return Report(
        program,
        n,
        differing,
        {i: {k: expected[k][row] for k in differing[i]} for i, row in rows.items()},
        {i: {k: theirs[k][row] for k in differing[i]} for i, row in rows.items()},
        options,
    )


def same(ours: Any, theirs: Any, rtol: float, atol: float) -> bool:
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    if ours.shape != theirs.shape:
        return False
    if ours.dtype.kind != "f":
        return bool(np.array_equal(ours, theirs))
    return bool(np.allclose(theirs, ours, rtol=rtol, atol=atol, equal_nan=True))


def assert_agreement(program: ir.Program, theirs: Mapping[str, Any], flips: float = 0.0, **options: Any) -> None:
    """Fail, with the first differing event and its trace, where more than the fraction ``flips`` of events differ."""
    report = compare(program, theirs, **options)
    assert report.fraction <= flips, str(report)


def _names(program: ir.Program) -> set[str]:
    return {output.name for output in program.outputs}
