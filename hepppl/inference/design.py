"""`Model.optimize`: the parameters at which a function of expected outputs is least."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from hepppl import identity, inputs, trust
from hepppl._version import __version__
from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepResultError, HepValueError
from hepppl.inference import descent, minimand, options, search, stopping
from hepppl.inference.checkpoints import Checkpoint
from hepppl.inference.domain import Domain
from hepppl.io.write import library
from hepppl.results import plain
from hepppl.semantics.units import parse_quantity

if TYPE_CHECKING:
    from hepppl.model import Model
    from hepppl.results import Events

#: Optimisers of optax by name, each with a learning rate.
OPTIMIZERS = ("adam", "sgd", "adamw", "nadam", "amsgrad", "rmsprop", "adagrad", "yogi", "lion")
GROWTH = 64  # times the first number of events, at most
LR = 0.05
STEPS, EVENTS = 300, 256
#: Steps that a budget is shared over, as long as no step has more than `EVENTS`.
SHARES = 100


@dataclass(frozen=True, eq=False)
class Trace:
    """A row per step (gradient-free: per evaluation), before it moved. ``params[name]``: (steps, …); ``objective``:
    (steps,), its estimate from that step's events; ``events``: (steps,)."""

    params: Mapping[str, np.ndarray]
    objective: np.ndarray
    events: np.ndarray

    def __len__(self) -> int:
        return len(self.objective)


@dataclass(frozen=True, eq=False)
class Optimum:
    """What a search found, in base units.

    ``params``: of a stochastic search where the gradients of the second half of its steps have their zero
    (`hepppl.inference.stopping.estimate`), of one without gradients its best point; ``error``: its estimated standard
    error (NaN where it has none), for the parameters in ``wrt``. ``value``:
    the objective there, with the standard error ``se``; ``expected[output]`` and ``expected_se[output]``: all from
    ``events`` events of their own. ``converged``, and ``reason``: why it ended. ``trace``: the way there;
    ``unit``: of the objective.
    """

    model: str
    objective: str
    optimizer: str
    seed: int
    params: Mapping[str, Any]
    error: Mapping[str, Any]
    wrt: tuple[str, ...]
    value: float
    se: float
    expected: Mapping[str, Any]
    expected_se: Mapping[str, Any]
    events: int
    converged: bool
    reason: str
    trace: Trace
    unit: str
    units: Mapping[str, str]
    param_units: Mapping[str, str]
    truncated: float
    faults: tuple[Any, ...] = ()

    def plot(self, path: str | os.PathLike[str]) -> None:
        """Draw the objective and the parameters against the steps (extra ``plot``): ``.png``, ``.pdf`` or ``.svg``."""
        from hepppl.plotting.descent import draw

        draw(path, self)

    def to_dict(self) -> dict[str, Any]:
        """The object that ``optimize --json`` prints."""
        return {
            "model": self.model,
            "objective": {"text": self.objective, "value": plain(self.value), "se": plain(self.se), "unit": self.unit},
            "optimizer": self.optimizer,
            "seed": self.seed,
            "params": {
                name: {"value": plain(value), "error": plain(self.error.get(name)), "unit": self.param_units[name]}
                for name, value in self.params.items()
            },
            "outputs": {
                name: {"mean": plain(mean), "se": plain(self.expected_se[name]), "unit": self.units.get(name, "")}
                for name, mean in self.expected.items()
            },
            "events": self.events,
            "converged": self.converged,
            "reason": self.reason,
            "steps": len(self.trace),
            "trace": {
                "params": {name: plain(values) for name, values in self.trace.params.items()},
                "objective": plain(self.trace.objective),
                "events": plain(self.trace.events),
            },
            "truncated": plain(self.truncated),
        }

    def __repr__(self) -> str:
        found = ", ".join(f"{name} = {self.params[name]} ± {self.error[name]}" for name in self.wrt)
        return f"<Optimum of {self.model}: {found}; {self.value} ± {self.se}; {self.reason}>"


@dataclass(frozen=True)
class Request:
    """How to search, as `Model.optimize` was asked."""

    steps: int | None
    events: int | None
    seed: int
    optimizer: Any
    lr: float | None
    max_events: int | None
    target_error: Any
    budget: int | None
    evaluate: int
    checkpoint: Any
    resume: bool
    tolerance: float

    @property
    def name(self) -> str:
        return self.optimizer if isinstance(self.optimizer, str) else "custom"


