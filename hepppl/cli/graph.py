"""``hepppl graph FILE``: the model graph."""

from __future__ import annotations

from pathlib import Path

import click

from hepppl.cli import common
from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepFileError

#: Ending of a file -> method of `ModelGraph` that makes its text.
FORMATS = {".svg": "to_svg", ".dot": "to_dot", ".json": "to_json", ".txt": "to_text"}


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
        message = f"graphs are written as {', '.join(FORMATS)}, not as '{output.name}'"
        raise HepFileError(Diagnostic("E511", message))
    graph = common.open_model(file, model_name, data_file).model_graph
    if output is not None:
        from hepppl.io.write import write_text

        write_text(output, getattr(graph, FORMATS[output.suffix])())
    if as_json:
        from hepppl.graph.jsonform import to_dict

        common.print_json(to_dict(graph))
    elif output is None and not quiet:
        click.echo(graph.to_text().rstrip("\n"))
