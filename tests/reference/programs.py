"""Programs to run: the examples of the project, physics in `programs`, and difficult ones in `probes`."""

from __future__ import annotations

from pathlib import Path

from hepppl.diagnostics import Source
from hepppl.semantics import check
from hepppl.semantics.ir import Program
from hepppl.syntax import parse

HERE = Path(__file__).parent
FOLDERS = (HERE / "programs", HERE / "probes", HERE.parents[1] / "examples")
FILES = {path.stem: path for folder in FOLDERS for path in sorted(folder.glob("*.hep"))}


def program(text: str, name: str = "<test>") -> Program:
    """The checked program of a text."""
    return check(parse(Source(name, text)))


def load(name: str) -> Program:
    """The program of that name, by its file."""
    return program(FILES[name].read_text(encoding="utf-8"), FILES[name].name)
