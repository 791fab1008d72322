"""The invariants of `wellformed` on real programs, and on many that were made from them at random."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from hepppl.diagnostics import Diagnostic, Source
from hepppl.diagnostics.errors import HepError
from hepppl.semantics import check, dump
from hepppl.syntax import parse

from .load import EVERYTHING, EXAMPLES, program
from .wellformed import verify

TOKEN = re.compile(r"\s+|[A-Za-z_]\w*|\d[\d_.]*(?:e-?\d+)?|\"[^\"]*\"|[^\w\s]")
KEYWORDS = set(
    "import as unit type const fn extern process model param data net in by limit observe if then else for while plate "
    "spawn emit weight require return and or not true false".split()
)


@pytest.mark.parametrize("path", [*EXAMPLES, EVERYTHING], ids=lambda p: p.stem)
def test_examples(path: Path):
    p = program(path.read_text(encoding="utf-8"))
    verify(p)
    assert dump(p).startswith(f"model {p.name}\n")


def mutated(text: str, rng: random.Random) -> str:
    """The program with a statement removed, moved or doubled, or a few names, numbers and operators exchanged."""
    if rng.random() < 0.4:
        lines = text.split("\n")
        inner = [i for i, line in enumerate(lines) if line.startswith("    ") and line.count("{") == line.count("}")]
        i, j = rng.choice(inner), rng.choice(inner)
        lines[i], lines[j] = (lines[j], lines[i]) if rng.random() < 0.5 else (lines[j], lines[j])
        text = "\n".join(lines)
    tokens = TOKEN.findall(text)

    def kind(t: str) -> str:
        if t in KEYWORDS or not t.strip():
            return t
        return "name" if t[0].isalpha() else "number" if t[0].isdigit() else "op" if t in "+-*/%^" else t

    by_kind: dict[str, list[str]] = {}
    for t in tokens:
        by_kind.setdefault(kind(t), []).append(t)
    for _ in range(rng.choice([0, 1, 1, 2])):
        i = rng.randrange(len(tokens))
        if kind(tokens[i]) in ("name", "number", "op"):
            tokens[i] = rng.choice([*by_kind[kind(tokens[i])], "0", "2.5", "(3 GeV)", "[1, 2]", "true", "inf"])
    return "".join(tokens)


@pytest.mark.parametrize("path", [*EXAMPLES, EVERYTHING], ids=lambda p: p.stem)
def test_programs_changed_at_random_are_checked_or_refused(path: Path):
    """Whatever a program says, the answer is a well-formed program or diagnostics, never another exception."""
    text = path.read_text(encoding="utf-8")
    rng = random.Random(path.stem)
    refused = 0
    for _ in range(40):
        changed = mutated(text, rng)
        diagnostics: tuple[Diagnostic, ...] = ()
        try:
            verify(check(parse(Source("changed.hep", changed))))
        except HepError as error:
            refused += 1
            diagnostics = error.diagnostics
        assert all(d.code[0] == "E" for d in diagnostics)
    assert refused > 5
