"""What `simulate` and `grad` share: running with a progress bar, units of outputs, the lines of a summary."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from hepppl.cli import common, text
from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepResultError, HepTypeError

if TYPE_CHECKING:
    from hepppl.model import Model

Scales = Mapping[str, tuple[float, str]]


@contextmanager
def progress(label: str, total: int, quiet: bool, what: str = "events") -> Iterator[Callable[[int, int], None] | None]:
    """A progress bar with rate and remaining time on standard error, on a terminal only; yields the callback that moves
    it."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    began: list[tuple[float, int]] = []

    def speed(now: tuple[int, int] | None) -> str | None:
        """Rate and remaining time, by what followed the first call: that one compiles."""
        if now is None or now[0] == began[0][1]:
            return None
        seconds, (done, total) = time.monotonic() - began[0][0], now
        left = seconds * (total - done) / (done - began[0][1])
        return f"{text.rate(done - began[0][1], seconds)} {what}/s, {text.duration(left)} left"

    with click.progressbar(
        length=max(total, 1), label=label, file=sys.stderr, show_pos=True, show_eta=False, item_show_func=speed
    ) as bar:

        def move(done: int, total: int) -> None:
            if not began:
                began.append((time.monotonic(), done))
            bar.length = total
            bar.update(done - bar.pos, (done, total))

        yield move


def is_heard(hosts: bool) -> bool:
    """Whether this process says what came out, after the work: of those that share it, one does."""
    if hosts:
        from hepppl.scale.hosts import is_first

        return is_first()
    return True


def run(job: Callable[[], Any]) -> tuple[Any, HepResultError | None]:
    """The result of a job, and why it is not to be trusted (None where it is)."""
    try:
        return job(), None
    except HepResultError as error:
        return error.result, error


def scales(model: Model, units: Mapping[str, str]) -> Scales:
    """Output -> what to divide its values by, and the name of the unit they are then in.

    Raises `HepTypeError` where a unit asked for has another dimension than the output.
    """
    from hepppl.inputs import check_names
    from hepppl.semantics.dims import phrase
    from hepppl.semantics.units import parse_unit

    check_names(units, model.units, "output", "E459")
    found = {name: (1.0, unit) for name, unit in model.units.items()}
    for name, unit in units.items():
        factor, dim = parse_unit(unit)
        if dim != model.dims[name]:
            message = f"output '{name}' is {phrase(model.dims[name])}, and '{unit}' is the unit of {phrase(dim)}"
            raise HepTypeError(Diagnostic("E206", message))
        found[name] = (factor, unit)
    return {**found, "weight": found.get("weight", (1.0, ""))}


def heading(result: Any, events: int) -> str:
    """``absorber: 100,000 events, seed 0, theta = 2.5``"""
    point = [f"{name} = {shown(value)}" for name, value in result.params.items()]
    return ", ".join([f"{result.model}: {events:,} events", f"seed {result.seed}", *point])


def shown(value: Any) -> str:
    if not isinstance(value, tuple):
        return text.number(value, 6)
    if len(value) > 6 or any(isinstance(v, tuple) for v in value):  # a table, or the weights of a net
        return " x ".join(map(str, shape(value))) + " numbers"
    return f"[{', '.join(map(shown, value))}]"


def shape(value: Any) -> tuple[int, ...]:
    return (len(value), *shape(value[0])) if isinstance(value, tuple) else ()


def closing(result: Any, events: int) -> str:
    """How long it took, how fast it was, and how much was truncated."""
    compiling, running = result.seconds["compile"], result.seconds["run"]
    speed = f"{text.duration(running)} ({text.rate(events, running)} events/s)"
    compiled = f" after {text.duration(compiling)} of compiling" if compiling >= 0.05 else ""
    truncated = f"{result.truncated:.3%} of the events truncated" if result.truncated else "no event truncated"
    return f"{speed}{compiled}; {truncated}"


def finish(result: Any, error: HepResultError | None, data: Callable[[], Mapping[str, Any]]) -> None:
    """Warn of what was tolerated, or fail; ``data`` goes into the JSON of a failure."""
    from hepppl import trust

    if error is not None:
        click.get_current_context().meta["hepppl.partial"] = data()
        raise error
    common.show_diagnostics(trust.tolerated(result))
