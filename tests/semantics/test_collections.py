"""Reductions of what a process emitted: expressions on elements become regions of their own."""

from __future__ import annotations

from .load import model, nodes, output_types
from .wellformed import verify

SHOWER = "process shower(e: energy) { emit (energy = e, depth = 1 mm, hot = e > 1 GeV) }"


def reductions(text: str):
    p = model(f"w ~ normal(0, 1)\nh ~ shower(1 GeV) limit 4\nreturn {text}", SHOWER)
    verify(p)
    return p, nodes(p, "reduce")


def test_expressions_on_elements():
    p, (node,) = reductions("sum(h.energy * h.depth * (w + 1))")
    assert node.attrs["kind"] == "sum"
    assert len(node.inputs) == 2  # the collection and w + 1, computed once outside
    assert [n.op for n in node.regions[0].nodes] == ["mul", "mul"]
    assert output_types(p) == {"value": "MeV*mm"}


def test_reductions_of_conditions():
    for text, kind, result in (
        ("count(h)", "count", "int"),
        ("count(h.hot and h.depth > 1 mm)", "count", "int"),
        ("count(h.energy)", "count", "int"),
        ("any(h.hot)", "any", "bool"),
        ("all(not h.hot)", "all", "bool"),
        ("sum(h.hot)", "sum", "int"),
        ("mean(h.hot)", "mean", "real"),
        ("max(h.energy)", "max", "energy"),
        ("sum(if h.hot then h.energy else 0 GeV)", "sum", "energy"),
        ("min(max(h.energy, 2 GeV))", "min", "energy"),
    ):
        p, (node,) = reductions(text)
        assert (node.attrs["kind"], output_types(p)["value"]) == (kind, result), text


def test_hist_and_padded():
    _, (node,) = reductions("hist(h.energy, [0 GeV, 1 GeV, 2 GeV], weights = h.depth)")
    assert node.attrs == {"kind": "hist", "bins": 2}
    assert node.inputs[-1].type.shape == (3,)
    assert len(node.regions[0].results) == 2
    _, found = reductions("padded(h, 8)")
    assert [n.attrs["size"] for n in found] == [8, 8, 8]
    assert [n.attrs["fill"] for n in found] == [0.0, 0.0, False]
    _, (node,) = reductions("sum(padded(h.energy, 4, fill = -1 GeV))")
    assert node.attrs["fill"] == -1000.0


def test_a_function_of_a_collection():
    p = model(
        "h ~ shower(1 GeV) limit 4\nreturn centre(h)",
        SHOWER + "\nfn centre(h) = sum(h.energy * h.depth) / sum(h.energy)",
    )
    assert output_types(p) == {"value": "length"}
