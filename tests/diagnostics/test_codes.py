"""The registry of codes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import hepppl
from hepppl.diagnostics.codes import CODES

GROUPS = "E1 E2 E3 E4 E5 E6 E7 E8 E9 W".split()


@pytest.mark.parametrize("code", CODES)
def test_every_code_is_explained(code: str) -> None:
    entry = CODES[code]
    assert re.fullmatch(r"[EW][0-9]{3}", code)
    assert code.startswith(tuple(GROUPS))
    assert 0 < len(entry.title) <= 80
    assert not entry.title.endswith(".")
    for text in (entry.explanation, entry.fix):
        assert text == text.strip()
        assert text.endswith((".", "`", ")"))
    assert entry.example.strip()


def test_codes_stand_in_order_within_their_groups() -> None:
    for group in GROUPS:
        codes = [code for code in CODES if code.startswith(group)]
        assert codes == sorted(codes)


def test_every_code_that_the_sources_name_is_registered() -> None:
    root = Path(hepppl.__file__).parent
    named = {
        (code, path.name)
        for path in root.rglob("*.py")
        for code in re.findall(r'"([EW][0-9]{3})"', path.read_text(encoding="utf-8"))
    }
    assert named
    assert not {(code, name) for code, name in named if code not in CODES}
