"""``hepppl graph FILE``: the model graph."""

from __future__ import annotations

from pathlib import Path

import click

from hepppl.cli import common
from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepFileError

FORMATS = (".svg", ".dot", ".json", ".txt")


@click.command(cls=common.Command, short_help="The model graph as text, SVG, DOT or JSON.")
@common.FILE
@common.options(common.DATA, common.MODEL)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write it: x.svg, x.dot, x.json or x.txt.")
@common.JSON
@common.QUIET
def command(
    file: Path, data_file: Path | None, model_name: str | None, output: Path | None, as_json: bool, quiet: bool
) -> None:
    """Show the model graph: parameters, random sites, processes, loops and outputs, and what depends on what."""
    if output is not None and output.suffix not in FORMATS:
        message = f"graphs are written as {', '.join(FORMATS)}, not as '{output.suffix or output}'"
        raise HepFileError(Diagnostic("E511", message))
    graph = common.open_model(file, model_name, data_file).model_graph
    from hepppl.graph import show

    if output is not None:
        from hepppl.io.write import write_text

        render = {".svg": show.svg, ".dot": show.dot, ".json": show.json_text, ".txt": show.text}[output.suffix]
        write_text(output, render(graph))
    if as_json:
        common.print_json(show.to_dict(graph))
    elif output is None and not quiet:
        click.echo(show.text(graph))
