"""What training gives: the posterior of a model's parameters for any data, with no further simulation."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array
from jax.scipy.special import logsumexp

from hepppl.backends.jax import disk
from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepResultError, HepValueError
from hepppl.inference.sbi import features as seeing
from hepppl.inference.sbi import sampling
from hepppl.inference.sbi.features import Features
from hepppl.inference.sbi.networks import Density, Shape
from hepppl.inference.sbi.priors import Prior
from hepppl.inference.sbi.training import History, batches

if TYPE_CHECKING:
    from hepppl.inference.sbi.calibration import Calibration

#: Chains whose split R̂ is larger have not found the same posterior.
CONVERGED = 1.05
#: Fewest draws that chains are run for, 64 in each of 32: R̂ of a few points says that they are few.
FEWEST = 2048
#: Most numbers drawn in one call (experiments × points).
CALL = 200_000


def log_likelihood(networks: tuple[Any, ...], y: Array, x: Any) -> Array:
    """Of the ensemble: the mean of its members' likelihoods."""
    return logsumexp(jnp.stack([net.log_likelihood(y, x) for net in networks])) - jnp.log(len(networks))


def log_density(networks: tuple[Density, ...], y: Array, x: Any) -> Array:
    return logsumexp(jnp.stack([net.log_prob(y, x) for net in networks])) - jnp.log(len(networks))


@eqx.filter_jit
def _densities(networks: Any, y: Array, x: Any) -> Array:
    """(experiments, points) of y (experiments, points, dim)."""
    return jax.vmap(lambda ys, x: jax.vmap(lambda y: log_density(networks, y, x))(ys))(y, x)


@eqx.filter_jit
def _likelihoods(networks: Any, y: Array, x: Any, of: Any) -> Array:
    one = lambda ys, x: jax.lax.map(lambda y: of(networks, y, x), ys, batch_size=64)  # noqa: E731
    return jax.vmap(one)(y, x)


@disk.programs()
def likelihoods(networks: Any, y: np.ndarray, x: Any, of: Any = log_likelihood) -> np.ndarray:
    """Log-likelihoods (experiments, points) of y (experiments, points, dim)."""
    return np.asarray(_likelihoods(networks, jnp.asarray(y, jnp.float32), x, of), float)


@eqx.filter_jit
def _draws(networks: tuple[Density, ...], x: Any, n: int, key: Array) -> Array:
    """(members, experiments, n, dim)."""
    size = len(jax.tree.leaves(x)[0])
    keys = jr.split(key, (len(networks), size))
    return jnp.stack([jax.vmap(lambda k, x, net=net: net.sample(k, x, n))(k, x) for k, net in zip(keys, networks)])


