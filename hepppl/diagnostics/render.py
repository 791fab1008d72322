"""Diagnostics as text for a terminal, as one line, and as plain data for machines."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from hepppl.diagnostics.core import Diagnostic, Label, Source, Span

TAB = 4
MAX_WIDTH = 110
"""Columns of source text shown; a longer line is cut on both sides of what matters."""

_STYLES = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m", "label": "\x1b[34m", "hint": "\x1b[36m", "bold": "\x1b[1m"}


_Paint = Callable[[str, str], str]  # (style, text) -> text


def render_text(diagnostic: Diagnostic, color: bool = False) -> str:
    """The full message: place, code, source lines with underlines and labels, hints. No newline at the end."""
    paint = _painter(color)
    severity = diagnostic.severity
    tag = paint(severity, f"{severity}[{diagnostic.code}]:")
    lines = [f"{_place(diagnostic.span)}{tag} {paint('bold', _visible(diagnostic.message))}"]
    if diagnostic.span is not None:
        lines += _excerpts(diagnostic, diagnostic.span, paint)
    lines += [f"{paint('hint', 'hint:')} {_visible(hint)}" for hint in diagnostic.hints]
    return "\n".join(lines)


def render_short(diagnostic: Diagnostic) -> str:
    """One line, as compilers and editors have it: ``file:line:column: error[E100]: message``."""
    message = " ".join(_visible(diagnostic.message).split())
    return f"{_place(diagnostic.span)}{diagnostic.severity}[{diagnostic.code}]: {message}"


def to_json(diagnostic: Diagnostic) -> dict[str, Any]:
    """Plain data. Lines and columns count from 1, columns count characters, ends are exclusive; all ``None`` without
    a place in a text."""
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        **_range(diagnostic.span),
        "labels": [{**_range(label.span), "text": label.text} for label in diagnostic.labels],
        "hints": list(diagnostic.hints),
    }


def _range(span: Span | None) -> dict[str, Any]:
    if span is None:
        return dict.fromkeys(("file", "line", "column", "end_line", "end_column"))
    line, column = span.source.position(span.start)
    end_line, end_column = span.source.position(span.end)
    return {
        "file": span.source.name,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
    }


def _place(span: Span | None) -> str:
    return f"{_visible(span.source.name)}:{span.line}:{span.column}: " if span else ""


def _painter(color: bool) -> _Paint:
    def paint(style: str, text: str) -> str:
        return f"{_STYLES[style]}{text}\x1b[0m" if color and text.strip() else text

    return paint


# ---------------------------------------------------------------- source lines


@dataclass(frozen=True)
class _Mark:
    """An underline on one line, in columns of the screen."""

    start: int
    end: int
    text: str
    primary: bool


def _excerpts(diagnostic: Diagnostic, span: Span, paint: _Paint) -> list[str]:
    """The lines with something to point at, in order, the primary file first."""
    by_line: dict[tuple[Source, int], list[tuple[Label, bool]]] = {(span.source, span.line): []}
    for label in diagnostic.labels:
        by_line.setdefault((label.span.source, label.span.line), []).append((label, label.span == span))
    home = by_line[span.source, span.line]
    if not any(primary for _, primary in home):
        home.append((Label(span), True))
    files = list(dict.fromkeys(source for source, _ in by_line))
    gutter = max(5, *(len(str(number)) for _, number in by_line))
    out: list[str] = []
    for source in files:
        numbers = sorted(number for s, number in by_line if s is source)
        if source is not span.source:
            out.append(f"{_visible(source.name)}:{numbers[0]}:")
        for previous, number in zip([None, *numbers], numbers):
            if previous is not None and number > previous + 1:
                out.append("...".rjust(gutter))
            out += _line(source, number, by_line[source, number], gutter, diagnostic.severity, paint)
    return out


def _line(
    source: Source, number: int, labels: list[tuple[Label, bool]], gutter: int, severity: str, paint
) -> list[str]:
    text, offset = source.line(number), source.line_starts[number - 1]
    cut = 0
    if len(text) > 10 * MAX_WIDTH:  # look at no more of an endless line than could be shown
        centre = next((label.span.start for label, primary in labels if primary), labels[0][0].span.start) - offset
        cut = max(0, centre - 2 * MAX_WIDTH)
        text = text[cut : cut + 5 * MAX_WIDTH]
        labels = [(label, p) for label, p in labels if 0 <= label.span.start - offset - cut < len(text)]
    offset += cut
    columns = _columns(text)
    marks = []
    for label, primary in labels:
        start = min(label.span.start - offset, len(text))
        # A range that goes on below is underlined to the end of its first line.
        end = min(label.span.end - offset, len(text.rstrip()))
        end = max(end, start + 1)
        right = columns[end] if end < len(columns) else columns[-1] + 1
        marks.append(_Mark(columns[start], max(right, columns[start] + 1), _visible(label.text), primary))
    shown, marks = _clip(_expand(text), marks, bool(cut))
    blank = " " * gutter + " |"
    rows = [f"{str(number).rjust(gutter)} | {shown}".rstrip()]
    rows += [f"{blank} {row}".rstrip() for row in _underline(marks, severity, paint)]
    return rows


def _underline(marks: list[_Mark], severity: str, paint: _Paint) -> list[str]:
    """One row of underlines, then the texts beneath them, lower where they would collide."""
    canvas = _Canvas()
    marks = list(dict.fromkeys(marks))
    for mark in sorted(marks, key=lambda m: m.primary):  # the primary is drawn last, over the others
        canvas.put(
            0,
            mark.start,
            ("^" if mark.primary else "~") * (mark.end - mark.start),
            severity if mark.primary else "label",
        )
    taken: list[int] = []  # leftmost column in use, for each row of texts
    for mark in sorted((m for m in marks if m.text), key=lambda m: (-m.start, m.end)):
        row = next((i for i, left in enumerate(taken) if mark.start + _width(mark.text) + 1 < left), len(taken))
        for above in range(len(taken)):
            if above < row and not canvas.has(above + 1, mark.start):
                canvas.put(above + 1, mark.start, "|", "label")
        if row == len(taken):
            taken.append(0)
        # What is further right hangs on a connector through the rows above it, so every row up to here is taken.
        taken[: row + 1] = [mark.start] * (row + 1)
        canvas.put(row + 1, mark.start, mark.text, severity if mark.primary else "label")
    return canvas.rows(paint)


class _Canvas:
    """Character cells, painted row by row. Texts keep to themselves, so a wide character needs no care here."""

    def __init__(self) -> None:
        self.cells: dict[int, dict[int, tuple[str, str]]] = {}

    def put(self, row: int, column: int, text: str, style: str) -> None:
        line = self.cells.setdefault(row, {})
        for character in text:
            width = _width(character)
            if not width and column - 1 in line:
                line[column - 1] = (line[column - 1][0] + character, style)
                continue
            line[column] = (character, style)
            for extra in range(1, width):
                line[column + extra] = ("", style)
            column += width

    def has(self, row: int, column: int) -> bool:
        return column in self.cells.get(row, {})

    def rows(self, paint: _Paint) -> list[str]:
        out = []
        for _, line in sorted(self.cells.items()):
            text, style, run = "", "", ""
            for column in range(max(line) + 1):
                character, wanted = line.get(column, (" ", ""))
                if wanted != style:
                    text, run = text + (paint(style, run) if style else run), ""
                    style = wanted
                run += character
            out.append(text + (paint(style, run) if style else run))
        return out


def _clip(text: str, marks: list[_Mark], cut: bool) -> tuple[str, list[_Mark]]:
    """Cut a very long line to a window around its primary mark (or its first)."""
    if _width(text) <= MAX_WIDTH:
        return text, marks
    centre = min(marks, key=lambda m: not m.primary)
    left = max(0, min(centre.start - MAX_WIDTH // 3, _width(text) - MAX_WIDTH))
    cells, column = [], 0
    for character in text:
        width = _width(character)
        if left <= column and column + width <= left + MAX_WIDTH:
            cells.append(character)
        column += width
    before, after = "… " if left or cut else "", " …" if column > left + MAX_WIDTH else ""
    shift = left - len(before)
    limit = len(before) + MAX_WIDTH
    moved = [
        _Mark(max(m.start - shift, len(before)), min(m.end - shift, limit), m.text, m.primary)
        for m in marks
        if m.end > left and m.start < left + MAX_WIDTH
    ]
    return before + "".join(cells) + after, moved


# ---------------------------------------------------------------- characters


def _width(text: str) -> int:
    """Columns of a terminal that a text takes (after `_visible`)."""
    if text.isascii():
        return len(text)
    return sum(_character_width(c) for c in text)


def _character_width(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def _columns(text: str) -> list[int]:
    """The column at which each character starts, and the one after the last."""
    columns, column = [], 0
    for character in text:
        columns.append(column)
        column += TAB - column % TAB if character == "\t" else _character_width(_shown(character))
    columns.append(column)
    return columns


def _expand(text: str) -> str:
    columns = _columns(text)
    return "".join(" " * (columns[i + 1] - columns[i]) if c == "\t" else _shown(c) for i, c in enumerate(text))


def _visible(text: str) -> str:
    """A text with nothing in it that would command the terminal."""
    return text if text.isascii() and text.isprintable() else "".join(c if c == "\n" else _shown(c) for c in text)


def _shown(character: str) -> str:
    if character < " ":
        return chr(0x2400 + ord(character))  # the control pictures
    if character == "\x7f":
        return "\u2421"
    # Other controls, and the marks that would reorder the text on the screen.
    if unicodedata.category(character) in ("Cc", "Cs", "Co", "Cn", "Zl", "Zp") or "\u202a" <= character <= "\u202e":
        return "\ufffd"
    return "\ufffd" if "\u2066" <= character <= "\u2069" or character in "\u200b\u200e\u200f\ufeff" else character


def render_all(diagnostics: Iterable[Diagnostic], color: bool = False) -> str:
    """Several messages, a blank line between them, and a last line that counts them."""
    diagnostics = list(diagnostics)
    parts = [render_text(d, color) for d in diagnostics]
    count = {kind: sum(d.severity == kind for d in diagnostics) for kind in ("error", "warning")}
    words = [f"{n} {kind}{'s' * (n > 1)}" for kind, n in count.items() if n]
    return "\n\n".join(parts) + (f"\n\n{' and '.join(words)}" if len(diagnostics) > 1 else "")
