"""May a result be trusted? Truncation, arguments out of range and numbers that are not finite are never silent."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepResultError

#: Kind of fault -> its code, and whether it counts as truncation (tolerated up to a fraction) or always fails.
FAULTS = {
    "truncated": ("E901", True),
    "steps": ("E902", True),
    "range": ("E903", True),
    "integer": ("E950", True),
    "invalid": ("E904", False),
    "plugin": ("E806", False),
    "coincident": ("E909", False),
    "elsewhere": ("E921", False),
    "unsolved": ("E906", True),
}
HINTS = {
    "truncated": "raise the limit, or accept the bias with --tolerance",
    "steps": "make the process die out: let its particles lose energy, or stop somewhere",
    "range": "keep the index inside the array for every value it can take",
    "integer": "calculate with real numbers: real(k) * n",
    "unsolved": "start nearer to the solution, or in an interval over which the function changes its sign",
    "plugin": "take another estimator for the site, and report it to the package",
    "invalid": "keep the argument in its range for every event, and look at the parameters' values",
    "elsewhere": "compare points on one side of where it changes, or draw the decision from a law",
    "coincident": "move one of the thresholds a little, or take the site by another estimator (--by)",
}


def check(result: Any, tolerance: float, values: Iterable[tuple[str, Any]]) -> None:
    """Raises `HepResultError` carrying ``result`` where it cannot be trusted.

    ``values``: numbers that must be finite, with what to call them. The whole run fails when the fraction of truncated
    events exceeds ``tolerance``; each fault is then reported where it happened.
    """
    over = result.truncated > tolerance
    diagnostics = [_fault(fault, len_of(result)) for fault in result.faults if over or not FAULTS[fault.kind][1]]
    if over and not diagnostics:
        diagnostics.append(Diagnostic("E901", f"{result.truncated:.3%} of the events were truncated"))
    # A number that is not finite is news only where no fault explains it.
    if not diagnostics:
        diagnostics.extend(_not_finite(values))
    agreed(result, diagnostics)


def agreed(result: Any, diagnostics: list[Diagnostic]) -> None:
    """Raises `HepResultError` carrying ``result`` where there is something to say against it."""
    if diagnostics:
        error = HepResultError(diagnostics)
        error.result = result
        raise error


def truncated(faults: Iterable[Any], events: int) -> float:
    """The fraction of events that met a limit (an event counts once, by its first fault)."""
    return sum(fault.count for fault in faults if FAULTS[fault.kind][1]) / events


def tolerated(result: Any) -> list[Diagnostic]:
    """Warnings about what a result is trusted in spite of: truncation within the tolerance, infinite outputs."""
    truncation = [
        Diagnostic("W901", _fault(fault, len_of(result)).message, fault.span)
        for fault in result.faults
        if FAULTS[fault.kind][1]
    ]
    return truncation + [
        Diagnostic("W902", f"output '{name}' is infinite in some events, and so is its mean")
        for name in getattr(result, "infinite", ())
    ]


def len_of(result: Any) -> int:
    events = getattr(result, "events", None)
    return events if isinstance(events, int) else len(result if events is None else events)


def _fault(fault: Any, events: int) -> Diagnostic:
    share = f"{fault.count} of {events} events" if events > 1 else "the event"
    message = f"{fault.message} in {share} (the first is event {fault.first_event})"
    return Diagnostic(FAULTS[fault.kind][0], message, fault.span, hints=(HINTS[fault.kind],))


def _not_finite(values: Iterable[tuple[str, Any]]) -> Iterator[Diagnostic]:
    for name, value in values:
        array = np.asarray(value)
        if array.dtype.kind not in "fc" or _finite(array):
            continue
        bad = ~np.isfinite(array)
        if bad.any():
            found = "NaN" if np.isnan(array[bad][0]) else "infinite"
            hint = "look for a division by zero or a logarithm of zero"
            yield Diagnostic("E905", f"{name} is {found}", hints=(hint,))


def defined_outputs(outputs: Mapping[str, Any], weight: np.ndarray) -> Iterator[tuple[str, Any]]:
    """What of events must be finite: the weights; and outputs that are NaN where the weight is not 0. An output may be
    infinite in an event (the maximum of an empty collection)."""
    for name, output in outputs.items():
        bad = undefined(output, weight)
        if len(bad):
            yield undefined_output(name, len(bad), bad[0])
    yield "the weight", weight


def undefined(output: Any, weight: np.ndarray) -> np.ndarray:
    """The positions of the events whose output is NaN though their weight is not 0."""
    if not _numbers(output, np.isnan):
        return np.zeros(0, np.intp)
    numbers, values = _by_event(output)
    return np.unique(numbers[np.isnan(values) & (weight[numbers] != 0)])


def undefined_output(name: str, events: int, first: int) -> tuple[str, float]:
    return f"output '{name}' of {events} events (the first is event {first})", math.nan


def infinite(output: Any, weight: np.ndarray) -> bool:
    """Whether an output is infinite in an event that counts."""
    if not _numbers(output, np.isinf):
        return False
    numbers, values = _by_event(output)
    return bool((np.isinf(values) & (weight[numbers] != 0)).any())


def _numbers(output: Any, what: Callable[[np.ndarray], np.ndarray]) -> bool:
    """Whether ``what`` (`numpy.isnan` or `numpy.isinf`) holds anywhere, looked at without a thought for whose it is."""
    values = output.values if hasattr(output, "event_numbers") else output
    return values.dtype.kind == "f" and not _finite(values) and bool(what(values).any())


def _finite(values: np.ndarray) -> bool:
    """That all numbers are finite, from their sum, without another array; False may also be an overflow."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(values.sum()))


def _by_event(output: Any) -> tuple[np.ndarray, np.ndarray]:
    """All numbers of an output, flat, and the event each belongs to."""
    if hasattr(output, "event_numbers"):
        numbers, values = output.event_numbers(), output.values
        return np.repeat(numbers, values.size // max(len(values), 1)), values.ravel()
    return np.repeat(np.arange(len(output)), output[0].size), output.ravel()
