"""Training by each method: what is simulated, which network learns it, by which loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array

from hepppl import inputs
from hepppl.backends.jax import disk
from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepUnsupportedError, HepValueError
from hepppl.diagnostics.suggest import nearest
from hepppl.inference.sbi import calibration, losses, mining
from hepppl.inference.sbi import features as seeing
from hepppl.inference.sbi import rounds as nearby
from hepppl.inference.sbi.features import Features
from hepppl.inference.sbi.networks import Density, Likelihood, LocalScore, Ratio, Shape
from hepppl.inference.sbi.posterior import Posterior
from hepppl.inference.sbi.priors import Prior
from hepppl.inference.sbi.sampling import key_of
from hepppl.inference.sbi.simulator import Simulations, Simulator
from hepppl.inference.sbi.training import Loss, Schedule
from hepppl.inference.sbi.training import train as fit

if TYPE_CHECKING:
    from hepppl.model import Model

#: ``progress(what is done, how much of it, of how much)``.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Method:
    """``network``: a class of (features, dim, shape, key). ``loss(network, batch, key)``: mean over a batch with ``y``,
    ``x`` and what gold adds.

    ``gold``: the kind of events that `mining.mined` draws, "" for pseudo-experiments at prior draws; with ``score`` and
    ``ratio`` of the joint density. ``many``: trained on pseudo-experiments of several events (else on single ones,
    whose likelihoods multiply)."""

    name: str
    what: str
    network: Any
    loss: Loss
    gold: str = ""
    score: bool = False
    ratio: bool = False
    many: bool = False

    @property
    def weighs(self) -> bool:
        """The loss is a sum of two terms, the second times ``alpha``."""
        return self.score and self.gold != "local"

    @property
    def sequential(self) -> bool:
        """Can learn from points that are not prior draws: those of `rounds`."""
        return not self.gold

    @property
    def relative(self) -> bool:
        """Ratios are to a reference point."""
        return self.gold in ("ratio", "local")


def npe_loss(network: Density, batch: Any, key: Array) -> Array:
    return -jax.vmap(network.log_prob)(batch["y"], batch["x"]).mean()


def nle_loss(network: Likelihood, batch: Any, key: Array) -> Array:
    return -jax.vmap(network.log_likelihood)(batch["y"], batch["x"]).mean()


def nre_loss(network: Ratio, batch: Any, key: Array) -> Array:
    """Every event of the batch with its own point, and with those of the events a random number of places on."""
    y, x = batch["y"], batch["x"]
    n = len(y)
    ratio = jax.vmap(network.log_likelihood)
    shift = jr.randint(key, (), 1, n)
    own, other = ratio(y, x), ratio(y[(jnp.arange(n) + shift) % n], x)
    return losses.binary(own, other).mean()


def _by_ratio(name: str, what: str, score: bool = False, ratio: bool = False) -> Method:
    loss = mining.ratio_loss(mining.RATIO_LOSSES[name], score)
    return Method(name, what, Ratio, loss, "ratio", score, ratio)


_ALL = (
    Method("npe", "posterior density", Density, npe_loss, many=True),
    Method("nle", "likelihood density", Likelihood, nle_loss),
    Method("nre", "likelihood ratio to the evidence, by classifying joint and shuffled pairs", Ratio, nre_loss),
    _by_ratio("carl", "likelihood ratio, by classifying events of two points"),
    _by_ratio("rolr", "likelihood ratio, by regression on joint ratios", ratio=True),
    _by_ratio("alice", "likelihood ratio, by classification with joint ratios", ratio=True),
    _by_ratio("cascal", "carl, and regression on joint scores", score=True),
    _by_ratio("rascal", "rolr, and regression on joint scores", score=True, ratio=True),
    _by_ratio("alices", "alice, and regression on joint scores", score=True, ratio=True),
    Method("scandal", "nle, and regression on joint scores", Likelihood, mining.scandal_loss, "density", score=True),
    Method("sally", "the score at one point", LocalScore, mining.sally_loss, "local", score=True),
)
METHODS: Mapping[str, Method] = {m.name: m for m in _ALL}


def method(name: str) -> Method:
    """Raises `HepValueError` (E484) where there is none of that name."""
    if name not in METHODS:
        near = nearest(name, METHODS)
        hint = f"did you mean '{near}'?" if near else f"there are: {', '.join(METHODS)}"
        raise HepValueError(Diagnostic("E484", f"no method '{name}' of simulation-based inference", hints=(hint,)))
    return METHODS[name]


def train(
    model: Model,
    name: str = "npe",
    *,
    simulations: int = 10_000,
    seed: int = 0,
    events: int = 1,
    features: Sequence[str] | None = None,
    params: Mapping[str, Any] | None = None,
    rounds: int = 1,
    data: Mapping[str, Any] | None = None,
    ensemble: int = 1,
    shape: Shape | None = None,
    schedule: Schedule | None = None,
    calibrate: int = 200,
    tolerance: float = 0.0,
    alpha: float = 1.0,
    reference: Mapping[str, Any] | None = None,
    checkpoint: str | Path | None = None,
    progress: Progress | None = None,
) -> Posterior:
    """The posterior of the parameters that have priors, for any data, learned from simulations (extra ``sbi``).

    ``name``: a method of `METHODS`. ``simulations`` pseudo-experiments of ``events`` events each (``nle`` and ``nre``
    learn from single events; their likelihoods multiply). ``features``: the outputs to look at; default: what is
    observed, else all. ``params``: values of parameters without a prior. ``rounds`` (of ``npe``, ``nle``, ``nre``):
    the simulations are divided among them, and from the second on made near what is known of the observation ``data``,
    which the posterior then serves alone (`hepppl.inference.sbi.rounds`). ``ensemble``: how many networks, averaged.
    ``shape`` and ``schedule``: of networks and training. ``calibrate``: held-out pseudo-experiments (0: none).
    ``tolerance``: the fraction of events that may be truncated. ``alpha``: the weight of the score's term in the losses
    that have one, relative to the mean square of the scores. ``reference``: the point that ratios are to, in whole or
    in part; default: the parameters' defaults, else the medians of their priors. ``checkpoint``: a folder that training
    is saved in after every epoch, and taken up from. ``progress(what, done, total)`` is called now and then.

    Raises `HepValueError` (E48x) for what is asked, `HepUnsupportedError` (E72x) for programs that the method cannot
    serve, `HepResultError` (E930, with the `Posterior` as ``.result``) where it is not calibrated.
    """
    chosen = method(name)
    simulations, seed = inputs.check_run(simulations, seed, tolerance)
    least = (("simulations", simulations, 20 * rounds), ("events", events, 1), ("ensemble", ensemble, 1))
    for what, value, lowest in (("rounds", rounds, 1), *least):
        if value < lowest:
            raise HepValueError(Diagnostic("E484", f"{what} must be at least {lowest}, found {value}"))
    say = progress or (lambda what, done, total: None)
    prior = Prior.of(model, params)
    names = seeing.chosen(model, features)
    if rounds > 1:
        nearby.check_data(chosen.sequential, name, model, names, data, events if chosen.many else 0)
    simulator = Simulator(prior, events if chosen.many else 1, tolerance)
    at = prior.point(reference) if chosen.relative else None
    learner = Learner(chosen, prior, names, shape or Shape(), schedule or Schedule(), alpha, seed, ensemble, at)
    folder = None if checkpoint is None else Path(checkpoint)
    if rounds > 1:
        assert data is not None
        posterior = nearby.run(learner.learn, simulator, data, simulations, rounds, seed, calibrate, folder, say)
    else:
        drawn, numbers = learner.simulated(simulator, simulations, say)
        posterior = learner.learn(drawn, numbers, folder, say)
        if calibrate:
            say("calibrating", 0, calibrate)
            held_out = simulator.draw(calibrate, held_out_seed(seed))
            posterior = replace(posterior, calibration=calibration.calibrate(posterior, held_out, seed))
    if calibrate:
        calibration.check(posterior)
    return posterior


@dataclass(frozen=True)
class Learner:
    """All that turns simulations into a posterior. ``reference`` (dim,): the point of methods that are relative."""

    method: Method
    prior: Prior
    names: tuple[str, ...]
    shape: Shape
    schedule: Schedule
    alpha: float
    seed: int
    ensemble: int
    reference: np.ndarray | None

    def simulated(self, simulator: Simulator, n: int, say: Progress) -> tuple[Simulations, mining.Numbers]:
        """``n`` pseudo-experiments at prior draws, or what the gold's kind asks for, and what is known of each."""
        say("simulating", 0, n)
        if not self.method.gold:
            drawn = simulator.draw(n, self.seed, lambda done, total: say("simulating", done, total))
            return drawn, mining.points(self.prior, drawn)
        at = np.zeros(self.prior.dim) if self.reference is None else self.reference
        return mining.mined(simulator, n, self.seed, at, self.method.gold, self.method.score, self.method.ratio)

    def learn(self, drawn: Simulations, numbers: mining.Numbers, folder: Path | None, say: Progress) -> Posterior:
        """The posterior, not calibrated yet."""
        seen = seeing.fit(self.prior.model, drawn, self.names)
        _serves(self.method, seen)
        data = {**numbers, "x": seen.batch(drawn.outputs, drawn.events)}
        if self.method.weighs:
            data["alpha"] = mining.weights(numbers["score"], self.alpha)
        members = [self._member(number, seen, data, folder, say) for number in range(self.ensemble)]
        networks, histories = zip(*members, strict=True)
        at = self.reference
        if self.method.gold == "local":
            assert at is not None
            centre = self.prior.to_normal(at[None])[0]
            networks = tuple(mining.with_information(net, data["x"], centre) for net in networks)
        seen = seen if self.method.many else replace(seen, events=0)
        near = None if at is None else {k: v.tolist() for k, v in self.prior.unpack(at).items()}
        return Posterior(
            self.method.name, self.prior, seen, self.shape, networks, len(drawn), self.seed, histories, near
        )

    def _member(self, number: int, seen: Features, data: Any, folder: Path | None, say: Progress) -> Any:
        """One network of the ensemble, and the history of its training."""
        first, second = jr.split(jr.fold_in(key_of(self.seed), number))
        path = None
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"member{number}.eqx"

        def told(done: int, total: int, loss: float) -> None:
            say(f"training, loss {loss:.4f}", done, total)

        with disk.programs():
            network = made(self.method.network, seen, self.prior.dim, self.shape, first)
            return fit(network, self.method.loss, data, self.schedule, second, path, told)


def made(kind: Any, seen: Features, dim: int, shape: Shape, key: Array) -> Any:
    """A network before training; compiled as one, where flowjax lets it be, and once for all that differ in numbers."""
    return (_compiled if shape.flow == "spline" else _plain)(kind, seen.bare, dim, shape, key)


def _plain(kind: Any, seen: Features, dim: int, shape: Shape, key: Array) -> Any:
    return kind(seen, dim, shape, key)


_compiled = eqx.filter_jit(_plain)


def held_out_seed(seed: int) -> int:
    """The seed of the pseudo-experiments of a calibration."""
    return (seed + 0x9E3779B97F4A7C15) % inputs.SEEDS


def _serves(chosen: Method, seen: Features) -> None:
    if chosen.network is Likelihood and seen.sets:
        name = seen.sets[0].outputs[0]
        hint = "take npe or nre, or features of fixed length: --features"
        message = f"the density of output '{name}', whose length varies, cannot be learned by {chosen.name}"
        raise HepUnsupportedError(Diagnostic("E721", message, hints=(hint,)))
