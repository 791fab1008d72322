"""What a program is, as a text that can be compared: the same in another process, on another machine, next year."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hepppl.model import Model
    from hepppl.syntax.ast import File


def texts(file: File) -> Iterator[str]:
    """The text of a program's file and of all that it imports, each with the path that it is imported by."""
    yield file.span.source.text
    for path, imported in sorted((file.imported or {}).items()):
        yield path
        yield from texts(imported)


def of_program(model: Model) -> str:
    """Of the texts, the model chosen among theirs and what of the data shapes it; not of the values of parameters."""
    shaped = {name: listed(value) for name, value in sorted(model.program.sized_by.items())}
    return digest([model.name, *texts(model.file)], shaped)


def digest(*values: Any) -> str:
    """A hash of plain values and arrays."""
    return hashlib.sha256(json.dumps(listed(values)).encode()).hexdigest()


def listed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): listed(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [listed(v) for v in value]
    if hasattr(value, "tolist"):
        return listed(value.tolist())
    return value if isinstance(value, str | int | float | bool | type(None)) else str(value)
