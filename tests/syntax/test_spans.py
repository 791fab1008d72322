"""Every node knows exactly where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hepppl.diagnostics import HepSyntaxError, Source
from hepppl.syntax import ast, parse
from hepppl.syntax.depth import children
from tests.syntax.build import file

PROGRAM = """\
import "a.hep" as lib
type particle { energy: real<GeV/mm>[3], x: length }
fn f(x: energy, y = 2) -> real = x / 1 GeV

process p(a) {
    emit (r = a)
    spawn lib.p(a + 1)
}

model m {
    param t: real in (0, 10] ~ normal(0, 1) = 2.5
    if t < 3 and not (t > 2) {
        h ~ p(t) limit 16 by score(baseline = "loo")
    } else {
        w[1] = -x[0..2]^2
    }
    return [i for i in 0..5]
}
"""


def nodes(node: ast.Node) -> Iterator[ast.Node]:
    yield node
    for child in children(node):
        yield from nodes(child)


@pytest.mark.parametrize(
    ("kind", "texts"),
    [
        (ast.ImportItem, ['import "a.hep" as lib']),
        (ast.TypeItem, ["type particle { energy: real<GeV/mm>[3], x: length }"]),
        (ast.Field, ["energy: real<GeV/mm>[3]", "x: length"]),
        (ast.TypeExpr, ["real<GeV/mm>[3]", "length", "energy", "real", "real"]),
        (ast.UnitExpr, ["GeV/mm"]),
        (ast.Formal, ["x: energy", "y = 2", "a"]),
        (ast.FnItem, ["fn f(x: energy, y = 2) -> real = x / 1 GeV"]),
        (ast.Quantity, ["1 GeV"]),
        (ast.UnitFactor, ["GeV", "mm", "GeV"]),
        (ast.EmitStmt, ["emit (r = a)"]),
        (ast.SpawnStmt, ["spawn lib.p(a + 1)"]),
        (ast.Attr, ["lib.p"]),
        (ast.Record, ["(r = a)"]),
        (ast.ParamStmt, ["param t: real in (0, 10] ~ normal(0, 1) = 2.5"]),
        (ast.Interval, ["(0, 10]"]),
        (ast.SampleStmt, ['h ~ p(t) limit 16 by score(baseline = "loo")']),
        (ast.EstimatorRef, ['score(baseline = "loo")']),
        (ast.Arg, ["r = a", "a + 1", "0", "1", "t", 'baseline = "loo"']),
        (ast.AssignStmt, ["w[1] = -x[0..2]^2"]),
        (ast.Target, ["h", "w[1]"]),
        (ast.Slice, ["0..2"]),
        (ast.Unary, ["not (t > 2)", "-x[0..2]^2"]),
        (ast.Paren, ["(t > 2)"]),
        (ast.Comprehension, ["[i for i in 0..5]"]),
        (ast.ReturnStmt, ["return [i for i in 0..5]"]),
        (ast.Binary, ["x / 1 GeV", "a + 1", "t < 3 and not (t > 2)", "x[0..2]^2"]),
    ],
)
def test_extent(kind: type[ast.Node], texts: list[str]) -> None:
    found = sorted((n for n in nodes(file(PROGRAM)) if type(n) is kind), key=lambda n: (n.span.start, -n.span.end))
    assert [n.span.text for n in found] == texts


def test_extent_of_blocks_and_of_the_file() -> None:
    tree = file(PROGRAM)
    assert tree.span.text == PROGRAM
    model = tree.items[-1]
    assert model.span.text == PROGRAM[PROGRAM.index("model m") :].rstrip()
    branch = model.body.stmts[1]
    assert branch.span.text.startswith("if t < 3")
    assert branch.span.text.endswith("2\n    }")
    assert branch.other.span.text.startswith("{\n        w[1]")


@pytest.mark.parametrize(
    ("kind", "field", "texts"),
    [
        (ast.Binary, "op_span", ["/", "+", "and", "^"]),
        (ast.ParamStmt, "name_span", ["t"]),
        (ast.FnItem, "name_span", ["f"]),
        (ast.Target, "name_span", ["h", "w"]),
        (ast.Attr, "name_span", ["p"]),
        (ast.Comprehension, "var_span", ["i"]),
    ],
)
def test_places_of_names_and_operators(kind: type[ast.Node], field: str, texts: list[str]) -> None:
    found = sorted((n for n in nodes(file(PROGRAM)) if type(n) is kind), key=lambda n: n.span.start)
    assert [getattr(n, field).text for n in found] == texts


def test_places_of_comparisons() -> None:
    (compare,) = [n for n in nodes(file("const a = b < c <= d")) if isinstance(n, ast.Compare)]
    assert [s.text for s in compare.op_spans] == list(compare.ops) == ["<", "<="]


def test_children_lie_inside_their_parents_and_in_order(examples: Path) -> None:
    for path in sorted(examples.rglob("*.hep")):
        for node in nodes(parse(Source(path.name, path.read_text(encoding="utf-8")))):
            last = node.span.start
            for child in children(node):
                assert last <= child.span.start < child.span.end <= node.span.end
                if not isinstance(node, ast.Quantity):
                    last = child.span.end


def test_nothing_but_blanks_is_missing_from_either_end() -> None:
    for node in nodes(file(PROGRAM)):
        if not isinstance(node, ast.File):
            assert node.span.text == node.span.text.strip()


# ---------------------------------------------------------------- the places of mistakes


@pytest.mark.parametrize(
    ("line", "marked"),
    [
        ("x = 1 +", "+"),  # the last good token, since the end came too early
        ("x =", "="),
        ("return", "return"),
        ("x = f(1, 2", "("),
        ("x = 2 y = 3", "2"),
        ("x = a b", "a"),
        ("while x > 1 { }", "1"),
        ("if x = 1 { }", "="),
        ("x = 3 ** 2", "**"),
        ("x = 1.2.3", "1.2.3"),
        ("param limit = 3", "limit"),
        ("x = (1, 2)", ","),
        ("data n", "n"),
        ("x = [1, 2)", ")"),
        ("sqrt(x) + 1", "sqrt(x) + 1"),
        ("p.x = 1", "p.x"),
    ],
)
def test_the_mark_stands_where_the_mistake_is(line: str, marked: str) -> None:
    with pytest.raises(HepSyntaxError) as caught:
        file(f"model m {{\n    {line}\n}}\n")
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.span.text == marked
    assert diagnostic.span.line == 2
