"""The place where the parser stopped, as the rules see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from hepppl.diagnostics import Diagnostic, Label, Span
from hepppl.syntax.expected import ENDS, OPERATORS
from hepppl.syntax.tokens import CLOSERS, KEYWORDS, OPENERS, Token


@dataclass(frozen=True)
class Context:
    """The place where the parser stopped."""

    tokens: list[Token]
    start: int  # the first token of the statement or item
    at: int  # the token that fits nowhere
    depth: int  # 0 at file level
    in_fields: bool  # inside the braces of a record type
    accepts: frozenset[str]  # the terminals that would have fitted

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    @property
    def first(self) -> Token:
        return self.tokens[self.start]

    @property
    def previous(self) -> Token | None:
        """The last good token of this statement."""
        return self.tokens[self.at - 1] if self.at > self.start else None

    def near(self, offset: int) -> Token:
        """The token so far from the one that did not fit."""
        return self.tokens[max(0, min(self.at + offset, len(self.tokens) - 1))]

    @cached_property
    def before(self) -> list[Token]:
        """The good tokens of this statement; of a statement with blocks, those since the last of them."""
        since = self.start
        for i in range(self.at - 1, self.start, -1):
            if self.tokens[i].type in ("LBRACE", "RBRACE"):
                since = i + 1
                break
        return self.tokens[since : self.at]

    @cached_property
    def rest(self) -> list[Token]:
        """The tokens from the one that did not fit to the end of the line or the next block."""
        end = self.at
        while self.tokens[end].type not in ENDS and self.tokens[end].type != "LBRACE":
            end += 1
        return self.tokens[self.at : end]

    @cached_property
    def opened(self) -> list[Token]:
        """The round and square brackets open here."""
        return self._brackets[0]

    @cached_property
    def top(self) -> list[Token]:
        """The good tokens that stand in no bracket."""
        return self._brackets[1]

    @cached_property
    def _brackets(self) -> tuple[list[Token], list[Token]]:
        stack: list[Token] = []
        outside: list[Token] = []
        for token in self.before:
            if token.type in CLOSERS and stack:
                stack.pop()
            elif token.type in OPENERS:
                stack.append(token)
            elif not stack:
                outside.append(token)
        return stack, outside

    def has(self, kind: str) -> bool:
        """Whether a good token of that kind stands in no bracket."""
        return any(t.type == kind for t in self.top)

    @property
    def value_expected(self) -> bool:
        return {"NUMBER", "NAME", "LPAR"} <= self.accepts and "STAR" not in self.accepts

    @property
    def after_value(self) -> bool:
        """Whether a whole value stands directly before, which an operator could continue."""
        return self.accepts >= OPERATORS - {"CARET"}

    @property
    def at_end(self) -> bool:
        """Whether the statement ended too early."""
        return self.token.type in ENDS

    def text(self, start: Token, end: Token) -> str:
        """What the author wrote from one token to another, on one line and not too long."""
        written = " ".join(start.span.to(end.span).text.split())
        return written if len(written) <= 40 else f"{written[:38].rstrip()} …"

    def says(
        self, code: str, message: str, *hints: str, span: Span | None = None, labels: tuple[Label, ...] = ()
    ) -> Diagnostic:
        return Diagnostic(code, message, span or self.token.span, labels, hints)


Rule = Callable[[Context], Diagnostic | None]


def is_word(token: Token) -> bool:
    """Whether a token is a reserved word."""
    return token.type.lower() in KEYWORDS
