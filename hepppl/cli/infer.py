"""``hepppl infer FILE --data FILE``: what data say about the parameters."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from hepppl.cli import common, running, text
from hepppl.inference import METHODS


def _options(ctx: click.Context, param: click.Parameter, value: Any) -> dict[str, Any]:
    """``NAME=VALUE`` pairs; numbers, true and false are taken as such."""
    found = {}
    for name, written in common.pairs(ctx, param, value).items():
        try:
            found[name.replace("-", "_")] = ast.literal_eval({"true": "True", "false": "False"}.get(written, written))
        except (ValueError, SyntaxError):
            found[name.replace("-", "_")] = written
    return found


@click.command(cls=common.Command, short_help="What data say about the parameters: posteriors, fits, limits.")
@common.FILE
@click.option("--method", "-m", default="nuts", show_default=True, metavar="|".join(METHODS), help="How.")
@common.options(common.DATA, common.SEED, common.PARAM, common.MODEL)
@click.option("--samples", type=int, help="Draws from the posterior (nuts: of each chain).")
@click.option("--warmup", type=int, help="nuts: steps of adaptation of each chain.")
@click.option("--chains", type=int, help="nuts: chains, run side by side.")
@click.option("--target-accept", type=float, help="nuts: mean acceptance to aim at; nearer to 1, smaller steps.")
@click.option("--limit", metavar="NAME", help="mle: an upper limit on this parameter (CLs, asymptotic).")
@click.option("--discovery", metavar="NAME", help="mle: the significance of this parameter not being 0.")
@click.option("--level", type=float, help="mle: the confidence level of --limit.")
@click.option("--simulations", type=int, help="npe and the like: pseudo-experiments to learn from.")
@click.option(
    "--rounds", type=int, help="npe, nle, nre: rounds, the later ones near the data, which are then served alone."
)
@click.option("--ensemble", type=int, help="npe and the like: networks, averaged.")
@click.option("--epochs", type=int, help="npe and the like: epochs of training at most.")
@click.option("--calibrate", type=int, help="npe and the like: held-out pseudo-experiments (0: none).")
@click.option("--checkpoint", type=click.Path(), help="npe and the like: a folder to train from epoch to epoch in.")
@click.option("--save", type=click.Path(), help="npe and the like: keep the trained estimator in this file.")
@click.option("--load", type=click.Path(), help="npe and the like: take the trained estimator from this file.")
@click.option(
    "--set", "settings", type=common.Pair(), multiple=True, callback=_options, help="Any other option of the method."
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the posterior (.nc) or the fit (.json).")
@click.option("--plot", "plot_file", type=click.Path(path_type=Path), help="Draw it: .png, .pdf or .svg.")
@click.option(
    "--plot-calibration",
    "calibration_file",
    type=click.Path(path_type=Path),
    help="npe and the like: draw coverage and ranks on held-out pseudo-experiments.",
)
@click.option(
    "--compare",
    "compare_file",
    type=click.Path(path_type=Path),
    help="A posterior.nc of the same parameters: how well a classifier tells its draws from these (C2ST).",
)
@common.options(common.JSON, common.QUIET)
def command(
    file: Path,
    method: str,
    data_file: Path | None,
    seed: int,
    params: dict[str, str],
    model_name: str | None,
    settings: dict[str, Any],
    output: Path | None,
    plot_file: Path | None,
    calibration_file: Path | None,
    compare_file: Path | None,
    as_json: bool,
    quiet: bool,
    **named: Any,
) -> None:
    """Condition the model on data: values of what it observes, and of its `data`, by name in a .json or .npz file.

    nuts draws from the posterior of the parameters that have priors, svi approximates it, map and mle fit. A parameter
    given with -p is fixed. The other methods learn the posterior from simulations; for them the data are values of any
    outputs, of one event or of several.
    """
    from hepppl import inference

    if data_file is None:
        raise click.UsageError("inference needs data: --data FILE")
    options = {**{name: value for name, value in named.items() if value is not None}, **settings}
    inference.check_options(method, options)
    if calibration_file is not None and method not in inference.SIMULATED:
        raise click.UsageError("--plot-calibration is for methods that learn from simulations")
    # refuse before the work, not after
    for picture in filter(None, (plot_file, calibration_file)):
        from hepppl.io.write import picture_format

        picture_format(picture)
    other = None if compare_file is None else inference.comparable(method, compare_file)
    from hepppl.io.read import read_data
    from hepppl.loading import load

    given = read_data(data_file)
    model = load(file, model=model_name, data=given)  # their lengths may size the program
    if output is not None:
        inference.check_file(method, output)
    with running.progress(method, 1, quiet or as_json) as move:
        result, error = running.run(lambda: model.infer(given, method, seed, params=params, progress=move, **options))
    if result is not None and other is not None:
        from hepppl.inference.posterior import compare

        compare(result, other, str(compare_file))
    if result is not None and not as_json and not quiet:
        click.echo(summary(result))
    for path, draw in ((plot_file, inference.plot), (calibration_file, inference.plot_calibration)):
        if result is not None and path is not None:
            draw(result, path)
            if not (as_json or quiet):
                click.echo(f"picture written to {path}")
    if error is None and output is not None:
        inference.save(result, output)
        if not (as_json or quiet):
            click.echo(f"\nwritten to {output}")
    if error is None and as_json:
        common.print_json(inference.as_dict(result))
    if error is not None:
        click.get_current_context().meta["hepppl.partial"] = {} if result is None else inference.as_dict(result)
        raise error


def summary(result: Any) -> str:
    """A table of what was found."""
    from hepppl.inference.fit import Fit

    if isinstance(result, Fit):
        return fit_summary(result)
    if hasattr(result, "summary"):
        return str(result.summary())
    return posterior_summary(result)


def posterior_summary(tree: Any) -> str:
    """One row per number, then what the diagnostics say."""
    from hepppl.inference import posterior

    found = posterior.as_dict(tree)
    rows = []
    for name, row in found["posterior"].items():
        interval = f"[{text.number(row['low'])}, {text.number(row['high'])}]"
        rhat = "" if row["rhat"] is None else f"{row['rhat']:.3f}"
        sd, mean = row["sd"], text.measured(row["mean"], row["mcse"])
        rows.append((name, mean, text.number(sd), interval, f"{row['ess']:.0f}", rhat, row["unit"]))
    header = ("", "mean ± its error", "sd", "68 % interval", "ESS", "R-hat", "unit")
    lines = text.table(*text.without_empty_last(header, text.shorten(rows)))
    chains = f"{found['chains']} chains of {found['draws']:,}" if found["chains"] > 1 else f"{found['draws']:,}"
    head = f"{found['model']}: {found['method']}, {chains} draws, seed {found['seed']}"
    count = found["divergences"]
    closing = [] if count is None else ["no divergence" if not count else f"{count} divergences"]
    if "gap" in tree.attrs:
        closing.append(f"{text.number(tree.attrs['gap'], 2)} nats from the posterior, k-hat {tree.attrs['khat']:.2f}")
    if "calibration" in found:
        closing.append(calibration_summary(found["calibration"]))
    if "c2st" in found:
        closing.append(f"C2ST {found['c2st']:.3f} against {found['compared']} (0.5: a classifier sees no difference)")
    return f"{head}\n\n{lines}" + ("\n\n" + "\n".join(closing) if closing else "")


def calibration_summary(found: Mapping[str, Any]) -> str:
    """On held-out pseudo-experiments: coverage, and the tests of ranks (the worst), credibility and TARP."""
    covered = ", ".join(f"{said['region']:.0%} in {float(level):.0%}" for level, said in found["coverage"].items())
    ranks = [check for check in found["checks"] if check["name"].startswith("rank")]
    others = [check for check in found["checks"] if check not in ranks]
    worst = min(ranks, key=lambda check: check["p"])
    tests = [("SBC", worst["p"]), *((check["name"], check["p"]) for check in others)]
    shown = ", ".join(f"{name} {text.number(p, 2)}" for name, p in tests)
    return (
        f"{'calibrated' if found['ok'] else 'not calibrated'}: {found['experiments']} pseudo-experiments around "
        f"{found['around']}\n  the truth in regions: {covered}\n  p-values: {shown}"
    )


def fit_summary(fit: Any) -> str:
    """One row per parameter, then the tests that were asked for."""
    rows: Sequence[Sequence[str]] = []
    for i, name in enumerate(fit.names):
        found = fit.intervals.get(name)
        ends = "" if found is None else f"[{_end(found.low)}, {_end(found.high)}]"
        note = "at the end of its interval" if name in fit.at_limit else ""
        rows = [*rows, (name, text.measured(fit.values[i], fit.errors[i]), ends, fit.unit(name), note)]
    header: Sequence[str] = ("", "value ± error", "68 % interval", "unit", "")
    for _ in range(2):  # the notes, then the units
        header, rows = text.without_empty_last(header, rows)
    what = "posterior density" if fit.method == "map" else "likelihood"
    head = f"{fit.model}: {fit.method}, minus log {what} {fit.minus_log:.6g}"
    parts = [head, text.table(header, text.shorten(rows))]
    if fit.limit is not None:
        numbers = [text.number(x) for x in fit.limit.expected]
        parts.append(
            f"{fit.limit.parameter} < {text.number(fit.limit.observed)} at {100 * fit.limit.level:g} % (CLs); expected "
            f"{numbers[2]}, within 1σ [{numbers[1]}, {numbers[3]}], within 2σ [{numbers[0]}, {numbers[4]}]"
        )
    if fit.discovery is not None:
        found = fit.discovery
        expected = "" if found.expected is None else f"; expected {found.expected:.2f} σ at its default"
        parts.append(
            f"{found.parameter} > 0 with {found.significance:.2f} σ (p-value {text.number(found.p_value, 3)}){expected}"
        )
    return "\n\n".join(parts)


def _end(x: float | None) -> str:
    return "–" if x is None else text.number(x)
