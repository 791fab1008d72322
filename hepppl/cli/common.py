"""What commands share: options, loading a model, showing errors, JSON output."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from hepppl.diagnostics.errors import HepError

if TYPE_CHECKING:
    from hepppl.diagnostics import Diagnostic
    from hepppl.model import Model
    from hepppl.planning import Plan

F = TypeVar("F", bound=Callable[..., Any])


class Command(click.Command):
    """A command whose `HepError`s become diagnostics on standard error and an exit status.

    With ``--json`` standard output still gets one object: the result where there is one, and ``"errors"``.
    """

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except HepError as error:
            show_diagnostics(error.diagnostics)
            if ctx.params.get("as_json") and not ctx.meta.get("hepppl.printed"):
                print_json({**ctx.meta.get("hepppl.partial", {}), "errors": diagnostics_as_dicts(error.diagnostics)})
            ctx.exit(error.exit_status)


class Pair(click.ParamType):
    """``NAME=VALUE``; the value stays text."""

    def __init__(self, left: str = "NAME", right: str = "VALUE"):
        self.name = f"{left}={right}"

    def get_metavar(self, *args: Any, **kwargs: Any) -> str:
        return self.name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        left, equals, right = value.partition("=")
        if not equals or not left.strip() or not right.strip():
            self.fail(f"expected {self.name}, found {value!r}", param, ctx)
        return left.strip(), right.strip()


class Count(click.ParamType):
    """A whole number, also written as ``1e7``."""

    name = "integer"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return int(value)
        except ValueError:
            pass
        try:
            number = float(value)
        except ValueError:
            number = 0.5
        if number != number // 1 or abs(number) > 2**53:
            self.fail(f"{value!r} is not a valid integer.", param, ctx)
        return int(number)


def pairs(ctx: click.Context, param: click.Parameter, value: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The callback of a repeatable `Pair` option: a dictionary, no name twice."""
    found: dict[str, str] = {}
    for name, text in value:
        if name in found:
            raise click.BadParameter(f"'{name}' is given twice", ctx, param)
        found[name] = text
    return found


def options(*decorators: Callable[[F], F]) -> Callable[[F], F]:
    """Several decorators as one, shown in `--help` in the order given."""

    def apply(function: F) -> F:
        return functools.reduce(lambda f, decorate: decorate(f), reversed(decorators), function)

    return apply


FILE = click.argument("file", type=click.Path(path_type=Path))
JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, nothing else there.")
QUIET = click.option("--quiet", is_flag=True, help="No summary and no progress bar.")
MODEL = click.option("--model", "model_name", metavar="NAME", help="Which model, where the file has several.")
EVENTS = click.option("-n", "--events", "n", type=Count(), default=100_000, show_default=True, help="Number of events.")
SEED = click.option("-s", "--seed", type=int, default=0, show_default=True, help="Seed, 0 to 2^64 - 1.")
PARAM = click.option(
    "-p", "--param", "params", type=Pair(), multiple=True, callback=pairs, help="A parameter's value: -p radius=20cm."
)
DATA = click.option("--data", "data_file", type=click.Path(path_type=Path), help="Values of the data: .json or .npz.")
BY = click.option(
    "--by",
    type=Pair("SITE", "ESTIMATOR"),
    multiple=True,
    callback=pairs,
    help="The estimator of a site; '*' for every site that needs one and that it can serve.",
)
PLAN = click.option("--plan", "plan_file", type=click.Path(path_type=Path), help="A plan saved by 'hepppl plan -o'.")
WRT = click.option("--wrt", multiple=True, metavar="NAME", help="Differentiate with respect to this (default: all).")
MODE = click.option(
    "--mode", type=click.Choice(["auto", "forward", "reverse"]), default="auto", help="How 'grad' differentiates."
)
UNIT = click.option(
    "--unit", "units", type=Pair("OUTPUT", "UNIT"), multiple=True, callback=pairs, help="Show an output in this unit."
)
TOLERANCE = click.option(
    "--tolerance",
    type=float,
    default=0.0,
    show_default=True,
    help="The largest fraction of events that may be truncated by a limit.",
)
ENGINE = options(
    click.option("--precision", type=click.Choice(["32", "64"]), default="32", show_default=True, help="Float bits."),
    click.option("--rounds", type=click.Choice(["13", "20"]), default="13", help="Rounds of Threefry (default 13)."),
    click.option("--lanes", type=int, help="Particles followed at once (default: chosen; changes no number)."),
    click.option("--batch", type=int, help="Events in memory at once (default: chosen; changes no event)."),
    click.option("--max-steps", type=int, default=1_000_000, show_default=True, help="Particle steps of one event."),
)
SPREAD = options(
    click.option("--devices", metavar="N|all", help="Share the work among this many of JAX's devices here."),
    click.option("--dask", metavar="ADDRESS|local", help="Let the workers of a Dask cluster do the work."),
    click.option("--hosts", is_flag=True, help="Be one of the processes of jax.distributed, which share the work."),
)


def open_model(file: Path, model_name: str | None = None, data_file: Path | None = None) -> Model:
    from hepppl.io.read import read_data
    from hepppl.loading import load

    return load(file, model=model_name, data=None if data_file is None else read_data(data_file))


def check_one_plan(by: Mapping[str, str], wrt: Sequence[str], plan_file: Path | None) -> None:
    if plan_file is not None and (by or wrt):
        raise click.UsageError("a saved plan (--plan) says what --by and --wrt would: give one or the other")


def chosen_plan(
    model: Model, by: Mapping[str, str], wrt: Sequence[str], plan_file: Path | None, mode: str = "auto"
) -> Plan:
    """The plan saved in a file, checked anew, or one made now, for this mode."""
    if plan_file is None:
        return model.plan(dict(by), list(wrt) or None, mode=mode)
    from hepppl.planning import apply, loads
    from hepppl.syntax import read_source

    return apply(model.model_graph, loads(read_source(plan_file).text))


def engine_options(chosen: Mapping[str, Any]) -> dict[str, Any]:
    """The options of `ENGINE`, and of `SPREAD` where a command has them, as `Model` takes them."""
    found = {**chosen, **{key: int(chosen[key]) for key in ("precision", "rounds")}}
    if "devices" in chosen:
        devices = chosen["devices"] or ""
        found["devices"] = int(devices) if devices.isdecimal() else devices or None
    return found


def print_json(value: Mapping[str, Any]) -> None:
    context = click.get_current_context(silent=True)
    if context is not None:
        context.meta["hepppl.printed"] = True
    click.echo(json.dumps(value, ensure_ascii=False, allow_nan=False))


def show_diagnostics(diagnostics: Iterable[Diagnostic]) -> None:
    """Diagnostics in full on standard error, in colour on a terminal."""
    from hepppl.diagnostics.render import render_all

    diagnostics = list(diagnostics)
    if diagnostics:
        colour = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
        click.echo(render_all(diagnostics, color=colour), err=True)


def diagnostics_as_dicts(diagnostics: Iterable[Diagnostic]) -> list[dict[str, Any]]:
    from hepppl.diagnostics.render import to_json

    return [to_json(diagnostic) for diagnostic in diagnostics]
