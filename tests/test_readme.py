"""What README and tutorial show is what the repository holds and what the program gives."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", "docs/tutorial.md"]


def text_blocks(page: str) -> list[str]:
    return re.findall(r"```text\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.S)


@pytest.mark.parametrize("page", PAGES)
def test_the_program_shown_is_the_example(page: str) -> None:
    example = (ROOT / "examples" / "absorber.hep").read_text(encoding="utf-8")
    programs = [block for block in text_blocks(page) if re.match(r"(process|model|type) ", block)]
    assert programs
    for block in programs:
        for part in block.rstrip().split("\n\n"):
            assert part in example


@pytest.mark.parametrize("page", PAGES)
def test_the_numbers_shown_are_right(page: str) -> None:
    """Against the independent simulation that the example's comment quotes, to five standard errors."""
    example = (ROOT / "examples" / "absorber.hep").read_text(encoding="utf-8")
    exact = re.search(r"E = ([\d.]+)\((\d+)\), dE/dtheta = ([\d.]+)\((\d+)\)", example)
    assert exact is not None
    value, slope = float(exact[1]), float(exact[3])
    shown = [block for block in text_blocks(page) if "dE[value]/dtheta" in block]
    assert shown
    for block in shown:
        for label, expected in (("E[value]", value), ("dE[value]/dtheta", slope)):
            found = re.search(rf"^{re.escape(label)} +([\d.]+) ± ([\d.]+)", block, re.M)
            assert found is not None
            assert abs(float(found[1]) - expected) < 5 * float(found[2])


#: Written when the documentation is built.
GENERATED = {"docs/grammar.md", "docs/diagnostics/index.md"}
PAGES = {str(p.relative_to(ROOT)) for p in (ROOT / "docs").glob("*.md")} - GENERATED


@pytest.mark.parametrize("page", ["README.md", *sorted(PAGES)])
def test_links_between_files_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
        path = (ROOT / page).parent / target
        assert path.exists() or str(path.relative_to(ROOT)) in GENERATED, target
