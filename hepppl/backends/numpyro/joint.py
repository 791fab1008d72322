"""The joint density of a program's parameters and latent draws as pure functions of one vector.

NumPyro's own set-up runs a model operation by operation, which costs seconds for a program of any size; these functions
are compiled as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpyro import handlers
from numpyro.distributions import biject_to

from hepppl.backends.numpyro.laws import Flat, SiteLaw, expected
from hepppl.backends.numpyro.model import NumpyroModel


@dataclass(frozen=True)
class Slot:
    """A latent quantity: where it lies in the vector, and its law's name ("" where it has none). ``low`` and ``high``:
    its interval, infinite where that is known only while running."""

    name: str
    shape: tuple[int, ...]
    start: int
    law: str
    low: float
    high: float

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=int))


@dataclass(frozen=True, eq=False)
class Joint:
    """``observed``: the data. All functions are traceable; vectors are either of the quantities themselves ("x") or of
    their images on the whole real line ("z")."""

    model: NumpyroModel
    observed: Mapping[str, Any]

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        """The latent quantities in program order."""
        found: list[Slot] = []

        def look() -> None:
            for name, site in self._trace(_median).items():
                if site["type"] == "sample" and not site["is_observed"]:
                    law, shape = site_law(site)
                    bounds = law.bounds
                    start = found[-1].start + found[-1].size if found else 0
                    kind = law.law.name if isinstance(law, SiteLaw) else ""
                    low = bounds.low if isinstance(bounds.low, float) else -np.inf
                    high = bounds.high if isinstance(bounds.high, float) else np.inf
                    found.append(Slot(name, shape, start, kind, low, high))

        jax.eval_shape(look)
        return tuple(found)

    @property
    def size(self) -> int:
        return sum(slot.size for slot in self.slots)

    def _trace(self, fill: Any) -> dict[str, Any]:
        seeded = handlers.seed(self.model, jax.random.key(0))
        with handlers.block():  # whoever traces the caller
            return handlers.trace(handlers.substitute(seeded, substitute_fn=fill)).get_trace(dict(self.observed))

    def named(self, x: Array) -> dict[str, Array]:
        """Vectors (…, size) by the names of their parts."""
        return {s.name: x[..., s.start : s.start + s.size].reshape((*x.shape[:-1], *s.shape)) for s in self.slots}

    def flat(self, parts: Mapping[str, Any]) -> Array:
        """One vector of named parts."""
        return jnp.concatenate([jnp.ravel(jnp.asarray(parts[s.name], float)) for s in self.slots])

    # ------------------------------------------------------------ densities

    def medians(self) -> Array:
        """x where every quantity is the median of its law, given those before it."""
        trace = self._trace(_median)
        return self.flat({slot.name: trace[slot.name]["value"] for slot in self.slots})

    def sites(self, x: Array) -> dict[str, Any]:
        """NumPyro's sites at ``x``: data, latent quantities and factors, each with its law."""
        parts = self.named(x)
        trace = self._trace(lambda site: parts.get(site["name"]) if site["type"] == "sample" else None)
        return {name: site for name, site in trace.items() if site["type"] == "sample"}

    def terms(self, x: Array) -> dict[str, Array]:
        """Site -> its log-density, summed over its elements."""
        return {name: jnp.sum(site["fn"].log_prob(site["value"])) for name, site in self.sites(x).items()}

    def expected(self, x: Any) -> dict[str, Array] | None:
        """The expected data at ``x``, in the shapes of the data; None where a law has none that can be written down
        (`laws.expected`), or where it is a sum."""
        sites = self.sites(x)
        found = {}
        for name, value in self.observed.items():
            shape = jnp.shape(value)
            names = [name] if name in sites else [name + f"[{i}]" for i in range(shape[0] if shape else 0)]
            if not all(n in sites for n in names):
                return None
            means = [expected(site_law(sites[n])[0]) for n in names]
            if not means or any(mean is None for mean in means):
                return None
            found[name] = jnp.broadcast_to(means[0] if name in sites else jnp.stack(means), shape)
        return found

    def unconstrained(self, z: Array) -> tuple[Array, Array]:
        """(minus the log-density of z, the x that it stands for)."""
        parts, values, slopes = self.named(z), {}, []

        def fill(site: dict[str, Any]) -> Any:
            name = site["name"]
            if name not in parts or site["type"] != "sample":
                return None
            map_ = biject_to(site["fn"].support)
            values[name] = map_(parts[name])
            slopes.append(jnp.sum(map_.log_abs_det_jacobian(parts[name], values[name])))
            return values[name]

        trace = self._trace(fill)
        sites = [site for site in trace.values() if site["type"] == "sample"]
        total = sum((jnp.sum(site["fn"].log_prob(site["value"])) for site in sites), start=jnp.zeros(()))
        return -(total + sum(slopes)), self.flat(values)

    def image(self, x: Array) -> Array:
        """The z that stands for x."""
        parts, images = self.named(x), {}

        def fill(site: dict[str, Any]) -> Any:
            if site["name"] not in parts or site["type"] != "sample":
                return None
            images[site["name"]] = biject_to(site["fn"].support).inv(parts[site["name"]])
            return parts[site["name"]]

        self._trace(fill)
        return self.flat(images)


def site_law(site: dict[str, Any]) -> tuple[SiteLaw | Flat, tuple[int, ...]]:
    """The law of a site's elements, and the shape of the whole."""
    law = site["fn"]
    shape = (*law.batch_shape, *law.event_shape)
    while not isinstance(law, SiteLaw | Flat):
        law = law.base_dist
    return law, shape


def _median(site: dict[str, Any]) -> Any:
    """A `substitute_fn` of NumPyro; of a flat quantity the middle of its interval."""
    if site["type"] != "sample" or site["is_observed"]:
        return None
    law, shape = site_law(site)
    value = law.quantile(0.5) if isinstance(law, SiteLaw) else biject_to(law.support)(jnp.zeros(law.batch_shape))
    return jnp.broadcast_to(value, shape)
