"""Every statement and item of the language, and the layout of statements on lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from hepppl.diagnostics import Source
from hepppl.syntax import ast, parse
from tests.syntax.build import expr, file, item, plain, shape, stmt


def type_shape(node: ast.TypeExpr | None) -> str:
    if node is None:
        return "-"
    unit = "" if node.unit is None else "<" + " ".join(f"{f.name}^{f.power}" for f in node.unit.factors) + ">"
    return node.name + unit + "".join(f"[{shape(n) if n else ''}]" for n in node.lengths)


# ---------------------------------------------------------------- statements


def test_param() -> None:
    full = stmt("param theta: energy in (0 GeV, 200 GeV] ~ normal(1, 2) = 30 GeV")
    assert isinstance(full, ast.ParamStmt)
    assert (full.name, type_shape(full.type)) == ("theta", "energy")
    assert (shape(full.support.low), shape(full.support.high)) == ("{0 GeV^1}", "{200 GeV^1}")
    assert (full.support.low_closed, full.support.high_closed) == (False, True)
    assert (shape(full.prior), shape(full.default)) == ("normal(1, 2)", "{30 GeV^1}")
    bare = stmt("param x")
    assert (bare.type, bare.support, bare.prior, bare.default) == (None, None, None, None)
    assert stmt("param x in [0, 1) = 2").support.low_closed
    assert shape(stmt("param x = 0.7").default) == "0.7"
    assert shape(stmt("param x ~ uniform(0, 1)").prior) == "uniform(0, 1)"
    assert type_shape(stmt("param x: real<GeV>= 3").type) == "real<GeV^1>"
    assert shape(stmt("param x: real<GeV>= 3").default) == "3"


@pytest.mark.parametrize("brackets", ["()", "(]", "[)", "[]"])
def test_all_four_kinds_of_interval(brackets: str) -> None:
    support = stmt(f"param x in {brackets[0]}0, f(1){brackets[1]} = 1").support
    assert (support.low_closed, support.high_closed) == (brackets[0] == "[", brackets[1] == "]")


def test_data_const_net() -> None:
    data = stmt("data x: energy[] = [1 GeV]")
    assert isinstance(data, ast.DataStmt)
    assert (data.name, type_shape(data.type), shape(data.default)) == ("x", "energy[]", "[{1 GeV^1}]")
    assert stmt("data n: int").default is None
    const = stmt("const n: int = 3")
    assert isinstance(const, ast.ConstStmt)
    assert (const.name, type_shape(const.type), shape(const.value)) == ("n", "int", "3")
    net = stmt("net f: mlp(inputs = 2, hidden = [32, 32])")
    assert isinstance(net, ast.NetStmt)
    assert (net.name, shape(net.call)) == ("f", "mlp(inputs = 2, hidden = [32, 32])")


def test_assignments_and_random_values() -> None:
    assign = stmt("a[i][j + 1] = 3")
    assert isinstance(assign, ast.AssignStmt)
    assert (assign.target.name, [shape(i) for i in assign.target.indices]) == ("a", ["i", "(j + 1)"])
    assert plain(stmt("a[i, j] = 3")) == plain(stmt("a[i][j] = 3"))
    sample = stmt('h ~ shower(p) limit 2 * n by score(baseline = "loo")')
    assert isinstance(sample, ast.SampleStmt)
    assert (shape(sample.dist), shape(sample.limit)) == ("shower(p)", "(2 * n)")
    assert (sample.by.name, [a.name for a in sample.by.args]) == ("score", ["baseline"])
    bare = stmt("x ~ normal(0, 1)")
    assert (bare.limit, bare.by) == (None, None)
    assert stmt("x ~ normal(0, 1) by reparam").by.args == ()
    observe = stmt("observe k[i] ~ poisson(mu)")
    assert isinstance(observe, ast.ObserveStmt)
    assert (observe.target.name, shape(observe.dist)) == ("k", "poisson(mu)")


def test_blocks() -> None:
    branch = stmt("if a { x = 1 } else if b { } else { y = 2; z = 3 }")
    assert isinstance(branch, ast.IfStmt)
    assert [shape(c) for c, _ in branch.branches] == ["a", "b"]
    assert [len(b.stmts) for _, b in branch.branches] == [1, 0]
    assert len(branch.other.stmts) == 2
    assert stmt("if a { }").other is None
    loop = stmt("for i in 0..n { x = i }")
    assert isinstance(loop, ast.ForStmt)
    assert (loop.var, shape(loop.low), shape(loop.high), len(loop.body.stmts)) == ("i", "0", "n", 1)
    plate = stmt("plate i in 1..len(x) { y = i }")
    assert isinstance(plate, ast.PlateStmt)
    assert (plate.var, shape(plate.high)) == ("i", "len(x)")
    turn = stmt("while a < b and c limit 400 { a = a + 1 }")
    assert isinstance(turn, ast.WhileStmt)
    assert (shape(turn.cond), shape(turn.limit)) == ("((a < b) and c)", "400")


def test_one_word_statements() -> None:
    assert shape(stmt("spawn electron(p, 2)").call) == "electron(p, 2)"
    assert shape(stmt("spawn lib.electron(p)").call) == "lib.electron(p)"
    assert shape(stmt("emit (r = 1)").value) == "(r = 1)"
    assert shape(stmt("weight -2 * x").value) == "((- 2) * x)"
    assert shape(stmt("require x > 0").cond) == "(x > 0)"
    assert shape(stmt("return (a = 1, b = 2)").value) == "(a = 1, b = 2)"


# ---------------------------------------------------------------- items


def test_imports_units_types_constants() -> None:
    assert (item('import "tracks.hep" as t').path, item('import "a.hep" as t').alias) == ("tracks.hep", "t")
    assert item('import "a.hep"').alias is None
    unit = item("unit parsec = 3.0857e16 m")
    assert (unit.name, shape(unit.value)) == ("parsec", "{3.0857e16 m^1}")
    record = item("type particle { energy: energy, depth: length[3] }")
    assert [(f.name, type_shape(f.type)) for f in record.fields] == [("energy", "energy"), ("depth", "length[3]")]
    assert shape(item("const dt = 0.02").value) == "0.02"


@pytest.mark.parametrize(
    "text",
    [
        "type p { a: real, b: int }",
        "type p { a: real, b: int, }",
        "type p {\n a: real\n b: int\n}",
        "type p {\n a: real,\n b: int,\n}",
        "type p { a: real; b: int }",
        "type p {a:real,\n\n # comment\n b:int}",
    ],
)
def test_fields_are_separated_by_commas_or_lines(text: str) -> None:
    assert plain(item(text)) == plain(item("type p { a: real, b: int }"))


def test_functions_and_processes() -> None:
    short = item("fn coupling(q: energy, a = 2) -> real = a / log(q / 1 GeV)")
    assert isinstance(short, ast.FnItem)
    assert [(f.name, type_shape(f.type)) for f in short.formals] == [("q", "energy"), ("a", "-")]
    assert shape(short.formals[1].default) == "2"
    assert (type_shape(short.returns), shape(short.body)) == ("real", "(a / log((q / {1 GeV^1})))")
    long = item("fn f() {\n y = 1\n return y\n}")
    assert isinstance(long.body, ast.Block)
    assert (long.formals, long.returns, len(long.body.stmts)) == ((), None, 2)
    assert isinstance(item("fn f(x) -> real { return x }").body, ast.Block)
    extern = item("extern fn f(x: real, p: particle) -> real[3]")
    assert isinstance(extern, ast.ExternItem)
    assert (extern.name, type_shape(extern.returns)) == ("f", "real[3]")
    process = item("process p(x: real,) { emit x }")
    assert isinstance(process, ast.ProcessItem)
    assert (process.name, len(process.formals), len(process.body.stmts)) == ("p", 1, 1)
    assert item("model m { }").body.stmts == ()


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("real", "real"),
        ("real<GeV>", "real<GeV^1>"),
        ("real<GeV/mm>", "real<GeV^1 mm^-1>"),
        ("real<GeV / mm / ns>", "real<GeV^1 mm^-1 ns^-1>"),
        ("real<GeV/mm*ns>", "real<GeV^1 mm^-1 ns^1>"),
        ("real<1/mm^2>", "real<mm^-2>"),
        ("real<fb^-1>", "real<fb^-1>"),
        ("real<1>", "real<>"),
        ("real<GeV^2*mm^-2>", "real<GeV^2 mm^-2>"),
        ("real[3][n + 1]", "real[3][(n + 1)]"),
        ("energy[]", "energy[]"),
        ("lib.particle[2]", "lib.particle[2]"),
    ],
)
def test_types(text: str, meaning: str) -> None:
    assert type_shape(stmt(f"data x: {text}").type) == meaning


# ---------------------------------------------------------------- lines


@pytest.mark.parametrize(
    "text",
    [
        "model m {\n    x = 1\n    y = 2\n}\n",
        "model m { x = 1; y = 2 }",
        "model m {\n\n  x = 1;;\n ;\n\n y = 2;\n}",
        "\n\n# a comment\nmodel m { # another\n x = 1 # and\n # more\n y = 2\n # last\n}\n# end",
        "model m {\r\n    x = 1\r\n    y = 2\r\n}\r\n",
        "\tmodel m{x=1;y=2}",
        "model m {\n    x = 1\n    y = 2 }",
    ],
)
def test_statements_end_with_lines_or_semicolons(text: str) -> None:
    assert plain(file(text)) == plain(file("model m {\nx = 1\ny = 2\n}"))


def test_line_ends_before_else_do_not_count() -> None:
    assert plain(stmt("if a { x = 1 }\n\n# comment\nelse { x = 2 }")) == plain(stmt("if a { x = 1 } else { x = 2 }"))
    assert plain(stmt("if a { }\nelse if b { }\nelse { }")) == plain(stmt("if a { } else if b { } else { }"))


def test_items_may_share_a_line() -> None:
    assert [type(i).__name__ for i in file("const a = 1; fn f(x) = x; model m { }").items] == [
        "ConstStmt",
        "FnItem",
        "ModelItem",
    ]


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment", "   \t", ";;\n;"])
def test_empty_files(text: str) -> None:
    assert file(text).items == ()


def test_comments_are_kept_with_their_places() -> None:
    text = "# one\nmodel m {  # two\n    # three\n    x = f(1,  # four  \r\n 2)\n}\n#"
    comments = file(text).comments
    assert [c.text for c in comments] == ["# one", "# two", "# three", "# four", "#"]
    assert [c.own_line for c in comments] == [True, False, True, False, True]
    assert all(c.span.text == c.text for c in comments)


def test_examples_parse(examples: Path) -> None:
    programs = sorted(examples.rglob("*.hep"))
    assert programs
    for path in programs:
        tree = parse(Source(path.name, path.read_text(encoding="utf-8")))
        assert any(isinstance(i, ast.ModelItem) for i in tree.items), path


def test_strings_hold_what_stands_between_the_quotes() -> None:
    assert expr('mass("π+ # no comment; {")').args[0].value.value == "π+ # no comment; {"
