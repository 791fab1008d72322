"""``hepppl cache list`` and ``hepppl cache clear``: what is kept from one run to the next."""

from __future__ import annotations

import time

import click

from hepppl import _cache
from hepppl.cli import common, text


@click.group(invoke_without_command=True, short_help="What is kept from one run to the next.")
@click.pass_context
def command(ctx: click.Context) -> None:
    """The cache of compiled programs. HEPPPL_CACHE names its folder; "off" turns it off."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(listing)


@command.command(name="list", cls=common.Command)
@common.JSON
def listing(as_json: bool = False) -> None:
    """Every file, its size, and how long ago it was used."""
    top, found = _cache.folder(), list(_cache.entries())
    total = sum(size for _, size, _ in found)
    if as_json:
        rows = [{"file": str(path), "bytes": size, "used": used} for path, size, used in found]
        common.print_json({"folder": None if top is None else str(top), "bytes": total, "files": rows})
        return
    if top is None:
        click.echo("the cache is turned off")
        return
    now = time.time()
    lines = [
        (str(path.relative_to(top)), f"{size / 1e6:.2f} MB", f"{text.duration(max(now - used, 0))} ago")
        for path, size, used in found
    ]
    if lines:
        click.echo(text.table(("file", "size", "used"), lines))
    click.echo(f"{top}: {len(found)} files, {total / 1e6:.1f} MB")


@command.command(name="clear", cls=common.Command)
@common.JSON
def clear(as_json: bool = False) -> None:
    """Delete everything in it."""
    files, size = _cache.clear()
    if as_json:
        common.print_json({"deleted": files, "bytes": size})
    else:
        click.echo(f"{files} files deleted, {size / 1e6:.1f} MB")
