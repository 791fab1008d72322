"""The pages written by machine: the diagnostics from `hepppl.diagnostics.codes.CODES`, and the grammar."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from hepppl.diagnostics.codes import CODES, Code
from hepppl.syntax.grammar import grammar_text
from hepppl.syntax.tokens import KEYWORDS, SYMBOLS

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


# ---------------------------------------------------------------- the grammar

GRAMMAR = """# The grammar

Made from `grammar/hep.lark`, which the parser itself reads. `[x]` is an x or nothing, `x*` any number of them, `x+` one
or more, `|` separates alternatives; what stands in quotes is written as it is. NAME, NUMBER and STRING are described at
the end. NEWLINE is a line end or `;`: line ends inside `( )` and `[ ]`, after `{`, before `}` and before `else` do not
count, and comments never do. What these rules let through and has no meaning is refused with a message of its own
([](diagnostics/index.md)).

Reserved words, which cannot be names: RESERVED.
"""

_SHOWN = {"_NL": "NEWLINE", "_field_end": "field_end", "_comp": "comparison_sign", "_args": "args", "_index": "index"}
_SHOWN |= {"_unit": "unit_product", "_power": "unit_power_sign"}
_HIDDEN = {"broken", "BROKEN"}  # what the parser puts in place of a statement that it did not understand
TERMINALS = """## Names, numbers and strings

NAME
: A letter of any script or `_`, then also digits; compared after NFKC. No reserved word.

NUMBER
: `1`, `2.5`, `.5`, `1e-3`, `1_000`. A point before another point does not belong to it: `0..5` is a range.

STRING
: Between double quotes, on one line.

A comment goes from `#` to the end of its line.
"""


def grammar_page(path: Path) -> None:
    """Write the page where it differs from what is there."""
    words = ", ".join(f"`{word}`" for word in sorted(KEYWORDS))
    parts = [GRAMMAR.replace("RESERVED", words)]
    for title, rules in sections(grammar_text()):
        parts.append(f"## {title[0].upper()}{title[1:]}\n\n```text\n" + "\n".join(rules) + "\n```\n")
    _write(path, "\n".join([*parts, TERMINALS]))


def sections(text: str) -> Iterator[tuple[str, list[str]]]:
    """The rules under each headline of the grammar, as they are shown; the terminals are left out."""
    text = re.sub(r"\n[ \t]+\|", " |", text)  # an alternative on a line of its own
    title, rules = "files and items", list[str]()
    for line in text.splitlines():
        headline = re.match(r"// ---- (.*)", line)
        if headline:
            yield title, rules
            title, rules = headline[1], []
        rule = re.match(r"\??([a-z_]+): *(.*)", line)
        if rule and rule[1] not in _HIDDEN:
            rules += _rule(rule[1], rule[2])


def _rule(name: str, body: str) -> list[str]:
    """A rule with a line for each alternative."""
    body = re.sub(r" *-> *\w+", "", body)
    alternatives = [_body(part) for part in _split(body) if part.strip() not in _HIDDEN]
    name = _SHOWN.get(name, name)
    lines = [f"{name:<17} = {alternatives[0]}"]
    if len("".join(alternatives)) < 90:
        return [f"{name:<17} = {' | '.join(alternatives)}"]
    return lines + [f"{'':<17} | {alternative}" for alternative in alternatives[1:]]


def _split(body: str) -> list[str]:
    """The alternatives at the outermost level."""
    parts, depth = [""], 0
    for character in body:
        depth += (character in "([") - (character in ")]")
        if character == "|" and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def _body(text: str) -> str:
    def shown(match: re.Match[str]) -> str:
        word = match[0]
        if word in SYMBOLS:
            return f'"{SYMBOLS[word]}"'
        return f'"{word.lower()}"' if word.lower() in KEYWORDS and word.isupper() else _SHOWN.get(word, word)

    return re.sub(r"\w+", shown, text)


def _write(path: Path, text: str) -> None:
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
