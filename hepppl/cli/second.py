"""``hepppl grad FILE --hessian``: expected outputs, their derivatives, and their second derivatives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hepppl.cli import common, grad, running, text

if TYPE_CHECKING:
    from hepppl.model import Model
    from hepppl.second import HessianResult


def run(
    model: Model,
    n: int,
    seed: int,
    by: Mapping[str, str],
    wrt: Sequence[str],
    plan_file: Path | None,
    scales: running.Scales,
    tell: tuple[bool, bool],
    **options: Any,
) -> None:
    """``options``: those of `Model.hessian`. ``tell``: whether as JSON, and whether nothing else."""
    as_json, quiet = tell
    plan = None
    if plan_file is not None:
        plan = common.chosen_plan(model, {}, (), plan_file)
    with running.progress("differentiating twice", n, quiet or as_json) as move:
        result, error = running.run(
            lambda: model.hessian(n, seed, dict(by), list(wrt) or None, plan=plan, progress=move, **options)
        )
    if error is None and as_json:
        common.print_json(as_dict(result, scales))
    elif not as_json and not quiet:
        click.echo(summary(result, scales))
    running.finish(result, error, lambda: as_dict(result, scales))


def as_dict(result: HessianResult, scales: running.Scales) -> Mapping[str, Any]:
    """The JSON object, in the units asked for."""
    from hepppl.results import plain

    data = {**grad.as_dict(result.grad, scales), "hessian": result.to_dict()["hessian"]}
    for output, by in data["hessian"].items():
        factor, _ = scales[output]
        for p, row in by.items():
            for q, entry in row.items():
                numbers = {"value": result.hessian, "se": result.se, "std": result.std}
                entry.update({key: plain(x[output][p][q] / factor) for key, x in numbers.items()})
                entry["unit"] = quotient(result, scales, output, p, q)
    return data


def quotient(result: HessianResult, scales: running.Scales, output: str, p: str, q: str) -> str:
    """The unit of a second derivative: of base units, unless the output is to be shown in another one."""
    unit = scales[output][1]
    if unit == result.grad.units.get(output, ""):
        return result.units[output][p][q]
    below = [u for u in (result.grad.param_units[p], result.grad.param_units[q]) if u]
    return f"{unit or 1}/({' '.join(below)})" if below else unit


def summary(result: HessianResult, scales: running.Scales) -> str:
    """What ``grad`` prints, with a table of second derivatives: each pair of parameters once."""
    rows = []
    for output, by in result.hessian.items():
        factor, _ = scales[output]
        names = list(by)
        for i, p in enumerate(names):
            for q in names[i:]:
                value, se, std = (x[output][p][q] for x in (result.hessian, result.se, result.std))
                for label, at in text.elements("", value):
                    v, e, s = (grad.pick(a, at) / factor for a in (value, se, std))
                    name = f"d²E[{output}]/d{p}²" if p == q else f"d²E[{output}]/d{p}d{q}"
                    unit = quotient(result, scales, output, p, q)
                    rows.append((name + label, text.measured(v, e), text.number(s), unit))
    return grad.summary(result.grad, scales, rows)
