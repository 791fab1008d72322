"""What carries a derivative, what is downstream of what."""

from __future__ import annotations

import pytest

from hepppl.graph import ModelGraph

from .load import graph_of, program


def number(graph: ModelGraph, name: str) -> int:
    return next(site.number for site in graph.sites() if site.name == name)


def test_a_law_depends_on_what_its_arguments_carry() -> None:
    graph = program("cut")
    pt, pt_true = number(graph, "pt"), number(graph, "pt_true")
    flow = graph.carries(["scale"], [pt])
    assert flow.law_depends(pt)
    assert not flow.law_depends(pt_true)
    assert graph.site(pt).value in flow
    assert graph.site(pt).value not in graph.carries(["scale"], [])
    assert graph.carries(["scale"], [pt]) is flow


def test_rough_uses_and_where_they_come_from() -> None:
    graph = program("cut")
    pt = number(graph, "pt")
    (use,) = graph.carries(["scale"], [pt]).nonsmooth
    assert use.node.op == "gt"
    assert use.sites == (pt,)
    assert use.params == ()
    assert "line 8" in use.description
    assert graph.carries(["scale"], []).nonsmooth == ()


def test_noise_and_parameters_behind_a_comparison() -> None:
    graph = program("sudakov")
    uses = graph.carries(["alpha_mz"], []).nonsmooth
    assert uses
    for use in uses:
        assert use.params == ("alpha_mz",)
        assert use.noise == (number(graph, "r"),)


def test_a_threshold_has_no_noise() -> None:
    for use in program("cut_optimisation").carries(["threshold"], []).nonsmooth:
        assert use.params == ("threshold",)
        assert use.noise == ()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("a = if b then 1.0 else 2.0", {"a"}),
        ("k = 0\nwhile b and k < 3 limit 3 { k = k + 1 }\na = k", {"a"}),
        ("require b\na = 1.0", {"a", "z", "weight"}),
        ("weight if b then 2 else 1\na = 1.0", {"a", "z", "weight"}),
        ("if b { weight 2 }\na = 1.0", {"a", "z", "weight"}),
        ("a = 1.0", set()),
    ],
)
def test_influence(body: str, expected: set[str]) -> None:
    lines = "\n".join(["b ~ bernoulli(0.5)", *body.splitlines(), "return (a = a, z = 1.0)"])
    graph = graph_of(f"model m {{\n{lines}\n}}")
    assert graph.influences(number(graph, "b")) == expected


PROCESS = """
process p(e: real) {
    go ~ bernoulli(0.5)
    idle ~ normal(0, 1)
    if go { spawn p(e / 2) } else { EMIT }
}
model m {
    start ~ exponential(1)
    h ~ p(start) limit 9
    return (n = count(h), total = sum(h))
}
"""


def test_influence_through_a_process() -> None:
    graph = graph_of(PROCESS.replace("EMIT", "emit e"))
    assert graph.influences(number(graph, "p.go")) == {"n", "total"}
    assert graph.influences(number(graph, "p.idle")) == set()
    assert graph.influences(number(graph, "start")) == {"total"}


def test_influence_on_one_output_only() -> None:
    graph = graph_of("model m { x ~ normal(0, 1); y ~ normal(0, 1); return (a = x, b = x + y) }")
    assert graph.influences(number(graph, "x")) == {"a", "b"}
    assert graph.influences(number(graph, "y")) == {"b"}
