"""Which estimator serves a site where several are sound and nobody asked."""

from __future__ import annotations

import pytest

from hepppl.planning import SitePlan, apply, choose, dumps, loads
from hepppl.planning.importance import natural

from .load import graph_of

SHOWER = """
process shower(e: real, p: real) {
    splits ~ bernoulli(p / (1 + 1 / e))
    if e > 1 and splits { CHILDREN } else { emit (e = e) }
}
model m {
    PARAMS
    n ~ shower(20, p) limit 64
    return count(n)
}
"""
SHARED = "z ~ uniform(0, 1)\nspawn shower(z * e, p)\nspawn shower((1 - z) * e, p)"
COPIED = "spawn shower(e / 3, p)\nspawn shower(e / 3, p)"


def row(children: str = SHARED, params: str = "param p: real in (0, 1) = 0.3", **options: object) -> SitePlan:
    text = SHOWER.replace("CHILDREN", children).replace("PARAMS", params)
    return next(r for r in choose(graph_of(text), **options).rows if r.site == "shower.splits")


def test_a_shower_that_shares_its_energy() -> None:
    """Candidates count by the particle's energy, and the score sees the others; but reverse mode of random length makes
    no gradients of single events, which a blend needs."""
    forward, reverse = row(), row(mode="reverse")
    assert (forward.estimator, reverse.estimator) == ("blend", "stochastic_ad")
    assert "the particle's part of e" in forward.reason
    assert forward.importance == reverse.importance is not None
    table = "param p: real in (0, 1) = 0.3\nparam more: real[8] = [0, 0, 0, 0, 0, 0, 0, 0]"
    assert row(params=table).estimator == "stochastic_ad"  # nine numbers: reverse mode
    assert row(params=table, mode="forward").estimator == "blend"
    assert row(params=table, wrt=["p"]).estimator == "blend"


def test_a_shower_that_shares_nothing() -> None:
    assert (row(COPIED).estimator, row(COPIED).importance) == ("stochastic_ad", None)


def test_what_is_named_is_as_its_options_say() -> None:
    assert row(by={"shower.splits": "stochastic_ad"}).importance is None


def test_a_saved_plan_keeps_the_importance() -> None:
    graph = graph_of(SHOWER.replace("CHILDREN", SHARED).replace("PARAMS", "param p: real in (0, 1) = 0.3"))
    plan = choose(graph)
    again = apply(graph, loads(dumps(plan)))
    assert loads(dumps(plan)) == plan
    number = row().number
    assert again[number].importance == plan[number].importance == natural(graph, number)


SMEARED = "model m { param t: real in (0.1, 9) = 2; p ~ LAW; x ~ normal(p, 0.1 * p); return USE }"


@pytest.mark.parametrize(
    ("law", "use", "estimator"),
    [
        ("exponential(1 / t)", "x > 3", "score"),
        ("half_normal(t)", "hist([x], [0, 1, 2])", "score"),
        ("exponential(1 / t)", "if x > 3 then p else 0", "score"),
        ("exponential(1 / t)", "x^2", "reparam"),  # nothing is cut
        ("exponential(1 / t)", "p > 3", "boundary"),  # cut itself
        ("normal(t, 0.01)", "x > 3", "reparam"),  # its score grows as it gets narrower
        ("gamma(100, 100 / t)", "x > 3", "reparam"),  # and so does that of this one
        ("log_normal(log(t), 0.01)", "x > 3", "reparam"),
    ],
)
def test_a_spectrum_that_is_smeared_and_then_cut(law: str, use: str, estimator: str) -> None:
    plan = choose(graph_of(SMEARED.replace("LAW", law).replace("USE", use)))
    assert next(r.estimator for r in plan.rows if r.site == "p") == estimator


def test_a_spectrum_that_was_asked_for_by_name() -> None:
    graph = graph_of(SMEARED.replace("LAW", "exponential(1 / t)").replace("USE", "x > 3"))
    assert [r.estimator for r in choose(graph, by={"p": "reparam"}).rows] == ["reparam", "boundary"]
