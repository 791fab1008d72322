"""Rounds: simulations near one observation, proposed by what the rounds before have learned of it.

``npe``: points come from the prior restricted to a region that holds all but `EPSILON` of the posterior learned so far
(truncated proposals: Deistler, Goncalves and Macke, arXiv:2210.04815). Inside, they have the density of the prior up to
a constant, so that the loss stays the plain one, on the simulations of all rounds, and needs no correction. The region
is where the learned posterior is large against the prior, {θ: q(θ|x) ≥ c p(θ)}, which does not depend on coordinates;
each lies in the one before. ``nle``, ``nre``: a likelihood, or a ratio up to a function of the data, may be learned
from points of any law (Papamakarios, Sterratt and Murray, arXiv:1805.07226; Durkan, Murray and Papamakarios,
arXiv:2002.03712); half of them are draws from the posterior so far, and half lie around it (`wider`).

What comes out serves one observation, and calibration over the prior has no say in it. It is checked around the
observation instead, where an exact posterior gives uniform ranks too (`check`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jax import Array

from hepppl import inputs
from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepUnsupportedError, HepValueError
from hepppl.inference.sbi import calibration, sampling
from hepppl.inference.sbi.calibration import Calibration
from hepppl.inference.sbi.features import length, read
from hepppl.inference.sbi.mining import Numbers, points
from hepppl.inference.sbi.posterior import digest, likelihoods, log_likelihood
from hepppl.inference.sbi.simulator import Simulations, joined

if TYPE_CHECKING:
    from hepppl.inference.sbi.posterior import Posterior
    from hepppl.inference.sbi.simulator import Simulator
    from hepppl.model import Model

#: The part of a learned posterior that a region leaves out (arXiv:2210.04815, section 3), and the draws that find it.
EPSILON, SOUGHT = 1e-4, 50_000
#: Points looked at together, and at most for one that is inside a region.
PIECE, TRIES = 20_000, 5_000
#: Between the seeds of rounds.
STEP = 0xD1B54A32D192ED03
#: Posterior draws of an experiment around the observation, and how many of them must lie inside the regions: where
#: fewer do, all count, so that a posterior that has left them is seen.
NEAR, FEWEST = 2_000, 20

#: The power of the likelihood that makes a posterior twice as wide, where it is normal and its prior flat.
WIDER = 0.25

#: As of `hepppl.inference.sbi.methods`.
Progress = Callable[[str, int, int], None]


def seed_of(seed: int, number: int) -> int:
    """The seed of a round, counted from 0."""
    return (seed + number * STEP) % inputs.SEEDS


def check_data(
    able: bool, method: str, model: Model, names: tuple[str, ...], data: Mapping[str, Any] | None, events: int
) -> None:
    """Before anything is simulated: is there an observation for rounds? ``events``: how many it must have (0: any
    number). Raises `HepValueError` (E481 to E484)."""
    if not able:
        raise HepValueError(Diagnostic("E484", f"method '{method}' has one round", hints=("npe, nle, nre have more",)))
    if data is None:
        message = "several rounds look for one observation: they need the data"
        raise HepValueError(Diagnostic("E484", message))
    found = length(next(iter(read(model, names, data).values())))
    if events and found != events:
        message = f"the pseudo-experiments are of {events} events, the data have {found}"
        raise HepValueError(Diagnostic("E483", message))


def run(
    learn: Callable[[Simulations, Numbers, Path | None, Progress], Posterior],
    simulator: Simulator,
    data: Mapping[str, Any],
    simulations: int,
    rounds: int,
    seed: int,
    calibrate: int,
    folder: Path | None,
    say: Progress,
) -> Posterior:
    """The posterior of the last round, calibrated around the observation by ``calibrate`` pseudo-experiments."""
    prior = simulator.prior
    regions: tuple[Region, ...] = ()
    posterior, drawn, x = None, None, None
    for number in range(rounds):
        here, share = _within(say, number, rounds), simulations // rounds + (number < simulations % rounds)
        here("simulating", 0, share)
        if posterior is None:
            theta = prior.draw(share, seed)
        else:
            regions = (*regions, Region.of(posterior, x, seed_of(seed, number))) if posterior.direct else ()
            theta = prior.from_normal(propose(posterior, x, regions, share, seed_of(seed, number)))
        fresh = simulator.at(theta, seed_of(seed, number), partial(here, "simulating"))
        drawn = fresh if drawn is None else joined(drawn, fresh)
        posterior = learn(drawn, points(prior, drawn), folder and folder / f"round{number}", here)
        x = posterior.seen(data)
    assert posterior is not None
    posterior = replace(posterior, rounds=rounds, observation=digest(x))
    if not calibrate:
        return posterior
    say("calibrating", 0, calibrate)
    events = len(jax.tree.leaves(x)[0][0])
    around = replace(simulator, events=events)
    return replace(posterior, calibration=check(posterior, x, regions, around, calibrate, seed_of(seed, rounds)))


def _within(say: Progress, number: int, rounds: int) -> Progress:
    def told(what: str, done: int, total: int) -> None:
        say(f"round {number + 1} of {rounds}: {what}", done, total)

    return told


@dataclass(frozen=True, eq=False)
class Region:
    """Where the posterior that was learned, given the observation ``x`` (a batch of one), has at least exp(``least``)
    times the density of the prior."""

    posterior: Posterior
    x: Any
    least: float

    @classmethod
    def of(cls, posterior: Posterior, x: Any, seed: int) -> Region:
        drawn, _ = posterior.draw(x, SOUGHT, seed)
        gains = np.concatenate([gain(posterior, x, part) for part in np.split(drawn[0], range(PIECE, SOUGHT, PIECE))])
        return cls(posterior, x, float(np.quantile(gains, EPSILON)))

    def gains(self, y: np.ndarray) -> np.ndarray:
        """By how much the points (n, dim) exceed the least: (n,), not negative inside."""
        return gain(self.posterior, self.x, y) - self.least


def gain(posterior: Posterior, x: Any, y: np.ndarray) -> np.ndarray:
    """log q(y | x) - log p(y), (n,) of (n, dim)."""
    return posterior.log_densities(y[None], x)[0] - normal(y)


def normal(y: np.ndarray) -> np.ndarray:
    """The log density of the prior in its coordinates."""
    return -0.5 * (y**2).sum(-1) - 0.5 * y.shape[-1] * np.log(2 * np.pi)


def inside(regions: tuple[Region, ...], y: np.ndarray) -> np.ndarray:
    """Which of the points (n, dim) lie in all regions, (n,)."""
    return np.logical_and.reduce([region.gains(y) >= 0 for region in regions])


def propose(posterior: Posterior, x: Any, regions: tuple[Region, ...], n: int, seed: int) -> np.ndarray:
    """``n`` points (n, dim) in the prior's coordinates for the next round: of the prior inside all ``regions``, or,
    where the networks are likelihoods, of the posterior and of a wider one by halves."""
    if regions:
        return truncated(regions, posterior.prior.dim, n, seed)
    near, _ = posterior.draw(x, n - n // 2, seed)
    around, _ = posterior.draw(x, n // 2, (seed + 1) % inputs.SEEDS, of=wider)
    return np.concatenate([near[0], around[0]]).astype(float)


def wider(networks: tuple[Any, ...], y: Array, x: Any) -> Array:
    """The log-likelihood of a posterior that is wider: where a posterior ends is learned from simulations beyond."""
    return WIDER * log_likelihood(networks, y, x)


def truncated(regions: tuple[Region, ...], dim: int, n: int, seed: int) -> np.ndarray:
    """``n`` draws from the prior inside all regions, exact, by rejection: of prior draws, or, where that is more often
    inside, of draws from the last region's posterior, each taken with probability exp(``least``) p / q. Raises
    `HepUnsupportedError` (E724) where hardly any is inside."""
    rng, last, found, count = np.random.default_rng(seed), regions[-1], list[np.ndarray](), 0
    pieces = max(TRIES * n // PIECE, 200)
    for _ in range(pieces):
        if last.least > 0:
            y = np.asarray(last.posterior.draw(last.x, PIECE, int(rng.integers(2**32)))[0][0], float)
            keep = np.log(rng.random(PIECE)) < -last.gains(y)
        else:
            y, keep = rng.standard_normal((PIECE, dim)), np.ones(PIECE, bool)
        found.append(y[keep & inside(regions, y)])
        count += len(found[-1])
        if count >= n:
            return np.concatenate(found)[:n]
    message = (
        f"the region around the observation is too small to draw from: it holds {count} of {PIECE * pieces:,} draws"
    )
    hint = "take fewer rounds, or nle or nre, whose proposals need no region"
    raise HepUnsupportedError(Diagnostic("E724", message, hints=(hint,)))


# ---------------------------------------------------------------- calibration around the observation


def check(
    posterior: Posterior, x: Any, regions: tuple[Region, ...], simulator: Simulator, n: int, seed: int
) -> Calibration:
    """Of a posterior of one observation ``x``, by ``n`` pseudo-experiments at points around it.

    ``npe``: the points come from the prior inside the regions, and posterior draws outside are left out: both sides
    then have the prior restricted to them (arXiv:2210.04815, section 4). Likelihoods: the points are posterior draws,
    and each experiment is added to the observation (posterior SBC: Säilynoja, Schmitt, Bürkner and Vehtari,
    arXiv:2502.03279).
    """
    if regions:
        truth = truncated(regions, posterior.prior.dim, n, seed)
    else:
        drawn, _ = posterior.draw(x, 16 * n, seed)  # far apart in their chains
        truth = np.asarray(drawn[0][:n], float)
    held_out = simulator.at(posterior.prior.from_normal(truth), seed)
    seen = posterior.features.batch(held_out.outputs, held_out.events)
    labels, noise = posterior.prior.labels, np.random.default_rng(seed)
    if regions:
        y = np.asarray(posterior.draw(seen, NEAR, seed)[0], float)
        flat = y.reshape(-1, y.shape[-1])
        pieces = np.split(flat, range(PIECE, len(flat), PIECE))
        kept = np.concatenate([inside(regions, part) for part in pieces]).reshape(y.shape[:2])
        kept |= kept.sum(1, keepdims=True) < FEWEST
        logs = posterior.log_densities(np.concatenate([truth[:, None], y], 1), seen)
        return calibration.ranked(truth, y, logs, labels, noise, kept)
    both = (seen, jax.tree.map(lambda a: np.broadcast_to(a, (n, *a.shape[1:])), x))
    sizes = (posterior.prior.dim, calibration.CHAINED, sampling.key_of(seed), calibration.EFFORT)
    chains = sampling.sample(together, posterior.networks, both, *sizes)
    y = np.asarray(chains.reshape(n, -1, posterior.prior.dim), float)
    everything = np.concatenate([truth[:, None], y], 1)
    logs = likelihoods(posterior.networks, everything, both, together) + normal(everything)
    return calibration.ranked(truth, y, logs, labels, noise, np.ones(y.shape[:2], bool))


def together(networks: tuple[Any, ...], y: Array, x: Any) -> Array:
    """The log-likelihood of two independent experiments."""
    first, second = x
    return log_likelihood(networks, y, first) + log_likelihood(networks, y, second)