def optimize(
    model: Model,
    minimize: Callable[[Mapping[str, Any]], Any] | str,
    start: Mapping[str, Any],
    wrt: Sequence[str] | str | None,
    by: Mapping[str, Any] | None,
    request: Request,
    engine: Mapping[str, Any],
    progress: Callable[[int, int], None] | None,
) -> Optimum:
    """See `hepppl.Model.optimize`."""
    from hepppl.planning.choose import parameters

    point = inputs.param_values(model.program, start)
    inputs.data_values(model.program, model.data)
    names = parameters(model.model_graph, [wrt] if isinstance(wrt, str) else wrt)
    if not names:
        raise HepValueError(Diagnostic("E458", f"model '{model.name}' has no parameter to optimise"))
    free = request.name in search.METHODS
    objective = minimand.objective(model, minimize)
    domain = Domain.of(model, names, point)
    settings = _settings(model, domain, request, free)
    checkpoint = _checkpoint(model, objective, point, names, by, request, engine)
    with jax.enable_x64(engine["precision"] == 64):
        if free:

            def evaluate(values: Mapping[str, Any], n: int) -> float:
                here = {**point, **_within(model, {k: _tuples(v) for k, v in values.items()})}
                events = model.simulate(n, request.seed, params=here, tolerance=request.tolerance, **engine)
                return float(objective(_means(events))[0])

            step = 10 * LR if request.lr is None else request.lr
            trace, reason, fault = search.search(evaluate, domain, request.name, step, settings, checkpoint, progress)
            best = int(np.nanargmin(trace.objective)) if fault != "diverged" else -1
            values, error = trace.values[best], np.full(len(trace.values[best]), np.nan)
        else:
            fixed = {name: value for name, value in point.items() if name not in names}
            compiled = model.compile(by, names, **engine)
            gradient = descent.Gradient(compiled, objective, domain, fixed)
            trace, reason, fault = descent.descend(gradient, domain, _rule(request), settings, checkpoint, progress)
            values, error = stopping.estimate(trace.values, trace.gradients, trace.events)
        at_rest = "" if free else stopping.moving(trace.values, trace.gradients)
        if at_rest and fault != "diverged":
            reason = f"{reason}, and {at_rest}"
        found = {**point, **_within(model, {k: _tuples(v) for k, v in domain.split(values).items()})}
        result = _result(model, objective, request, domain, trace, found, error, not fault and not at_rest, reason)
        if fault == "diverged":
            raise _error("E940", result, f"the search diverged: {reason}", "a smaller --lr, or more --events per step")
        result = _evaluated(model, objective, request, result, engine)
    if fault == "limit" and settings.target is not None:
        far = ", ".join(f"{label} ± {e:.3g}" for label, e in zip(domain.labels, error, strict=True))
        raise _error("E941", result, f"the target error was not reached: {reason} ({far})", "more --steps or --events")
    return result


