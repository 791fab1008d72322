"""What fits minimise: minus the log of the likelihood times its constraint terms, or of the posterior density."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from hepppl.backends.numpyro.joint import Joint, Slot, site_law
from hepppl.backends.numpyro.laws import SiteLaw

#: Laws whose constraint term is a density in the logarithm of the parameter.
LOGARITHMIC = frozenset({"log_normal", "log_uniform"})
#: Laws that can be centred elsewhere by a shift.
LOCATED = frozenset({"normal", "student_t", "logistic", "laplace", "cauchy"})


@dataclass(frozen=True, eq=False)
class Objective:
    """A function of the vector of free parameters and latent draws, and of the data, in 64 bits.

    ``posterior``: the posterior density itself, of the parameters as they stand. Else a likelihood, in which a prior is
    a constraint term, as if it came from a measurement of its own: a normal prior is one with a Gaussian error, a gamma
    prior one by counting, a log-normal prior one with a Gaussian error of the logarithm (the density is taken in the
    logarithm, so that the term is largest at the median); flat priors and log-flat ones constrain nothing. ``interest``
    names parameters whose prior is not used. ``centre``: the x around which the constraints of nuisance parameters are
    moved, as an Asimov data set wants its own measurements of them moved.
    """

    joint: Joint
    posterior: bool = False
    interest: frozenset[str] = frozenset()
    centre: Any = None
    _memo: dict[Any, Any] = field(default_factory=dict, repr=False)

    @property
    def slots(self) -> tuple[Slot, ...]:
        return self.joint.slots

    def minus_log(self, x: Array, centre: Array, observed: Mapping[str, Any]) -> Array:
        joint = replace(self.joint, observed=observed)
        joint.__dict__["slots"] = self.slots
        parts, middle = joint.named(x), joint.named(centre)
        total = jnp.zeros(())
        for name, site in joint.sites(x).items():
            if name not in parts or self.posterior:
                total += jnp.sum(site["fn"].log_prob(site["value"]))
            elif name not in self.interest:
                total += self._constraint(site, parts[name], middle[name])
        return -total

    def _constraint(self, site: dict[str, Any], x: Array, centre: Array) -> Array:
        law, shape = site_law(site)
        if not isinstance(law, SiteLaw):
            return jnp.zeros(())
        name, moved = law.law.name, self.centre is not None
        if name in LOGARITHMIC:
            if moved and name == "log_normal":
                x = x * jnp.broadcast_to(law.quantile(0.5), shape) / centre
            return jnp.sum(site["fn"].log_prob(x)) + jnp.sum(jnp.log(x))
        if moved and name in LOCATED:
            x = x - centre + jnp.broadcast_to(law.quantile(0.5), shape)
        if moved and name == "gamma":
            rate = law.argument("rate", shape)
            return jnp.sum(rate * centre * jnp.log(x) - rate * x)
        return jnp.sum(site["fn"].log_prob(x))

    # ------------------------------------------------------------ compiled

    @cached_property
    def _compiled(self) -> Any:
        """Shared with what `replace` makes of this, as far as it is the same function."""
        key = self.posterior, self.interest, self.centre is None
        if key not in self._memo:
            self._memo[key] = jax.jit(self._both)
        return self._memo[key]

    def _both(self, x: Array, centre: Array | None, observed: Mapping[str, Any]) -> Array:
        """The value and then the gradient, (1 + size,): one array is quicker to fetch than two. Where they are not
        finite: a value that no minimum has, and zeros."""
        value, gradient = jax.value_and_grad(self.minus_log)(x, x if centre is None else centre, observed)
        finite = jnp.isfinite(value), jnp.isfinite(gradient)
        return jnp.concatenate([jnp.where(finite[0], value, 1e30)[None], jnp.where(finite[1], gradient, 0)])

    @cached_property
    def _observed(self) -> Any:
        return jax.tree.map(jnp.asarray, dict(self.joint.observed))

    def _call(self, x: Any) -> np.ndarray:
        with jax.enable_x64(True):
            return np.asarray(self._compiled(np.asarray(x, float), self.centre, self._observed))

    def value(self, x: Any) -> float:
        """At ``x``, shape (size,). Where it is not finite: a number that no minimum has."""
        return float(self._call(x)[0])

    def gradient(self, x: Any) -> np.ndarray:
        """Shape (size,); zeros where it is not finite."""
        return self._call(x)[1:]
