"""``hepppl plan FILE``: which estimator serves which site, and why."""

from __future__ import annotations

from pathlib import Path

import click

from hepppl.cli import common


@click.command(cls=common.Command, short_help="The gradient estimator of each random site, and why.")
@common.FILE
@common.options(common.BY, common.WRT, common.DATA, common.MODEL)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Save the plan (JSON), for --plan of 'grad'.")
@common.JSON
@common.QUIET
def command(
    file: Path,
    by: dict[str, str],
    wrt: tuple[str, ...],
    data_file: Path | None,
    model_name: str | None,
    output: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Show a row per random site: its estimator, what that costs beside the simulation, and why it was chosen."""
    plan = common.open_model(file, model_name, data_file).plan(by, list(wrt) or None)
    if output is not None:
        from hepppl.io.write import write_text
        from hepppl.planning import dumps

        write_text(output, dumps(plan))
    if as_json:
        from hepppl.planning.saved import to_dict

        common.print_json(to_dict(plan))
    elif not quiet:
        click.echo(str(plan))
