"""Numbers and tables as text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import click


def number(value: Any, digits: int = 4) -> str:
    """A number with so many significant digits; trailing zeros of integers and the like go."""
    return f"{float(value):.{digits}g}"


def measured(value: float, error: float) -> str:
    """``value ± error``, the error to two significant digits and the value to the same place."""
    value, error = float(value), float(error)
    if not (math.isfinite(value) and math.isfinite(error)):
        return f"{number(value)} ± {number(error)}"
    if error <= 0:
        return f"{number(value, 6)} ± 0"
    places = 1 - math.floor(math.log10(error))
    scale = max(abs(value), error)
    if scale >= 1e6 or scale < 1e-3:
        exponent = math.floor(math.log10(scale))
        shown = max(places + exponent, 0)
        return f"({value / 10**exponent:.{shown}f} ± {error / 10**exponent:.{shown}f})e{exponent:+d}"
    return f"{value:.{max(places, 0)}f} ± {error:.{max(places, 0)}f}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]], indent: str = "") -> str:
    """Columns as wide as they need, two blanks apart, the header dimmed; columns of numbers end flush."""
    cells = [list(header), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in cells]
    lines[0] = click.style(lines[0], dim=True)
    return "\n".join(indent + line for line in lines)


def elements(name: str, value: Any) -> list[tuple[str, tuple[int, ...]]]:
    """``name`` of a scalar; ``name[0]``, ``name[1]``, … of an array, with their indices."""
    import numpy as np

    shape = np.shape(value)
    if not shape:
        return [(name, ())]
    return [(f"{name}[{', '.join(map(str, index))}]", index) for index in np.ndindex(*shape)]


def duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds:.0f} s"


def rate(count: float, seconds: float) -> str:
    """Events per second, to two significant digits, with thousands apart."""
    if seconds <= 0 or count <= 0:
        return "–"
    per_second = count / seconds
    return f"{float(f'{per_second:.2g}'):,.0f}"


def without_empty_last(
    header: Sequence[str], rows: Sequence[Sequence[str]]
) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """A table without its last column where that is empty (no output has a unit)."""
    if any(row[-1] for row in rows):
        return header, rows
    return header[:-1], [row[:-1] for row in rows]


def shorten(rows: Sequence[Sequence[str]], most: int = 60) -> Sequence[Sequence[str]]:
    """The first rows of a long table, and a row that says how many more there are."""
    if len(rows) <= most:
        return rows
    return [*rows[: most - 1], (f"… and {len(rows) - most + 1} more (see --json)", *[""] * (len(rows[0]) - 1))]
