"""Where the grammar is found, and the LALR tables built from it, once per process and cached on disc."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hepppl.syntax.tokens import KEYWORDS

if TYPE_CHECKING:
    from lark import Lark

Reduction = tuple[int, str, Callable[[list[Any]], Any]]
"""How many parts a complete rule has, its name, and what to make of the parts."""
Action = int | Reduction

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


@dataclass(frozen=True)
class Tables:
    """The grammar as a machine: a scanner, and the LALR(1) automaton with the callbacks that build the tree."""

    scanner: re.Pattern[str]  # one named group for each terminal
    actions: dict[int, dict[str, Action]]  # state -> terminal -> the next state, or the rule that is complete
    goto: dict[int, dict[str, int]]  # state -> name of a rule -> the next state
    start: int
    end: int


@cache
def tables() -> Tables:
    """The tables of ``hep.lark``. Read from the user's cache where possible; a cache that cannot be read or written
    costs a quarter of a second and nothing else."""
    from lark import Lark
    from lark.parsers.lalr_analysis import Shift

    from hepppl.syntax.builder import Builder

    path = _cache_path()
    lark = Lark(grammar_text(), transformer=Builder(), cache=str(path) if path else False, **options())
    conf: Any = lark.parse_interactive().parser_state.parse_conf
    rules = {id(rule): (len(rule.expansion), rule.origin.name, conf.callbacks[rule]) for rule in lark.rules}
    actions: dict[int, dict[str, Action]] = {}
    goto: dict[int, dict[str, int]] = {}
    terminals = {terminal.name for terminal in lark.terminals} | {"$END", "_NL", "BROKEN"}
    for state, row in conf.states.items():
        actions[state], goto[state] = {}, {}
        for symbol, (kind, target) in row.items():
            if kind is not Shift:
                action = rules.get(id(target)) or (len(target.expansion), target.origin.name, conf.callbacks[target])
                actions[state][symbol] = action
            elif symbol in terminals:
                actions[state][symbol] = target
            else:
                goto[state][symbol] = target
    return Tables(_scanner(lark), actions, goto, conf.start_state, conf.end_state)


def _scanner(lark: Lark) -> re.Pattern[str]:
    """All terminals in one expression, in lark's order of preference. Reserved words are recognised as names first."""
    terminals = [t for t in lark.terminals if t.name.lower() not in KEYWORDS]
    terminals.sort(key=lambda t: (-t.priority, -t.pattern.max_width, -len(t.pattern.value), t.name))
    return re.compile("|".join(f"(?P<{t.name}>{t.pattern.to_regexp()})" for t in terminals))


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
