"""For the package ``sbi`` (PyTorch): a program's prior and simulator for its methods, our posteriors for its checks.

    from hepppl.inference.sbi import adapter

    prior, simulator = adapter.prior(model), adapter.simulator(model)
    theta = prior.sample((1000,))                       # sbi.inference.NPE(prior) takes it as it is
    x = simulator(theta)
    run_sbc(theta, x, adapter.posterior(trained))       # sbi.diagnostics

Parameters are in base units, side by side in the order of `hepppl.inference.sbi.priors.Prior.labels`; data are the
numbers of the outputs of fixed shape, those of one event after those of the other. PyTorch is imported when one of
these is called, and is no dependency of hepppl.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hepppl import inputs
from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepValueError
from hepppl.inference.sbi import features as seeing
from hepppl.inference.sbi.priors import Prior
from hepppl.inference.sbi.simulator import Simulator
from hepppl.io.write import library

if TYPE_CHECKING:
    from hepppl.inference.sbi.posterior import Posterior
    from hepppl.model import Model

#: Between the seeds of calls.
STEP = 0x9FB21C651E98DF25


def torch() -> Any:
    """Raises `HepFileError` (E512) where it is not installed."""
    return library("torch", "", install="pip install torch sbi")


@dataclass(frozen=True)
class Layout:
    """Outputs of ``events`` events as one vector: of each event, the numbers of the outputs ``names``."""

    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    events: int

    @classmethod
    def of(cls, model: Model, names: Sequence[str], events: int) -> Layout:
        """Raises `HepValueError` (E481) for outputs whose length varies."""
        for name in names:
            if seeing.varies(model, name):
                message = f"the length of output '{name}' varies, and the package sbi takes vectors"
                raise HepValueError(Diagnostic("E481", message, hints=("name the others: features=[…]",)))
        shapes = {o.name: getattr(o.value.type, "shape", ()) for o in model.program.outputs}
        return cls(tuple(names), tuple(shapes[name] for name in names), events)

    @property
    def sizes(self) -> list[int]:
        return [int(np.prod(shape, dtype=int)) for shape in self.shapes]

    def pack(self, outputs: Mapping[str, Any]) -> np.ndarray:
        """(experiments, numbers)"""
        rows = np.concatenate([seeing.flat(outputs[name]).astype(np.float32) for name in self.names], -1)
        return rows.reshape(-1, self.events * rows.shape[1])

    def unpack(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Output -> (experiments · events, *shape). Raises `HepValueError` (E482)."""
        sizes = self.sizes
        if x.ndim != 2 or x.shape[1] != self.events * sum(sizes):
            message = f"expected data of {self.events * sum(sizes)} numbers each, found an array of shape {x.shape}"
            raise HepValueError(Diagnostic("E482", message))
        parts = np.split(x.reshape(-1, sum(sizes)), np.cumsum(sizes)[:-1], -1)
        return {
            name: part.reshape(-1, *shape) for name, part, shape in zip(self.names, parts, self.shapes, strict=True)
        }


@dataclass
class Calls:
    """A seed of its own for each call."""

    seed: int
    count: int = field(default=0)

    def next(self) -> int:
        self.count += 1
        return (self.seed + self.count * STEP) % inputs.SEEDS


