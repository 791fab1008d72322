"""What holds for any program and for any text."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hepppl.diagnostics import Diagnostic, HepSyntaxError, Source, render_short, render_text, to_json
from hepppl.syntax import ast, format_file, parse
from hepppl.syntax.depth import children
from tests.corpus.programs import BAD
from tests.syntax.build import file, plain
from tests.syntax.golden import cases
from tests.syntax.programs import expressions, programs

MANY = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
SOME = settings(MANY, max_examples=40)
SIGNS = "()[]{}=~+-*/^<>,.:;\n #\"'$α"
WORDS = (
    *SIGNS,
    *".. -> == ** 1e 2.5 x GeV if then else for in while limit model fn param data type return import".split(),
)


def survives_formatting(text: str) -> None:
    tree = file(text)
    once = format_file(tree)
    again = file(once)
    assert plain(again) == plain(tree)
    assert sorted(c.text for c in again.comments) == sorted(c.text for c in tree.comments)
    assert format_file(again) == once


@SOME
@given(programs())
def test_formatting_keeps_the_tree_and_the_comments_and_is_idempotent(text: str) -> None:
    survives_formatting(text)


@pytest.mark.slow
@settings(MANY, max_examples=600)
@given(programs())
def test_formatting_of_many_programs(text: str) -> None:
    survives_formatting(text)


@SOME
@given(expressions())
def test_the_text_of_a_node_means_the_node(text: str) -> None:
    """The extent of every expression inside an expression holds its whole text and no more."""
    todo: list[ast.Node] = [file(f"const a = (\n{text}\n)").items[0].value]
    while todo:
        node = todo.pop()
        todo += children(node)
        if isinstance(node, ast.Expr):
            assert plain(file(f"const a = (\n{node.span.text}\n)").items[0].value.inner) == plain(node)


def tells(text: str) -> None:
    """Any text at all is a program or gets diagnostics that can be shown, with places inside of it."""
    for diagnostic in mistakes(text):
        assert diagnostic.span is not None
        assert 0 <= diagnostic.span.start <= diagnostic.span.end <= len(text)
        assert "\n" not in render_short(diagnostic)
        assert render_text(diagnostic, color=True)
        json.dumps(to_json(diagnostic))


def mistakes(text: str) -> tuple[Diagnostic, ...]:
    try:
        parse(Source("any.hep", text))
    except HepSyntaxError as error:
        return error.diagnostics
    return ()


@MANY
@given(st.text(max_size=60))
def test_any_text_is_parsed_or_explained(text: str) -> None:
    tells(text)


@MANY
@given(st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join), st.booleans())
def test_any_words_are_parsed_or_explained(text: str, inside: bool) -> None:
    tells(f"model m {{\n{text}\n}}\n" if inside else text)


@pytest.mark.slow
def test_damaged_programs_are_explained() -> None:
    """Words lost, doubled and exchanged in the wrong programs, which already are at the edge."""
    rng = random.Random(1)
    wrong = [path.read_text(encoding="utf-8", errors="replace") for path in BAD.values()]
    sources = [text.split(" ") for text in [*wrong, *(case.text for case in cases("layout"))]]
    for _ in range(3000):
        words = list(rng.choice(sources))
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(words) + 1)
            words[at : at + rng.randint(0, 2)] = rng.sample(WORDS, rng.randint(0, 2))
        tells(" ".join(words))
