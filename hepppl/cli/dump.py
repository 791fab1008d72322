"""``hepppl dump FILE --stage S``: any stage of the way as text."""

from __future__ import annotations

from pathlib import Path

import click

from hepppl.cli import common

STAGES = ("ast", "typed", "graph", "plan", "jaxpr")


@click.command(cls=common.Command, short_help="Any stage of the compilation as text.")
@common.FILE
@click.option("--stage", type=click.Choice(STAGES), required=True, help="Which one.")
@common.options(common.BY, common.WRT, common.DATA, common.MODEL)
@click.option("--grad", is_flag=True, help="With --stage jaxpr: the gradient's program, not the simulation's.")
def command(
    file: Path,
    stage: str,
    by: dict[str, str],
    wrt: tuple[str, ...],
    data_file: Path | None,
    model_name: str | None,
    grad: bool,
) -> None:
    """Print what a program becomes: its syntax tree, the typed program, the model graph, the plan, or JAX's program."""
    if stage == "ast":
        from hepppl.syntax import dump as dump_tree
        from hepppl.syntax import parse, read_source

        click.echo(dump_tree(parse(read_source(file))).rstrip("\n"))
        return
    model = common.open_model(file, model_name, data_file)
    if stage == "typed":
        from hepppl.semantics import dump

        click.echo(dump(model.program).rstrip("\n"))
    elif stage == "graph":
        click.echo(model.model_graph.to_text().rstrip("\n"))
    elif stage == "plan":
        click.echo(str(model.plan(by, list(wrt) or None)))
    else:
        from hepppl.backends.jax.inspection import jaxpr

        plan = model.plan(by, list(wrt) or None) if grad else None
        click.echo(jaxpr(model.model_graph, plan))
