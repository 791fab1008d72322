"""``hepppl bench FILE``: how fast a program is simulated and differentiated, and what an error costs."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hepppl.cli import common, running, text

if TYPE_CHECKING:
    from hepppl.model import Model
    from hepppl.planning import Plan


@click.command(cls=common.Command, short_help="Time simulate and grad; variance × time of each derivative.")
@common.FILE
@common.options(common.EVENTS, common.SEED, common.PARAM, common.WRT, common.BY, common.PLAN)
@common.options(common.DATA, common.MODEL, common.TOLERANCE)
@click.option("--rounds", "repeats", type=click.IntRange(1), default=5, show_default=True, help="Runs of each.")
@common.options(common.JSON, common.QUIET)
def command(
    file: Path,
    n: int,
    seed: int,
    params: dict[str, str],
    wrt: tuple[str, ...],
    by: dict[str, str],
    plan_file: Path | None,
    data_file: Path | None,
    model_name: str | None,
    tolerance: float,
    repeats: int,
    as_json: bool,
    quiet: bool,
) -> None:
    """Run simulate and grad in turn, several times after compiling: medians of events per second, the time of a
    gradient in simulations, and for each derivative one event's variance × microseconds: what a given error costs.
    """
    common.check_one_plan(by, wrt, plan_file)
    model = common.open_model(file, model_name, data_file)
    plan = common.chosen_plan(model, by, wrt, plan_file) if model.params else None
    found = measure(model, plan, n, seed, repeats, {"params": params, "tolerance": tolerance})
    if as_json:
        common.print_json(found)
    elif not quiet:
        click.echo(summary(found))


def measure(
    model: Model, plan: Plan | None, n: int, seed: int, repeats: int, options: Mapping[str, Any]
) -> dict[str, Any]:
    """What ``bench --json`` prints. Times in seconds, ``variance_times_us`` in base units squared."""
    from hepppl.results import plain

    calls: dict[str, Callable[[int], Any]] = {"simulate": lambda s: model.simulate(n, s, **options)}
    if plan is not None and plan.wrt:
        calls["grad"] = lambda s: model.grad(n, s, plan=plan, **options)
    first = {name: call(seed) for name, call in calls.items()}
    times: dict[str, list[float]] = {name: [] for name in calls}
    for round_ in range(repeats):
        for name, call in calls.items():
            times[name].append(call(seed + 1 + round_).seconds["run"])
    medians = {name: statistics.median(seconds) for name, seconds in times.items()}
    found: dict[str, Any] = {
        "model": model.name, "events": n, "seed": seed, "rounds": repeats,
        "params": {name: plain(value) for name, value in first["simulate"].params.items()},
        "seconds": {name: {"compile": first[name].seconds["compile"], "run": medians[name]} for name in calls},
        "events_per_second": {name: n / seconds for name, seconds in medians.items()},
    }  # fmt: skip
    if "grad" in calls:
        result, us = first["grad"], 1e6 * medians["grad"] / n
        pairs = zip(times["grad"], times["simulate"], strict=True)
        found["simulations"] = statistics.median(a / b for a, b in pairs)
        found["gradient"] = {
            output: {
                param: {
                    "value": plain(value),
                    "std": plain(result.std[output][param]),
                    "variance_times_us": plain(result.std[output][param] ** 2 * us),
                }
                for param, value in by_param.items()
            }
            for output, by_param in result.gradient.items()
        }
        found["sites"] = [dict(row) for row in result.sites]
    return found


def summary(found: Mapping[str, Any]) -> str:
    shown = [f"{name} = {running.shown(as_tuple(value))}" for name, value in found["params"].items()]
    head = ", ".join([f"{found['model']}: {found['events']:,} events", f"{found['rounds']} rounds", *shown])
    rows = [
        (name, text.rate(rate, 1), text.duration(found["seconds"][name]["compile"]))
        for name, rate in found["events_per_second"].items()
    ]
    lines = [head, "", text.table(("", "events per second", "compiling"), rows)]
    if "gradient" in found:
        rows = [
            (f"dE[{output}]/d{param}{label}", text.number(std), text.number(cost))
            for output, by_param in found["gradient"].items()
            for param, row in by_param.items()
            for label, std, cost in flat(row)
        ]
        table = text.table(("derivative", "std of one event", "variance × µs"), text.shorten(rows))
        lines += ["", table, "", f"a gradient takes {found['simulations']:.2f} simulations"]
    return "\n".join(lines)


def flat(row: Mapping[str, Any]) -> list[tuple[str, float, float]]:
    """A derivative's elements: label, standard deviation, variance × time."""
    import numpy as np

    std = np.array(row["std"], float)
    cost = np.array(row["variance_times_us"], float)
    return [(label, float(std[at]), float(cost[at])) for label, at in text.elements("", std)]


def as_tuple(value: Any) -> Any:
    return tuple(map(as_tuple, value)) if isinstance(value, list) else math.nan if value is None else value
