"""``hepppl optimize FILE --minimize EXPR``: the parameters at which a function of expected outputs is least."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hepppl.cli import common, running, text

if TYPE_CHECKING:
    from hepppl.inference.design import Optimum


class Target(click.ParamType):
    """``NAME=ERROR`` for one parameter, or ``ERROR`` for all."""

    name = "[NAME=]ERROR"

    def get_metavar(self, *args: Any, **kwargs: Any) -> str:
        return self.name


def _targets(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> dict[str, str] | str | None:
    if any("=" not in text for text in value):
        if len(value) > 1:
            raise click.BadParameter("give one error for all parameters, or NAME=ERROR for each", ctx, param)
        return value[0]
    pair = common.Pair("NAME", "ERROR")
    return common.pairs(ctx, param, [pair.convert(text, param, ctx) for text in value]) or None


@click.command(cls=common.Command, short_help="The parameters at which a function of expected outputs is least.")
@common.FILE
@click.option("--minimize", required=True, metavar="EXPR", help='Of expected outputs: "(E[depth] - 12cm)^2".')
@click.option("--optimizer", default="adam", show_default=True, help="Of optax; or nelder-mead, cobyla, powell.")
@click.option("--steps", type=common.Count(), help="Steps at most (default 300).")
@click.option("--lr", type=float, help="The learning rate, relative to the parameters (default 0.05).")
@click.option("-n", "--events", "n", type=common.Count(), help="Events of a step at first (default 256).")
@click.option("--max-events", type=common.Count(), help="What these may grow to (default: 64 times as many).")
@click.option("--budget", type=common.Count(), help="Events of all steps at most; shared over a hundred steps or more.")
@click.option(
    "--target-error",
    type=Target(),
    multiple=True,
    callback=_targets,
    help="Stop at this standard error: 0.02, or radius=1mm (repeatable).",
)
@click.option("--evaluate", type=common.Count(), default=10_000, show_default=True, help="Events at the end.")
@click.option("--checkpoint", type=click.Path(path_type=Path), help="Keep the search in this folder.")
@click.option("--resume", is_flag=True, help="Take up the search that the folder of --checkpoint holds.")
@common.options(common.SEED, common.PARAM, common.WRT, common.BY, common.DATA, common.MODEL)
@click.option("--plot", "plot_file", type=click.Path(path_type=Path), help="Draw the search: .png, .pdf or .svg.")
@common.options(common.TOLERANCE, common.ENGINE, common.JSON, common.QUIET)
def command(
    file: Path,
    minimize: str,
    steps: int | None,
    n: int | None,
    seed: int,
    params: dict[str, str],
    wrt: tuple[str, ...],
    by: dict[str, str],
    data_file: Path | None,
    model_name: str | None,
    plot_file: Path | None,
    tolerance: float,
    as_json: bool,
    quiet: bool,
    **rest: Any,
) -> None:
    """Search the parameters at which EXPR is least, from the values of -p (or their defaults), by stochastic gradients
    that are unbiased for functions of expectations too. E[NAME] is the expectation of an output."""
    if rest["resume"] and rest["checkpoint"] is None:
        raise click.UsageError("--resume takes up what --checkpoint DIR holds: give it too")
    model = common.open_model(file, model_name, data_file)
    if plot_file is not None:
        from hepppl.io.write import picture_format

        picture_format(plot_file)  # refuse before the work, not after
    engine = {key: rest.pop(key) for key in ("precision", "rounds", "lanes", "batch", "max_steps")}
    options = {**rest, "tolerance": tolerance, **common.engine_options(engine)}
    with running.progress("searching", steps or 300, quiet or as_json, "steps") as move:
        found, error = running.run(
            lambda: model.optimize(
                minimize, steps, params, list(wrt) or None, seed, by, events=n, progress=move, **options
            )
        )
    if plot_file is not None:
        found.plot(plot_file)
    if as_json and error is None:
        common.print_json(found.to_dict())
    elif not quiet and not as_json:
        click.echo(summary(found))
        if plot_file is not None:
            click.echo(f"picture written to {plot_file}")
    running.finish(found, error, found.to_dict)


def summary(found: Optimum) -> str:
    """What was found, what is expected there, and how it was found."""
    rows = []
    for name in found.wrt:
        for label, at in text.elements(name, found.params[name]):
            value, error = pick(found.params[name], at), found.error[name]
            rows.append((label, measured(value, error[at] if at else error), found.param_units[name]))
    if found.events:
        rows.append(("objective", text.measured(found.value, found.se), found.unit))
    for name, mean in found.expected.items():
        for label, at in text.elements(name, mean):
            se = found.expected_se[name]
            shown = text.measured(mean[at] if at else mean, se[at] if at else se)
            rows.append((f"E[{label}]", shown, found.units.get(name, "")))
    header = ("", "value ± standard error", "unit")
    table = text.table(*text.without_empty_last(header, text.shorten(rows)))
    spent = int(found.trace.events.sum())
    state = "converged" if found.converged else "not converged"
    what = f"{found.model}: {found.objective} by {found.optimizer}" if found.objective else f"{found.model}"
    heading = f"{what}, {len(found.trace)} steps, {spent:,} events, seed {found.seed}"
    return f"{heading}\n\n{table}\n\n{state}: {found.reason}"


def pick(value: Any, at: tuple[int, ...]) -> Any:
    for index in at:
        value = value[index]
    return value


def measured(value: Any, error: Any) -> str:
    """A gradient-free search knows no error."""
    return text.measured(value, error) if error == error else text.number(value, 6)
