"""The canonical layout, and that it changes nothing but the layout."""

from __future__ import annotations

from pathlib import Path

import pytest

from hepppl.diagnostics import Source
from hepppl.syntax import dump, format_file, parse
from tests.syntax.build import file, plain
from tests.syntax.golden import Case, cases, name

LAYOUT = cases("layout")


def formatted(text: str) -> str:
    return format_file(file(text))


@pytest.mark.parametrize("case", LAYOUT, ids=name)
def test_layout(case: Case) -> None:
    case.check(formatted)


@pytest.mark.parametrize("case", LAYOUT, ids=name)
def test_formatting_again_changes_nothing(case: Case) -> None:
    once = formatted(case.text)
    assert formatted(once) == once


@pytest.mark.parametrize("case", LAYOUT, ids=name)
def test_tree_and_comments_stay_the_same(case: Case) -> None:
    before, after = file(case.text), file(formatted(case.text))
    assert plain(after) == plain(before)
    assert sorted(c.text for c in after.comments) == sorted(c.text for c in before.comments)


@pytest.mark.parametrize("case", [c for c in LAYOUT if "long lines" not in c.title], ids=name)
def test_lines_are_short_and_without_blanks_at_their_ends(case: Case) -> None:
    for line in formatted(case.text).split("\n"):
        assert len(line) <= 120
        assert line == line.rstrip()


def test_the_examples_are_in_canonical_layout(examples: Path) -> None:
    for path in sorted(examples.rglob("*.hep")):
        text = path.read_text(encoding="utf-8")
        assert formatted(text) == text, path


def test_a_line_that_no_bracket_allows_to_break_is_left_long() -> None:
    text = "const a = " + " + ".join(["term"] * 40) + "\n"
    assert formatted(text) == text


def test_dump_shows_every_node_with_its_place() -> None:
    tree = parse(Source("t.hep", "model m {\n    x = -a[1] + 2 GeV  # sum\n}\n"))
    assert (
        dump(tree)
        == """\
File @1:1
  items:
    0: ModelItem name='m' @1:1
      body: Block @1:9
        stmts:
          0: AssignStmt @2:5
            target: Target name='x' @2:5
            value: Binary op='+' @2:9
              left: Unary op='-' @2:9
                operand: Index @2:10
                  base: Name name='a' @2:10
                  indices:
                    0: Number '1' value=1 @2:12
              right: Quantity @2:17
                number: Number '2' value=2 @2:17
                unit: UnitFactor name='GeV' power=1 @2:19
  comments:
    '# sum' @2:24
"""
    )
    assert "@" not in dump(tree, positions=False)


def test_dump_tells_absent_lengths_and_nested_blocks() -> None:
    shown = dump(file("model m {\n    data x: real[]\n    if a { } else { y = [] }\n}"), positions=False)
    words = [line.strip() for line in shown.splitlines()]
    assert words[words.index("lengths:") + 1] == "0: none"
    assert "1: IfStmt" in words
    assert "other: Block" in words
    assert "value: ArrayLit" in words
