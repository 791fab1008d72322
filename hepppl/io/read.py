"""Reading data: values by name, from JSON or from a NumPy archive."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hepppl.diagnostics import Diagnostic, Source, Span
from hepppl.diagnostics.errors import HepFileError
from hepppl.syntax import read_source


def read_data(path: str | os.PathLike[str]) -> Mapping[str, Any]:
    """Values by name: of a JSON object, or of a NumPy archive (``.npz``). Raises `HepFileError` (E501 to E505, E511,
    E514)."""
    name = os.fspath(path)
    if Path(name).suffix not in (".json", ".npz"):
        raise HepFileError(Diagnostic("E511", f"data are read from .json and .npz files, not from '{Path(name).name}'"))
    if Path(name).suffix == ".npz":
        return _read_npz(name)
    return _read_json(read_source(name))


def _read_json(source: Source) -> Mapping[str, Any]:
    try:
        values = json.loads(source.text)
    except json.JSONDecodeError as error:
        place = Span(source, error.pos, error.pos)
        raise HepFileError(Diagnostic("E514", f"this is not JSON: {error.msg.lower()}", place)) from None
    if not isinstance(values, dict):
        hint = 'write for example {"n": 42, "x": [1.5, 2.5]}'
        raise HepFileError(Diagnostic("E514", f"'{source.name}' holds no JSON object", hints=(hint,)))
    return values


def _read_npz(name: str) -> Mapping[str, Any]:
    import numpy as np

    try:
        with np.load(name, allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except FileNotFoundError:
        raise HepFileError(Diagnostic("E501", f"there is no file {name}")) from None
    except (ValueError, zipfile.BadZipFile, EOFError, AttributeError) as error:
        raise HepFileError(Diagnostic("E514", f"'{name}' is not a NumPy archive of plain arrays: {error}")) from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise HepFileError(Diagnostic("E505", f"{name} cannot be read: {reason}")) from None
