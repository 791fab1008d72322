"""What the likelihood-based methods share: the NumPyro model of a program, and 64 bits to run it in."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import jax

from hepppl import inputs
from hepppl.backends.jax import disk
from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepValueError
from hepppl.io.write import library

if TYPE_CHECKING:
    from hepppl.backends.numpyro import NumpyroModel
    from hepppl.backends.numpyro.joint import Joint
    from hepppl.model import Model
    from hepppl.semantics.ir import Param


@contextmanager
def double_precision() -> Iterator[None]:
    """JAX with 64 bits, and hepppl's cache of compiled programs."""
    with jax.enable_x64(True), disk.programs(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="numpyro")
        yield


def numpyro_model(model: Model, params: Mapping[str, Any], free: bool = False) -> NumpyroModel:
    """The model with these parameters fixed. ``free``: those without a prior are sampled too, flat on their interval
    (but for integers); else they keep their defaults."""
    library("numpyro", "mcmc")
    from hepppl.backends.numpyro import NumpyroModel

    def sampled(param: Param) -> bool:
        return param.prior is not None or (free and inputs.tensor_of(param).kind == "real")

    given = [p.name for p in model.program.params if p.name in params or sampled(p)]
    fixed = {**inputs.defaults(model.program, given), **params}
    return NumpyroModel(model.model_graph, fixed, inputs.data_values(model.program, model.data))


def needs_prior(model: Model, params: Mapping[str, Any]) -> None:
    """Raises `HepValueError` (E472) where nothing is left to infer."""
    if not any(p.prior is not None and p.name not in params for p in model.program.params):
        hint = "give a parameter a prior: `param mu: real in (0, 10) ~ uniform(0, 10) = 1`; or use --method mle"
        message = f"model '{model.name}' has no parameter with a prior that is not fixed"
        raise HepValueError(Diagnostic("E472", message, hints=(hint,)))


def libraries() -> None:
    """Raises `HepFileError` (E512) where a library of the extra ``mcmc`` is missing, before anything runs."""
    for name in ("numpyro", "arviz_base", "arviz_stats"):
        library(name, "mcmc")


def possible(joint: Joint, x: Any) -> None:
    """Raises `HepValueError` (E474) where the data, or what they depend on, have no density at ``x``."""
    terms = jax.jit(joint.terms)(x)
    for name, density in terms.items():
        if not bool(jax.numpy.isfinite(density)):
            message = (
                f"'{name}' has no density where the search starts: a value, or an argument of its law, is out of range"
            )
            hint = "look at the units and the range of the data, and at the defaults and intervals of the parameters"
            raise HepValueError(Diagnostic("E474", message, hints=(hint,)))
