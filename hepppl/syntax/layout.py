"""Between the lexer and the parser: which line ends count.

A statement ends with its line or with ";". Line ends inside ( ) and [ ], after "{", before "}" and before "else" do not
count; those that do become one ``_NL`` token.
"""

from __future__ import annotations

from collections.abc import Iterable

from hepppl.syntax.tokens import CLOSERS, OPENERS, Token


def lay_out(tokens: Iterable[Token]) -> list[Token]:
    out: list[Token] = []
    opened: list[str] = []
    pending: Token | None = None
    for token in tokens:
        kind = token.type
        if kind == "NEWLINE":
            if not (opened and opened[-1] != "LBRACE") and pending is None:
                pending = token
            continue
        if kind == "SEMICOLON":
            pending = pending or token
            continue
        if pending is not None:
            if out and out[-1].type != "LBRACE" and kind not in ("RBRACE", "ELSE"):
                out.append(Token("_NL", pending.text, pending.span))
            pending = None
        if kind in OPENERS:
            opened.append(kind)
        elif kind in CLOSERS and opened and opened[-1] == CLOSERS[kind]:
            opened.pop()
        out.append(token)
    return out
