"""From a text to its `hepppl.Model`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from hepppl import inputs
from hepppl.diagnostics import Source
from hepppl.model import Model


def load(path: str | os.PathLike[str], *, model: str | None = None, data: Mapping[str, Any] | None = None) -> Model:
    """The model of a ``.hep`` file; ``model`` names it where the file has several, ``data`` gives values to its data.

    Raises a `HepError` that carries every diagnostic: E5xx for the file, E1xx to E4xx and E7xx for the program.
    """
    from hepppl.syntax import read_source

    return _model(read_source(path), model, data)


def parse(
    text: str,
    *,
    model: str | None = None,
    data: Mapping[str, Any] | None = None,
    base: str | os.PathLike[str] | None = None,
) -> Model:
    """The model of a program text; as `load`. ``base``: the folder in which its imports are looked up; without one it
    can import the standard library only."""
    return _model(Source("<string>", text, None if base is None else os.fspath(base)), model, data)


def _model(source: Source, name: str | None, data: Mapping[str, Any] | None) -> Model:
    from hepppl.semantics import check
    from hepppl.syntax import link
    from hepppl.syntax import parse as parse_source

    file, data = link(parse_source(source)), inputs.flat(data)
    return Model(check(file, name, data), file, data=data)
