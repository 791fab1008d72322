"""Mined gold: the score and the likelihood ratios of everything that an event draws, beside what is seen of it.

For the values z that an event draws on its way to its outputs x, the joint score t(x, z | θ) = ∇θ log p(x, z | θ) and
the joint ratio p(x, z | θ') / p(x, z | θ) are known event by event, although the likelihood of x alone is not. Their
means over the events that give the same x are the score and the likelihood ratio of x:

    E[t(x, z | θ) | x] = ∇θ log p(x | θ),    E[p(x, z | θ') / p(x, z | θ) | x] = p(x | θ') / p(x | θ).

Brehmer, Louppe, Pavez and Cranmer, "Mining gold from implicit models to improve likelihood-free inference",
arXiv:1805.12244, eqs. 4 to 8.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepppl import inputs, results, trust
from hepppl.planning.joint import check_joint

if TYPE_CHECKING:
    from hepppl.model import Model, Progress

Point = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Gold:
    """Events and their joint scores and ratios. ``len(gold)`` is n, ``gold["x"]`` an output.

    ``events``: the `Events`, the same as `Model.simulate` gives at ``theta`` with the same seed. ``score[param]``:
    shape (n, …) and the parameter's, d log p(x, z | θ) / d param of each event, in one over the parameter's base unit.
    ``log_ratio``: (n, points), log p(x, z | point) - log p(x, z | θ), natural logarithm; minus infinity where the
    point cannot give the event. In the notation of arXiv:1805.12244 that is log r(x, z | θ0 = point, θ1 = θ).
    ``points``: every parameter's value at each of the points.

    With `weight` or `require` the density is that of the measure, weight times density of what is drawn: the score is
    that of weight · p, so that E[weight · score] = ∇E[weight] and E[weight · exp(log_ratio)] is E[weight] at the point.
    An event of weight 0 carries the score and the ratio of what it drew alone.
    """

    events: results.Events
    score: Mapping[str, np.ndarray]
    log_ratio: np.ndarray
    points: tuple[Point, ...]

    def __getitem__(self, name: str) -> Any:
        return self.events[name]

    def __len__(self) -> int:
        return len(self.events)

    @property
    def outputs(self) -> Mapping[str, Any]:
        """Output -> values (n, …), awkward where the number of elements varies."""
        return {name: self.events[name] for name in self.events}

    @property
    def weight(self) -> np.ndarray:
        return self.events.weight

    @property
    def theta(self) -> Point:
        """Every parameter's value in the events, in base units."""
        return self.events.params

    @property
    def seed(self) -> int:
        return self.events.seed

    @property
    def truncated(self) -> float:
        return self.events.truncated

    @property
    def faults(self) -> tuple[Any, ...]:
        return self.events.faults

    def moments(self) -> list[tuple[str, Any, Any, Any]]:
        """Of each score, and of the ratio to each point (``ratio[0]``, …; the exponential of ``log_ratio``): its name,
        mean, the mean's standard error and the standard deviation of one event, with weights. Without weights in the
        program the mean of a score is 0 and that of a ratio 1."""
        ratios = {f"ratio[{k}]": np.exp(self.log_ratio[:, k]) for k in range(len(self.points))}
        found = []
        for name, values in {**{f"score[{name}]": x for name, x in self.score.items()}, **ratios}.items():
            x = values * self.weight.reshape(-1, *[1] * (values.ndim - 1))
            std = x.std(0, ddof=1) if len(x) > 1 else np.zeros(x.shape[1:])
            found.append((name, x.mean(0), std / np.sqrt(len(x)), std))
        return found

    def to_dict(self) -> dict[str, Any]:
        """The object that ``gold --json`` prints: that of the events, and ``gold``: the moments, and the points."""
        gold = {
            name: {"mean": results.plain(mean), "se": results.plain(se), "std": results.plain(std)}
            for name, mean, se, std in self.moments()
        }
        points = [{name: results.plain(value) for name, value in point.items()} for point in self.points]
        return {**self.events.to_dict(), "gold": gold, "points": points}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the events as `hepppl.io.write.write_events` does, with a column ``score.NAME`` for each parameter of
        the score and ``log_ratio.K`` for each point. Raises `HepFileError` (E511 to E513)."""
        from hepppl.io.write import event_format, write_pieces

        event_format(path)
        columns = {**self.events.outputs, **{f"score.{name}": values for name, values in self.score.items()}}
        columns |= {f"log_ratio.{k}": self.log_ratio[:, k] for k in range(len(self.points))}
        if self.events.weighted:
            columns["weight"] = self.weight
        write_pieces(path, [columns], self.to_dict())

    def __repr__(self) -> str:
        return (
            f"<Gold of {self.events.model}: {len(self)} events, scores in {', '.join(self.score) or 'nothing'}, "
            f"ratios to {len(self.points)} points>"
        )


def gold(
    model: Model,
    n: int,
    theta: Point,
    wrt: Sequence[str] | str | None,
    seed: int,
    ratios_to: Sequence[Point],
    tolerance: float,
    progress: Progress | None,
    engine: Mapping[str, Any],
) -> Gold:
    """See `hepppl.model.Model.gold`."""
    from hepppl.backends.jax import traces

    at = inputs.param_values(model.program, theta)
    given = inputs.data_values(model.program, model.data)
    points, arrays = other_points(model, at, ratios_to)
    names = check_joint(model.model_graph, [wrt] if isinstance(wrt, str) else wrt)
    check_joint(model.model_graph, tuple(arrays))
    compiled = model._compiled(None, **engine)
    runs = []
    score: dict[str, np.ndarray] = {}
    if names:
        found = traces.derivatives(compiled, "score", names, n, seed, at, given, progress)
        runs.append(found.events)
        score = _by_param(traces.slices(compiled, names), _with_weight_score(found))
    log_ratio = np.zeros((n, len(points)))
    if arrays:
        found = traces.ratios(compiled, arrays, n, seed, at, given, progress)
        runs.append(found.events)
        log_ratio = _with_weight_ratio(found)
    raw = traces.same_events(runs) if runs else compiled.simulate(n, seed, at, given, progress)
    events = results.events(model, n, seed, at, raw)
    mined = Gold(events, score, log_ratio, points)
    trust.check(mined, tolerance, _finite(mined))
    return mined


def other_points(
    model: Model, at: Point, points: Sequence[Point]
) -> tuple[tuple[dict[str, Any], ...], dict[str, np.ndarray]]:
    """Every parameter's value at each point (as in ``at`` where a point does not give it), and (points, *shape) of
    the parameters that differ from ``at`` at one of them.

    Raises `HepValueError`: E451 to E456 as for any value.
    """
    if isinstance(points, Mapping):
        points = [points]
    each = tuple(inputs.param_values(model.program, {**at, **point}) for point in points)
    arrays = {}
    for param in model.program.params:
        if any(point[param.name] != at[param.name] for point in each):
            arrays[param.name] = np.asarray([point[param.name] for point in each], np.float64)
    return each, arrays


def _by_param(wrt: Any, flat: np.ndarray) -> dict[str, np.ndarray]:
    ends = np.cumsum([0, *wrt.sizes])
    parts = zip(wrt.names, wrt.shapes, ends[:-1], ends[1:], strict=True)
    return {name: flat[:, a:b].reshape(len(flat), *shape) for name, shape, a, b in parts}


def _with_weight_score(found: Any) -> np.ndarray:
    """Plus the derivative of log |weight|, where there is one."""
    if found.moved_weight is None:
        return found.joint
    weight = found.events.weight[:, None].astype(np.float64)
    kept = weight != 0
    return found.joint + np.where(kept, found.moved_weight / np.where(kept, weight, 1), 0)


def _with_weight_ratio(found: Any) -> np.ndarray:
    """Plus log(weight at the point / weight), NaN where the two have different signs."""
    if found.moved_weight is None:
        return found.joint
    weight = found.events.weight[:, None].astype(np.float64)
    kept = weight != 0
    with np.errstate(divide="ignore", invalid="ignore"):
        return found.joint + np.where(kept, np.log(found.moved_weight / np.where(kept, weight, 1)), 0)


def _finite(mined: Gold) -> Iterator[tuple[str, Any]]:
    yield from trust.defined_outputs(mined.events.outputs, mined.weight)
    for name, score in mined.score.items():
        yield f"the score of '{name}'", score
    yield "a log ratio", np.where(np.isneginf(mined.log_ratio), 0, mined.log_ratio)
