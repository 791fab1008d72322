"""What was found and what could have stood there, in people's words."""

from __future__ import annotations

from collections.abc import Iterable

from hepppl.syntax.tokens import ITEM_KEYWORDS, SYMBOLS, Token

VALUE = frozenset({"NUMBER", "STRING", "TRUE", "FALSE", "LPAR", "LSQB", "NOT", "PLUS", "MINUS", "IF", "NAME"})
OPERATORS = frozenset({"PLUS", "MINUS", "STAR", "SLASH", "PERCENT", "CARET"})
AFTER_VALUE = OPERATORS | {"LT", "LE", "GT", "GE", "EQ", "NE", "AND", "OR", "LPAR", "LSQB", "DOT"}
ENDS = frozenset({"_NL", "RBRACE", "$END"})
_ORDER = ("ARROW", "COLON", "IN", "TILDE", "EQUAL", "THEN", "ELSE", "LIMIT", "BY", "DOTDOT", "FOR", "LBRACE", "LPAR",
          "COMMA", "RPAR", "RSQB", "GT")  # fmt: skip


def found(token: Token) -> str:
    """A token as a person would call it."""
    kind = token.type
    if kind == "$END":
        return "the end of the file"
    if kind == "_NL":
        return "`;`" if token.text == ";" else "the end of the line"
    if kind == "NAME":
        return f"the name `{token.text}`"
    if kind == "NUMBER":
        return f"the number `{token.text}`"
    if kind == "STRING":
        return f"the string `{token.text}`"
    if kind in SYMBOLS:
        return f"`{token.text}`"
    return f"the reserved word `{token.text}`"


def expected(accepts: frozenset[str]) -> str:
    """The terminals that could have stood there, grouped: ``a value``, ``an operator``, ```)` or `,```."""
    rest = set(accepts) - {"BROKEN"}
    words: list[str] = []
    if rest.issuperset(ITEM_KEYWORDS):
        return "an item: `model`, `process`, `fn`, `type`, `const`, `unit`, `import` or `extern`"
    if {"RETURN", "NAME"} <= rest:
        return "a statement"
    if {"NUMBER", "NAME", "LPAR"} <= rest and "STAR" not in rest:
        words.append("a value")
        rest -= VALUE
    elif rest.issuperset(OPERATORS):
        words.append("an operator")
        rest -= AFTER_VALUE | {"NAME", "ARROW"}  # a name may be a unit, or begin a function
    elif {"DOT", "LSQB"} <= rest:
        rest -= {"DOT", "LSQB", "LT"}  # a type could go on, but hardly should
    if "NAME" in rest:
        words.append("a name")
        rest.discard("NAME")
    if "NUMBER" in rest:
        words.append("a number")
        rest -= {"NUMBER", "PLUS", "MINUS"}
    if "STRING" in rest:
        words.append("a string")
        rest.discard("STRING")
    if {"STAR", "SLASH"} <= rest:
        words.append("`*` or `/`")
        rest -= {"STAR", "SLASH", "CARET"}
    ends = rest & ENDS
    rest -= ENDS
    words += [f"`{SYMBOLS.get(t, t.lower())}`" for t in sorted(rest, key=_rank)]
    if ends:
        words.append("`}`" if ends == {"RBRACE"} else "the end of the statement")
    return join(words)


def join(words: Iterable[str]) -> str:
    words = list(words)
    if len(words) < 2:
        return "".join(words) or "something else"
    return f"{', '.join(words[:-1])} or {words[-1]}"


def _rank(terminal: str) -> tuple[int, str]:
    return (_ORDER.index(terminal) if terminal in _ORDER else -1, terminal)
