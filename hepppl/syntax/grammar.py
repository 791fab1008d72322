"""Where the grammar is found, and the LALR tables built from it, once per process and cached on disc."""

from __future__ import annotations

import os
import sys
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lark import Lark

# Terminals that no rule names, but which the layout pass and the messages need.
KEPT = ("SEMICOLON", "NEWLINE", "COMMENT", "FOREIGN_OPERATOR", "FOREIGN_COMMENT", "OPEN_STRING", "QUOTED", "BAD")


class _Keep:
    """lark drops terminals that no rule uses; a post-lexer may ask it not to. Ours runs by itself, on our tokens."""

    always_accept = KEPT

    def process(self, stream: Any) -> Any:
        return stream


def grammar_text() -> str:
    """The text of ``hep.lark``: package data in a wheel, the folder beside the package in a checkout."""
    packaged = files("hepppl").joinpath("grammar", "hep.lark")
    if packaged.is_file():
        return packaged.read_text(encoding="utf-8")
    return (Path(__file__).parents[2] / "grammar" / "hep.lark").read_text(encoding="utf-8")


def options() -> dict[str, Any]:
    """How lark is to read the grammar: LALR(1), every token kept so that nodes know their exact extent."""
    return {
        "parser": "lalr",
        # All tokens are read before parsing, so that brackets can be matched and messages can look around them.
        "lexer": "basic",
        "keep_all_tokens": True,
        "maybe_placeholders": True,
        "postlex": _Keep(),
    }


@cache
def tables() -> Lark:
    """The parser whose rules build the AST. Reads the cached tables where it can; a cache that cannot be read or
    written costs a quarter of a second and nothing else."""
    from lark import Lark

    from hepppl.syntax.builder import Builder

    path = _cache_path()
    return Lark(grammar_text(), transformer=Builder(), cache=str(path) if path else False, **options())


def _cache_path() -> Path | None:
    import lark

    home = os.environ.get("XDG_CACHE_HOME")
    base = Path(home) if home else Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    folder = base / "hepppl"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            return None
    except (OSError, RuntimeError):
        return None
    # lark itself compares a hash of the grammar, the options and both versions before it trusts the file.
    return folder / f"hep-lark{lark.__version__}-py{sys.version_info[0]}{sys.version_info[1]}.tables"
