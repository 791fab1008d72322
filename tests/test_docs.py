"""The pages that are written by machine."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from hepppl.syntax.grammar import grammar_text
from hepppl.syntax.tokens import KEYWORDS, SYMBOLS


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    sys.path.insert(0, str(Path(__file__).parents[1] / "docs"))
    try:
        from generate import grammar_page
    finally:
        sys.path.pop(0)
    path = tmp_path_factory.mktemp("docs") / "grammar.md"
    grammar_page(path)
    return path.read_text(encoding="utf-8")


def test_every_rule_of_the_grammar_is_shown(page: str) -> None:
    rules = re.findall(r"^\??([a-z][a-z_]*):", grammar_text(), re.MULTILINE)
    assert len(rules) > 50
    shown = set(re.findall(r"^([a-z_]+) +=", page, re.MULTILINE))
    assert set(rules) - shown == {"broken"}


def test_every_name_in_a_rule_has_a_rule(page: str) -> None:
    shown = set(re.findall(r"^([a-z_]+) +=", page, re.MULTILINE))
    bodies = " ".join(re.findall(r"^(?:[a-z_]+)? +[=|] (.*)$", page, re.MULTILINE))
    assert set(re.findall(r"\b[a-z_]+\b", re.sub(r'"[^"]*"', "", bodies))) <= shown
    assert set(re.findall(r"\b[A-Z_]+\b", re.sub(r'"[^"]*"', "", bodies))) == {"NAME", "NUMBER", "STRING", "NEWLINE"}


def test_words_and_signs_are_written_as_they_are(page: str) -> None:
    for word in KEYWORDS:
        assert f'"{word}"' in page
        assert f"`{word}`" in page
    for sign in SYMBOLS.values():
        assert f'"{sign}"' in page
