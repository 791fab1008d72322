"""Cases in text files: a title after ``===``, a program, and after ``---`` the diagnostics it must give.

``HEPPPL_UPDATE=1 pytest tests/semantics`` rewrites what follows the ``---``; read the difference before committing it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from hepppl.diagnostics import Diagnostic, Source
from hepppl.diagnostics.errors import HepError
from hepppl.semantics import check
from hepppl.syntax import parse

CASES = Path(__file__).parent / "cases"
UPDATE = bool(os.environ.get("HEPPPL_UPDATE"))


@dataclass
class Case:
    file: Path
    title: str
    program: str
    expected: str


def cases() -> list[Case]:
    found = []
    for file in sorted(CASES.glob("*.txt")):
        for block in file.read_text(encoding="utf-8").split("=== ")[1:]:
            title, _, rest = block.partition("\n")
            program, _, expected = rest.partition("---\n")
            found.append(Case(file, title.strip(), program, expected.rstrip("\n")))
    return found


def outcome(program: str) -> str:
    """The diagnostics of a program, one line each and one per label and hint, or ``ok``."""
    try:
        check(parse(Source("case.hep", program)))
    except HepError as error:
        return "\n".join(map(_shown, error.diagnostics))
    return "ok"


def _shown(d: Diagnostic) -> str:
    where = f"{d.span.line}:{d.span.column} '{_short(d.span.text)}' " if d.span else ""
    lines = [f"{d.code} {where}{d.message}"]
    lines += [f"    {x.span.line}:{x.span.column} '{_short(x.span.text)}' {x.text}".rstrip() for x in d.labels]
    lines += [f"    hint: {h}" for h in d.hints]
    return "\n".join(lines)


def _short(text: str) -> str:
    first, newline, _ = text.partition("\n")
    return first + ("…" if newline else "")


def update() -> None:
    """Write the present outcomes into the files."""
    by_file: dict[Path, list[Case]] = {}
    for case in cases():
        by_file.setdefault(case.file, []).append(case)
    for file, its in by_file.items():
        text = "".join(f"=== {c.title}\n{c.program}---\n{outcome(c.program)}\n" for c in its)
        file.write_text(text, encoding="utf-8")
