"""The same events at other parameters: moved along their derivatives, or reweighted.

An event at θ is a function of θ and of its noise. Where it is a smooth one, x(θ') = x(θ) + dx/dθ (θ' - θ) + …, and one
sample with its derivatives serves a neighbourhood of θ ("move", to first or second order). Where it jumps, the values
drawn can be kept and their probability taken at the other point: the event gets the weight
p(drawn | θ') / p(drawn | θ) ("reweight", exact, at the price of weights that vary more the further θ' is).

Either way the events at two points share their noise, so that differences between the points have errors far smaller
than those of independent samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hepppl import inputs, results, trust
from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepPlanError, HepValueError
from hepppl.inference.gold import other_points
from hepppl.planning.joint import check_joint
from hepppl.planning.move import moving_plan

if TYPE_CHECKING:
    from hepppl.model import Model, Progress
    from hepppl.planning import Plan

METHODS = ("auto", "move", "reweight")
#: Events that are simulated again at each point, to see how far the move is off.
CHECKED = 2000
#: Least fraction of the events that reweighted ones may be worth.
LEAST_WORTH = 0.01

Point = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Morph:
    """``events``: those at the start. ``at(k)``: the same events at ``points[k]``. ``method``: "move" or "reweight",
    ``why``: the reason of that choice.

    ``missed[k]``: for each output that moves, the part of its way from the start to the point that the move
    misses, root mean square over events simulated at the point with the same noise (method "move").
    ``worth[k]``: the fraction of unweighted events at the point that the reweighted ones are worth,
    (Σw)² / (n Σw²) (method "reweight"; 1 otherwise).
    """

    events: results.Events
    points: tuple[Point, ...]
    method: str
    why: str
    _at: tuple[results.Events, ...]
    missed: tuple[Mapping[str, float], ...] = ()
    worth: tuple[float, ...] = ()

    @property
    def faults(self) -> tuple[Any, ...]:
        return self.events.faults

    @property
    def truncated(self) -> float:
        return self.events.truncated

    def at(self, k: int = 0) -> results.Events:
        """The events at the k-th point."""
        return self._at[k]

    def __len__(self) -> int:
        return len(self.points)

    def shift(self, output: str, k: int = 0) -> tuple[Any, Any]:
        """The mean of an output at the k-th point less that at the start, and its standard error (to first order in
        1/n), which knows that both are means over the same events."""
        (there, u), (here, v) = (_influence(events, output) for events in (self._at[k], self.events))
        n = len(u)
        se = (u - v).std(axis=0, ddof=1) / np.sqrt(n) if n > 1 else np.full(np.shape(there), np.nan)
        return (there - here)[()], se[()]

    def histogram(self, output: str, edges: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
        """Sums of weights in bins and their standard errors, (points, bins) each, of one output at every point. A bin
        holds its lower edge; of an array or a jagged output every element is filled."""
        filled = [_filled(events, output, np.asarray(edges, np.float64)) for events in self._at]
        return np.stack([total for total, _ in filled]), np.stack([error for _, error in filled])

    def __repr__(self) -> str:
        return f"<Morph of {self.events.model}: {len(self.events)} events at {len(self)} points, by {self.method}>"


def morph(
    model: Model,
    n: int,
    to: Point | Sequence[Point],
    theta: Point,
    method: str,
    order: int,
    seed: int,
    accuracy: float,
    tolerance: float,
    progress: Progress | None,
    engine: Mapping[str, Any],
) -> Morph:
    """See `hepppl.model.Model.morph`."""
    if method not in METHODS:
        raise HepValueError(Diagnostic("E457", f"method must be {' or '.join(METHODS)}, found {method!r}"))
    if order not in (1, 2):
        raise HepValueError(Diagnostic("E457", f"order must be 1 or 2, found {order!r}"))
    at = inputs.param_values(model.program, theta)
    given = inputs.data_values(model.program, model.data)
    points, arrays = other_points(model, at, [to] if isinstance(to, Mapping) else to)
    method, why, plan = chosen(model, method, tuple(arrays))
    run = (model, n, seed, at, given, points, arrays, progress, engine)
    found = replace(_moved(plan, order, *run) if plan is not None else _reweighted(*run), why=why)
    trust.check(found, tolerance, _finite(found))
    trust.agreed(found, _distrust(found, order, accuracy))
    return found


def chosen(model: Model, method: str, names: tuple[str, ...]) -> tuple[str, str, Plan | None]:
    """The method, why, and for "move" its plan. Raises `HepPlanError` where the method asked for, or both, are not
    sound."""
    problems: list[Diagnostic] = []
    if method != "reweight":
        try:
            plan = moving_plan(model.model_graph, names)
            return "move", "asked for" if method == "move" else "events move smoothly with the parameters", plan
        except HepPlanError as error:
            if method == "move":
                raise
            problems.extend(error.diagnostics)
    try:
        check_joint(model.model_graph, names, outputs=False)
    except HepPlanError as error:
        raise HepPlanError([*problems, *error.diagnostics]) from error
    why = "asked for" if method == "reweight" else problems[0].message
    return "reweight", why, None


def _moved(
    plan: Plan,
    order: int,
    model: Model,
    n: int,
    seed: int,
    at: Point,
    given: Point,
    points: tuple[Point, ...],
    arrays: Mapping[str, np.ndarray],
    progress: Progress | None,
    engine: Mapping[str, Any],
) -> Morph:
    from hepppl.backends.jax import traces

    compiled = model._compiled(plan, **engine)
    found = traces.derivatives(compiled, "move", plan.wrt, n, seed, at, given, progress) if arrays else None
    raw = compiled.simulate(n, seed, at, given, progress) if found is None else found.events
    events = results.events(model, n, seed, at, raw)
    steps = {name: arrays[name] - np.asarray(at[name]) for name in plan.wrt}
    bends = traces.curvatures(compiled, steps, n, seed, at, given) if arrays and order == 2 else None
    others = []
    for k, point in enumerate(points):
        if found is None:
            others.append(replace(events, params=point))
            continue
        step = np.concatenate([each[k].ravel() for each in steps.values()])
        way = {name: np.tensordot(slope, step, axes=(1, 0)) for name, slope in found.moved.items()}
        far = 0 if found.moved_weight is None else found.moved_weight @ step
        if bends is not None:
            way = {name: x + bends.moved[name][:, k] / 2 if name in bends.moved else x for name, x in way.items()}
            far = far if bends.moved_weight is None else far + bends.moved_weight[:, k] / 2
        outputs = {name: _stepped(values, way.get(name)) for name, values in events.outputs.items()}
        others.append(replace(events, params=point, outputs=outputs, weight=events.weight + far))
    m = min(n, CHECKED)
    plain, missed = model._compiled(None, **engine), []
    for other, point in zip(others, points, strict=True):
        exact = results.events(model, m, seed, point, plain.simulate(m, seed, point, given))
        missed.append(_missed(events, other, exact))
    return _result(events, points, "move", others, tuple(missed), tuple(1.0 for _ in points))


def _reweighted(
    model: Model,
    n: int,
    seed: int,
    at: Point,
    given: Point,
    points: tuple[Point, ...],
    arrays: Mapping[str, np.ndarray],
    progress: Progress | None,
    engine: Mapping[str, Any],
) -> Morph:
    from hepppl.backends.jax import traces

    compiled = model._compiled(None, **engine)
    found = traces.ratios(compiled, arrays, n, seed, at, given, progress) if arrays else None
    raw = compiled.simulate(n, seed, at, given, progress) if found is None else found.events
    events = results.events(model, n, seed, at, raw)
    others, worth = [], []
    for k, point in enumerate(points):
        if found is None or found.joint is None:
            others.append(replace(events, params=point))
            worth.append(1.0)
            continue
        ratio = np.exp(found.joint[:, k])
        weight = events.weight if found.moved_weight is None else found.moved_weight[:, k]
        outputs = {
            name: _replaced(values, found.moved[name][:, k]) if name in found.moved else values
            for name, values in events.outputs.items()
        }
        others.append(replace(events, params=point, outputs=outputs, weight=weight * ratio, weighted=True))
        squares = (ratio**2).sum()
        worth.append(float(ratio.sum() ** 2 / (n * squares)) if squares > 0 else 0.0)
    return _result(events, points, "reweight", others, (), tuple(worth))


def _result(events: results.Events, points: Any, method: str, others: Any, missed: Any, worth: Any) -> Morph:
    return Morph(events, points, method, "", tuple(others), missed, worth)


def _stepped(values: Any, way: np.ndarray | None) -> Any:
    if way is None:
        return values
    own = values.values if isinstance(values, results.Jagged) else values
    return _replaced(values, own + way)


def _replaced(values: Any, by: np.ndarray) -> Any:
    """Other values for an output, of its type."""
    if isinstance(values, results.Jagged):
        return results.Jagged(by.astype(values.values.dtype), values.counts)
    return by.astype(values.dtype)


def _elements(values: Any, events: int) -> np.ndarray:
    """The numbers of the first events of an output."""
    if isinstance(values, results.Jagged):
        return values.values[: values.counts[:events].sum()].astype(np.float64)
    return values[:events].astype(np.float64)


def _missed(start: results.Events, moved: results.Events, exact: results.Events) -> dict[str, float]:
    """For each output that moves, how much of its way a move misses."""
    m = len(exact)
    found: dict[str, float] = {}
    compared: dict[str, tuple[np.ndarray, ...]] = {}
    if start.weighted:
        compared["weight"] = (start.weight[:m], moved.weight[:m], exact.weight)
    for name in start.outputs:
        three = tuple(events.outputs[name] for events in (start, moved, exact))
        counts = [v.counts[:m] for v in three if isinstance(v, results.Jagged)]
        if any((c != counts[0]).any() for c in counts):
            found[name] = np.inf
            continue
        compared[name] = tuple(_elements(v, m) for v in three)
    for name, (here, there, truth) in compared.items():
        way, off = _distance(truth, here), _distance(there, truth)
        if way != 0 or off != 0:
            found[name] = float(off / way) if way != 0 else np.inf
    return found


def _distance(x: np.ndarray, y: np.ndarray) -> float:
    """Root mean square, where equal infinities are no distance apart."""
    with np.errstate(invalid="ignore"):
        return float(np.sqrt(np.mean(np.square(np.where(x == y, 0, x - y))))) if x.size else 0.0


def _influence(events: results.Events, output: str) -> tuple[Any, np.ndarray]:
    """The mean of an output, and what each event adds to it, times n, to first order: w (f - mean) / E[w]."""
    values = events.outputs[output]
    if isinstance(values, results.Jagged):
        raise ValueError(f"output '{output}' has a varying number of elements, and so no mean")
    x, w = values.astype(np.float64), events.weight.astype(np.float64).reshape(-1, *[1] * (values.ndim - 1))
    x = np.where(w == 0, 0.0, x)
    mean = (w * x).sum(axis=0) / w.sum(axis=0)
    return mean, w * (x - mean) / w.mean(axis=0)


def _filled(events: results.Events, output: str, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    values = events.outputs[output]
    if isinstance(values, results.Jagged):
        number, x = values.event_numbers(), values.values
    else:
        number, x = np.arange(len(values)), values
    each = int(x.size / max(len(x), 1))
    bins = np.searchsorted(edges, x.ravel(), side="right") - 1
    number = np.repeat(number, each)
    inside = (bins >= 0) & (bins < len(edges) - 1) & (events.weight[number] != 0)
    width = len(edges) - 1
    # the elements of one event are not independent: its sum in a bin is what varies
    keys, place = np.unique(number[inside] * width + bins[inside], return_inverse=True)
    sums = np.bincount(place, events.weight[number[inside]], minlength=len(keys))
    total, square = (np.bincount(keys % width, s, minlength=width) for s in (sums, sums**2))
    return total, np.sqrt(square)


def _finite(found: Morph) -> Any:
    for events in (found.events, *found._at):
        yield from trust.defined_outputs(events.outputs, events.weight)


def _distrust(found: Morph, order: int, accuracy: float) -> list[Diagnostic]:
    """One diagnostic for each output: at the point where it is worst."""
    problems = []
    worst: dict[str, tuple[float, int]] = {}
    for k, missed in enumerate(found.missed):
        for name, part in missed.items():
            if not part <= max(accuracy, worst.get(name, (0.0, 0))[0]):  # NaN, where an event has no value there
                worst[name] = part, k
    nearer = "move less far" + (", or to second order (--order 2)" if order == 1 else "")
    for name, (part, k) in worst.items():
        text = f"output '{name}' moved to {_named(found, k)} misses {part:.1%} of its way there"
        hints = (f"{nearer}, or reweight (--method reweight)", f"or accept more than {accuracy:.1%} with --accuracy")
        problems.append(Diagnostic("E922", text, hints=hints))
    worth, k = min(((worth, k) for k, worth in enumerate(found.worth)), default=(1.0, 0))
    if worth < LEAST_WORTH:
        text = f"reweighted to {_named(found, k)}, the events are worth {worth:.2%} of their number"
        problems.append(Diagnostic("E923", text, hints=("go less far, in steps, or simulate there",)))
    return problems


def _named(found: Morph, k: int) -> str:
    start, point = found.events.params, found.points[k]
    changed = (f"{name} = {'[…]' if np.ndim(v) else f'{v:g}'}" for name, v in point.items() if v != start[name])
    return ", ".join(changed)
