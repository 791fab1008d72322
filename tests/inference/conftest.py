"""Log-densities of programs at given values, in 64 bits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import pytest

import hepppl


@pytest.fixture
def double() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


@pytest.fixture
def log_density(double: None) -> Callable[..., float]:
    """``log_density(text, observed, values)``: of the data and of the values of the latent sites, by NumPyro."""
    from numpyro.infer.util import log_density as of_numpyro

    def density(text: str, observed: Mapping[str, Any], values: Mapping[str, Any], **options: Any) -> float:
        npm = hepppl.parse(text).to_numpyro(**options)
        arrays = {name: jax.numpy.asarray(value) for name, value in observed.items()}
        latent = set()

        @jax.jit
        def at(values: Any) -> Any:
            found, trace = of_numpyro(npm, (arrays,), {}, values)
            latent.update(k for k, site in trace.items() if site["type"] == "sample" and not site["is_observed"])
            return found

        found = float(at({k: jax.numpy.asarray(v) for k, v in values.items()}))
        assert latent == set(values)
        return found

    return density
