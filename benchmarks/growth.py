"""How time, memory and compilation grow with events, steps, particles and parameters; each in a process of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from . import worker
from .contest import path
from .report import Growth, Ratio, Row

#: Seconds that a run may be expected to take: larger sizes are left out.
PATIENCE = 10.0
EVENTS = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
#: Runs of at most so many events are short, and differ: they are made so often.
FEW_EVENTS = (10_000, 9)
#: Programs that are followed over the number of events.
PROGRAMS = (
    "absorber",
    "electromagnetic_cascade",
    "sudakov",
    "random_walk",
    "poisson_square",
    "smooth_normal",
    "template_fit",
    "net_thousand",
)


def costs(name: str, text: str, what: str, events: tuple[int, ...], rounds: int, **options: Any) -> list[Any]:
    """The worker's rows, as far as patience goes; compiled afresh."""
    rows: list[Any] = []
    with worker.empty_cache() as cache:
        for n in events:
            if rows and rows[-1]["us"] * n > 1e6 * PATIENCE:
                break
            turns = FEW_EVENTS[1] if n <= FEW_EVENTS[0] else rounds
            task = {"text": text, "what": what, "events": [n], "rounds": turns, "options": options}
            rows += worker.run({"name": name, **task}, **cache)
    return rows


def both(name: str, axis: str, sizes: Mapping[float, str], n: int, **options: Any) -> Iterator[Growth]:
    """A program at each size, ``n`` events of it: simulated and differentiated."""
    for size, text in sizes.items():
        (simulated,), (gradient,) = (costs(name, text, what, (n,), 2, **options) for what in ("stream", "grad"))
        yield Growth(
            name, axis, size, simulated["us"], gradient["us"], simulated["peak_mb"], gradient["peak_mb"],
            gradient["compile"],
        )  # fmt: skip


def events(scale: float, rounds: int) -> Iterator[Row]:
    """From a thousand events to ten million; the heavy-tailed cascade must not cost more per event when there are few,
    and the walk no more memory when there are many."""
    for name in PROGRAMS:
        text = path(name).read_text("utf-8")
        counts = tuple(int(n * scale) for n in EVENTS)
        simulated, gradient = (costs(name, text, what, counts, 2) for what in ("stream", "grad"))
        for n, row, slope in itertools.zip_longest(counts, simulated, gradient):
            if row is None and slope is None:
                continue
            row, slope = row or {}, slope or {}
            yield Growth(
                name, "events", n, row.get("us"), slope.get("us"), row.get("peak_mb"), slope.get("peak_mb"),
                slope.get("compile"),
            )  # fmt: skip
        if name == "electromagnetic_cascade":
            each = [row["us"] for row in simulated if row["events"] <= 1_000_000 * scale]
            what = f"{name}: time per event, the most over the least from 1e3 to 1e6 events"
            yield Ratio(what, max(each) / min(each), 1.3, at_least=False)
        if name == "random_walk":
            by_events = {row["events"]: row["peak_mb"] for row in simulated}
            most, less = (by_events.get(int(n * scale)) for n in (10_000_000, 1_000_000))
            if most and less:
                what = f"{name}: peak memory of 1e7 events over that of 1e6"
                yield Ratio(what, most / less, 1.2, at_least=False)


def sizes(scale: float, rounds: int) -> Iterator[Row]:
    """Longer loops, larger showers, more parameters."""
    walk = path("random_walk").read_text("utf-8")
    steps = {s: walk.replace("0..100", f"0..{s}") for s in (10, 100, 1000, 10_000)}
    yield from both("random_walk", "steps", steps, int(4096 * scale))
    cascade = path("cascade").read_text("utf-8")
    particles = {2 * 0.8**2 / 0.6 * e**0.6: cascade.replace("50 GeV", f"{e} GeV") for e in (5, 50, 500, 5000)}
    yield from both("cascade", "particles", particles, int(4096 * scale))
    network = path("net_thousand").read_text("utf-8")
    widths = {h * h + 5 * h + 1: network.replace("[30, 30]", f"[{h}, {h}]") for h in (2, 8, 30, 98)}
    yield from both("net_thousand", "parameters", widths, int(16_384 * scale))


def learned(scale: float, rounds: int) -> Iterator[Row]:
    """A network of 10,095 weights inside a shower: its gradient in simulations, and memory as showers grow."""
    text, n = path("learned_shower").read_text("utf-8"), int(16_384 * scale)
    (simulated,), (gradient,) = (costs("learned_shower", text, what, (n,), 2) for what in ("stream", "grad"))
    yield Ratio(
        "learned_shower: gradient of 10,095 weights / simulate", gradient["us"] / simulated["us"], 6.0, at_least=False
    )
    small = text.replace("shower(10)", "shower(1)")
    (less,) = costs("learned_shower", small, "grad", (n,), 1)
    what = "learned_shower: peak memory of a gradient, showers of ten times the energy"
    yield Ratio(what, gradient["peak_mb"] / less["peak_mb"], 10**0.5, at_least=False)
