"""What `hepppl check` says of a program, and the file beside it that holds what it must say.

``HEPPPL_UPDATE=1 pytest tests/corpus`` writes those files anew; read the difference before committing it.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from hepppl.cli.check import check_file
from hepppl.diagnostics import Diagnostic, render_all

UPDATE = bool(os.environ.get("HEPPPL_UPDATE"))


@cache
def diagnostics(path: Path) -> list[Diagnostic]:
    """Those of `hepppl check`, run in the program's folder."""
    before = Path.cwd()
    os.chdir(path.parent)
    try:
        return check_file(Path(path.name), None)
    finally:
        os.chdir(before)


def said(path: Path) -> str:
    return render_all(diagnostics(path)) + "\n"


def expected(path: Path) -> str:
    """The golden text; with HEPPPL_UPDATE what is said now, which is written down."""
    golden = path.with_suffix(".txt")
    if UPDATE:
        golden.write_text(said(path), encoding="utf-8", newline="\n")
    return golden.read_text(encoding="utf-8")
