"""Where the grammar is found, and the LALR(1) tables made from it.

lark reads ``hep.lark`` and works out the tables. They are plain numbers and names, which are kept beside the grammar as
JSON, so that users need no lark. After a change of the grammar, ``python -m hepppl.syntax.grammar`` writes them anew;
until then they are worked out in every run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

from hepppl.syntax.builder import Builder
from hepppl.syntax.tokens import KEYWORDS

# Terminals that no rule names, but which the layout pass and the messages need.
KEPT = ("SEMICOLON", "NEWLINE", "COMMENT", "FOREIGN_OPERATOR", "FOREIGN_COMMENT", "OPEN_STRING", "QUOTED", "BAD")

Reduction = tuple[int, str, Callable[[list[Any]], Any]]
"""How many parts a complete rule has, its name, and what to make of the parts."""
Action = int | Reduction


@dataclass(frozen=True)
class Tables:
    """The grammar as a machine: a scanner, and the LALR(1) automaton with the callbacks that build the tree."""

    scanner: re.Pattern[str]  # one named group for each terminal
    actions: list[dict[str, Action]]  # state -> terminal -> the next state, or the rule that is complete
    goto: list[dict[str, int]]  # state -> name of a rule -> the next state
    start: int
    end: int


def _folder() -> Any:
    """Where ``hep.lark`` is: package data in a wheel, the folder beside the package in a checkout."""
    packaged = files("hepppl").joinpath("grammar")
    return packaged if packaged.joinpath("hep.lark").is_file() else Path(__file__).parents[2] / "grammar"


def grammar_text() -> str:
    """The text of ``hep.lark``."""
    return _folder().joinpath("hep.lark").read_text(encoding="utf-8")


@cache
def tables() -> Tables:
    """The tables of ``hep.lark``."""
    text = grammar_text()
    kept = _folder().joinpath("tables.json")
    data = json.loads(kept.read_text(encoding="ascii")) if kept.is_file() else {}
    return _machine(data if data.get("grammar") == fingerprint(text) else compute(text))


def fingerprint(text: str) -> str:
    """What tells whether tables belong to a grammar."""
    return sha256(text.encode()).hexdigest()


# ---------------------------------------------------------------- from the grammar to plain data


class _Keep:
    """lark drops terminals that no rule uses; a post-lexer may ask it not to. Ours runs by itself, on our tokens."""

    always_accept = KEPT

    def process(self, stream: Any) -> Any:
        return stream


def options() -> dict[str, Any]:
    """How lark is to read the grammar: LALR(1), every token kept so that nodes know their exact extent."""
    # All tokens are read before parsing, so that brackets can be matched and messages can look around them: "basic".
    return {"parser": "lalr", "lexer": "basic", "keep_all_tokens": True, "maybe_placeholders": True, "postlex": _Keep()}


def compute(text: str) -> dict[str, Any]:
    """The tables of a grammar as lark works them out, in numbers and names."""
    from lark import Lark
    from lark.parsers.lalr_analysis import Shift

    lark = Lark(text, **options())
    conf: Any = lark.parse_interactive().parser_state.parse_conf
    rules: list[Any] = []
    numbers: dict[int, int] = {}
    actions: list[dict[str, int]] = [{} for _ in conf.states]
    states = {state: i for i, state in enumerate(conf.states)}
    for state, row in conf.states.items():
        for symbol, (kind, target) in row.items():
            if kind is Shift:
                actions[states[state]][symbol] = states[target]
            else:
                if id(target) not in numbers:
                    numbers[id(target)] = len(rules)
                    rules.append(_rule(target))
                actions[states[state]][symbol] = -1 - numbers[id(target)]
    start, end = states[conf.start_state], states[conf.end_state]
    return {
        "grammar": fingerprint(text),
        "scanner": _scanner(lark),
        "actions": actions,
        "rules": rules,
        "start": start,
        "end": end,
    }


def _scanner(lark: Any) -> str:
    """All terminals in one expression, in lark's order of preference. Reserved words are recognised as names first."""
    terminals = [t for t in lark.terminals if t.name.lower() not in KEYWORDS]
    terminals.sort(key=lambda t: (-t.priority, -t.pattern.max_width, -len(t.pattern.value), t.name))
    return "|".join(f"(?P<{t.name}>{t.pattern.to_regexp()})" for t in terminals)


def _rule(rule: Any) -> list[Any]:
    """A rule: its name, length, the method for it, whether a lone part stands for the whole, and its parts: which to
    take, whether in the midst of the others (``_rule``), and how many absent ones, each None, go before."""
    flags = rule.options.empty_indices or [False] * len(rule.expansion)
    absent = [len(run) for run in "".join(str(int(flag)) for flag in flags).split("0")]
    parts = [
        [i, not symbol.is_term and symbol.name.startswith("_"), absent[i]] for i, symbol in enumerate(rule.expansion)
    ]
    method = None if rule.origin.name.startswith("_") else str(rule.alias or rule.origin.name)
    alone = bool(rule.options.expand1 and not rule.alias)
    return [rule.origin.name, len(rule.expansion), method, alone, parts, absent[len(rule.expansion)]]


# ---------------------------------------------------------------- from plain data to the machine


def _machine(data: dict[str, Any]) -> Tables:
    builder = Builder()
    rules: list[Reduction] = [(size, name, _callback(builder, *rest)) for name, size, *rest in data["rules"]]
    names = {name for _, name, _ in rules}
    actions: list[dict[str, Action]] = []
    goto: list[dict[str, int]] = []
    for row in data["actions"]:
        goto.append({symbol: target for symbol, target in row.items() if symbol in names})
        actions.append({s: rules[-1 - t] if t < 0 else t for s, t in row.items() if s not in names})
    return Tables(re.compile(data["scanner"]), actions, goto, data["start"], data["end"])


def _callback(
    builder: Builder, method: str | None, alone: bool, parts: list[list[int]], absent: int
) -> Callable[[list[Any]], Any]:
    """What to make of the parts of a complete rule: as lark's tree builder does, but at once into our nodes."""
    build: Callable[[list[Any]], Any] = getattr(builder, method, _misfit) if method is not None else list
    plain = not absent and not any(midst or before for _, midst, before in parts)
    if plain and alone and len(parts) == 1:
        return _only

    def complete(values: list[Any]) -> Any:
        children: list[Any] = values
        if not plain:
            children = []
            for i, midst, before in parts:
                children += [None] * before
                children += values[i] if midst else (values[i],)
            children += [None] * absent
        return children[0] if alone and len(children) == 1 else build(children)

    return complete


def _only(values: list[Any]) -> Any:
    return values[0]


def _misfit(children: list[Any]) -> Any:
    raise TypeError(f"a rule of the grammar has no method in Builder, and more than one part: {children}")


if __name__ == "__main__":
    made = json.dumps(compute(grammar_text()), separators=(",", ":")).replace("},{", "},\n{")
    (Path(__file__).parents[2] / "grammar" / "tables.json").write_text(made + "\n", encoding="ascii")
