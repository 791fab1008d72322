"""Reading programs, data and plans."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hepppl.diagnostics import Diagnostic, Source, Span
from hepppl.diagnostics.errors import HepFileError
from hepppl.diagnostics.suggest import nearest

Pathlike = str | os.PathLike[str]


def read_source(path: Pathlike) -> Source:
    """A program. Raises `HepFileError` (E501 to E505)."""
    return Source(os.fspath(path), read_text(path))


def read_text(path: Pathlike) -> str:
    """A text file in UTF-8, a byte-order mark dropped."""
    name, raw = os.fspath(path), _read_bytes(path)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        good = Source(name, raw[: error.start].decode("utf-8", errors="replace"))
        end = len(good.text)
        message = f"this is not UTF-8 text: byte 0x{raw[error.start]:02x} cannot stand here"
        hint = "save the file as UTF-8"
        raise HepFileError(Diagnostic("E504", message, Span(good, end, end), hints=(hint,))) from None


def _read_bytes(path: Pathlike) -> bytes:
    name = os.fspath(path)
    try:
        return Path(name).read_bytes()
    except FileNotFoundError:
        raise HepFileError(Diagnostic("E501", f"there is no file '{name}'", hints=_files_near(name))) from None
    except (IsADirectoryError, NotADirectoryError):
        kind = "a directory" if Path(name).is_dir() else "no file"
        raise HepFileError(Diagnostic("E502", f"'{name}' is {kind}")) from None
    except PermissionError:
        raise HepFileError(Diagnostic("E503", f"no permission to read '{name}'")) from None
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise HepFileError(Diagnostic("E505", f"cannot read '{name}': {reason}")) from None


def _files_near(name: str) -> tuple[str, ...]:
    path = Path(name)
    try:
        if not path.parent.is_dir():
            return (f"there is no directory '{path.parent}' either",)
        near = nearest(path.name, sorted(other.name for other in path.parent.iterdir() if other.is_file()))
    except (OSError, ValueError):
        return ()
    return (f"did you mean '{path.parent / near}'?",) if near else ()


def read_data(path: Pathlike) -> Mapping[str, Any]:
    """Values by name: of a JSON object, or of a NumPy archive (``.npz``). Raises `HepFileError`."""
    name = os.fspath(path)
    if Path(name).suffix == ".npz":
        return _read_npz(name)
    if Path(name).suffix != ".json":
        raise HepFileError(Diagnostic("E511", f"data are read from .json and .npz files, not from '{Path(name).name}'"))
    text = read_text(path)
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        place = Span(Source(name, text), error.pos, error.pos)
        raise HepFileError(Diagnostic("E514", f"this is not JSON: {error.msg.lower()}", place)) from None
    if not isinstance(values, dict):
        hint = 'write for example {"n": 42, "x": [1.5, 2.5]}'
        raise HepFileError(Diagnostic("E514", f"'{name}' holds no JSON object", hints=(hint,)))
    return values


def _read_npz(name: str) -> Mapping[str, Any]:
    import io

    import numpy as np

    try:
        with np.load(io.BytesIO(_read_bytes(name)), allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except (ValueError, zipfile.BadZipFile, EOFError) as error:
        raise HepFileError(Diagnostic("E514", f"'{name}' is not a NumPy archive of plain arrays: {error}")) from None
