"""``hepppl verify FILE``: every site's estimator against an independent one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hepppl.cli import common, running, text

if TYPE_CHECKING:
    from hepppl.verification import Comparison, Verification


@click.command(cls=common.Command, short_help="Each site's estimator against an independent one.")
@common.FILE
@common.options(common.EVENTS, common.SEED, common.PARAM, common.WRT, common.BY, common.PLAN)
@common.options(common.DATA, common.MODEL, common.TOLERANCE)
@click.option(
    "--false-alarm",
    type=float,
    default=1e-3,
    show_default=True,
    help="The probability that a run fails although nothing is wrong.",
)
@common.options(common.JSON, common.QUIET)
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
    tolerance: float,
    false_alarm: float,
    as_json: bool,
    quiet: bool,
) -> None:
    """Estimate every derivative a second time, by another unbiased estimator of each site in turn (all other sites
    unchanged), or by finite differences where there is none, and compare. Exit status 3 where the two disagree.
    """
    common.check_one_plan(by, wrt, plan_file)
    model = common.open_model(file, model_name, data_file)
    plan = common.chosen_plan(model, by, wrt, plan_file)
    shown = not (quiet or as_json) and sys.stderr.isatty()

    def moved(what: str) -> None:
        if shown:
            click.echo(f"verifying: {what}", err=True)

    options: dict[str, Any] = {"params": params, "plan": plan, "tolerance": tolerance, "false_alarm": false_alarm}
    found, error = running.run(lambda: model.verify(n, seed, progress=moved, **options))
    if error is not None and not hasattr(found, "comparisons"):  # the gradient itself is not to be trusted
        raise error
    if error is None and as_json:
        common.print_json(found.to_dict())
    elif not as_json and not quiet:
        click.echo(summary(found))
    common.show_diagnostics(found.unchecked)
    if error is not None:
        click.get_current_context().meta["hepppl.partial"] = found.to_dict()
        raise error


def summary(found: Verification) -> str:
    """One row per derivative, the largest \\|z\\| first, and what the threshold is made of."""
    header = ("site", "derivative", "estimator", "value ± standard error", "against", "value ± standard error", "z")
    rows = [row(c, found.threshold) for c in sorted(found.comparisons, key=lambda c: -abs(c.z))]
    lines = text.table(header, text.shorten(rows)) if rows else "no site has an estimator that could be compared"
    head = running.heading(found, found.events)
    number = len(found.comparisons)
    if not number:
        return f"{head}\n\n{lines}"
    verdict = "all agree" if found.ok else f"{len(found.failed)} of {number} do not agree"
    rate = (
        f"{number} comparison{'s' * (number > 1)}, |z| at most {found.threshold:.2f} each: a run without fault fails "
        f"with probability {found.false_alarm:g}"
    )
    steps = ", ".join(f"{name} ± {text.number(step)}" for name, step in found.step.items())
    finite = f"\nfinite differences at {steps} and twice that (common random numbers, Richardson)" if steps else ""
    return f"{head}\n\n{lines}\n\n{verdict}; {rate}{finite}"


def row(c: Comparison, threshold: float) -> tuple[Any, ...]:
    at = f"[{', '.join(map(str, c.index))}]" if c.index else ""
    z = f"{c.z:.2f}" + ("" if abs(c.z) <= threshold else "  off")
    values = text.measured(c.value, c.se), text.measured(c.other, c.other_se)
    return (c.site, f"dE[{c.output}]/d{c.param}{at}", c.estimator, values[0], c.against, values[1], z)
