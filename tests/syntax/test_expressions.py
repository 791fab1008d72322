"""What expressions mean: precedence, association, numbers, units, ranges."""

from __future__ import annotations

import pytest

from hepppl.syntax import ast
from tests.syntax.build import expr, shape, stmt


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("-a^2", "(- (a ^ 2))"),
        ("a^b^c", "(a ^ (b ^ c))"),
        ("a^-b", "(a ^ (- b))"),
        ("a^-b^c", "(a ^ (- (b ^ c)))"),
        ("(-a)^2", "(<(- a)> ^ 2)"),
        ("-a * b", "((- a) * b)"),
        ("a * -b", "(a * (- b))"),
        ("a - -b", "(a - (- b))"),
        ("--a", "(- (- a))"),
        ("+a", "(+ a)"),
        ("a - b - c", "((a - b) - c)"),
        ("a / b / c", "((a / b) / c)"),
        ("a / b * c % d", "(((a / b) * c) % d)"),
        ("a + b * c", "(a + (b * c))"),
        ("a + b < c * d", "((a + b) < (c * d))"),
        ("a < b <= c", "(a < b <= c)"),
        ("a < b == c != d > e >= f", "(a < b == c != d > e >= f)"),
        ("not a < b", "(not (a < b))"),
        ("not not a", "(not (not a))"),
        ("not a and b or c and d", "(((not a) and b) or (c and d))"),
        ("a or b or c", "((a or b) or c)"),
        ("if a then b else c", "(if a then b else c)"),
        ("if a or b then c + 1 else d", "(if (a or b) then (c + 1) else d)"),
        ("if a then b else if c then d else e", "(if a then b else (if c then d else e))"),
        ("if if a then b else c then d else e", "(if (if a then b else c) then d else e)"),
        ("x -> x + 1", "(x -> (x + 1))"),
        ("x -> y -> x", "(x -> (y -> x))"),
        ("x -> if x then 1 else 2", "(x -> (if x then 1 else 2))"),
        ("if a then x -> x else y -> y", "(if a then (x -> x) else (y -> y))"),
        ("f(x -> x, start = v0)", "f((x -> x), start = v0)"),
        ("f()", "f()"),
        ("f(a, b = 2,)", "f(a, b = 2)"),
        ("f(a)(b)", "f(a)(b)"),
        ("p.x.y", "p.x.y"),
        ("f(a).x[1]", "f(a).x[1]"),
        ("-p.x^2", "(- (p.x ^ 2))"),
        ("f(x)^2", "(f(x) ^ 2)"),
        ("a[1, 2]", "a[1, 2]"),
        ("a[1..3]", "a[1..3]"),
        ("a[..3]", "a[..3]"),
        ("a[1..]", "a[1..]"),
        ("a[..]", "a[..]"),
        ("a[i + 1..n - 1, 0]", "a[(i + 1)..(n - 1), 0]"),
        ("[]", "[]"),
        ("[1]", "[1]"),
        ("[1, 2, 3,]", "[1, 2, 3]"),
        ("[[1], [2]]", "[[1], [2]]"),
        ("[i^2 for i in 0..5]", "[(i ^ 2) for i in 0..5]"),
        ("[i for i in a + 1..len(x)]", "[i for i in (a + 1)..len(x)]"),
        ("(a = 1)", "(a = 1)"),
        ("(a = 1, b = x -> x,)", "(a = 1, b = (x -> x))"),
        ("((a))", "<<a>>"),
        ('mass("Z0")', 'mass("Z0")'),
        ("true and false", "(true and false)"),
    ],
)
def test_structure(text: str, meaning: str) -> None:
    assert shape(expr(text)) == meaning


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("30 GeV", "{30 GeV^1}"),
        ("30GeV", "{30 GeV^1}"),
        ("139 fb^-1", "{139 fb^-1}"),
        ("139 fb^+1", "{139 fb^1}"),
        ("2 GeV/mm", "({2 GeV^1} / mm)"),
        ("5 GeV^2 * x", "({5 GeV^2} * x)"),
        ("-5 GeV", "(- {5 GeV^1})"),
        ("1 / 20 GeV", "(1 / {20 GeV^1})"),
        ("x / 1 mm", "(x / {1 mm^1})"),
        ("2 mm^2^2", "({2 mm^2} ^ 2)"),
        ("(2 mm)^2", "(<{2 mm^1}> ^ 2)"),
        ("x^2 GeV", "(x ^ {2 GeV^1})"),
        ("30 GeV < e", "({30 GeV^1} < e)"),
        ("1 μm", "{1 μm^1}"),
    ],
)
def test_units_bind_to_the_number_before_them(text: str, meaning: str) -> None:
    assert shape(expr(text)) == meaning


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("0", 0),
        ("1_000", 1000),
        ("2.5", 2.5),
        ("2.", 2.0),
        (".5", 0.5),
        ("1e-3", 1e-3),
        ("1E3", 1e3),
        ("2.5e+3", 2500.0),
        ("1_0.5_0", 10.5),
        (".5e1", 5.0),
        ("9007199254740993", 9007199254740993),
    ],
)
def test_numbers(text: str, value: float) -> None:
    number = expr(text)
    assert isinstance(number, ast.Number)
    assert number.text == text
    assert number.value == value
    assert type(number.value) is type(value)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("0..5", "0", "5"),
        ("0 .. 5", "0", "5"),
        ("0. ..5", "0.", "5"),
        ("0.5..1", "0.5", "1"),
        ("0.. .5", "0", ".5"),
        ("1e2..1e3", "1e2", "1e3"),
        ("a..b", "a", "b"),
        ("0..n + 1", "0", "(n + 1)"),
        ("p.a..p.b", "p.a", "p.b"),
        ("f(1)..g(2)", "f(1)", "g(2)"),
    ],
)
def test_ranges(text: str, low: str, high: str) -> None:
    loop = stmt(f"for i in {text} {{ }}")
    assert (shape(loop.low), shape(loop.high)) == (low, high)


def test_two_numbers_with_points_are_no_range() -> None:
    assert stmt("for i in 0..5 { }").high.value == 5
    with pytest.raises(SyntaxError):
        stmt("for i in 0. .5 { }")


def test_names_are_compared_after_normalisation() -> None:
    assert expr("ﬁt").name == "fit"  # the ligature
    assert expr("µ").name == "μ"  # the micro sign is the Greek letter
    assert expr("e\u0301").name == "é"  # a letter and its accent
    assert expr("x\u0304").name == "x\u0304"  # no single character for this one
    assert expr("α_s").name == "α_s"
    assert expr("漢字").name == "漢字"
    assert stmt("µ = 1").target.name == "μ"
    assert expr("1 µm").unit.name == "μm"
    assert expr("p.ﬁt").name == "fit"


def test_words_that_normalise_to_reserved_ones_are_reserved() -> None:
    with pytest.raises(SyntaxError, match="E104"):
        stmt("ｌｉｍｉｔ = 3")


def test_reserved_words_may_begin_names() -> None:
    assert expr("iffy + for_ + notable + order + trueish").left.right.name == "order"
    assert stmt("limits = 3").target.name == "limits"


def test_line_ends_do_not_count_inside_round_and_square_brackets() -> None:
    assert shape(expr("(a\n+ b\n\n+ c)")) == "<((a + b) + c)>"
    assert shape(expr("f(\n  a,\n  # a comment\n  b = [1,\n 2]\n)")) == "f(a, b = [1, 2])"
    assert shape(expr("a[\n1\n]")) == "a[1]"
    assert shape(expr("if a then b\n  else c")) == "(if a then b else c)"
