"""Sphinx configuration. The pages on diagnostics and the grammar's are written anew on every build."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from generate import diagnostics_pages, grammar_page  # noqa: E402

from hepppl import __version__  # noqa: E402

project = "hepppl"
author = "The hepppl developers"
copyright = "2026, the hepppl developers"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
# `x` in a docstring means code, as in NumPy's own documentation.
default_role = "code"

html_theme = "furo"
html_title = f"hepppl {__version__}"
html_static_path: list[str] = []
pygments_style = "friendly"
suppress_warnings = ["myst.strikethrough"]

diagnostics_pages(HERE / "diagnostics")
grammar_page(HERE / "grammar.md")


def plain_docstring(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Docstrings are written to be read in an editor: `code` and ``code`` both mean code, and | is no markup."""

    text = "\n".join(lines)
    parts = re.split(r"(``[^`]+``|`[^`\n]+`)", text)
    lines[:] = "".join(
        f"``{part.strip('`')}``\\ " if k % 2 else part.replace("|", r"\|") for k, part in enumerate(parts)
    ).split("\n")


def setup(app: Any) -> None:
    app.connect("autodoc-process-docstring", plain_docstring)
