"""Plain data for positions and messages: `Source`, `Span`, `Label`, `Diagnostic`.

Nothing here knows the language. A diagnostic is data from the moment it is made; `render` turns it into text or JSON.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True, eq=False)
class Source:
    """A program's text and the name to show for it (a path, or ``<string>``).

    ``folder``: what the files that it imports are looked up in; None where it has no place among files.
    """

    name: str
    text: str
    folder: str | None = None

    @cached_property
    def line_starts(self) -> tuple[int, ...]:
        starts = [0]
        starts.extend(i + 1 for i, ch in enumerate(self.text) if ch == "\n")
        return tuple(starts)

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of a character offset, both counted from 1; columns count characters."""
        line = bisect_right(self.line_starts, offset)
        return line, offset - self.line_starts[line - 1] + 1

    def line(self, number: int) -> str:
        """The text of a line (counted from 1), without its newline."""
        start = self.line_starts[number - 1]
        end = self.line_starts[number] - 1 if number < len(self.line_starts) else len(self.text)
        return self.text[start:end].rstrip("\r")


@dataclass(frozen=True)
class Span:
    """The half-open range ``[start, end)`` of character offsets in a source."""

    source: Source
    start: int
    end: int

    @property
    def line(self) -> int:
        return self.source.position(self.start)[0]

    @property
    def column(self) -> int:
        return self.source.position(self.start)[1]

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]

    def to(self, other: Span) -> Span:
        """The range from the start of this span to the end of ``other``."""
        return Span(self.source, self.start, other.end)


@dataclass(frozen=True)
class Label:
    """A secondary range of a diagnostic and what to say of it (may be empty)."""

    span: Span
    text: str = ""


@dataclass(frozen=True)
class Diagnostic:
    """One message about a program or a run.

    ``code`` is a key of `hepppl.diagnostics.codes.CODES` (``E203``, ``W101``); ``span`` is ``None`` where there is no
    program text to point at (a missing file, a run-time fault without a place).
    """

    code: str
    message: str
    span: Span | None = None
    labels: tuple[Label, ...] = ()
    hints: tuple[str, ...] = ()

    @property
    def severity(self) -> str:
        return "warning" if self.code.startswith("W") else "error"
