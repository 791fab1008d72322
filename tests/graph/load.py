"""Model graphs of programs given as text, or by the name of a file."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from hepppl.diagnostics import Source
from hepppl.graph import ModelGraph
from hepppl.semantics import check
from hepppl.syntax import parse

ROOT = Path(__file__).parents[2]
FOLDERS = (ROOT / "examples", ROOT / "tests" / "corpus" / "good" / "physics")
NAMES = (
    "absorber",
    "counting",
    "cut",
    "cut_optimisation",
    "discrete_choice",
    "discrete_qcd",
    "ee_mumu",
    "sudakov",
)


@cache
def graph_of(text: str) -> ModelGraph:
    return ModelGraph(check(parse(Source("test.hep", text))))


def program(name: str) -> ModelGraph:
    path = next(path for folder in FOLDERS if (path := folder / f"{name}.hep").exists())
    return graph_of(path.read_text(encoding="utf-8"))
