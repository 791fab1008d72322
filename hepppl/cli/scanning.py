"""The scan behind ``grad --plot``: the same gradient at several values of one parameter, and the picture of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from hepppl import inputs
from hepppl.cli import running
from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepFileError, HepResultError, HepValueError

if TYPE_CHECKING:
    from hepppl.model import Model
    from hepppl.planning import Plan
    from hepppl.results import GradResult
    from hepppl.semantics.ir import Param, Support

POINTS = 25
MOST_OUTPUTS = 4


@dataclass(frozen=True)
class Scan:
    """``values`` of parameter ``param`` in base units, increasing; ``unit`` names the base unit."""

    param: str
    unit: str
    values: np.ndarray
    file: Path

    def run(self, model: Model, n: int, seed: int, options: Mapping[str, Any], quiet: bool) -> list[GradResult]:
        """The gradient at each value. The seed is the same everywhere, so the curve is as smooth as it can be."""
        results = []
        with running.progress(f"scanning {self.param}", len(self.values), quiet) as move:
            for done, value in enumerate(self.values):
                params = {**options["params"], self.param: float(value)}
                try:
                    results.append(model.grad(n, seed, **{**options, "params": params}))
                except HepResultError as error:
                    where = f"at {self.param} = {value:g} of the scan"
                    raise HepResultError(
                        [
                            Diagnostic(d.code, f"{d.message}, {where}", d.span, d.labels, d.hints)
                            for d in error.diagnostics
                        ]
                    ) from None
                if move is not None:
                    move(done + 1, len(self.values))
        return results

    def draw(self, results: Sequence[GradResult], here: GradResult, scales: running.Scales) -> None:
        """Write the picture; the dashed line is where the run itself is."""
        from hepppl.cli.grad import quotient
        from hepppl.plotting.scan import Curve, draw

        curves = []
        for output in self.outputs(here):
            factor, unit = scales[output]
            column = {
                "mean": [r.mean[output] for r in results],
                "mean_se": [r.mean_se[output] for r in results],
                "slope": [r.gradient[output][self.param] for r in results],
                "slope_se": [r.se[output][self.param] for r in results],
            }
            arrays = {name: np.asarray(values, dtype=float) / factor for name, values in column.items()}
            curves.append(Curve(output, **arrays, unit=unit, slope_unit=quotient(unit, here, output, self.param)))
        try:
            draw(
                self.file,
                self.param,
                self.values,
                curves,
                unit=self.unit,
                at=here.params[self.param],
                title=here.model.replace("_", " "),
                note=f"{results[0].events:,} events per point",
            )
        except OSError as error:
            if isinstance(error, HepFileError):
                raise
            reason = (error.strerror or str(error)).lower()
            raise HepFileError(Diagnostic("E513", f"cannot write '{self.file}': {reason}")) from None

    def outputs(self, result: GradResult) -> list[str]:
        """The outputs that are numbers, the first few of them."""
        found = [o for o in result.gradient if np.ndim(result.gradient[o][self.param]) == 0]
        if not found:
            raise HepValueError(Diagnostic("E460", "every output is an array: there is no curve to draw"))
        return found[:MOST_OUTPUTS]

    def as_dict(self, results: Sequence[GradResult]) -> list[dict[str, Any]]:
        from hepppl.results import plain

        return [
            {
                "param": {self.param: float(value)},
                "outputs": {o: {"mean": plain(m), "se": plain(r.mean_se[o])} for o, m in r.mean.items()},
                "gradient": {
                    o: {"value": plain(g[self.param]), "se": plain(r.se[o][self.param])} for o, g in r.gradient.items()
                },
            }
            for value, r in zip(self.values, results)
        ]


def planned(model: Model, plan: Plan, params: Mapping[str, str], scan_text: str | None, file: Path) -> Scan:
    """What to scan. Everything that can be wrong with it is found here, before anything runs."""
    from hepppl.io.write import picture_format

    picture_format(file)
    name, _, rest = scan_text.partition("=") if scan_text else (plan.wrt[0], "", "")
    inputs.check_names([name], model.params, "parameter", "E451")
    if name not in plan.wrt:
        raise HepValueError(Diagnostic("E460", f"'{name}' is not differentiated: add --wrt {name}"))
    param = next(p for p in model.program.params if p.name == name)
    if inputs.tensor_of(param).shape:
        raise HepValueError(Diagnostic("E460", f"'{name}' is an array of parameters: scan a single one"))
    value = inputs.param_values(model.program, params)[name]
    values = spread(value, param.support) if scan_text is None else parsed(param, rest)
    return Scan(name, model.params[name].unit, values, file)


def parsed(param: Param, text: str) -> np.ndarray:
    """``LOW:HIGH`` or ``LOW:HIGH:POINTS``."""
    parts = text.split(":")
    if len(parts) not in (2, 3) or not all(part.strip() for part in parts):
        raise click.BadParameter(
            f"expected {param.name}=LOW:HIGH:POINTS, found '{param.name}={text}'", param_hint="--scan"
        )
    low, high = (inputs.param_value(param, part.strip()) for part in parts[:2])
    points = parts[2].strip() if len(parts) == 3 else str(POINTS)
    if not points.isdecimal() or int(points) < 2 or int(points) > 10_000:
        raise HepValueError(Diagnostic("E460", f"a scan has from 2 to 10000 points, found '{points}'"))
    if low == high:
        raise HepValueError(Diagnostic("E460", f"a scan needs two different ends, found {low:g} twice"))
    return np.linspace(min(low, high), max(low, high), int(points))


def spread(value: float, support: Support | None) -> np.ndarray:
    """Points around a value: 60 % of it to either side (1 around zero), well inside the support."""
    half = 0.6 * abs(value) or 1.0
    low, high = value - half, value + half
    if support is not None:
        # A fifth of the way from the support's end: laws often degenerate there.
        low = max(low, support.low + 0.2 * (value - support.low)) if np.isfinite(support.low) else low
        high = min(high, support.high - 0.2 * (support.high - value)) if np.isfinite(support.high) else high
    if low == high:
        raise HepValueError(Diagnostic("E460", f"the support leaves no range around {value:g}", hints=("use --scan",)))
    return np.linspace(low, high, POINTS)
