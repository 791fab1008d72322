"""``hepppl check FILE…``: parse, types, dimensions, plan."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hepppl.cli import common
from hepppl.diagnostics.errors import HepError

if TYPE_CHECKING:
    from hepppl.diagnostics import Diagnostic


@click.command(cls=common.Command, short_help="Parse, check types and dimensions, plan.")
@click.argument("files", nargs=-1, required=True, metavar="FILE…", type=click.Path(path_type=Path))
@common.DATA
@common.JSON
@common.QUIET
@click.pass_context
def command(ctx: click.Context, files: tuple[Path, ...], data_file: Path | None, as_json: bool, quiet: bool) -> None:
    """Check programs: syntax, names, types, dimensions, and whether a sound gradient can be planned.

    Everything that is wrong is reported, for every model of every file. Nothing is run. Where no sound gradient is
    known a warning says so: 'simulate' works, 'grad' would be refused.
    """
    found = {file: check_file(file, data_file) for file in files}
    everything = [diagnostic for diagnostics in found.values() for diagnostic in diagnostics]
    if as_json:
        common.print_json(report(found))
    common.show_diagnostics(everything)
    if not as_json and not quiet:
        for file, diagnostics in found.items():
            errors = sum(d.severity == "error" for d in diagnostics)
            click.echo(f"{file}: {f'{errors} error' + 's' * (errors > 1) if errors else 'ok'}")
    if any(diagnostic.severity == "error" for diagnostic in everything):
        ctx.exit(1)


def report(found: dict[Path, list[Diagnostic]]) -> dict[str, Any]:
    """What ``--json`` prints: a row per file, and all diagnostics."""
    return {
        "ok": not any(d.severity == "error" for diagnostics in found.values() for d in diagnostics),
        "files": [
            {"file": str(file), "ok": not any(d.severity == "error" for d in diagnostics)}
            for file, diagnostics in found.items()
        ],
        "diagnostics": [d for diagnostics in found.values() for d in common.diagnostics_as_dicts(diagnostics)],
    }


def check_file(file: Path, data_file: Path | None) -> list[Diagnostic]:
    """Everything wrong with a file and each of its models."""
    from hepppl import inputs
    from hepppl.io.read import read_data
    from hepppl.model import Model
    from hepppl.semantics import check
    from hepppl.syntax import ast, link, parse, read_source

    try:
        tree = link(parse(read_source(file)))
        data = inputs.flat(read_data(data_file)) if data_file is not None else None
    except HepError as error:
        return list(error.diagnostics)
    found: dict[Diagnostic, None] = {}  # models that share a faulty function report it once
    names: list[str | None] = [item.name for item in tree.items if isinstance(item, ast.ModelItem)]
    for name in names or [None]:
        try:
            model = Model(check(tree, name, data), tree)
            if model.program.params:
                model.plan()
        except HepError as error:
            found.update(dict.fromkeys(map(_as_warning, error.diagnostics)))
    return list(found)


def _as_warning(diagnostic: Diagnostic) -> Diagnostic:
    """That no sound gradient is known (E601, E607) is no fault of a program: it can still be simulated."""
    return replace(diagnostic, code="W601") if diagnostic.code in ("E601", "E607") else diagnostic
