"""Asimov data: what a counting or binned model expects to see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from hepppl import inputs
from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepUnsupportedError, HepValueError
from hepppl.inference import given, likelihood

if TYPE_CHECKING:
    from hepppl.backends.numpyro.joint import Joint
    from hepppl.model import Model


def asimov(model: Model, params: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Observable -> its expected value, in base units (see `hepppl.Model.asimov`)."""
    point = inputs.param_values(model.program, params)
    shapes = {name: output.value.type.shape for name, output in given.observables(model).items()}
    if not shapes:
        raise HepValueError(Diagnostic("E473", f"model '{model.name}' observes nothing"))
    npm = likelihood.numpyro_model(model, point)
    from hepppl.backends.numpyro.joint import Joint

    with likelihood.double_precision():
        joint = Joint(npm, {name: np.zeros(shape) for name, shape in shapes.items()})
        x = np.array(jax.jit(joint.medians)()) if joint.size else np.zeros(0)
        return expected_data(joint, x)


def expected_data(joint: Joint, x: np.ndarray) -> dict[str, np.ndarray]:
    """The expected data at ``x``. Raises `HepUnsupportedError` (E715)."""
    data = joint.expected(x)
    if data is None:
        names = ", ".join(joint.observed)
        message = f"there are no expected data for {names}: the law is not one of counts, nor a normal one"
        hint = "limits and significance are for counting and binned models: `observe n ~ poisson(…)`"
        raise HepUnsupportedError(Diagnostic("E715", message, hints=(hint,)))
    return {name: np.asarray(value, float) for name, value in data.items()}