def digest(x: Any) -> str:
    """Of what networks see."""
    found = hashlib.sha256()
    for array in jax.tree.leaves(x):
        found.update(repr(array.shape).encode() + np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


@dataclass(frozen=True, eq=False)
class Posterior:
    """A trained estimator of the posterior given data.

    ``method``; ``networks``: the members of its ensemble; ``history`` of their training; ``simulations`` and ``seed``
    it was trained with; ``reference``: of ratio methods, the point (in base units) that ratios are to. ``calibration``:
    what held-out pseudo-experiments say of it. Trained in several ``rounds``, it serves one ``observation`` alone,
    which is kept as a digest of what the networks see of it.
    """

    method: str
    prior: Prior
    features: Features
    shape: Shape
    networks: tuple[Any, ...]
    simulations: int
    seed: int
    history: tuple[History, ...] = ()
    reference: Mapping[str, Any] | None = None
    calibration: Calibration | None = field(default=None, repr=False)
    rounds: int = 1
    observation: str | None = None

    @property
    def model(self) -> Any:
        return self.prior.model

    @property
    def direct(self) -> bool:
        """The networks are densities of the parameters; else they are likelihoods, and sampled."""
        return isinstance(self.networks[0], Density)

    # ------------------------------------------------------------ for data

    def sample(self, data: Mapping[str, Any], n: int = 1000, seed: int = 0) -> dict[str, np.ndarray]:
        """``n`` draws from the posterior: name -> (n, …) in base units. ``data``: output -> what was observed, one
        event's value or a leading axis of events. Raises `HepValueError` (E481 to E483, E485) for the data, and
        `HepResultError` (E931, with the draws as ``.result``) where chains did not converge."""
        y, chains = self.draw(self.seen(data), n if self.direct else max(n, FEWEST), seed)
        drawn = self.prior.unpack(self.prior.from_normal(y[0, :n]))
        if chains is not None:
            self._converged(chains[0], drawn)
        return drawn

    def log_prob(self, points: Mapping[str, Any], data: Mapping[str, Any], seed: int = 0) -> np.ndarray:
        """Log posterior density at ``points`` (name -> (n, …), base units), (n,), per base units. Where the
        network is of the likelihood, its normalisation is a mean over 16,384 prior draws."""
        theta = self.prior.pack({k: np.atleast_1d(np.asarray(v, float)) for k, v in points.items()})
        x, y = self.seen(data), self.prior.to_normal(theta)
        return self.log_densities(y[None], x, seed)[0] + self.prior.log_slope(theta)

    def log_ratio(self, points: Mapping[str, Any], data: Mapping[str, Any]) -> np.ndarray:
        """log p(data | point) as the network has it, (n,): of ``nle`` the density of the standardised features; of
        ratio methods relative to the reference, or to the evidence."""
        if self.direct:
            raise HepValueError(Diagnostic("E484", f"method '{self.method}' has a posterior and no likelihood"))
        theta = self.prior.pack({k: np.atleast_1d(np.asarray(v, float)) for k, v in points.items()})
        return likelihoods(self.networks, self.prior.to_normal(theta)[None], self.seen(data))[0]

    def seen(self, data: Mapping[str, Any]) -> Any:
        """The data as the networks see them, a batch of one experiment."""
        seen = self.features.batch(*seeing.observed(self.model, self.features, data))
        self.check_served(seen)
        return seen

    def check_served(self, x: Any) -> None:
        """Raises `HepValueError` (E485) for a batch of other data than the observation that rounds were for."""
        if self.observation not in (None, digest(x)):
            message = f"the estimator was trained in {self.rounds} rounds for one observation, and these are other data"
            hint = "train for them, or once and for any data: with one round"
            raise HepValueError(Diagnostic("E485", message, hints=(hint,)))

    # ------------------------------------------------------------ for batches, in the prior's coordinates

    @disk.programs()
    def draw(
        self, x: Any, n: int, seed: int, effort: sampling.Effort | None = None, of: Any = log_likelihood
    ) -> tuple[np.ndarray, Any]:
        """(experiments, n, dim), and the chains that they come from, where there are some. ``of``: what chains take for
        the log-likelihood."""
        key = sampling.key_of(seed)
        if self.direct:
            size = max(CALL // n, 1)
            pieces = batches(x, size)
            each = [self._direct(part, n, jr.fold_in(key, i)) for i, part in enumerate(pieces)]
            return np.concatenate(each), None
        chains = sampling.sample(of, self.networks, x, self.prior.dim, n, key, effort)
        flat = chains.reshape(len(chains), -1, self.prior.dim)
        order = np.random.default_rng(seed).permutation(flat.shape[1])[:n]
        return flat[:, order], chains

    def _direct(self, x: Any, n: int, key: Array) -> np.ndarray:
        drawn = np.asarray(_draws(self.networks, x, n, key))
        member = np.arange(n) % len(self.networks)
        return np.moveaxis(drawn[member, :, np.arange(n)], 0, 1)

    @disk.programs()
    def log_densities(self, y: np.ndarray, x: Any, seed: int = 0) -> np.ndarray:
        """Log posterior densities in the prior's coordinates, (experiments, points) of (experiments, points, dim)."""
        y = np.asarray(y, np.float32)
        if self.direct:
            return np.asarray(_densities(self.networks, jnp.asarray(y), x), float)
        draws = np.asarray(jr.normal(sampling.key_of(seed), (1, 16_384, self.prior.dim)))
        shared = np.broadcast_to(draws, (len(y), *draws.shape[1:]))
        evidence = np.asarray(logsumexp(likelihoods(self.networks, shared, x), axis=-1)) - np.log(draws.shape[1])
        normal = -0.5 * (y**2).sum(-1) - 0.5 * self.prior.dim * np.log(2 * np.pi)
        return likelihoods(self.networks, y, x) + normal - evidence[:, None]

    def _converged(self, chains: np.ndarray, drawn: Any) -> None:
        worst = sampling.r_hat(chains)
        bad = [f"{name} ({r:.2f})" for name, r in zip(self.prior.labels, worst, strict=True) if not r < CONVERGED]
        if bad:
            message = f"the chains did not converge: R̂ over {CONVERGED} for {', '.join(bad)}"
            error = HepResultError(Diagnostic("E931", message, hints=("draw more: a larger n makes longer chains",)))
            error.result = drawn
            raise error
