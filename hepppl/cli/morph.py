"""``hepppl morph FILE --to NAME=VALUE``: the same events at other parameters."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hepppl.cli import common, running, text
from hepppl.cli.simulate import as_dict as events_dict

if TYPE_CHECKING:
    from hepppl.inference.morph import Morph


@click.command(cls=common.Command, short_help="Take the same events to other parameters.")
@common.FILE
@click.option(
    "--to",
    type=common.Pair(),
    multiple=True,
    required=True,
    callback=common.pairs,
    help="A parameter's value where the events are taken (repeatable): --to radius=22cm.",
)
@click.option(
    "--method",
    type=click.Choice(["auto", "move", "reweight"]),
    default="auto",
    show_default=True,
    help="Along the events' derivatives, by weights, or the first of the two that is sound.",
)
@click.option("--order", type=click.Choice(["1", "2"]), default="2", show_default=True, help="Order of a move.")
@click.option(
    "--accuracy",
    type=float,
    default=0.05,
    show_default=True,
    help="The largest part of an output's way that a move may miss.",
)
@common.options(common.EVENTS, common.SEED, common.PARAM, common.DATA, common.MODEL)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write them: .npz, .h5, .parquet or .root.")
@common.options(common.UNIT, common.TOLERANCE, common.ENGINE, common.JSON, common.QUIET)
def command(
    file: Path,
    to: dict[str, str],
    method: str,
    order: str,
    accuracy: float,
    n: int,
    seed: int,
    params: dict[str, str],
    data_file: Path | None,
    model_name: str | None,
    output: Path | None,
    units: dict[str, str],
    tolerance: float,
    as_json: bool,
    quiet: bool,
    **engine: Any,
) -> None:
    """Simulate events, and take them to other parameters: what they become there, and by how much the means differ.

    Files hold the events at the other parameters, with their weights, in base units."""
    model = common.open_model(file, model_name, data_file)
    scales = running.scales(model, units)
    if output is not None:
        from hepppl.io.write import event_format

        event_format(output)  # refuse before the work, not after
    with running.progress("simulating", n, quiet or as_json) as move:
        options = common.engine_options(engine)
        options |= {"order": int(order), "accuracy": accuracy, "tolerance": tolerance, "progress": move}
        found, error = running.run(lambda: model.morph(n, to, params, method, seed, **options))
    if output is not None and error is None:
        from hepppl.io.write import write_events

        write_events(output, found.at())
    if as_json and error is None:
        common.print_json(as_dict(found, scales))
    elif not quiet and not as_json:
        click.echo(summary(found, scales))
        if output is not None and error is None:
            click.echo(f"events written to {output}")
    running.finish(found, error, lambda: as_dict(found, scales))


def as_dict(found: Morph, scales: running.Scales) -> Mapping[str, Any]:
    """What `simulate --json` says of the events at the other point; where they come from, and how far."""
    from hepppl.results import plain

    data = dict(events_dict(found.at(), scales))
    data["from"] = {name: plain(value) for name, value in found.events.params.items()}
    data |= {"method": found.method, "why": found.why, "worth": found.worth[0]}
    data["missed"] = {name: plain(part) for name, part in (found.missed[0] if found.missed else {}).items()}
    data["shift"] = {}
    for name, (value, se) in shifts(found).items():
        factor, unit = scales[name]
        data["shift"][name] = {"value": plain(value / factor), "se": plain(se / factor), "unit": unit}
    return data


def shifts(found: Morph) -> Mapping[str, tuple[Any, Any]]:
    """Of the outputs that have means."""
    names = [name for name in found.events.mean if name in found.events.outputs]
    return {name: found.shift(name) for name in names}


def summary(found: Morph, scales: running.Scales) -> str:
    """A line per element of each output: its mean here and there, and the difference."""
    rows = []
    here, there = found.events, found.at()
    for name, (value, se) in shifts(found).items():
        factor, unit = scales[name]
        for label, at in text.elements(name, value):

            def measured(value: Any, se: Any, at: Any = at, factor: float = factor) -> str:
                m, e = ((array[at] if at else array) / factor for array in (value, se))
                return text.measured(m, e)

            means = [measured(events.mean[name], events.se[name]) for events in (here, there)]
            rows.append((label, *means, measured(value, se), unit))
    lines = text.table(*text.without_empty_last(("output", "from", "to", "difference", "unit"), text.shorten(rows)))
    moved = [
        f"{name} = {running.shown(value)}" for name, value in found.points[0].items() if value != here.params[name]
    ]
    how = f"by {found.method} ({found.why})"
    if found.method == "reweight":
        quality = f"the weighted events are worth {found.worth[0]:.1%} of their number"
    else:
        most = max(found.missed[0].values(), default=0.0)
        quality = f"of their way, the events moved miss {most:.2%} at most (events simulated there with the same noise)"
    heading = f"{running.heading(here, len(here))}\nto {', '.join(moved) or 'the same point'}, {how}"
    return f"{heading}\n\n{lines}\n\n{quality}\n{running.closing(here, len(here))}"
