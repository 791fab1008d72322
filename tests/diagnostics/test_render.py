"""Diagnostics as text, as one line and as data."""

from __future__ import annotations

import json
import re
import unicodedata

import pytest

from hepppl.diagnostics import (
    Diagnostic,
    HepError,
    HepSyntaxError,
    Label,
    Source,
    Span,
    render_all,
    render_short,
    render_text,
    to_json,
)

SHOWER = Source("shower.hep", "\n" * 13 + "    total = p.energy + p.depth\n    other = 3\n")


def at(source: Source, text: str, nth: int = 0) -> Span:
    start = -1
    for _ in range(nth + 1):
        start = source.text.index(text, start + 1)
    return Span(source, start, start + len(text))


def message(span: Span | None, *labels: Label, hints: tuple[str, ...] = ()) -> Diagnostic:
    return Diagnostic("E203", "cannot add a length to an energy", span, labels, hints)


def lines(diagnostic: Diagnostic) -> list[str]:
    """All but the first line."""
    return render_text(diagnostic).split("\n")[1:]


def test_the_form_given_in_the_language_reference() -> None:
    energy, depth = Label(at(SHOWER, "p.energy"), "energy"), Label(at(SHOWER, "p.depth"), "length")
    hint = "divide each by a unit to make it dimensionless, e.g. p.energy / GeV"
    assert (
        render_text(message(at(SHOWER, "+"), energy, depth, hints=(hint,)))
        == """\
shower.hep:14:22: error[E203]: cannot add a length to an energy
   14 |     total = p.energy + p.depth
      |             ~~~~~~~~ ^ ~~~~~~~
      |             energy     length
hint: divide each by a unit to make it dimensionless, e.g. p.energy / GeV"""
    )


def test_labels_too_long_to_stand_side_by_side_hang_below_each_other() -> None:
    energy, depth = Label(at(SHOWER, "p.energy"), "this is an energy"), Label(at(SHOWER, "p.depth"), "a length")
    assert lines(message(at(SHOWER, "+"), Label(at(SHOWER, "total"), "here"), energy, depth)) == [
        "   14 |     total = p.energy + p.depth",
        "      |     ~~~~~   ~~~~~~~~ ^ ~~~~~~~",
        "      |     here    |          a length",
        "      |             this is an energy",
    ]


def test_a_label_on_the_mark_itself() -> None:
    assert lines(message(at(SHOWER, "+"), Label(at(SHOWER, "+"), "this sum"))) == [
        "   14 |     total = p.energy + p.depth",
        "      |                      ^",
        "      |                      this sum",
    ]


def test_labels_on_other_lines_and_in_other_files() -> None:
    units = Source("units.hep", "unit parsec = 3e16 m\n")
    far = Source("far.hep", "x = 1\n\n\n\ny = x\nz = 2\n")
    found = Diagnostic(
        "E301",
        "bad",
        at(far, "x", 1),
        (Label(at(far, "x"), "first here"), Label(at(far, "z"), "and here"), Label(at(units, "parsec"), "a unit")),
    )
    assert lines(found) == [
        "    1 | x = 1",
        "      | ~",
        "      | first here",
        "  ...",
        "    5 | y = x",
        "      |     ^",
        "    6 | z = 2",
        "      | ~",
        "      | and here",
        "units.hep:1:",
        "    1 | unit parsec = 3e16 m",
        "      |      ~~~~~~",
        "      |      a unit",
    ]


def test_several_hints_and_no_place() -> None:
    found = Diagnostic("E501", "there is no file a.hep", None, (), ("one", "two"))
    assert render_text(found) == "error[E501]: there is no file a.hep\nhint: one\nhint: two"
    assert render_short(found) == "error[E501]: there is no file a.hep"


def test_warnings() -> None:
    found = Diagnostic("W101", "unused", at(SHOWER, "other"))
    assert render_text(found).startswith("shower.hep:15:5: warning[W101]: unused\n")
    assert found.severity == "warning"


def test_a_range_over_several_lines_is_marked_to_the_end_of_its_first() -> None:
    source = Source("a.hep", "model m {  \n    x = 1\n}\n")
    assert lines(message(Span(source, 6, len(source.text)))) == ["    1 | model m {", "      |       ^^^"]


@pytest.mark.parametrize(("offset", "column"), [(0, 0), (5, 5), (6, 6)])
def test_an_empty_range_is_marked_by_one_sign_even_at_the_end(offset: int, column: int) -> None:
    source = Source("a.hep", "x = 12")
    assert lines(message(Span(source, offset, offset))) == ["    1 | x = 12", "      | " + " " * column + "^"]


def test_an_empty_text_and_a_line_past_the_end() -> None:
    empty = Source("a.hep", "")
    assert lines(message(Span(empty, 0, 0))) == ["    1 |", "      | ^"]
    ended = Source("a.hep", "x = 1\n")
    assert lines(message(Span(ended, 6, 6))) == ["    2 |", "      | ^"]


def test_carriage_returns_are_not_shown() -> None:
    source = Source("a.hep", "x = 1\r\ny = 2\r\n")
    assert lines(message(at(source, "y"))) == ["    2 | y = 2", "      | ^"]


# ---------------------------------------------------------------- columns of the screen


def columns(text: str) -> int:
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.combining(c) > 0 for c in text)


