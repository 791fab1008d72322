"""Derivatives of expected outputs by finite differences: nothing of any estimator is in them.

The same events (common random numbers) are simulated at θ ± h and θ ± 2h in double precision. With the central
differences D(h) and D(2h), Richardson's (4 D(h) − D(2h)) / 3 is right to the fourth order of h. Its remaining bias is
not known; allowed for is the size of the whole second-order correction, |D(h) − D(2h)| / 3, as far as it stands out of
its own noise (two standard errors).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepppl.diagnostics.errors import HepError

if TYPE_CHECKING:
    from hepppl.model import Model

#: The step relative to the parameter (or to 1, where it is smaller): events that jump make noise as 1 / h.
STEP = 0.04
#: Elements of one array parameter that are tried; the others have the same code behind them.
ELEMENTS = 4


@dataclass(frozen=True)
class Difference:
    """dE[output]/d(element ``at`` of param), the element ``index`` of the derivative's array. In base units."""

    output: str
    param: str
    index: tuple[int, ...]
    value: float
    se: float
    allowance: float
    step: float


def differences(
    model: Model, wrt: Sequence[str], n: int, seed: int, point: Mapping[str, Any], options: Mapping[str, Any]
) -> tuple[list[Difference], list[str]]:
    """Every derivative that can be had, and in words why the others cannot."""
    found: list[Difference] = []
    problems: list[str] = []
    declared = {param.name: param for param in model.program.params}
    simulated = {k: v for k, v in options.items() if k not in ("params", "mode")} | {"precision": 64}
    for param in wrt:
        value = np.asarray(point[param], dtype=np.float64)
        elements = list(np.ndindex(*value.shape))
        if len(elements) > ELEMENTS:
            chosen = np.random.default_rng(seed).choice(len(elements), ELEMENTS, replace=False)
            elements = [elements[i] for i in sorted(chosen)]
            problems.append(f"finite differences with respect to {ELEMENTS} of the {value.size} elements of '{param}'")
        for at in elements:
            step = _step(float(value[at]), declared[param].support)
            if step is None:
                problems.append(f"no finite difference with respect to '{param}', which is at the edge of its support")
                continue
            try:
                moved = [_run(model, n, seed, point, param, value, at, k * step, simulated) for k in (1, -1, 2, -2)]
            except HepError as error:
                reason = error.diagnostics[0].message
                problems.append(f"no finite difference with respect to '{param}': {reason}")
                continue
            found.extend(_richardson(param, at, step, moved))
    return found, problems


def _step(value: float, support: Any) -> float | None:
    """A step that keeps value ± 2 steps inside the support; None where there is no room for one."""
    step = STEP * max(abs(value), 0.25)
    if support is not None:
        step = min(step, (value - support.low) / 2.5, (support.high - value) / 2.5)
    return step if step > 1e-6 * max(abs(value), 1e-3) else None


def _run(
    model: Model,
    n: int,
    seed: int,
    point: Mapping[str, Any],
    param: str,
    value: np.ndarray,
    at: tuple[int, ...],
    by: float,
    options: Mapping[str, Any],
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Output -> its mean, and what each event adds to it: (shape), (n, *shape)."""
    moved = value.copy()
    moved[at] += by
    events = model.simulate(n, seed, params={**point, param: moved.tolist()}, **options)
    w = events.weight.astype(np.float64)
    means = {}
    for name, output in events.outputs.items():
        if hasattr(output, "counts"):
            continue
        shaped = w.reshape(-1, *([1] * (output.ndim - 1)))
        f = np.where(shaped == 0, 0.0, output.astype(np.float64))
        mean = (shaped * f).sum(0) / w.sum()
        means[name] = (mean, shaped * (f - mean) / w.mean())
    if events.weighted:
        means["weight"] = (w.mean(), w - w.mean())
    return means


def _richardson(param: str, at: tuple[int, ...], step: float, moved: list[Any]) -> list[Difference]:
    found = []
    for output in moved[0]:
        means, parts = zip(*(run[output] for run in moved), strict=True)
        near, far = (means[0] - means[1]) / (2 * step), (means[2] - means[3]) / (4 * step)
        each_near, each_far = (parts[0] - parts[1]) / (2 * step), (parts[2] - parts[3]) / (4 * step)
        n = len(each_near)
        error = np.std(4 * each_near - each_far, axis=0) / 3 / np.sqrt(n)
        noise = np.std(each_near - each_far, axis=0) / 3 / np.sqrt(n)
        value, bias = (4 * near - far) / 3, np.abs(near - far) / 3
        allowance = np.maximum(bias - 2 * noise, 0)
        for index in np.ndindex(*np.shape(value)):
            one, se, allowed = (float(np.asarray(x)[index]) for x in (value, error, allowance))
            found.append(Difference(output, param, (*index, *at), one, se, allowed, step))
    return found
