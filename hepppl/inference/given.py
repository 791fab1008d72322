"""What inference is given: values of the model's data, of its observables, of its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from hepppl import inputs
from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepError, HepValueError
from hepppl.semantics.types import Tensor
from hepppl.semantics.units import parse_quantity

LARGEST = 2**31 - 1

if TYPE_CHECKING:
    from hepppl.model import Model
    from hepppl.semantics.ir import Output


def observables(model: Model) -> dict[str, Output]:
    """The model's observables by their names."""
    return {output.name: output for output in model.program.outputs if output.observed}


def split(model: Model, given: Mapping[str, Any] | None) -> tuple[Model, dict[str, np.ndarray]]:
    """The model with the values of its ``data`` declarations, and those of its observables as arrays in base units.

    Raises `HepValueError`: E461 for a name that is neither, E462 for data without a value, E463 for values that do not
    fit, E473 where no observable is given.
    """
    flat = inputs.flat(given)
    seen = observables(model)
    declared = {name: value for name, value in flat.items() if name not in seen}
    inputs.check_names(declared, [*(d.name for d in model.program.data), *seen], "data or observable", "E461")
    already = {name: value for name, value in model.data.items() if name not in seen}
    model = model.with_data({**already, **declared})
    inputs.data_values(model.program, model.data)
    outputs = observables(model)  # their lengths may depend on the data
    counts = countable(model)
    observed = {name: observation(outputs[name], flat[name], name in counts) for name in outputs if name in flat}
    if not observed:
        names = ", ".join(outputs)
        hint = f"it observes: {names}" if names else "write `observe n ~ …` where the data come in"
        raise HepValueError(Diagnostic("E473", f"no observable of model '{model.name}' is given", hints=(hint,)))
    return model, observed


def outputs(model: Model, given: Mapping[str, Any] | None) -> tuple[Model, dict[str, Any]]:
    """The model with the values of its ``data`` declarations, and those of its outputs as they are given.

    Raises `HepValueError`: E481 for a name that is neither, E473 where no output is given.
    """
    flat = inputs.flat(given)
    declared = {d.name for d in model.program.data}
    names = [output.name for output in model.program.outputs]
    inputs.check_names(flat, [*declared, *names], "data or output", "E481")
    values = {**model.data, **flat}
    model = model.with_data({name: value for name, value in values.items() if name in declared})
    found = {name: value for name, value in flat.items() if name not in declared}
    if not found:
        hint = f"it has: {', '.join(names)}"
        raise HepValueError(Diagnostic("E473", f"no output of model '{model.name}' is given", hints=(hint,)))
    return model, found


def countable(model: Model) -> set[str]:
    """The observables whose law has a density between the integers too (`hepppl.Model.asimov` expects such data)."""
    nodes = [site.node for site in model.model_graph.sites()]
    return {n.attrs["name"] for n in nodes if n.attrs["observed"] and n.attrs["dist"].name in ("poisson", "binomial")}


def observation(output: Output, given: Any, between: bool = False) -> np.ndarray:
    """The values of an observable: numbers in base units or texts with units, in its shape. ``between``: counts need
    not be whole."""
    kind = output.value.type
    assert isinstance(kind, Tensor)
    array = np.asarray(given)
    if array.dtype.kind in "US":
        numbers = [parse_quantity(x, kind.dim, output.name) if isinstance(x, str) else x for x in array.ravel()]
        array = np.reshape(np.asarray(numbers), array.shape)
    if array.dtype.kind not in "biuf" or array.shape != kind.shape:
        needed = f"{'×'.join(map(str, kind.shape))} numbers" if kind.shape else "a number"
        found = f"shape {array.shape}" if array.dtype.kind in "biuf" else type(given).__name__
        message = f"the observable '{output.name}' needs {needed}, found {found}"
        raise HepValueError(Diagnostic("E463", message, output.span))
    if not np.isfinite(array).all():
        raise HepValueError(Diagnostic("E463", f"'{output.name}' is given a number that is not finite", output.span))
    if kind.kind == "int" and (np.abs(array) > LARGEST).any():
        raise HepValueError(Diagnostic("E463", f"'{output.name}' is given an integer beyond 32 bits", output.span))
    if kind.kind != "real" and (array != np.trunc(array)).any():
        if between:
            return array
        raise HepValueError(Diagnostic("E463", f"the values of '{output.name}' are integers", output.span))
    return array.astype({"real": np.float64, "int": np.int32, "bool": bool}[kind.kind])


def params(model: Model, given: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that were given, in base units, each inside its support."""
    inputs.check_names(given, model.params, "parameter", "E451")
    wrong: list[Diagnostic] = []
    values: dict[str, Any] = {}
    for param in model.program.params:
        if param.name in given:
            try:
                values[param.name] = inputs.param_value(param, given[param.name])
            except HepError as error:
                wrong.extend(error.diagnostics)
    if wrong:
        raise HepValueError(wrong)
    return values
