"""``mle`` and ``map``: the largest likelihood, or posterior density, with errors and intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepResultError
from hepppl.diagnostics.suggest import nearest
from hepppl.inference import likelihood, minimise
from hepppl.inference.fit import Fit, Interval
from hepppl.inference.objective import Objective
from hepppl.inference.options import fraction
from hepppl.io.write import library

if TYPE_CHECKING:
    from hepppl.model import Model

#: What results are written as.
WRITES = ".json"


def maximum_likelihood(
    model: Model,
    data: Mapping[str, np.ndarray],
    seed: int,
    *,
    params: Mapping[str, Any],
    progress: Any = None,
    minos: bool = True,
    limit: str | None = None,
    discovery: str | None = None,
    level: float = 0.95,
) -> Fit:
    """The maximum of the likelihood over all parameters that are not fixed by ``params``, priors counting as constraint
    terms (`Objective`). Errors from the second derivatives (HESSE) and, with ``minos``, 68 % intervals from the profile
    likelihood, where it has fallen by 1/2.

    ``limit``, ``discovery``: a parameter of interest for which to compute an upper limit at confidence ``level`` or the
    significance of its not being 0 (`hepppl.inference.limits`). Nothing is random: ``seed`` changes nothing.
    Raises `HepResultError` (E911) where no minimum was found.
    """
    from hepppl.inference import limits

    level = fraction("level", level)
    objective, start = prepared(model, data, params, free=True)
    for poi in (limit, discovery):
        if poi is not None:
            limits.check(model, objective, poi)
    found = fitted(model, "mle", objective, start, minos)
    upper = limits.upper_limit(objective, limit, start, level) if limit is not None else None
    significance = limits.discovery(objective, discovery, start) if discovery is not None else None
    return found.with_tests(upper, significance)


def maximum_posterior(
    model: Model, data: Mapping[str, np.ndarray], seed: int, *, params: Mapping[str, Any], progress: Any = None
) -> Fit:
    """The maximum of the posterior density of the parameters that have priors, as they stand (it moves when a parameter
    is transformed), and their errors in the normal approximation. Raises `HepResultError` (E911)."""
    likelihood.needs_prior(model, params)
    objective, start = prepared(model, data, params, free=False, posterior=True)
    return fitted(model, "map", objective, start, minos=False)


def prepared(
    model: Model, data: Mapping[str, Any], params: Mapping[str, Any], free: bool, posterior: bool = False
) -> tuple[Objective, np.ndarray]:
    """What to minimise, and where to start: at the parameters' defaults and the medians of the rest."""
    library("iminuit", minimise.EXTRA)
    npm = likelihood.numpyro_model(model, params, free)
    npm.survey(frozenset(data))
    from hepppl.backends.numpyro.joint import Joint

    joint = Joint(npm, data)
    with likelihood.double_precision():
        start = np.array(jax.jit(joint.medians)()) if joint.size else np.zeros(0)
        for slot in joint.slots:
            default = next((p.default for p in model.program.params if p.name == slot.name), None)
            if default is not None:
                start[slot.start : slot.start + slot.size] = np.ravel(default)
        likelihood.possible(joint, start)
    return Objective(joint, posterior), start


def fitted(model: Model, method: str, objective: Objective, start: np.ndarray, minos: bool) -> Fit:
    """The minimum with its errors."""
    labels = minimise.names(objective)
    best = minimise.minimise(objective, start)
    minuit, intervals = best.minuit, {}
    if minuit is None:
        raise failed("there is nothing to fit: every parameter is fixed", None)
    minuit.hesse()
    errors = np.array(minuit.errors)
    covariance = np.array(minuit.covariance) if minuit.covariance is not None else np.full((len(labels),) * 2, np.nan)
    fit = Fit(model.name, method, labels, best.x, errors, covariance, {}, best.value, units(model, objective))
    if not best.valid:
        raise failed("the fit did not converge", fit, reasons(minuit))
    at_limit = [bounded(x, ends) for x, ends in zip(best.x, minimise.limits(objective), strict=True)]
    if minos:
        for name, edge in zip(labels, at_limit, strict=True):
            try:
                minuit.minos(name)
            except RuntimeError as error:  # a new minimum, or none
                raise failed(f"no interval was found for '{name}': {error}", fit) from None
            found = minuit.merrors[name]
            value = minuit.values[name]
            ends = [
                value + e if ok else None
                for e, ok in ((found.lower, found.lower_valid), (found.upper, found.upper_valid))
            ]
            stuck = found.at_lower_limit or found.at_upper_limit or edge
            if None in ends and not stuck:
                raise failed(f"no interval was found for '{name}'", fit)
            intervals[name] = Interval(*ends)
    return fit.with_intervals(intervals, [n for n, edge in zip(labels, at_limit, strict=True) if edge])


def bounded(x: float, ends: tuple[float, float]) -> bool:
    """Whether a value lies on an end of its interval."""
    width = ends[1] - ends[0] if np.isfinite(ends[1] - ends[0]) else max(1.0, abs(x))
    return min(x - ends[0], ends[1] - x) < 1e-6 * width


def units(model: Model, objective: Objective) -> dict[str, str]:
    return {s.name: model.params[s.name].unit for s in objective.slots if s.name in model.params}


def reasons(minuit: Any) -> str:
    minimum = minuit.fmin
    found = [
        text
        for text, holds in (
            ("too many calls", minimum.has_reached_call_limit),
            ("the estimated distance to the minimum is too large", minimum.is_above_max_edm),
            ("the second derivatives are not positive", not minimum.has_posdef_covar),
        )
        if holds
    ]
    return ", ".join(found)


def failed(message: str, fit: Fit | None, why: str = "") -> HepResultError:
    """A fit that is not to be trusted."""
    hint = (
        "give other start values as defaults of the parameters, or fix a parameter that the data do not determine (-p)"
    )
    error = HepResultError(Diagnostic("E911", message + (f" ({why})" if why else ""), hints=(hint,)))
    error.result = fit
    return error


def parameter_of_interest(objective: Objective, name: str) -> int:
    """Its place in the vector. Raises `HepValueError` (E451)."""
    labels = minimise.names(objective)
    if name not in labels:
        from hepppl.diagnostics.errors import HepValueError

        near = nearest(name, labels)
        hint = f"did you mean '{near}'?" if near else f"the fit has: {', '.join(labels)}"
        raise HepValueError(Diagnostic("E451", f"the fit has no free parameter '{name}'", hints=(hint,)))
    return labels.index(name)