def _settings(model: Model, domain: Domain, request: Request, free: bool) -> descent.Settings:
    budget = None if request.budget is None else options.whole("budget", request.budget, 4)
    share = EVENTS if budget is None else min(max(budget // SHARES, 2), EVENTS)
    events = options.whole("events", share if request.events is None else request.events, 2)
    events += 0 if free else events % 2
    paid = STEPS if budget is None else max(budget // events, 1)
    steps = options.whole("steps", paid if request.steps is None else request.steps)
    most = max(events, options.whole("max_events", request.max_events or GROWTH * events))
    if not free and isinstance(request.optimizer, str) and request.optimizer not in OPTIMIZERS:
        known = ", ".join((*OPTIMIZERS, *search.METHODS))
        message = f"there is no optimizer '{request.optimizer}'"
        raise HepValueError(Diagnostic("E492", message, hints=(f"there is: {known}",)))
    if request.lr is not None:
        options.positive("lr", request.lr)
    if free and request.target_error is not None:
        message = f"'{request.name}' does not know the error of what it finds: it has no target error"
        raise HepValueError(Diagnostic("E492", message))
    target = None if request.target_error is None else _target(model, domain, request.target_error)
    steps, limit = (steps, np.inf) if budget is None else (min(steps, paid), budget)
    return descent.Settings(steps, events, most - most % 2, request.seed, target, limit)


def _target(model: Model, domain: Domain, given: Any) -> np.ndarray:
    """The errors to reach, (size,); infinite for parameters that are not named."""
    each = given if isinstance(given, Mapping) else dict.fromkeys(domain.names, given)
    inputs.check_names(each, domain.names, "free parameter", "E451")
    dims = {param.name: inputs.tensor_of(param).dim for param in model.program.params}
    found = []
    for name, shape in zip(domain.names, domain.shapes, strict=True):
        value = each.get(name, np.inf)
        value = parse_quantity(value, dims[name], name) if isinstance(value, str) else value
        found.append(np.full(int(np.prod(shape, dtype=int)), options.positive("target_error", value)))
    return np.concatenate(found)


def _rule(request: Request) -> Any:
    """The optax optimiser."""
    optax = library("optax", "design")
    if isinstance(request.optimizer, str):
        return getattr(optax, request.optimizer)(LR if request.lr is None else request.lr)
    if not hasattr(request.optimizer, "update"):
        raise HepValueError(Diagnostic("E492", f"no optimizer of optax: {request.optimizer!r}"))
    return request.optimizer


def _checkpoint(
    model: Model, objective: Any, point: Any, names: Any, by: Any, request: Request, engine: Mapping[str, Any]
) -> Checkpoint | None:
    if request.checkpoint is None:
        if request.resume:
            raise HepValueError(Diagnostic("E492", "to resume a search needs the folder of its checkpoint"))
        return None
    run = {
        "hepppl version": __version__,
        "program": identity.of_program(model),
        "data": identity.digest(model.data),
        "objective": objective.text,
        "start": identity.listed(point),
        "free parameters": list(names),
        "estimators": identity.listed(by or {}),
        "optimizer": request.name,
        "learning rate": request.lr,
        "seed": request.seed,
        "events": request.events,
        "max_events": request.max_events,
        "budget": request.budget,
        "precision": engine["precision"],
        "rounds": engine["rounds"],
    }
    return Checkpoint(Path(request.checkpoint), run, request.resume)


def _within(model: Model, values: Mapping[str, Any]) -> dict[str, Any]:
    """A rounding may end at an end that an open interval excludes, or a mean just outside."""

    def moved(value: Any, low: float, high: float) -> Any:
        if isinstance(value, tuple):
            return tuple(moved(v, low, high) for v in value)
        return min(max(value, np.nextafter(low, high)), np.nextafter(high, low))

    ends = {name: (model.params[name].support, value) for name, value in values.items()}
    return {n: value if s is None else moved(value, s.low, s.high) for n, (s, value) in ends.items()}


def _tuples(value: Any) -> Any:
    """A number, or nested tuples, as parameters are given."""
    array = np.asarray(value, float)
    return tuple(_tuples(v) for v in array) if array.ndim else float(array)


def _means(events: Events) -> dict[str, Any]:
    return {name: mean for name, mean in events.mean.items() if name in events.outputs}


def _result(
    model: Model, objective: Any, request: Request, domain: Domain, trace: descent.Trace, params: Any, error: Any,
    converged: bool, reason: str,
) -> Optimum:  # fmt: skip
    """Not yet evaluated."""
    nan = float("nan")
    errors = {name: e[()] for name, e in domain.split(error).items()}
    rows = Trace(domain.split(trace.values), trace.objective, trace.events)
    units = {name: info.unit for name, info in model.params.items()}
    return Optimum(
        model.name, objective.text, request.name, request.seed, params, errors, domain.names, nan, nan, {}, {}, 0,
        converged, reason, rows, objective.unit, model.units, units, 0.0,
    )  # fmt: skip


def _evaluated(model: Model, objective: Any, request: Request, found: Optimum, engine: Mapping[str, Any]) -> Optimum:
    """With the objective there, from events that the search has not seen; raises `HepResultError` where they are not
    to be trusted."""
    from dataclasses import replace

    n = options.whole("evaluate", request.evaluate, 2)
    words = np.random.SeedSequence([request.seed, 2**32]).generate_state(2, np.uint32)
    fault: HepResultError | None = None
    try:
        events = model.simulate(
            n, int(words[0]) << 32 | int(words[1]), params=found.params, tolerance=request.tolerance, **engine
        )
    except HepResultError as error:
        events, fault = error.result, error
    means = _means(events)
    value, slopes = objective(means)
    # to first order F moves with the outputs' means along its slopes: their sum over outputs, event by event
    share = np.zeros(n)
    weight = events.weight / events.weight.mean()
    for name, slope in slopes.items():
        off = np.asarray(events.outputs[name], float) - means[name]
        share += weight * np.where(events.weight == 0, 0, (off * np.asarray(slope)).reshape(n, -1).sum(-1))
    found = replace(
        found, value=float(value), se=float(share.std(ddof=1) / np.sqrt(n)), expected=means, events=n,
        expected_se={name: events.se[name] for name in means}, truncated=events.truncated, faults=events.faults,
    )  # fmt: skip
    if fault is not None:
        fault.result = found
        raise fault
    trust.agreed(found, [] if np.isfinite(found.value) else [Diagnostic("E940", "the objective is not finite there")])
    return found


def _error(code: str, result: Optimum, message: str, hint: str) -> HepResultError:
    error = HepResultError(Diagnostic(code, message, hints=(f"try {hint}",)))
    error.result = result
    return error
