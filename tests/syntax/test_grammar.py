"""The grammar file itself, and how its tables are loaded."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from lark import Lark

from hepppl.diagnostics import Source
from hepppl.syntax import grammar, parse
from hepppl.syntax.tokens import KEYWORDS, SYMBOLS

RESERVED = (
    "import as unit type const fn extern process model param data net in by limit observe if then else for while plate "
    "spawn emit weight require return and or not true false"
)


@pytest.fixture
def fresh_tables():
    """Tables loaded anew in the test, and again after it."""
    grammar.tables.cache_clear()
    yield
    grammar.tables.cache_clear()


@pytest.mark.parametrize("lexer", ["basic", "contextual"])
def test_the_grammar_is_lalr_without_conflicts_or_colliding_terminals(lexer: str) -> None:
    pytest.importorskip("interegular", reason="lark looks for collisions with it")
    Lark(grammar.grammar_text(), **{**grammar.options(), "lexer": lexer}, strict=True)


def test_the_grammar_is_lalr_without_conflicts() -> None:
    """As above, without looking at the terminals: in lark's tables a conflict between rules is always an error, one
    between a rule and a terminal only in strict mode, which needs interegular for the terminals alone."""
    from lark.parser_frontends import ParserConf
    from lark.parsers.lalr_analysis import LALR_Analyzer

    lark = Lark(grammar.grammar_text(), **grammar.options())
    analysis = LALR_Analyzer(ParserConf(lark.rules, {}, ["start"]), debug=False, strict=True)
    analysis.compute_lalr()
    assert len(analysis.parse_table.states) > 100


def test_the_reserved_words_are_those_of_the_language() -> None:
    assert set(RESERVED.split()) == KEYWORDS
    terminals = {t.name: t.pattern.value for t in Lark(grammar.grammar_text(), **grammar.options()).terminals}
    assert {name: terminals[name] for name in SYMBOLS} == SYMBOLS
    words = {v for k, v in terminals.items() if v.isalpha() and k.isupper()}
    assert words == KEYWORDS


@pytest.mark.parametrize("word", RESERVED.split())
def test_reserved_words_name_nothing(word: str) -> None:
    for text in (f"model {word} {{ }}", f"model m {{\n {word} = 1\n}}", f"const a = {word} + 1", f"const a = p.{word}"):
        with pytest.raises(SyntaxError):
            parse(Source("t", text.replace("true + 1", "true = 1").replace("false + 1", "false = 1").replace(
                "not + 1", "not = 1")))  # fmt: skip


def test_the_tables_kept_are_those_of_the_grammar() -> None:
    """After a change of the grammar: python -m hepppl.syntax.grammar"""
    kept = json.loads((Path(__file__).parents[2] / "grammar" / "tables.json").read_text())
    assert kept["grammar"] == grammar.fingerprint(grammar.grammar_text())
    assert kept["scanner"] == grammar.compute(grammar.grammar_text())["scanner"]


def test_tables_of_another_grammar_are_not_used(monkeypatch: pytest.MonkeyPatch, fresh_tables: None) -> None:
    text = grammar.grammar_text()
    other = text.replace("model_item: MODEL NAME block", "model_item: MODEL block")
    monkeypatch.setattr(grammar, "grammar_text", lambda: other)
    with pytest.raises(SyntaxError):
        parse(Source("t", "model m { }"))
    monkeypatch.setattr(grammar, "grammar_text", lambda: text)
    grammar.tables.cache_clear()
    assert len(parse(Source("t", "model m { }")).items) == 1


def test_parsing_needs_no_lark() -> None:
    code = "import sys; from hepppl.syntax import parse; from hepppl.diagnostics import Source\n"
    code += "parse(Source('t', 'model m { }')); print('lark' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_every_rule_has_its_method() -> None:
    from hepppl.syntax.builder import Builder

    for name, _, method, alone, parts, _ in grammar.compute(grammar.grammar_text())["rules"]:
        assert method is None or hasattr(Builder, method) or (alone and len(parts) == 1), name


def test_parsing_needs_little_of_the_house() -> None:
    """Neither JAX nor networkx nor any other room is imported to parse, print and explain."""
    code = (
        "import sys; from hepppl.syntax import parse, format_file; from hepppl.diagnostics import Source\n"
        "format_file(parse(Source('t', 'model m { }')))\n"
        "print(' '.join(sorted({m.split('.')[0] for m in sys.modules} & {'jax', 'numpy', 'networkx', 'scipy'})))\n"
        "print(' '.join(sorted(m for m in sys.modules if m.startswith('hepppl.') and m.count('.') == 1)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    outside, rooms = run.stdout.split("\n")[:2]
    assert outside == ""
    assert set(rooms.split()) <= {"hepppl._memory", "hepppl._version", "hepppl.diagnostics", "hepppl.syntax"}
