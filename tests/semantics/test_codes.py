"""The registry explains every code that semantics uses, and its examples fail as they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import hepppl.semantics
from hepppl.diagnostics.codes import CODES
from hepppl.diagnostics.codes_names import NAMES, UNSUPPORTED, VALUES
from hepppl.diagnostics.codes_runs import PLUGINS
from hepppl.diagnostics.codes_types import TYPES

from .load import codes

MINE = {**TYPES, **NAMES, **VALUES, **UNSUPPORTED}


def used() -> set[str]:
    folder = Path(hepppl.semantics.__file__).parent
    return {c for f in folder.glob("*.py") for c in re.findall(r'"([EW]\d{3})"', f.read_text(encoding="utf-8"))}


def test_every_code_is_registered_and_every_registered_one_is_used():
    assert used() - set(PLUGINS) == set(MINE)
    assert set(MINE) <= set(CODES)


@pytest.mark.parametrize("code", [c for c in MINE if not MINE[c].example.startswith("hepppl ")])
def test_the_example_fails_with_its_code(code: str):
    assert codes(MINE[code].example) == [code]
