"""The command group: finds commands lazily, and turns whatever happens into messages and an exit status.

Exit status: 0 done; 1 the program or its inputs are at fault; 2 wrong usage; 3 ran, but the result is not to be
trusted. A Python traceback never reaches the user, unless the environment variable ``HEPPPL_DEBUG`` is set.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from hepppl._version import __version__

#: Command -> module of `hepppl.cli` that defines it as ``command``.
COMMANDS = (
    "check", "fmt", "graph", "plan", "dump", "simulate", "grad", "verify", "optimize", "morph", "gold", "infer",
    "bench",
    "plugins",
    "cache", "explain",
)  # fmt: skip

INTERRUPTED, BROKEN_PIPE = 130, 141  # what a shell reports for SIGINT and SIGPIPE

ISSUE_TRACKER = "this is a bug in hepppl: please report it with the program and the command"


class App(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        return import_module(f"hepppl.cli.{cmd_name}").command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        from hepppl.diagnostics.suggest import nearest

        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = nearest(args[0], COMMANDS)
            if near is None or args[0].startswith("-"):
                raise
            raise click.UsageError(f"No such command '{args[0]}'. Did you mean '{near}'?", ctx) from error

    def invoke(self, ctx: click.Context) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            # Whoever read our output is gone: say nothing, and keep the interpreter from flushing into it at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(BROKEN_PIPE)
        return result

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any) -> Any:  # type: ignore[override]
        try:
            status = super().main(args, prog_name, **{**extra, "standalone_mode": False})
        except click.ClickException as error:
            error.show()
            status = error.exit_code
        except (KeyboardInterrupt, click.Abort):
            click.echo("interrupted", err=True)
            status = INTERRUPTED
        except Exception as error:
            if os.environ.get("HEPPPL_DEBUG"):
                raise
            click.echo(f"internal error: {type(error).__name__}: {error}", err=True)
            click.echo(f"{ISSUE_TRACKER} (HEPPPL_DEBUG=1 shows where)", err=True)
            status = 1
        sys.exit(status if isinstance(status, int) else 0)


@click.command(
    cls=App,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="'hepppl COMMAND --help' says more. Exit status: 0 done, 1 program or inputs at fault, 2 wrong usage, "
    "3 the result is not to be trusted.",
)
@click.version_option(__version__, prog_name="hepppl")
@click.pass_context
def app(ctx: click.Context) -> None:
    """Probabilistic programs for high-energy physics: simulate them, and differentiate what they expect."""
    if os.environ.get("NO_COLOR"):
        ctx.color = False
