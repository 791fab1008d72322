"""The simulator of simulation-based inference: a pseudo-experiment per parameter point, each of one or more events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepppl import inputs, results, trust
from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepUnsupportedError
from hepppl.inference.sbi.priors import Prior

if TYPE_CHECKING:
    from hepppl.results import Events, Jagged

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Simulations:
    """Pseudo-experiments: ``theta`` (n, dim) in base units, and ``outputs`` of their events, name -> (n·events, *shape)
    or `Jagged`, those of one experiment side by side."""

    theta: np.ndarray
    outputs: Mapping[str, np.ndarray | Jagged]
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
    pseudo-experiments whatever their number."""

    prior: Prior
    events: int = 1
    tolerance: float = 0.0
    precision: int = 32

    def __post_init__(self) -> None:
        if any(node.op in ("weight", "require") for node in self.prior.model.model_graph.nodes()):
            message = f"model '{self.prior.model.name}' weighs or rejects events; this inference needs plain ones"
            hint = "leave `weight` and `require` out, and return what they look at"
            raise HepUnsupportedError(Diagnostic("E720", message, hints=(hint,)))

    def draw(self, n: int, seed: int, progress: Progress | None = None) -> Simulations:
        """``n`` pseudo-experiments at draws from the prior."""
        return self.at(self.prior.draw(n, seed), seed, progress)

    def at(self, theta: np.ndarray, seed: int, progress: Progress | None = None) -> Simulations:
        """One pseudo-experiment at each of these points, (n, dim)."""
        found = self.simulate(theta, seed, progress)
        return Simulations(theta, found.outputs, self.events)

    def simulate(self, theta: np.ndarray, seed: int, progress: Progress | None = None) -> Events:
        """The events themselves. Raises `HepResultError` where they are not to be trusted."""
        theta = np.repeat(theta, self.events, axis=0)
        n, seed = inputs.check_run(len(theta), seed, self.tolerance)
        compiled, point, given = self._run()
        own = self.prior.unpack(theta)
        return self._checked(theta, seed, compiled.simulate(n, seed, point, given, progress, own=own))

    def mine(self, theta: np.ndarray, seed: int, score: bool, other: np.ndarray | None) -> Mined:
        """One event at each of the points ``theta`` (n, dim), with its joint score there, and its joint ratio of the
        points ``other``. Raises `HepPlanError` (E621, E622) where the program has none."""
        from hepppl.backends.jax import traces
        from hepppl.planning.joint import check_joint

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
