"""``hepppl fmt FILE…``: canonical layout."""

from __future__ import annotations

import difflib
from pathlib import Path

import click

from hepppl.cli import common
from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepError


@click.command(cls=common.Command, short_help="Canonical layout, comments kept.")
@click.argument("files", nargs=-1, required=True, metavar="FILE…", type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 where a file would change.")
@click.option("--diff", is_flag=True, help="Change nothing; show what would change.")
@common.QUIET
@click.pass_context
def command(ctx: click.Context, files: tuple[Path, ...], check: bool, diff: bool, quiet: bool) -> None:
    """Rewrite programs in the canonical layout. Their meaning and their comments stay as they are."""
    diagnostics: list[Diagnostic] = []
    changed = 0
    for file in files:
        try:
            old, new = formatted(file)
            changed += old != new
            if old != new and diff:
                click.echo("".join(difference(file, old, new)), nl=False)
            if old != new and not (check or diff):
                from hepppl.io.write import write_text

                write_text(file, new)
            if old != new and not diff and not quiet:
                click.echo(f"{file}: {'would be reformatted' if check else 'reformatted'}")
        except HepError as error:
            diagnostics.extend(error.diagnostics)
    common.show_diagnostics(diagnostics)
    if diagnostics or (check and changed):
        ctx.exit(1)


def formatted(file: Path) -> tuple[str, str]:
    """The text of a file, and what it should be."""
    from hepppl.syntax import format_file, parse, read_source

    source = read_source(file)
    return source.text, format_file(parse(source))


def difference(file: Path, old: str, new: str) -> list[str]:
    lines = difflib.unified_diff(
        old.splitlines(True), new.splitlines(True), f"{file} (as it is)", f"{file} (formatted)"
    )
    return [line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in lines]
