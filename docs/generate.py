"""The diagnostics pages: one per group of codes, from `hepppl.diagnostics.codes.CODES`."""

from __future__ import annotations

from pathlib import Path

from hepppl.diagnostics.codes import CODES, Code

GROUPS = {
    "E1": "Syntax",
    "E2": "Types, dimensions and arguments",
    "E3": "Names",
    "E4": "Values",
    "E5": "Files",
    "E6": "Plans and estimators",
    "E7": "Not supported by this version",
    "E8": "Plugins",
    "E9": "Results not to be trusted",
    "W": "Warnings",
}

INTRO = """# Diagnostics

Every message of hepppl has a code that never changes its meaning. `hepppl explain CODE` prints what stands here.
Codes that begin with E are errors, those with W warnings.

```{toctree}
:maxdepth: 1

PAGES
```
"""


def diagnostics_pages(folder: Path) -> None:
    """Write the pages where they differ from what is there (Sphinx rebuilds what is newer)."""
    folder.mkdir(exist_ok=True)
    groups = {group: [code for code in CODES if code.startswith(group)] for group in GROUPS}
    assert sorted(code for codes in groups.values() for code in codes) == sorted(CODES)
    pages = {group: page(group, codes) for group, codes in groups.items() if codes}
    _write(folder / "index.md", INTRO.replace("PAGES", "\n".join(pages)))
    for group, text in pages.items():
        _write(folder / f"{group}.md", text)


def page(group: str, codes: list[str]) -> str:
    entries = "\n".join(entry(code, CODES[code]) for code in sorted(codes))
    return f"# {group}: {GROUPS[group].lower()}\n\n{entries}"


def entry(code: str, about: Code) -> str:
    example = about.example.rstrip("\n")
    return (
        f"## {code}: {about.title}\n\n{about.explanation}\n\n"
        f"An example that fails:\n\n```text\n{example}\n```\n\n{about.fix}\n"
    )


def _write(path: Path, text: str) -> None:
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
