"""Trained estimators in a file: a line of JSON that says what they are, then the arrays of their networks."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax.random as jr

from hepppl._version import __version__
from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepFileError, HepValueError
from hepppl.inference.sbi.features import Features
from hepppl.inference.sbi.networks import Shape
from hepppl.inference.sbi.posterior import Posterior
from hepppl.inference.sbi.priors import Prior

if TYPE_CHECKING:
    from hepppl.model import Model

FORMAT = 1


def fingerprint(prior: Prior) -> str:
    """Of the program and the values of what is not inferred: an estimator knows one simulator."""
    model = prior.model
    text = json.dumps([str(model.program.source.text), model.name, repr(sorted(prior.fixed.items()))])
    return hashlib.sha256((text + repr(sorted(model.data.items(), key=lambda kv: kv[0]))).encode()).hexdigest()


def save(posterior: Posterior, path: str | os.PathLike[str]) -> None:
    """Raises `HepFileError` (E513) where the file cannot be written."""
    header = {
        "format": FORMAT,
        "hepppl": __version__,
        "program": fingerprint(posterior.prior),
        "model": posterior.model.name,
        "method": posterior.method,
        "features": posterior.features.to_dict(),
        "shape": posterior.shape.to_dict(),
        "members": len(posterior.networks),
        "simulations": posterior.simulations,
        "seed": posterior.seed,
        "reference": posterior.reference,
        "rounds": posterior.rounds,
        "observation": posterior.observation,
        "history": [asdict(h) for h in posterior.history],
        "calibration": None if posterior.calibration is None else posterior.calibration.saved(),
    }
    aside = Path(f"{os.fspath(path)}.part")
    try:
        with aside.open("wb") as file:
            file.write((json.dumps(header) + "\n").encode())
            eqx.tree_serialise_leaves(file, posterior.networks)
        os.replace(aside, path)
    except OSError as error:
        raise HepFileError(Diagnostic("E513", f"cannot write {os.fspath(path)}: {error.strerror}")) from error


def load(path: str | os.PathLike[str], model: Model, params: Any = None) -> Posterior:
    """Raises `HepFileError` (E501, E514) for the file, `HepValueError` (E484) where it was trained on another
    program."""
    from hepppl.inference.sbi.calibration import Calibration
    from hepppl.inference.sbi.methods import method
    from hepppl.inference.sbi.training import History

    try:
        with Path(path).open("rb") as file:
            try:
                header = json.loads(file.readline())
                wanted = header["format"] == FORMAT
            except (ValueError, KeyError, TypeError):
                wanted = False
            if not wanted:
                message = f"{os.fspath(path)} holds no estimator that this version can read"
                raise HepFileError(Diagnostic("E514", message))
            prior = Prior.of(model, params)
            if header["program"] != fingerprint(prior):
                message = f"{os.fspath(path)} was trained on another program, or with other data or parameters"
                raise HepValueError(Diagnostic("E484", message))
            features, shape = Features.from_dict(header["features"]), Shape(**header["shape"])
            network = method(header["method"]).network
            seen = replace(features, events=features.events or 1)  # 0: any number, one after another
            like = tuple(network(seen, prior.dim, shape, jr.key(0)) for _ in range(header["members"]))
            networks = eqx.tree_deserialise_leaves(file, like)
    except OSError as error:
        if isinstance(error, HepFileError):
            raise
        raise HepFileError(Diagnostic("E501", f"cannot read {os.fspath(path)}: {error.strerror}")) from error
    history = tuple(History(tuple(h["training"]), tuple(h["validation"]), h["best"]) for h in header["history"])
    said = header["calibration"]
    return Posterior(
        header["method"], prior, features, shape, networks, header["simulations"], header["seed"], history,
        header["reference"], None if said is None else Calibration.of(said, prior.labels), header.get("rounds", 1),
        header.get("observation"),
    )  # fmt: skip