@pytest.mark.parametrize(
    "before",
    ["\t", "\t\t", "  \t", "漢字 = ", "e\u0301 + ", "αβγ = ", "x\u0304\u0304 = ", "ｆｕｌｌ ", "\ta\t漢\t", "🙂 = "],
)
def test_the_mark_stands_below_its_character(before: str) -> None:
    source = Source("a.hep", f"{before}$ rest")
    shown, marks = (line.split("| ", 1)[1] for line in lines(message(at(source, "$"))))
    assert marks.strip() == "^"
    assert columns(shown[: shown.index("$")]) == len(marks) - 1


def test_a_wide_word_is_marked_in_its_whole_width() -> None:
    source = Source("a.hep", "漢字 = 1")
    assert lines(message(at(source, "漢字")))[1] == "      | ^^^^"


def test_tabs_go_to_the_next_fourth_column() -> None:
    source = Source("a.hep", "a\tb\t\tc")
    assert lines(message(at(source, "c"))) == ["    1 | a   b       c", "      |             ^"]


def test_nothing_in_a_program_commands_the_terminal() -> None:
    evil = Source("\x1b[2Ja.hep", "x = \x1b[31m\x07\x9b \u202e\u2066\u200b\x7f $")
    found = Diagnostic("E101", "bad \x1b[0m", at(evil, "$"), (Label(at(evil, "x"), "\x1b[1m"),), ("\x1b]0;title\x07",))
    for text in (render_text(found), render_short(found)):
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b]", text)
    assert "x = ␛[31m␇" in render_text(found)


def test_a_very_long_line_is_cut_on_both_sides() -> None:
    source = Source("a.hep", "a" * 5000 + " = $ + " + "b" * 5000)
    shown, marks = (line.split("| ", 1)[1] for line in lines(message(at(source, "$"))))
    assert len(shown) <= 120
    assert shown.startswith("… a")
    assert shown.endswith("b …")
    assert shown.index("$") == marks.index("^") == len(marks) - 1
    start = lines(message(Span(source, 0, 5000)))
    assert start[0].endswith("a …")
    assert len(start[1]) <= 130


def test_a_label_out_of_sight_on_a_long_line_is_left_out() -> None:
    source = Source("a.hep", "$ = " + "a" * 3000 + " + end")
    assert "first" not in render_text(message(at(source, "end"), Label(at(source, "$"), "first")))
    assert "first" in render_text(message(at(source, "$"), Label(at(source, "$"), "first")))


# ---------------------------------------------------------------- colours, one line, data


def test_colours_are_the_same_text_with_escapes() -> None:
    found = message(at(SHOWER, "+"), Label(at(SHOWER, "p.energy"), "energy"), hints=("divide",))
    coloured = render_text(found, color=True)
    assert coloured != render_text(found)
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == render_text(found)
    assert coloured.count("\x1b[0m") == len(re.findall(r"\x1b\[[1-9][0-9;]*m", coloured))
    for line in coloured.split("\n"):
        assert "\x1b" not in line or line.rindex("\x1b[0m") == line.rindex("\x1b")


def test_one_line() -> None:
    found = Diagnostic("E203", "two\n  lines", at(SHOWER, "+"))
    assert render_short(found) == "shower.hep:14:22: error[E203]: two lines"


def test_data() -> None:
    label = Label(Span(SHOWER, 13, 45), "both")
    found = message(at(SHOWER, "+"), label, hints=("divide",))
    assert to_json(found) == {
        "code": "E203",
        "severity": "error",
        "message": "cannot add a length to an energy",
        "file": "shower.hep",
        "line": 14,
        "column": 22,
        "end_line": 14,
        "end_column": 23,
        "labels": [
            {"file": "shower.hep", "line": 14, "column": 1, "end_line": 15, "end_column": 2, "text": "both"},
        ],
        "hints": ["divide"],
    }
    assert json.loads(json.dumps(to_json(found))) == to_json(found)
    nowhere = to_json(Diagnostic("E501", "no file"))
    assert [nowhere[key] for key in ("file", "line", "column", "end_line", "end_column")] == [None] * 5


def test_several_are_counted() -> None:
    one = Diagnostic("E501", "a")
    assert render_all([]) == ""
    assert render_all([one]) == "error[E501]: a"
    assert render_all([one, Diagnostic("W1", "b"), one]).endswith("\n\n2 errors and 1 warning")


def test_an_exception_shows_its_diagnostics() -> None:
    error = HepSyntaxError([message(at(SHOWER, "+")), Diagnostic("E501", "no file")])
    assert isinstance(error, HepError)
    assert isinstance(error, SyntaxError)
    assert "shower.hep:14:22: error[E203]" in str(error)
    assert "error[E501]: no file" in str(error)


# ---------------------------------------------------------------- positions


def test_positions_count_from_one_in_characters() -> None:
    source = Source("a", "ab\nαβ\n\nc")
    assert [source.position(i) for i in range(len(source.text) + 1)] == [
        (1, 1),
        (1, 2),
        (1, 3),
        (2, 1),
        (2, 2),
        (2, 3),
        (3, 1),
        (4, 1),
        (4, 2),
    ]
    assert [source.line(n) for n in (1, 2, 3, 4)] == ["ab", "αβ", "", "c"]
    span = Span(source, 0, 1).to(Span(source, 3, 5))
    assert (span.text, span.line, span.column) == ("ab\nαβ", 1, 1)
