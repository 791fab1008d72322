"""Wrong programs, and all that their authors read."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from hepppl.diagnostics.codes import CODES

from .golden import diagnostics, expected, said
from .programs import BAD, HERE


@pytest.mark.parametrize("name", BAD)
def test_what_is_said(name: str) -> None:
    assert said(BAD[name]) == expected(BAD[name])


@pytest.mark.parametrize("name", BAD)
def test_every_place_is_in_the_text(name: str) -> None:
    found = diagnostics(BAD[name])
    assert found
    for d in found:
        assert d.code in CODES
        if d.span is None:
            assert d.code in ("E305", "E504")
            continue
        for span in (d.span, *(label.span for label in d.labels)):
            assert 0 <= span.start <= span.end <= len(span.source.text)
    assert len(set(found)) == len(found), "something is said twice"


def test_there_are_many_and_each_has_its_text() -> None:
    assert len(BAD) >= 300
    texts = {path.with_suffix("") for path in (HERE / "bad").rglob("*.txt")}
    assert texts == {path.with_suffix("") for path in BAD.values()}


def test_every_code_of_the_language_is_among_them() -> None:
    head = re.compile(r"^(?:\S+ )?(?:error|warning)\[(\w+)\]", re.MULTILINE)
    seen = Counter(code for path in BAD.values() for code in head.findall(expected(path)))
    language = {code for code in CODES if code < "E450" or code in ("E504", "E601", "E602", "E604", "E607", "E801")}
    assert language - set(seen) - {"E412", "E601", "E607"} == set()
    assert {"W601"} <= set(seen)


def test_messages_speak_of_no_terminals() -> None:
    """The names of the grammar's terminals are upper case; nothing an author reads should look like one."""
    shown = "\n".join(map(expected, BAD.values()))
    for word in ("LBRACE", "RPAR", "TILDE", "DOTDOT", "_NL", "$END", "BROKEN", "NUMBER"):
        assert word not in shown
