"""The registry explains every code that semantics uses, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import hepppl.semantics
from hepppl.diagnostics.codes import CODES
from hepppl.diagnostics.codes_names import NAMES, UNSUPPORTED, VALUES
from hepppl.diagnostics.codes_plugins import PLUGINS
from hepppl.diagnostics.codes_types import TYPES

MINE = {**TYPES, **NAMES, **VALUES, **UNSUPPORTED}


def used() -> set[str]:
    folder = Path(hepppl.semantics.__file__).parent
    return {c for f in folder.glob("*.py") for c in re.findall(r'"([EW]\d{3})"', f.read_text(encoding="utf-8"))}


def test_every_code_is_registered_and_every_registered_one_is_used():
    assert used() - set(PLUGINS) == set(MINE)
    assert set(MINE) <= set(CODES)
