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
from hepppl.inference.sbi.features import Features
from hepppl.inference.sbi.networks import Density, Likelihood, LocalScore, Ratio, Shape
from hepppl.inference.sbi.posterior import Posterior
from hepppl.inference.sbi.priors import Prior
from hepppl.inference.sbi.simulator import Simulator
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
    observed, else all. ``params``: values of parameters without a prior. ``ensemble``: how many networks, averaged.
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
    for what, value, least in (("simulations", simulations, 20), ("events", events, 1), ("ensemble", ensemble, 1)):
        if value < least:
            raise HepValueError(Diagnostic("E484", f"{what} must be at least {least}, found {value}"))
    say = progress or (lambda what, done, total: None)
    prior = Prior.of(model, params)
    simulator = Simulator(prior, events if chosen.many else 1, tolerance)
    names = seeing.chosen(model, features)
    at = prior.point(reference) if chosen.relative else None
    say("simulating", 0, simulations)
    if chosen.gold:
        assert at is not None or not chosen.relative
        anywhere = np.zeros(prior.dim) if at is None else at
        drawn, numbers = mining.mined(simulator, simulations, seed, anywhere, chosen.gold, chosen.score, chosen.ratio)
    else:
        drawn = simulator.draw(simulations, seed, lambda done, total: say("simulating", done, total))
        numbers = {"y": np.asarray(prior.to_normal(drawn.theta), np.float32)}
    seen = seeing.fit(model, drawn, names)
    _serves(chosen, seen)
    data = {**numbers, "x": seen.batch(drawn.outputs, drawn.events)}
    if chosen.weighs:
        data["alpha"] = mining.weights(numbers["score"], alpha)
    sizes, plan = shape or Shape(), schedule or Schedule()
    trained = [_member(chosen, seen, prior.dim, sizes, plan, data, seed, i, checkpoint, say) for i in range(ensemble)]
    networks, histories = zip(*trained, strict=True)
    if chosen.gold == "local":
        assert at is not None
        centre = prior.to_normal(at[None])[0]
        networks = tuple(mining.with_information(net, data["x"], centre) for net in networks)
    seen = seen if chosen.many else replace(seen, events=0)
    near = None if at is None else {k: v.tolist() for k, v in prior.unpack(at).items()}
    posterior = Posterior(name, prior, seen, sizes, networks, simulations, seed, histories, near)
    if not calibrate:
        return posterior
    say("calibrating", 0, calibrate)
    held_out = simulator.draw(calibrate, held_out_seed(seed))
    posterior = replace(posterior, calibration=calibration.calibrate(posterior, held_out, seed))
    calibration.check(posterior)
    return posterior


def _member(
    chosen: Method,
    seen: Features,
    dim: int,
    shape: Shape,
    schedule: Schedule,
    data: Any,
    seed: int,
    number: int,
    checkpoint: str | Path | None,
    say: Progress,
) -> Any:
    """One network of an ensemble, and the history of its training."""
    first, second = jr.split(jr.fold_in(jr.key(seed), number))
    path = None
    if checkpoint is not None:
        Path(checkpoint).mkdir(parents=True, exist_ok=True)
        path = Path(checkpoint) / f"member{number}.eqx"

    def told(done: int, total: int, loss: float) -> None:
        say(f"training, loss {loss:.4f}", done, total)

    with disk.programs():
        network = made(chosen.network, seen, dim, shape, first)
        return fit(network, chosen.loss, data, schedule, second, path, told)


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
