"""The methods as `hepppl.inference` calls them: train or load an estimator, then draw from the posterior."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepResultError, HepValueError
from hepppl.inference import posterior
from hepppl.inference.sbi import saved
from hepppl.inference.sbi.features import chosen, length, read
from hepppl.inference.sbi.methods import method, train
from hepppl.inference.sbi.networks import Shape
from hepppl.inference.sbi.posterior import Posterior
from hepppl.inference.sbi.training import Schedule

if TYPE_CHECKING:
    from hepppl.model import Model

Progress = Callable[[int, int], None]


def method_function(name: str) -> Callable[..., Any]:
    """A method of `hepppl.inference.METHODS`, whose options its signature says."""

    def run(
        model: Model,
        data: Mapping[str, Any],
        seed: int,
        *,
        params: Mapping[str, Any] | None = None,
        progress: Progress | None = None,
        samples: int = 4000,
        simulations: int = 10_000,
        features: Sequence[str] | str | None = None,
        rounds: int = 1,
        ensemble: int = 1,
        epochs: int = 100,
        width: int = 64,
        depth: int = 2,
        calibrate: int = 200,
        tolerance: float = 0.0,
        alpha: float = 1.0,
        reference: Mapping[str, Any] | None = None,
        checkpoint: str | Path | None = None,
        save: str | Path | None = None,
        load: str | Path | None = None,
    ) -> Any:
        def told(what: str, done: int, total: int) -> None:
            if progress is not None:
                progress(done, total)

        def finished(found: Posterior) -> Any:
            if save is not None:
                saved.save(found, save)
            return data_set(found, data, samples, seed)

        if load is not None:
            kept = saved.load(load, model, params)
            if kept.method != name:
                raise HepValueError(Diagnostic("E484", f"{load} holds an estimator of method '{kept.method}'"))
            return finished(kept)
        named = features.split(",") if isinstance(features, str) else features
        looked_at = chosen(model, named or list(data))
        events = length(next(iter(read(model, looked_at, data).values())))
        try:
            found = train(
                model,
                name,
                simulations=simulations,
                seed=seed,
                events=events,
                features=looked_at,
                params=params,
                rounds=rounds,
                data=data,
                ensemble=ensemble,
                shape=Shape(width=width, depth=depth),
                schedule=Schedule(epochs=epochs),
                calibrate=calibrate,
                tolerance=tolerance,
                alpha=alpha,
                reference=reference,
                checkpoint=checkpoint,
                progress=told,
            )
        except HepResultError as error:
            if isinstance(error.result, Posterior):  # not calibrated: shown all the same
                error.result = finished(error.result)
            raise
        return finished(found)

    hidden = {
        option
        for option, needed in (
            ("alpha", method(name).weighs),
            ("reference", method(name).relative),
            ("rounds", method(name).sequential),
        )
        if not needed
    }
    signature = inspect.signature(run)
    shown = [p for p in signature.parameters.values() if p.name not in hidden]
    vars(run)["__signature__"] = signature.replace(parameters=shown)
    return run


def data_set(found: Posterior, data: Mapping[str, Any], draws: int, seed: int) -> Any:
    """Draws as ArviZ data (`hepppl.inference.posterior`), with what the calibration says as an attribute, and its
    numbers as the group ``calibration``. Where chains did not converge, the error carries the data."""
    parts = 4
    failed = None
    try:
        drawn = found.sample(data, -(-draws // parts) * parts, seed)
    except HepResultError as error:
        failed, drawn = error, error.result
    split = {name: values.reshape(parts, -1, *values.shape[1:]) for name, values in drawn.items()}
    about = {"simulations": str(found.simulations), "rounds": str(found.rounds)}
    if found.calibration is not None:
        about["calibration"] = json.dumps(found.calibration.to_dict())
    seen = {name: np.asarray(value) for name, value in data.items() if _regular(value)}
    tree = posterior.data_set(found.model, found.method, seed, split, seen, attrs=about)
    if found.calibration is not None:
        tree["calibration"] = found.calibration.data_set()
    if failed is not None:
        failed.result = tree
        raise failed
    return tree


def _regular(value: Any) -> bool:
    """Numbers of one shape: collections of varying length have no place among arrays."""
    try:
        return np.asarray(value).dtype.kind in "biuf"
    except ValueError:
        return False


npe, nle, nre, carl = (method_function(name) for name in ("npe", "nle", "nre", "carl"))
rolr, alice = method_function("rolr"), method_function("alice")
rascal, alices, cascal = (method_function(name) for name in ("rascal", "alices", "cascal"))
sally, scandal = method_function("sally"), method_function("scandal")
