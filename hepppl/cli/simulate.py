"""``hepppl simulate FILE``: events, and a summary of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hepppl.cli import common, running, text

if TYPE_CHECKING:
    from hepppl.results import Events
    from hepppl.scale.summary import Summary


@click.command(cls=common.Command, short_help="Simulate events: a summary, and files of events.")
@common.FILE
@common.options(common.EVENTS, common.SEED, common.PARAM, common.DATA, common.MODEL)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the events: .npz, .h5, .parquet or .root.")
@click.option("--resume", is_flag=True, help="Take up a run with -o that was interrupted.")
@common.options(common.UNIT, common.TOLERANCE, common.ENGINE, common.SPREAD, common.JSON, common.QUIET)
def command(
    file: Path,
    n: int,
    seed: int,
    params: dict[str, str],
    data_file: Path | None,
    model_name: str | None,
    output: Path | None,
    resume: bool,
    units: dict[str, str],
    tolerance: float,
    as_json: bool,
    quiet: bool,
    **engine: Any,
) -> None:
    """Simulate events and show the mean of each output. Files of events hold base units (MeV, mm, ns).

    Memory does not grow with the number of events. Until a file is complete, its events are in a folder FILE.parts
    beside it, where --resume finds them.
    """
    if resume and output is None:
        raise click.UsageError("--resume says how to go on with a file: give -o too")
    model = common.open_model(file, model_name, data_file)
    scales = running.scales(model, units)
    options = {"params": params, "tolerance": tolerance, **common.engine_options(engine)}
    with running.progress("simulating", n, quiet or as_json) as move:
        events, error = running.run(lambda: model.simulate_to(output, n, seed, resume=resume, progress=move, **options))
    if not running.is_heard(options["hosts"]):
        quiet, as_json = True, False
    if as_json and error is None:
        common.print_json(as_dict(events, scales))
    elif not quiet and not as_json:
        click.echo(summary(events, scales))
        if output is not None and error is None:
            click.echo(f"events written to {output}")
    if output is not None and error is not None and not quiet:
        click.echo(f"no file is written; the events are in {output}.parts, and --resume takes them up", err=True)
    running.finish(events, error, lambda: as_dict(events, scales))


def as_dict(events: Events | Summary, scales: running.Scales) -> Mapping[str, Any]:
    from hepppl.results import plain

    data = events.to_dict()
    for name, row in data["outputs"].items():
        if "elements" in row:
            continue
        factor, unit = scales[name]
        moments = {"mean": events.mean[name], "se": events.se[name], "std": events.std[name]}
        row.update({key: plain(value / factor) for key, value in moments.items()}, unit=unit)
    return data


def summary(events: Summary, scales: running.Scales) -> str:
    """A line per element of each output: mean, standard error, standard deviation of one event."""
    rows = []
    mean, se, std = events.mean, events.se, events.std
    for name, value in mean.items():
        factor, unit = scales[name]
        for label, at in text.elements(name, value):
            m, e, s = ((array[at] if at else array) / factor for array in (value, se[name], std[name]))
            rows.append((label, text.measured(m, e), text.number(s), unit))
    for name, elements in events.elements.items():
        rows.append((name, f"{elements:,} elements", "", events.units[name]))
    header = ("output", "mean ± standard error", "std of one event", "unit")
    lines = text.table(*text.without_empty_last(header, text.shorten(rows)))
    return f"{running.heading(events, len(events))}\n\n{lines}\n\n{running.closing(events, len(events))}"
