"""``hepppl grad FILE``: expected outputs, their derivatives, and a picture of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hepppl.cli import common, running, text

if TYPE_CHECKING:
    from hepppl.results import GradResult


@click.command(cls=common.Command, short_help="Expected outputs and their derivatives, with standard errors.")
@common.FILE
@common.options(common.EVENTS, common.SEED, common.PARAM, common.WRT, common.BY, common.PLAN)
@common.options(common.DATA, common.MODEL)
@click.option(
    "--plot",
    "plot_file",
    type=click.Path(path_type=Path),
    help="Draw E and dE against a parameter: .png, .pdf or .svg.",
)
@click.option("--scan", "scan_text", metavar="NAME=LOW:HIGH:POINTS", help="What --plot draws against: theta=1:4:13.")
@click.option("--scan-events", type=int, help="Events at each point of the scan (default: a twentieth of -n).")
@click.option("--hessian", is_flag=True, help="Second derivatives too, of all pairs of parameters.")
@common.options(common.UNIT, common.TOLERANCE, common.MODE, common.ENGINE, common.SPREAD, common.JSON, common.QUIET)
def command(
    file: Path,
    n: int,
    seed: int,
    params: dict[str, str],
    wrt: tuple[str, ...],
    by: dict[str, str],
    plan_file: Path | None,
    data_file: Path | None,
    model_name: str | None,
    plot_file: Path | None,
    scan_text: str | None,
    scan_events: int | None,
    hessian: bool,
    units: dict[str, str],
    tolerance: float,
    mode: str,
    as_json: bool,
    quiet: bool,
    **engine: Any,
) -> None:
    """Estimate the expectation of each output and its derivatives with respect to the parameters, with standard errors.

    The estimator of each random site is chosen by the planner ('hepppl plan'), or named with --by.
    """
    if scan_text and not plot_file:
        raise click.UsageError("--scan says what --plot draws against: give --plot too")
    common.check_one_plan(by, wrt, plan_file)
    model = common.open_model(file, model_name, data_file)
    scales = running.scales(model, units)
    if hessian:
        from hepppl.cli import second

        one = common.engine_options(engine)
        if plot_file or mode == "reverse" or any(one.pop(name) for name in ("devices", "dask", "hosts")):
            raise click.UsageError("--hessian goes without --plot, --mode reverse, --devices, --dask and --hosts")
        options = {"params": params, "tolerance": tolerance, **one}
        second.run(model, n, seed, by, wrt, plan_file, scales, (as_json, quiet), **options)
        return
    plan = common.chosen_plan(model, by, wrt, plan_file, mode)
    options = {"params": params, "plan": plan, "mode": mode, "tolerance": tolerance, **common.engine_options(engine)}
    scan = None
    if plot_file is not None:
        from hepppl.cli import scanning

        scan = scanning.planned(model, plan, params, scan_text, plot_file)
    with running.progress("differentiating", n, quiet or as_json) as move:
        result, error = running.run(lambda: model.grad(n, seed, progress=move, **options))
    if not running.is_heard(options["hosts"]):
        quiet, as_json = True, False
    if error is None and as_json and scan is None:
        common.print_json(as_dict(result, scales))
    elif not as_json and not quiet:
        click.echo(summary(result, scales))
    if error is None and scan is not None and running.is_heard(options["hosts"]):
        alone = {**options, "dask": None, "hosts": False}
        points = scan.run(model, scan_events or max(n // 20, 1), seed, alone, quiet or as_json)
        scan.draw(points, result, scales)
        if as_json:
            common.print_json({**as_dict(result, scales), "plot": str(plot_file), "scan": scan.as_dict(points)})
        elif not quiet:
            click.echo(f"picture written to {plot_file}")
    running.finish(result, error, lambda: as_dict(result, scales))


def as_dict(result: GradResult, scales: running.Scales) -> Mapping[str, Any]:
    """The JSON object, in the units asked for."""
    from hepppl.results import plain

    data = result.to_dict()
    for output, row in data["outputs"].items():
        factor, unit = scales[output]
        row.update(mean=plain(result.mean[output] / factor), se=plain(result.mean_se[output] / factor), unit=unit)
    for output, by_param in data["gradient"].items():
        factor, unit = scales[output]
        for param, row in by_param.items():
            numbers = {"value": result.gradient, "se": result.se, "std": result.std}
            row.update({key: plain(mapping[output][param] / factor) for key, mapping in numbers.items()})
            row["unit"] = quotient(unit, result, output, param)
    return data


def quotient(unit: str, result: GradResult, output: str, param: str) -> str:
    """The unit of a derivative where the output is in ``unit``: the base unit, unless another was asked for."""
    if unit == result.units.get(output, ""):
        return result.gradient_units[output][param]
    below = result.param_units[param]
    if not below:
        return unit
    return f"{unit or 1}/{below}" if below.isalpha() else f"{unit or 1}/({below})"


def summary(result: GradResult, scales: running.Scales, more: Sequence[tuple[str, ...]] = ()) -> str:
    """Expected outputs, derivatives (and ``more`` of them, rows of the table), estimators."""
    means, slopes = [], []
    for output, value in result.mean.items():
        factor, unit = scales[output]
        for label, at in text.elements(output, value):
            m, e = (pick(array, at) / factor for array in (value, result.mean_se[output]))
            means.append((f"E[{label}]", text.measured(m, e), "", unit))
        for param, slope in result.gradient.get(output, {}).items():
            for label, at in text.elements("", slope):
                v, e, s = (pick(a, at) / factor for a in (slope, result.se[output][param], result.std[output][param]))
                name = f"dE[{output}]/d{param}{label}"
                slopes.append((name, text.measured(v, e), text.number(s), quotient(unit, result, output, param)))
    header = ("", "value ± standard error", "std of one event", "unit")
    lines = text.table(
        *text.without_empty_last(header, [row for part in (means, slopes, [*more]) for row in text.shorten(part)])
    )
    sites = [(row["site"], row["estimator"] or "–", row["why"]) for row in result.sites]
    shown = text.table(("site", "estimator", "why"), sites) + "\n\n" if sites else ""
    heading, closing = running.heading(result, result.events), running.closing(result, result.events)
    return f"{heading}\n\n{lines}\n\n{shown}{closing}"


def pick(array: Any, at: tuple[int, ...]) -> Any:
    return array[at] if at else array
