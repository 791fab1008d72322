"""A model's priors as the coordinates that estimators learn in.

Networks never see parameters in MeV: a point is carried by the prior's own probability integral to y = Φ⁻¹(F(θ)), where
the prior is a standard normal (the Rosenblatt map, for a prior that depends on parameters declared before). Supports
take care of themselves, and elliptical slice sampling needs no tuning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtr, ndtri

from hepppl import inputs
from hepppl.backends.jax.priors import PriorFunctions
from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepResultError, HepValueError

if TYPE_CHECKING:
    from hepppl.model import Model

Points = Mapping[str, np.ndarray]
#: No coordinate goes farther out: beyond, the prior probability is below 1e-15.
EDGE = 8.0


@dataclass(frozen=True, eq=False)
class Prior:
    """The parameters of ``model`` that have priors. ``names`` with their ``shapes``, side by side in a vector of
    ``dim`` coordinates; ``fixed``: the values of the others."""

    model: Model
    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    fixed: Mapping[str, Any]

    @classmethod
    def of(cls, model: Model, given: Mapping[str, Any] | None = None) -> Prior:
        """``given``: values of parameters without a prior, in base units or as texts. Raises `HepValueError`: E480
        where no parameter has a prior, E451 to E456 for what is given."""
        latent = [p for p in model.program.params if p.prior is not None]
        if not latent:
            hint = "write one: param mu: real ~ normal(0, 1)"
            message = f"no parameter of model '{model.name}' has a prior, so there is nothing to infer"
            raise HepValueError(Diagnostic("E480", message, hints=(hint,)))
        names = {p.name for p in latent}
        given = dict(given or {})
        for name in names & set(given):
            message = f"the parameter '{name}' has a prior and is inferred: it takes no value"
            raise HepValueError(Diagnostic("E480", message))
        inputs.check_names(given, model.params, "parameter", "E451")
        fixed = inputs.defaults(model.program, names | set(given))
        declared = {p.name: p for p in model.program.params}
        fixed |= {name: inputs.param_value(declared[name], value) for name, value in given.items()}
        shapes = tuple(inputs.tensor_of(p).shape for p in latent)
        return cls(model, tuple(p.name for p in latent), shapes, fixed)

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(int(np.prod(shape, dtype=int)) for shape in self.shapes)

    @property
    def dim(self) -> int:
        return sum(self.sizes)

    @property
    def labels(self) -> tuple[str, ...]:
        """A name for each coordinate: ``mu``, ``v[0]``, ``v[1]`` …"""
        found = []
        for name, shape in zip(self.names, self.shapes, strict=True):
            found += [name + "".join(f"[{i}]" for i in index) for index in np.ndindex(shape)]
        return tuple(found)

    @cached_property
    def functions(self) -> PriorFunctions:
        data = inputs.data_values(self.model.program, self.model.data)
        return PriorFunctions(self.model.model_graph, self.fixed, data)

    def draw(self, n: int, seed: int, first: int = 0) -> np.ndarray:
        """Prior draws ``first`` … ``first + n - 1`` of a seed, (n, dim) in base units."""
        drawn, valid = self.functions.draw(n, seed, first)
        if not valid.all():
            message = f"a prior has an argument outside its range in draw {first + int(np.argmin(valid))}"
            raise HepResultError(Diagnostic("E904", message))
        return self.pack(drawn)

    def pack(self, points: Points) -> np.ndarray:
        """(n, dim) from name -> (n, *shape)."""
        each = [np.asarray(points[name], float) for name in self.names]
        return np.concatenate([x.reshape(x.shape[0], -1) for x in each], -1)

    def unpack(self, theta: np.ndarray) -> dict[str, np.ndarray]:
        """Name -> (…, *shape) from (…, dim)."""
        ends = np.cumsum([0, *self.sizes])
        named = zip(self.names, self.shapes, ends[:-1], ends[1:], strict=True)
        return {name: theta[..., a:b].reshape((*theta.shape[:-1], *shape)) for name, shape, a, b in named}

    def to_normal(self, theta: np.ndarray) -> np.ndarray:
        """(n, dim) coordinates y in which the prior is standard normal."""
        below, above = (self.pack(part) for part in self.functions.tails(self.unpack(theta)))
        y = np.where(below < above, ndtri(below), -ndtri(above))
        return np.clip(y, -EDGE, EDGE)

    def from_normal(self, y: np.ndarray) -> np.ndarray:
        """The parameters at coordinates y; the inverse of `to_normal`."""
        y = np.asarray(y, float)
        flat = y.reshape(-1, self.dim)
        below, above = ndtr(flat), ndtr(-flat)
        theta = self.functions.quantile(self.unpack(below), self.unpack(above))
        return self.pack(theta).reshape(y.shape)

    def log_prob(self, theta: np.ndarray) -> np.ndarray:
        """Log prior density per base units, (n,)."""
        return self.log_densities(theta).sum(-1)

    def log_slope(self, theta: np.ndarray) -> np.ndarray:
        """log |dy/dθ|, (n,): what turns a density in y to one in base units."""
        y = self.to_normal(theta)
        return self.log_prob(theta) + 0.5 * (y**2).sum(-1) + 0.5 * self.dim * np.log(2 * np.pi)

    @property
    def independent(self) -> bool:
        """No prior depends on another parameter that has one."""
        params = self.model.program.params
        latent = {p.value for p in params if p.prior is not None}
        return all(latent.isdisjoint(node.inputs) for p in params if p.prior is not None for node in p.prior.nodes)

    def point(self, given: Mapping[str, Any] | None) -> np.ndarray:
        """A point (dim,) in base units: what is given, else the default, else the prior's median."""
        given = dict(given or {})
        inputs.check_names(given, self.names, "parameter with a prior", "E451")
        median = self.unpack(self.from_normal(np.zeros((1, self.dim))))
        found = {}
        for param in self.model.program.params:
            if param.name not in self.names:
                continue
            if param.name in given:
                found[param.name] = np.asarray([inputs.param_value(param, given[param.name])])
            elif param.default is not None:
                found[param.name] = np.asarray([param.default])
            else:
                found[param.name] = median[param.name]
        return self.pack(found)[0]

    def score_to_normal(self, theta: np.ndarray, score: np.ndarray) -> np.ndarray:
        """Derivatives (n, dim) per base units as derivatives in the coordinates of `to_normal`, where priors are
        `independent`: dθ/dy is the normal density at y over the prior density."""
        y = self.to_normal(theta)
        return score * np.exp(-0.5 * y**2 - 0.5 * np.log(2 * np.pi) - self.log_densities(theta))

    def log_densities(self, theta: np.ndarray) -> np.ndarray:
        """Log prior density of each coordinate, given those before, (n, dim)."""
        return self.pack(self.functions.log_densities(self.unpack(theta)))