def simulator(
    model: Model,
    features: Sequence[str] | None = None,
    events: int = 1,
    params: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> Any:
    """A function from parameters (n, dim) to data (n, numbers), both tensors; every call has new random numbers.
    Arguments as of `hepppl.inference.sbi.train`; raises as it does."""
    own, calls = Simulator(Prior.of(model, params), events), Calls(seed)
    layout = Layout.of(model, seeing.chosen(model, features), events)
    tensor = torch().as_tensor

    def simulate(theta: Any) -> Any:
        points = np.atleast_2d(np.asarray(theta, float))
        return tensor(layout.pack(own.at(points, calls.next()).outputs))

    return simulate


def prior(model: Model, params: Mapping[str, Any] | None = None, seed: int = 0) -> Any:
    """The law of the parameters that have priors, a `torch.distributions.Distribution` over vectors in base units."""
    law, calls, lib = Prior.of(model, params), Calls(seed), torch()
    known = law.from_normal(np.random.default_rng(0).standard_normal((10_000, law.dim)))

    def tensor(x: np.ndarray) -> Any:
        return lib.as_tensor(np.asarray(x, np.float32))

    class ProgramPrior(lib.distributions.Distribution):  # type: ignore[name-defined]
        arg_constraints: Mapping[str, Any] = {}

        def __init__(self) -> None:
            super().__init__(event_shape=lib.Size((law.dim,)), validate_args=False)

        def sample(self, sample_shape: Any = ()) -> Any:
            n = int(np.prod(tuple(sample_shape), dtype=int))
            return tensor(law.draw(n, calls.next()).reshape(*sample_shape, law.dim))

        def log_prob(self, value: Any) -> Any:
            points = np.asarray(value, float)
            found = law.log_prob(points.reshape(-1, law.dim)).reshape(points.shape[:-1])
            return tensor(found)

        @property
        def mean(self) -> Any:
            return tensor(known.mean(0))

        @property
        def variance(self) -> Any:
            return tensor(known.var(0))

        @property
        def support(self) -> Any:
            return _support(law, lib)

    return ProgramPrior()


def _support(law: Prior, lib: Any) -> Any:
    """The box that the priors live in; all reals where one of them depends on another."""
    constraints = lib.distributions.constraints
    if not law.independent:
        return constraints.independent(constraints.real, 1)
    low, high = (_rounded(x) for x in law.from_normal(np.array([[-np.inf], [np.inf]]) * np.ones(law.dim)))
    each = []
    for a, b in zip(low.tolist(), high.tolist(), strict=True):
        if np.isfinite([a, b]).all():
            each.append(constraints.interval(a, b))
        elif np.isfinite(a):
            each.append(constraints.greater_than(a))
        else:
            each.append(constraints.less_than(b) if np.isfinite(b) else constraints.real)
    return constraints.independent(constraints.cat(each, dim=-1, lengths=[1] * law.dim), 1)


def _rounded(ends: np.ndarray) -> np.ndarray:
    """Quantiles stop short of 0 and of infinity, at the smallest and the largest numbers there are."""
    ends = np.where(np.abs(ends) > 1e150, np.copysign(np.inf, ends), ends)
    return np.where(np.abs(ends) < 1e-150, 0.0, ends)


def posterior(found: Posterior, seed: int = 0) -> Any:
    """A trained posterior with the methods that ``sbi.diagnostics`` calls."""
    return SbiPosterior(found, seed)


class SbiPosterior:
    """``sample``, ``sample_batched`` and ``log_prob`` as of a posterior of the package sbi; ``x``: tensors of what
    `simulator` gives, of as many events as the estimator was trained for (one, for likelihoods)."""

    def __init__(self, found: Posterior, seed: int):
        events = found.features.events or 1
        self.found, self.calls, self.default_x = found, Calls(seed), None
        self.layout = Layout.of(found.model, found.features.outputs, events)
        self.tensor = torch().as_tensor

    def set_default_x(self, x: Any) -> SbiPosterior:
        self.default_x = x
        return self

    def sample(self, sample_shape: Any = (), x: Any = None, show_progress_bars: bool = False, **ignored: Any) -> Any:
        """(*sample_shape, dim) given one ``x``."""
        return self.sample_batched(sample_shape, self._one(x))[..., 0, :]

    def sample_batched(self, sample_shape: Any, x: Any, show_progress_bars: bool = False, **ignored: Any) -> Any:
        """(*sample_shape, experiments, dim) given ``x`` (experiments, numbers)."""
        n = int(np.prod(tuple(sample_shape), dtype=int))
        y, _ = self.found.draw(self._seen(x), n, self.calls.next())
        theta = np.moveaxis(self.found.prior.from_normal(y), 1, 0)
        return self.tensor(theta.reshape(*sample_shape, *theta.shape[1:]).astype(np.float32))

    def log_prob(self, theta: Any, x: Any = None, **ignored: Any) -> Any:
        """Log densities (n,) of ``theta`` (n, dim) given one ``x``, per base units."""
        law = self.found.prior
        points = np.atleast_2d(np.asarray(theta, float))
        logs = self.found.log_densities(law.to_normal(points)[None], self._seen(self._one(x)))[0]
        return self.tensor((logs + law.log_slope(points)).astype(np.float32))

    def _one(self, x: Any) -> np.ndarray:
        given = self.default_x if x is None else x
        if given is None:
            raise HepValueError(Diagnostic("E482", "there are no data: give x, or set_default_x"))
        return np.asarray(given, np.float32).reshape(1, -1)

    def _seen(self, x: Any) -> Any:
        outputs = self.layout.unpack(np.asarray(x, np.float32))
        seen = self.found.features.batch(outputs, self.layout.events)
        self.found.check_served(seen)
        return seen
