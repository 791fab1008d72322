"""Tokens, and what a person calls each kind of them."""

from __future__ import annotations

from dataclasses import dataclass

from hepppl.diagnostics import Span


@dataclass(slots=True)
class Token:
    """One word of the text. ``type`` is the name of a terminal of the grammar (or ``$END``)."""

    type: str
    text: str
    span: Span


_WORDS = (
    "import as unit type const fn extern process model param data net in by limit observe if then else for while "
    "plate spawn emit weight require return and or not true false"
)
KEYWORDS = frozenset(_WORDS.split())

ITEM_KEYWORDS = frozenset({"IMPORT", "UNIT", "TYPE", "FN", "EXTERN", "PROCESS", "MODEL"})
"""What begins an item and nothing else. (``const`` also begins a statement.)"""

STATEMENT_KEYWORDS = frozenset(
    {"PARAM", "DATA", "CONST", "NET", "OBSERVE", "WHILE", "PLATE", "SPAWN", "EMIT", "WEIGHT", "REQUIRE", "RETURN"}
)
"""What begins a statement and cannot stand inside an expression. (``if`` and ``for`` can.)"""

BLOCK_KEYWORDS = frozenset({"IF", "FOR", "WHILE", "PLATE"})

UNFINISHED = frozenset(
    {"COMMA", "PLUS", "MINUS", "STAR", "SLASH", "PERCENT", "CARET", "EQUAL", "TILDE", "ARROW", "AND", "OR", "NOT", "LT",
     "LE", "GT", "GE", "EQ", "NE", "LPAR", "LSQB", "THEN", "ELSE"}
)  # fmt: skip
"""After these a line is not complete."""

OPENERS = {"LPAR": "RPAR", "LSQB": "RSQB", "LBRACE": "RBRACE"}
CLOSERS = {"RPAR": "LPAR", "RSQB": "LSQB", "RBRACE": "LBRACE"}

SYMBOLS = {
    "LPAR": "(",
    "RPAR": ")",
    "LSQB": "[",
    "RSQB": "]",
    "LBRACE": "{",
    "RBRACE": "}",
    "COMMA": ",",
    "COLON": ":",
    "DOT": ".",
    "DOTDOT": "..",
    "TILDE": "~",
    "EQUAL": "=",
    "ARROW": "->",
    "LT": "<",
    "LE": "<=",
    "GT": ">",
    "GE": ">=",
    "EQ": "==",
    "NE": "!=",
    "PLUS": "+",
    "MINUS": "-",
    "STAR": "*",
    "SLASH": "/",
    "PERCENT": "%",
    "CARET": "^",
}
