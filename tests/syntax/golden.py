"""Cases in text files: a title after ``===``, a program, and after ``---`` what it must give.

``HEPPPL_UPDATE=1 pytest tests/syntax`` rewrites what follows the ``---``; read the difference before committing it.
Characters that a text file should not hold stand as signs: ␍ for a carriage return, ⍽ for a no-break space.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

CASES = Path(__file__).parent / "cases"
UPDATE = bool(os.environ.get("HEPPPL_UPDATE"))
_SIGNS = {"⍽": "\xa0", "␍": "\r"}


@dataclass(frozen=True)
class Case:
    file: Path
    title: str
    program: str
    expected: str

    @property
    def text(self) -> str:
        """The program, with the signs replaced."""
        text = self.program
        for sign, character in _SIGNS.items():
            text = text.replace(sign, character)
        return text

    def check(self, outcome: Callable[[str], str]) -> None:
        """Compare, or with HEPPPL_UPDATE write down what came out."""
        found = outcome(self.text).rstrip("\n")
        if UPDATE and found != self.expected:
            self._write(found)
            pytest.skip("updated")
        assert found == self.expected

    def _write(self, found: str) -> None:
        blocks = []
        for case in read(self.file):
            expected = found if case.title == self.title else case.expected
            blocks.append(f"=== {case.title}\n{case.program}---\n{expected}\n")
        self.file.write_text("".join(blocks), encoding="utf-8")


def read(file: Path) -> list[Case]:
    found = []
    for block in file.read_text(encoding="utf-8").split("=== ")[1:]:
        title, _, rest = block.partition("\n")
        program, _, expected = rest.partition("---\n")
        found.append(Case(file, title.strip(), program, expected.rstrip("\n")))
    return found


def cases(kind: str) -> list[Case]:
    """All cases of a kind, a folder under ``cases``."""
    return [case for file in sorted((CASES / kind).glob("*.txt")) for case in read(file)]


def name(case: Case) -> str:
    return f"{case.file.stem}: {case.title}"
