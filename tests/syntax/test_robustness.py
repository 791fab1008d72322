"""Hostile and huge inputs: a diagnostic or a tree, soon, and never a RecursionError."""

from __future__ import annotations

import time

import pytest

from hepppl.diagnostics import Diagnostic, HepSyntaxError, Source, render_all
from hepppl.syntax import ast, format_file, parse
from hepppl.syntax.report import MAX_BRACKETS, MAX_CHARACTERS, MAX_DEPTH, MAX_ERRORS

MANY = 20_000
SECONDS = 30  # of the processor; each takes less than a tenth of that where nothing else runs


def codes(text: str) -> list[str]:
    """The codes of all messages, which can also be rendered, within the time."""
    start = time.process_time()
    found: tuple[Diagnostic, ...] = ()
    try:
        parse(Source("huge.hep", text))
    except HepSyntaxError as error:
        found = error.diagnostics
    shown = render_all(found)
    assert bool(shown) == bool(found)
    assert time.process_time() - start < SECONDS
    return [d.code for d in found]


def in_model(text: str) -> str:
    return f"model m {{\n    return {text}\n}}\n"


@pytest.mark.every(2)
@pytest.mark.parametrize(
    "text",
    [
        in_model("(" * 100_000 + "1" + ")" * 100_000),
        in_model("[" * MANY + "1" + "]" * MANY),
        in_model("f(" * MANY + "1" + ")" * MANY),
        "(" * MANY,
        "{" * MANY,
        "model m {\n" + "if a {\n" * MANY,
        in_model("-" * MANY + "1"),
        in_model("not " * MANY + "true"),
        in_model("1" + " + 1" * MANY),
        in_model("1" + "^1" * MANY),
        in_model("x -> " * MANY + "1"),
        in_model("if a then b else " * (MANY // 10) + "1"),
        in_model("a" + ".b" * MANY),
        in_model("a" + "()" * MANY),
        in_model("a" + "[1]" * MANY),
        "x" * (MAX_CHARACTERS + 1),
    ],
    ids=lambda text: text[:30].replace("\n", " "),
)
def test_too_deep_or_too_long(text: str) -> None:
    assert codes(text) == ["E107"]


@pytest.mark.every(3)
@pytest.mark.parametrize(
    "text",
    [
        "\0" * 100_000,
        "$%@" * MANY,
        ")]}" * MANY,
        '"' * (MANY + 1),
        "'" * (MANY + 1),
        "/*" * MANY,
        "x = = 3\n" * 20_000,
        "model m {\n" + "    x = = 3\n" * 5_000 + "}\n",
        "x y z\n" * 20_000,
        "model m {\n" + "    x = f(a, b\n    y = 3\n" * 5_000 + "}\n",
        "model m { x = = } " * 5_000,
        "const a = " + "1" * 1_000_000,
    ],
    ids=lambda text: text[:30].replace("\n", " ").replace("\0", "NUL"),
)
def test_nonsense_without_end(text: str) -> None:
    found = codes(text)
    assert 1 <= len(found) <= MAX_ERRORS


@pytest.mark.every(2)
@pytest.mark.parametrize(
    "text",
    [
        "model m {\n    return 1\n}\n" * 5_000,
        in_model("[" + "1, " * MANY + "]"),
        in_model("a" + " < b" * MANY),
        "model m {\n    if a { }" + " else if b { }" * 10_000 + "\n}\n",
        "\n" * 100_000,
        "# comment\n" * MANY,
        "model m {" + ";" * MANY + "}",
        "model " + "m" * MANY + " { }",
    ],
    ids=lambda text: text[:30].replace("\n", " "),
)
def test_long_programs_are_programs(text: str) -> None:
    assert codes(text) == []


@pytest.mark.slow
def test_ten_thousand_lines() -> None:
    assert codes("model m {\n" + "    x = a + f(b, 2.5 GeV, name = 3) * (c - 1)\n" * 10_000 + "}\n") == []


@pytest.mark.slow
def test_the_longest_program_allowed() -> None:
    line = "    x = a + f(b, 2.5 GeV, name = 3) * (c - 1)\n"
    assert codes("model m {\n" + line * (MAX_CHARACTERS // len(line) - 1) + "}\n") == []


def test_the_limits_themselves() -> None:
    just = MAX_BRACKETS - 1  # the model's own brace is one
    assert codes(in_model("(" * just + "1" + ")" * just)) == []
    assert codes(in_model("(" * (just + 1) + "1" + ")" * (just + 1))) == ["E107"]
    levels = MAX_DEPTH - 3  # the model, its block and its statement
    assert codes(in_model("-" * (levels - 1) + "1")) == []
    assert codes(in_model("-" * levels + "1")) == ["E107"]


def test_what_is_allowed_can_be_walked_by_recursion() -> None:
    tree = parse(Source("deep.hep", in_model("-" * (MAX_DEPTH - 4) + "1")))
    assert tree == tree
    assert isinstance(hash(tree.items[0]), int)
    assert repr(tree).count("Unary") == MAX_DEPTH - 4
    assert "----1" in format_file(tree)
    statement = tree.items[0].body.stmts[0]
    assert isinstance(statement, ast.ReturnStmt)
