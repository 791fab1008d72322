"""Searches without gradients, by SciPy: for comparison, and for programs that have no sound estimator.

Every point is simulated with the same seed, so that the search sees a function without noise: that of this sample. Its
minimum differs from the true one by the sample's own error, which such a search does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from hepppl.inference.checkpoints import Checkpoint
from hepppl.inference.descent import Rows, Settings, Trace
from hepppl.inference.domain import Domain
from hepppl.io.write import library

#: Name -> what SciPy calls it, and the option that the first step's size goes by.
METHODS = {"nelder-mead": "Nelder-Mead", "cobyla": "COBYLA", "powell": "Powell"}


class _Enough(Exception):
    """All evaluations that were asked for have been made, or one was not finite."""


def search(
    evaluate: Callable[[Mapping[str, Any], int], float],
    domain: Domain,
    method: str,
    step: float,
    settings: Settings,
    checkpoint: Checkpoint | None,
    progress: Callable[[int, int], None] | None,
) -> tuple[Trace, str, str]:
    """``evaluate``: the objective at named parameters, from so many events. ``step``: size of the first simplex, or
    radius of the first region of trust. The evaluations made, why they ended, and "diverged" or "".

    A search that is taken up makes its decisions anew from the evaluations that were kept.
    """
    optimize = library("scipy.optimize", "design")
    found = None if checkpoint is None else checkpoint.load({})
    kept = None if found is None else found.trace
    rows = Rows.of(None)

    def objective(x: np.ndarray) -> float:
        made = len(rows.objective)
        if made == settings.steps:
            raise _Enough
        values = np.asarray(domain.values(x))
        if kept is not None and made < len(kept):
            value = float(kept.objective[made])
        else:
            value = evaluate(domain.split(values), settings.events)
        rows.values.append(values)
        rows.objective.append(value)
        rows.gradients.append(np.full(len(x), np.nan))
        rows.events.append(settings.events)
        if checkpoint is not None:
            checkpoint.save({}, rows.trace, 0, last=made + 1 == settings.steps)
        if progress is not None:
            progress(made + 1, settings.steps)
        if not np.isfinite(value):
            raise _Enough
        return value

    start = domain.start()
    options: dict[str, Any] = {"maxfev": settings.steps}
    if method == "nelder-mead":
        options["initial_simplex"] = np.vstack([start, start + step * np.eye(len(start))])
    elif method == "cobyla":
        options = {"maxiter": settings.steps, "rhobeg": step}
    try:
        result = optimize.minimize(objective, start, method=METHODS[method], options=options)
        reason = f"{method} ended by itself" if result.success else ""
    except _Enough:
        reason = ""
    trace = rows.trace()
    if not np.isfinite(trace.objective).all():
        return trace, f"the objective was not finite at evaluation {len(trace) - 1}", "diverged"
    return trace, reason or f"{settings.steps} evaluations were made", "" if reason else "limit"
