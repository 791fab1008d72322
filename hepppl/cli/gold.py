"""``hepppl gold FILE``: events with the score and the likelihood ratios of all that they draw."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hepppl.cli import common, running, text
from hepppl.cli.simulate import as_dict as events_dict

if TYPE_CHECKING:
    from hepppl.inference.gold import Gold


def _points(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> list[dict[str, str]]:
    """``NAME=VALUE,NAME=VALUE`` each; a comma inside a value is none before a name."""
    pair = common.Pair()
    each = [re.split(r",(?=\s*\w+\s*=)", written) for written in value]
    return [common.pairs(ctx, param, [pair.convert(part, param, ctx) for part in parts]) for parts in each]


@click.command(cls=common.Command, short_help="Events with their joint scores and likelihood ratios.")
@common.FILE
@common.options(common.EVENTS, common.SEED, common.PARAM, common.DATA, common.MODEL)
@click.option("--wrt", multiple=True, metavar="NAME", help="The score with respect to this parameter (default: all).")
@click.option(
    "--to",
    multiple=True,
    metavar="NAME=VALUE[,…]",
    callback=_points,
    help="Log ratios to this point (repeatable): --to theta=-0.6,mu=2.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write them: .npz, .h5, .parquet or .root.")
@common.options(common.UNIT, common.TOLERANCE, common.ENGINE, common.JSON, common.QUIET)
def command(
    file: Path,
    n: int,
    seed: int,
    params: dict[str, str],
    data_file: Path | None,
    model_name: str | None,
    wrt: tuple[str, ...],
    to: list[dict[str, str]],
    output: Path | None,
    units: dict[str, str],
    tolerance: float,
    as_json: bool,
    quiet: bool,
    **engine: Any,
) -> None:
    """Simulate events, and give with each the derivative of the log-probability of everything that it drew (the joint
    score), and how much more probable that is at other points (joint log ratios).

    Files hold the events in base units, with the columns score.NAME and log_ratio.K of the K-th --to, from 0.
    """
    model = common.open_model(file, model_name, data_file)
    scales = running.scales(model, units)
    if output is not None:
        from hepppl.io.write import event_format

        event_format(output)  # refuse before the work, not after
    with running.progress("simulating", n, quiet or as_json) as move:
        options = {**common.engine_options(engine), "tolerance": tolerance, "progress": move}
        found, error = running.run(
            lambda: model.gold(n, params, list(wrt) or None, seed, [dict(point) for point in to], **options)
        )
    if output is not None and error is None:
        found.save(output)
    if as_json and error is None:
        common.print_json(as_dict(found, scales))
    elif not quiet and not as_json:
        click.echo(summary(found))
        if output is not None and error is None:
            click.echo(f"events written to {output}")
    running.finish(found, error, lambda: as_dict(found, scales))


def as_dict(found: Gold, scales: running.Scales) -> Mapping[str, Any]:
    return {**found.to_dict(), **events_dict(found.events, scales)}


def summary(found: Gold) -> str:
    """A row for each score and ratio."""
    rows = []
    for name, mean, se, std in found.moments():
        for label, at in text.elements(name, mean):
            m, e, s = (array[at] if at else array for array in (mean, se, std))
            rows.append((label, text.measured(m, e), text.number(s)))
    lines = text.table(("", "mean ± standard error", "std of one event"), text.shorten(rows))
    points = [", ".join(f"{k} = {running.shown(v)}" for k, v in point.items()) for point in found.points]
    where = "".join(f"\nratio[{k}]: to {point}" for k, point in enumerate(points))
    heading = running.heading(found.events, len(found))
    return f"{heading}\n\n{lines}\n{where}\n{running.closing(found.events, len(found))}"
