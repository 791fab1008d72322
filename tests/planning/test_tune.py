"""The choice by a pilot run: with measurements that are given, and with real ones."""

from __future__ import annotations

import math

import pytest

import hepppl
from hepppl.planning import Plan, apply, choose, dumps, loads, table
from hepppl.planning.requests import collect
from hepppl.planning.tune import Measured, tune

from .load import graph_of

TWO = """model m {
    param p: real in (0, 1) = 0.3
    a ~ bernoulli(p)
    x ~ normal(p, 1)
    return (low = a, high = a * x)
}"""


def figures(plan: Plan) -> dict[str, str]:
    return {
        row.site: str(row.estimator) + "".join(str(row.options[k]) for k in ("side", "baseline") if k in row.options)
        for row in plan.rows
    }


def tuned(variance, by=None, text=TWO, seconds=lambda _: 1.0) -> Plan:
    """Tune with the variance and the seconds that functions of `figures` give."""
    graph = graph_of(text)

    def measure(plan: Plan) -> Measured:
        found = figures(plan)
        return Measured((1.0, 1.0), (1.0, variance(found)), seconds(found))

    return tune(graph, collect(graph, by), ("p",), measure, lambda: 0.5, 100)


def test_the_least_variance_times_time_is_taken() -> None:
    table_of = {"blend": 4.0, "stochastic_adup": 1.0, "stochastic_addown": 9.0}
    plan = tuned(lambda found: table_of.get(found["a"], 100.0))
    assert figures(plan) == {"a": "stochastic_adup", "x": "reparam"}
    assert plan[plan.rows[0].number].measured == pytest.approx(0.5, rel=1e-3)  # the mean of 1 and 1/4, geometric
    assert plan.rows[1].measured == 1.0
    assert plan.tuning is not None
    assert plan.tuning.simulations == 2.0
    assert {t.relative for t in plan.tuning.trials if t.chosen} == {plan.rows[0].measured}
    slow = tuned(lambda found: table_of.get(found["a"], 100.0), seconds=lambda f: 5.0 if "up" in f["a"] else 1.0)
    assert figures(slow) == figures(choose(graph_of(TWO)))


def test_a_gain_within_the_error_of_a_clock_changes_nothing() -> None:
    plan = tuned(lambda found: 1.0 if "blend" in found["a"] else 0.85)
    assert figures(plan) == figures(choose(graph_of(TWO)))


def test_sites_that_are_better_only_together_are_changed_together() -> None:
    text = "model m { param p: real in (0, 1) = 0.3; a ~ bernoulli(p); x ~ bernoulli(p); return a + x }"
    plan = tuned(lambda found: 0.1 if all("score" in f for f in found.values()) else 1.0, text=text)
    assert all("score" in f for f in figures(plan).values())
    assert plan.tuning is not None
    assert [t.site for t in plan.tuning.trials if t.chosen] == ["*"]


def test_what_the_caller_names_stays() -> None:
    plan = tuned(lambda found: 0.01 if "score" in found["a"] else 1.0, by={"a": "stochastic_ad"})
    assert figures(plan)["a"] == "stochastic_adboth"
    assert "the caller" in plan.rows[0].why


def test_estimates_that_are_not_finite_are_never_taken() -> None:
    assert Measured((math.nan,), (1.0,), 1.0).relative(Measured((1.0,), (1.0,), 1.0)) == math.inf
    assert "blend" in figures(tuned(lambda found: 1.0 if "blend" in found["a"] else math.nan))["a"]


def test_only_what_is_sound_is_measured() -> None:
    text = "model m { param p: real = 0.3; x ~ normal(p, 1); return x > 0 }"
    seen = []
    tuned(lambda found: seen.append(found["x"]) or 1.0, text=text)
    assert set(seen) == {"boundary", "scoreoptimal", "scoreloo", "measure_valued"}


def test_there_and_back() -> None:
    graph = graph_of(TWO)
    plan = tuned(lambda found: 0.1 if "up" in found["a"] else 1.0)
    assert loads(dumps(plan)) == plan
    again = apply(graph, loads(dumps(plan)))
    assert figures(again) == figures(plan)
    assert again.tuning == plan.tuning
    assert "variance × time" in table(again)
    assert "taken" in table(again)


@pytest.mark.slow
def test_a_pilot_run_finds_the_flip_that_has_no_variance() -> None:
    """x² + Bernoulli(sin² 2x): the author's one-sided look costs 15 an event at x = 0.7, both sides nothing."""
    text = "model m { param x: real = 0.7; b ~ bernoulli(sin(2 * x)^2) by stochastic_ad(side = 'up'); return x^2 + b }"
    plan = hepppl.parse(text.replace("'", '"')).plan(tune=True, n=2000, x=0.7)
    assert figures(plan)["b"] in ("stochastic_adboth", "enumerate", "measure_valued")  # of two values, the same
    assert plan.rows[0].measured is not None
    assert plan.rows[0].measured < 1e-3


def test_the_expected_cost_counts_an_estimator_once() -> None:
    text = "model m { param p: real in (0, 1) = 0.3; a ~ bernoulli(p); x ~ bernoulli(p); return a + x }"
    assert choose(graph_of(text)).relative_cost == 1.0
    assert "about 2 simulations" in table(choose(graph_of(text)))
