"""``hepppl plan FILE``: which estimator serves which site, and why."""

from __future__ import annotations

from pathlib import Path

import click

from hepppl.cli import common


@click.command(cls=common.Command, short_help="The gradient estimator of each random site, and why.")
@common.FILE
@common.options(common.BY, common.WRT, common.DATA, common.MODEL)
@click.option("--tune", is_flag=True, help="Choose by a pilot run: the least variance × time of what is sound.")
@click.option("--order", type=click.IntRange(1, 2), default=1, help="2: a plan for second derivatives.")
@common.MODE
@click.option("-n", "--events", "n", type=int, default=10_000, show_default=True, help="Events per candidate.")
@common.options(common.SEED, common.PARAM)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Save the plan (JSON), for --plan of 'grad'.")
@common.JSON
@common.QUIET
def command(
    file: Path,
    by: dict[str, str],
    wrt: tuple[str, ...],
    data_file: Path | None,
    model_name: str | None,
    tune: bool,
    order: int,
    mode: str,
    n: int,
    seed: int,
    params: dict[str, str],
    output: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Show a row per random site: its estimator, what that costs beside the simulation, and why it was chosen.

    With --tune every sound estimator of a site, and its options, is run at the parameters given, and the table says
    what was measured. -o keeps the plan for 'hepppl grad --plan'.
    """
    if tune and order == 2:
        raise click.UsageError("--tune measures first derivatives: --order 2 goes without it")
    if tune and mode != "auto":
        raise click.UsageError("--tune measures in the mode that is used by default: --mode goes without it")
    model = common.open_model(file, model_name, data_file)
    plan = model.plan(by, list(wrt) or None, order=order, mode=mode, tune=tune, n=n, seed=seed, params=params)
    if output is not None:
        from hepppl.io.write import write_text
        from hepppl.planning import dumps

        write_text(output, dumps(plan))
    if as_json:
        from hepppl.planning.saved import to_dict

        common.print_json(to_dict(plan))
    elif not quiet:
        click.echo(str(plan))
