"""Inference on a model, given data. Nothing here imports JAX; the methods do, when one is run.

A method is a function, found by its name in `METHODS`:

    run(model, data, seed, *, params, progress, **options) -> result

``model`` has the values of its ``data`` declarations. ``data`` maps the observables that are given to NumPy arrays of
their shapes, in base units. ``params`` maps the parameters that the caller gave to values in base units. ``progress``
is ``progress(done, total)`` or None. The other keywords are the method's options: `infer` and the command line read
their names and defaults from its signature. The result is an ArviZ data set (`hepppl.inference.posterior`), or any
object with ``summary() -> str``, ``to_dict() -> dict`` and ``save(path)``.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepValueError
from hepppl.diagnostics.suggest import nearest

if TYPE_CHECKING:
    from hepppl.model import Model

#: Method -> ``module:function``, imported when the method is asked for.
METHODS: dict[str, str] = {
    "nuts": "hepppl.inference.sampling:nuts",
    "svi": "hepppl.inference.variational:svi",
    "map": "hepppl.inference.fits:maximum_posterior",
    "mle": "hepppl.inference.fits:maximum_likelihood",
}
#: Methods that learn from simulations: any output of the program can be given as data, and of several events.
SIMULATED = tuple("npe nle nre carl rolr rascal alice alices cascal sally scandal".split())
METHODS |= {name: f"hepppl.inference.sbi.infer:{name}" for name in SIMULATED}
#: What every method takes: no options of its own.
COMMON = frozenset({"model", "data", "seed", "params", "progress"})


def infer(
    model: Model,
    data: Mapping[str, Any] | None,
    method: str,
    seed: int,
    params: Mapping[str, Any],
    progress: Callable[[int, int], None] | None,
    options: Mapping[str, Any],
) -> Any:
    """The result of a method (see `hepppl.Model.infer`)."""
    from hepppl import inputs
    from hepppl.inference import given

    run = load(method)
    check_options(method, options)
    _, seed = inputs.check_run(1, seed)
    model, observed = (given.outputs if method in SIMULATED else given.split)(model, data)
    return run(model, observed, seed, params=given.params(model, params), progress=progress, **options)


def load(method: str) -> Callable[..., Any]:
    """The function of a method. Raises `HepValueError` (E470) where there is no such method."""
    if method not in METHODS:
        near = nearest(method, METHODS)
        hint = f"did you mean '{near}'?" if near else f"there are: {', '.join(METHODS)}"
        raise HepValueError(Diagnostic("E470", f"there is no inference method '{method}'", hints=(hint,)))
    module, _, name = METHODS[method].partition(":")
    return getattr(import_module(module), name)


def options_of(method: str) -> dict[str, Any]:
    """The options of a method with their defaults."""
    found = inspect.signature(load(method)).parameters.values()
    return {p.name: p.default for p in found if p.name not in COMMON}


def check_options(method: str, options: Mapping[str, Any]) -> None:
    """Raises `HepValueError` (E471) for options that the method does not have."""
    known = options_of(method)
    wrong = [name for name in options if name not in known]
    if wrong:
        message = f"method '{method}' has no option {', '.join(map(repr, wrong))}"
        raise HepValueError(Diagnostic("E471", message, hints=(f"it has: {', '.join(known) or 'none'}",)))


def check_file(method: str, path: str | os.PathLike[str]) -> None:
    """Before anything runs: can the result of a method be written there? Raises `HepFileError` (E511 to E513).

    A method writes netCDF (``.nc``), unless its module says otherwise in ``WRITES``.
    """
    from hepppl.io.write import result_format

    result_format(path, written(method))


def written(method: str) -> str:
    """The ending of the files of a method's results."""
    return getattr(import_module(load(method).__module__), "WRITES", ".nc")


def as_dict(result: Any) -> dict[str, Any]:
    """A result as plain data, for JSON."""
    if hasattr(result, "to_netcdf"):
        from hepppl.inference import posterior

        return posterior.as_dict(result)
    return result.to_dict()


def plot(result: Any, path: str | os.PathLike[str]) -> None:
    """Draw a result (extra ``plot``)."""
    if hasattr(result, "to_netcdf"):
        from hepppl.inference import posterior

        posterior.plot(result, path)
    else:
        result.plot(path)


def plot_calibration(result: Any, path: str | os.PathLike[str]) -> None:
    """Draw how a method that learns from simulations did on held-out ones (extra ``plot``)."""
    from hepppl.inference import posterior

    posterior.plot_calibration(result, path)


def comparable(method: str, path: str | os.PathLike[str]) -> Any:
    """The posterior in a file, for `hepppl.inference.posterior.compare` with what a method will give. Raises
    `HepFileError` (E501, E514), and `HepValueError` (E486) where that has no draws."""
    from hepppl.inference import posterior

    if written(method) != ".nc":
        raise HepValueError(Diagnostic("E486", f"the result of '{method}' has no draws to compare"))
    return posterior.load(path)


def save(result: Any, path: str | os.PathLike[str]) -> None:
    """Write a result: posterior draws as netCDF (``.nc``), others as they say."""
    if hasattr(result, "to_netcdf"):
        from hepppl.inference import posterior

        posterior.save(result, path)
    else:
        result.save(path)
