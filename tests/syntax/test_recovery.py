"""One run tells all independent mistakes of a file, and no others."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from hepppl.diagnostics import HepSyntaxError, Source
from hepppl.syntax import parse

WRONG_LINES = {
    "E100": "x = [1 2]",
    "E101": "x = 3 $ 4",
    "E102": "x = mass('Z0')",
    "E103": "x = 1.2.3",
    "E104": "x = p.type",
    "E105": "x = f(1",
    "E106": "x = f(1))",
    "E108": "x = f(1) y = 2",
    "E109": "x = 1 +",
    "E110": "if x = 3 { y = 1 }",
    "E111": "x = 2**3",
    "E112": "let x = 3",
    "E113": "fn f(x) = x",
    "E114": "while x > 3 { x = x - 1 }",
    "E115": "if x > 3: y = 1",
    "E116": "data n",
    "E117": "param x = 1 ~ normal(0, 1)",
    "E118": "x = if c then a",
    "E119": "f(x) = 3",
    "E120": "f(x)",
    "E121": "x = 30 GeV^0.5",
    "E122": "x = 2(3)",
}
GOOD_LINES = ("y = 1", "z ~ normal(0, 1)", "for i in 0..3 { w = [1,\n  2][i] }", "if a { b = 1 } else { b = 2 }")


def found(text: str) -> list[tuple[int, str]]:
    try:
        parse(Source("test.hep", text))
    except HepSyntaxError as error:
        return [(d.span.line, d.code) for d in error.diagnostics]
    return []


def test_each_wrong_line_is_told_once_and_the_lines_around_it_are_not() -> None:
    for code, line in WRONG_LINES.items():
        assert found(f"model m {{\n y = 1\n {line}\n z = 2\n}}\nconst a = 3\n") == [(3, code)], line


def test_all_kinds_of_mistakes_in_one_file() -> None:
    lines, expected = ["model m {"], []
    for i, (code, line) in enumerate(WRONG_LINES.items()):
        expected.append((len(lines) + 1, code))
        lines += [line, *GOOD_LINES[(i + 2) % 4].split("\n")]
    lines.append("}")
    assert found("\n".join(lines)) == expected


@pytest.mark.parametrize("seed", range(20))
def test_any_three_mistakes(seed: int) -> None:
    rng = random.Random(seed)
    chosen = rng.sample(list(WRONG_LINES.items()), 3)
    lines, expected = ["model m {"], []
    for code, line in chosen:
        lines += rng.choice(GOOD_LINES).split("\n") * rng.randint(0, 2)
        expected.append((len(lines) + 1, code))
        lines += [line]
    assert found("\n".join([*lines, "return y", "}"])) == expected


def test_mistakes_in_several_items() -> None:
    text = "const a = \nfn f(x = x\nmodel m {\n    x = = 2\n}\ntype t { a }\nprocess p(x) {\n    emit\n}\n"
    assert found(text) == [(1, "E109"), (2, "E105"), (4, "E100"), (6, "E116"), (8, "E109")]


def test_mistakes_in_nested_blocks_and_in_their_heads() -> None:
    text = """\
model m {
    for i in 1:n {
        if i = 2 {
            x = f(1,, 2)
        } else if i ** 2 > 3 {
            y = g(
                1,
                2 3,
            )
        } else {
            z = 2 +
        }
    }
    return x y
}
"""
    expected = [(2, "E112"), (3, "E110"), (4, "E109"), (5, "E111"), (8, "E100"), (11, "E109"), (14, "E108")]
    assert found(text) == expected


def test_a_mistake_in_a_head_does_not_hide_its_block() -> None:
    assert found("model m(x) {\n    y = 1 +\n}\nprocess p {\n    emit 1 2\n}\n") == [
        (1, "E100"),
        (2, "E109"),
        (4, "E116"),
        (5, "E108"),
    ]


def test_lost_braces_do_not_spoil_the_items_below() -> None:
    text = "model a {\n    if x {\n        y = 1\n\nmodel b {\n    z = 1 +\n}\n\nmodel c {\n    return 1\n}\n"
    assert found(text) == [(2, "E105"), (6, "E109")]


def test_a_program_in_another_language_is_not_one_mistake_per_line() -> None:
    text = "import numpy as np\n\ndef f(x):\n    y = x + 1\n    z = y * 2\n    return z\n\nprint(f(2))\n"
    assert found(text) == [(1, "E116"), (3, "E112"), (8, "E112")]


def test_every_wrong_character_of_an_example_is_found_and_nothing_else_breaks(examples: Path) -> None:
    """Put one wrong character at the end of each of three lines: three messages, at these lines."""
    rng = random.Random(0)
    for path in sorted(examples.rglob("*.hep")):
        lines = path.read_text(encoding="utf-8").split("\n")
        code = [i for i, line in enumerate(lines) if line.strip() and "#" not in line]
        chosen = sorted(rng.sample(code, 3))
        wrong = [line + " $" * (i in chosen) for i, line in enumerate(lines)]
        assert found("\n".join(wrong)) == [(i + 1, "E101") for i in chosen], path


def test_the_messages_stand_in_the_order_of_the_text() -> None:
    lines = found("model m {\n x = 1 +\n y = $\n z = (1\n w = 2\n}\n}\n")
    assert lines == sorted(lines)
    assert len(lines) == 4
