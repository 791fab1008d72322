"""Lines that break where they must: a small document algebra after Wadler ("A prettier printer", 2003).

A document is a string, a tuple of documents, or one of the classes below. `render` lays it out; a `Group` stays on one
line if it fits, and otherwise breaks at each of its own `Line`s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

INDENT = 4


@dataclass(frozen=True)
class Line:
    """A line end in a broken group, ``flat`` in one that fits."""

    flat: str = " "
    hard: bool = False  # breaks every group around it


@dataclass(frozen=True)
class Nest:
    doc: Doc


@dataclass(frozen=True)
class Group:
    doc: Doc


@dataclass(frozen=True)
class IfBroken:
    """A text for broken groups only: the comma after a last element."""

    text: str


Doc: TypeAlias = "str | tuple[Doc, ...] | Line | Nest | Group | IfBroken"

SOFT = Line("")
SPACE = Line(" ")
HARD = Line(hard=True)


def render(doc: Doc, indent: int, width: int) -> str:
    """The text of a document whose first line begins at column ``indent``; later lines carry their indentation."""
    out: list[str] = []
    column = indent
    stack: list[tuple[int, bool, Doc]] = [(indent, False, doc)]
    while stack:
        level, flat, current = stack.pop()
        if isinstance(current, str):
            out.append(current)
            column += len(current)
        elif isinstance(current, tuple):
            stack.extend((level, flat, part) for part in reversed(current))
        elif isinstance(current, Nest):
            stack.append((level + INDENT, flat, current.doc))
        elif isinstance(current, Group):
            stack.append((level, flat or _fits(current.doc, stack, width - column), current.doc))
        elif isinstance(current, IfBroken):
            out.append("" if flat else current.text)
        elif flat:
            out.append(current.flat)
            column += len(current.flat)
        else:
            out.append("\n" + " " * level)
            column = level
    return "\n".join(line.rstrip() for line in "".join(out).split("\n"))


def _fits(doc: Doc, rest: list[tuple[int, bool, Doc]], room: int) -> bool:
    """Whether a group laid flat, and what follows it up to the next line end, fits into ``room`` columns."""
    stack: list[tuple[bool, Doc]] = [(True, doc)]
    following = len(rest)
    while room >= 0:
        if not stack:
            if not following:
                return True
            following -= 1
            _, flat, current = rest[following]
            stack.append((flat, current))
            continue
        flat, current = stack.pop()
        if isinstance(current, str):
            room -= len(current)
        elif isinstance(current, tuple):
            stack.extend((flat, part) for part in reversed(current))
        elif isinstance(current, Nest | Group):
            stack.append((flat, current.doc))
        elif isinstance(current, Line):
            if current.hard:
                return not flat
            if not flat:
                return True
            room -= len(current.flat)
        elif not flat:
            room -= len(current.text)
    return False
