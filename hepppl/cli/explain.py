"""``hepppl explain CODE``: what a diagnostic means."""

from __future__ import annotations

import textwrap

import click

from hepppl.cli import common


@click.command(cls=common.Command, short_help="What a diagnostic code means, and what to do.")
@click.argument("code")
@common.JSON
def command(code: str, as_json: bool) -> None:
    """Explain a diagnostic code such as E203: what it says, an example that fails, what to do instead."""
    from hepppl.diagnostics.codes import CODES
    from hepppl.diagnostics.suggest import nearest

    key = code.strip().strip("[]").upper()
    if key not in CODES:
        near = nearest(key, CODES)
        hint = f"; did you mean '{near}'?" if near else f" (there are {', '.join(CODES)})"
        raise click.UsageError(f"there is no diagnostic code '{code}'{hint}")
    entry = CODES[key]
    if as_json:
        common.print_json(
            {
                "code": key,
                "title": entry.title,
                "explanation": entry.explanation,
                "example": entry.example,
                "fix": entry.fix,
            }
        )
        return
    click.echo(f"{click.style(key, bold=True)}: {entry.title}\n")
    click.echo(textwrap.fill(entry.explanation, 100) + "\n")
    click.echo("An example that fails:\n")
    click.echo(textwrap.indent(entry.example.rstrip("\n"), "    ") + "\n")
    click.echo(textwrap.fill(f"What to do: {entry.fix}", 100))
