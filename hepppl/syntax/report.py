"""Where the mistakes of one file are gathered, and the limits that keep any input harmless."""

from __future__ import annotations

from hepppl.diagnostics import Diagnostic, Label, Span

MAX_CHARACTERS = 1_000_000
"""The longest program read: about twenty thousand lines."""
MAX_BRACKETS = 200
"""How deep brackets of all kinds may be nested."""
MAX_DEPTH = 250
"""How deep the syntax tree may be. Whatever walks it may therefore do so by recursion."""
MAX_ERRORS = 100
"""After so many mistakes the rest of the file is not looked at."""


class Stop(Exception):
    """There is no use in reading on: everything worth saying is in the report."""


class Report:
    """The mistakes found so far."""

    def __init__(self) -> None:
        self.diagnostics: list[Diagnostic] = []

    def add(self, code: str, message: str, span: Span, *hints: str, labels: tuple[tuple[Span, str], ...] = ()) -> None:
        self.take(Diagnostic(code, message, span, tuple(Label(s, t) for s, t in labels), hints))

    def take(self, diagnostic: Diagnostic) -> None:
        self.diagnostics.append(diagnostic)
        if len(self.diagnostics) >= MAX_ERRORS:
            raise Stop

    def within(self, start: int, end: int) -> bool:
        """Whether a mistake has been reported in ``[start, end)``."""
        return any(d.span is not None and start <= d.span.start < end for d in self.diagnostics)

    def sorted(self) -> tuple[Diagnostic, ...]:
        """In the order of the text."""
        return tuple(sorted(self.diagnostics, key=lambda d: d.span.start if d.span else 0))
