"""No program, however odd, keeps the checker busy for long or ends in anything but diagnostics."""

from __future__ import annotations

import sys

import pytest

from .load import codes, program


def doubling(n: int, first: str = "x + sin(x)") -> str:
    lines = [f"fn f0(x) = {first}"]
    return "\n".join(lines + [f"fn f{i}(x) = f{i - 1}(x) + f{i - 1}(x + 1)" for i in range(1, n)])


@pytest.mark.parametrize(
    "text",
    [
        doubling(30) + "\nmodel m { param x = 1\n return f29(x) }",
        doubling(30) + "\nmodel m { return 1 }",
        "\n".join(["fn f0(x) = x", *(f"fn f{i}(x) = f{i - 1}(x) + 1" for i in range(1, 200))])
        + "\nmodel m { return f199(1) }",
        "model m { param x = 1\n return " + "".join(f"if x > {i} then log(x + {i}) else " for i in range(100)) + "x }",
        "fn f(x) {\n" + "if x > 0 { if x > 3 { return x }\n x = x + 1 } else { x = 2 }\n" * 40 + "return x }\n"
        "model m { param y = 1\n return f(y) }",
    ],
    ids=["doubling", "doubling-unused", "chain-of-calls", "nested-branches", "early-returns"],
)
def test_too_large_is_said_at_once(text: str):
    assert set(codes(text)) == {"E409"}


@pytest.mark.parametrize(
    "expression",
    [
        "fill(1e12, 0)", "fill(100000, fill(100000, 1))", "[i for i in 0..1e12]", "sum(fill(1e7 + 1, 1))",
        "[[i * j for j in 0..4000] for i in 0..4000]", "linspace(0, 1, 1e6)", "7^7^7^7", "10^4000",
    ],
)  # fmt: skip
def test_large_constants(expression: str):
    (code,) = codes(f"model m {{ return {expression} }}")
    assert code in ("E402", "E405")


@pytest.mark.parametrize("head", ["for i in 0..1e12", "while true limit 1e9", "plate i in 0..1e8", "for i in 0..inf"])
def test_large_loops(head: str):
    (code,) = codes(f"model m {{ {head} {{ x ~ normal(0, 1) }}\n return 1 }}")
    assert code in ("E402", "E201")


def test_a_large_loop_is_not_unrolled():
    p = program("model m { s = 0\n for i in 0..1e7 { s = s + 1 }\n return s + sum(fill(1e6, 1)) }")
    assert sum(1 for _ in p.body.nodes) < 20


def test_nested_promotions_take_one_more_turn_each():
    depth = 20
    opening = "".join(f"for i{k} in 0..2 {{ s{k} = 0\n" for k in range(depth))
    closing = "".join(f"s{k} = s{k} + 0.5 }}\n" for k in reversed(range(depth)))
    assert codes(f"model m {{ t = 0\n{opening}t = t + 1\n{closing}return t }}") == []


def test_deep_expressions_and_long_bodies():
    deep = "(" * 100 + "x" + ")" * 100
    minus = "-" * 100 + "x"
    many = "\n".join(f"y = y + {k} * x" for k in range(3000))
    assert codes(f"model m {{ param x = 1\n y = 0\n {many}\n return y + {deep} + {minus} }}") == []


def test_the_recursion_limit_is_left_as_it_was():
    before = sys.getrecursionlimit()
    codes("model m { return 1 }")
    assert sys.getrecursionlimit() == before
