"""The simulator of simulation-based inference: a pseudo-experiment per parameter point, each of one or more events."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepppl import inputs, results, trust
from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepResultError, HepUnsupportedError
from hepppl.inference.sbi.priors import Prior
from hepppl.results import Jagged

if TYPE_CHECKING:
    from hepppl.results import Events

Progress = Callable[[int, int], None]
Outputs = Mapping[str, "np.ndarray | Jagged"]
#: Runs in which an event is tried at most, where `require` rejects some.
TRIES = 1000
#: Between the seeds of the runs that take the places of rejected events.
STEP = 0xA24BAED4963EE407


@dataclass(frozen=True, eq=False)
class Simulations:
    """Pseudo-experiments: ``theta`` (n, dim) in base units, and ``outputs`` of their events, name -> (n·events, *shape)
    or `Jagged`, those of one experiment side by side."""

    theta: np.ndarray
    outputs: Outputs
    events: int

    def __len__(self) -> int:
        return len(self.theta)


@dataclass(frozen=True, eq=False)
class Mined:
    """Events with gold: ``score`` (n, dim), of the joint density at the event's own point, per base units; ``ratio``
    (n,), log p(x, z | other point) - log p(x, z | own point)."""

    simulations: Simulations
    score: np.ndarray | None
    ratio: np.ndarray | None


@dataclass(frozen=True, eq=False)
class Simulator:
    """A model seen as simulator. Draw i of the prior shares the key of event i (`hepppl.backends.jax.priors`); the
    events of experiment i are numbers i·events … (i+1)·events - 1 of the seed, so that the same seed gives the same
    pseudo-experiments whatever their number.

    What a `require` rejects is simulated anew at the same point until it passes: the k-th run of seed + k·`STEP` has
    the events that were rejected so far, in their order. So events follow the law that the program denotes, which is
    normalised at each point, and the points keep following the prior.
    """

    prior: Prior
    events: int = 1
    tolerance: float = 0.0
    precision: int = 32

    def __post_init__(self) -> None:
        if self._has("weight"):
            message = f"model '{self.prior.model.name}' multiplies weights; this inference needs events without"
            hint = "draw by the weight instead: let something happen with probability weight / bound, and `require` it"
            raise HepUnsupportedError(Diagnostic("E720", message, hints=(hint,)))

    def _has(self, op: str) -> bool:
        return any(node.op == op for node in self.prior.model.model_graph.nodes())

    def draw(self, n: int, seed: int, progress: Progress | None = None) -> Simulations:
        """``n`` pseudo-experiments at draws from the prior."""
        return self.at(self.prior.draw(n, seed), seed, progress)

    def at(self, theta: np.ndarray, seed: int, progress: Progress | None = None) -> Simulations:
        """One pseudo-experiment at each of these points, (n, dim)."""
        if not self._has("require"):
            return Simulations(theta, self.simulate(theta, seed, progress).outputs, self.events)
        return Simulations(theta, self._accepted(np.repeat(theta, self.events, axis=0), seed, progress), self.events)

    def simulate(self, theta: np.ndarray, seed: int, progress: Progress | None = None) -> Events:
        """The events themselves, rejected ones among them. Raises `HepResultError` where they are not to be
        trusted."""
        return self._events(np.repeat(theta, self.events, axis=0), seed, progress)

    def _events(self, theta: np.ndarray, seed: int, progress: Progress | None) -> Events:
        """An event at each point."""
        n, seed = inputs.check_run(len(theta), seed, self.tolerance)
        compiled, point, given = self._run()
        own = self.prior.unpack(theta)
        return self._checked(theta, seed, compiled.simulate(n, seed, point, given, progress, own=own))

    def _accepted(self, theta: np.ndarray, seed: int, progress: Progress | None) -> Outputs:
        """Outputs of an event at each point that no `require` rejects. Raises `HepResultError` (E932)."""
        waiting, runs, places = np.arange(len(theta)), list[Outputs](), list[np.ndarray]()
        for k in range(TRIES):
            most = 1 << (len(waiting) - 1).bit_length() if k else len(waiting)  # few sizes, few compilations
            rows = np.append(waiting, np.full(most - len(waiting), waiting[-1]))
            found = self._events(theta[rows], (seed + k * STEP) % inputs.SEEDS, None)
            passed = np.flatnonzero(found.weight[: len(waiting)] > 0)
            runs.append(taken(found.outputs, passed))
            places.append(waiting[passed])
            waiting = np.delete(waiting, passed)
            if progress is not None:
                progress(len(theta) - len(waiting), len(theta))
            if not len(waiting):
                return taken(together(runs), np.argsort(np.concatenate(places)))
        where = ", ".join(f"{name} = {value:.6g}" for name, value in zip(self.prior.labels, theta[waiting[0]]))
        message = f"`require` rejected an event {TRIES:,} times at {where}"
        hint = "narrow the priors to where events pass, or return what is required and cut on it afterwards"
        raise HepResultError(Diagnostic("E932", message, hints=(hint,)))

    def mine(self, theta: np.ndarray, seed: int, score: bool, other: np.ndarray | None) -> Mined:
        """One event at each of the points ``theta`` (n, dim), with its joint score there, and its joint ratio of the
        points ``other``. Raises `HepPlanError` (E621, E622) where the program has none."""
        from hepppl.backends.jax import traces
        from hepppl.planning.joint import check_joint

        if self._has("require"):
            message = "the score of what `require` lets pass is not known: it has the probability of passing in it"
            hint = "take a method without gold: npe, nle, nre or carl"
            raise HepUnsupportedError(Diagnostic("E723", message, hints=(hint,)))
        check_joint(self.prior.model.model_graph, self.prior.names)
        compiled, point, given = self._run()
        own, runs, joint = self.prior.unpack(theta), [], {}
        if score:
            found = traces.derivatives(compiled, "score", self.prior.names, len(theta), seed, point, given, None, own)
            runs, joint["score"] = [found.events], found.joint
        if other is not None:
            points = self.prior.unpack(other[:, None])
            found = traces.ratios(compiled, points, len(theta), seed, point, given, None, own)
            assert found.joint is not None
            runs, joint["ratio"] = [*runs, found.events], found.joint[:, 0]
        events = self._checked(theta, seed, traces.same_events(runs))
        return Mined(Simulations(theta, events.outputs, 1), joint.get("score"), joint.get("ratio"))

    def _run(self) -> tuple[Any, dict[str, Any], dict[str, Any]]:
        """The compiled program, and a point and data to run it with; the parameters with priors are zeros there."""
        model, prior = self.prior.model, self.prior
        anything = {name: np.zeros(shape) for name, shape in zip(prior.names, prior.shapes, strict=True)}
        compiled = model._compiled(None, **inputs.engine(self.precision, 13, None, None, 1_000_000))
        return compiled, {**prior.fixed, **anything}, inputs.data_values(model.program, model.data)

    def _checked(self, theta: np.ndarray, seed: int, raw: Any) -> Events:
        point = {**self.prior.fixed, **self.prior.unpack(theta)}
        found = results.events(self.prior.model, len(theta), seed, point, raw)
        trust.check(found, self.tolerance, trust.defined_outputs(found.outputs, found.weight))
        return found


def taken(outputs: Outputs, rows: np.ndarray) -> Outputs:
    """The events ``rows``, in this order."""
    return {name: _taken(x, rows) for name, x in outputs.items()}


def _taken(x: np.ndarray | Jagged, rows: np.ndarray) -> np.ndarray | Jagged:
    if not isinstance(x, Jagged):
        return x[rows]
    counts, starts = x.counts[rows], (np.cumsum(x.counts) - x.counts)[rows]
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return Jagged(x.values[np.repeat(starts, counts) + within], counts)


def together(parts: Sequence[Outputs]) -> Outputs:
    """Events of several runs, one run after another."""
    return {name: _together([part[name] for part in parts]) for name in parts[0]}


def _together(parts: Sequence[Any]) -> np.ndarray | Jagged:
    if isinstance(parts[0], Jagged):
        return Jagged(np.concatenate([x.values for x in parts]), np.concatenate([x.counts for x in parts]))
    return np.concatenate(parts)


def joined(first: Simulations, second: Simulations) -> Simulations:
    theta = np.concatenate([first.theta, second.theta])
    return Simulations(theta, together([first.outputs, second.outputs]), first.events)
