"""The importance of candidates: learned from what a pilot run kept, kept in plans, taken only where it is better."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from hepppl.diagnostics.errors import HepPlanError
from hepppl.planning import Plan, apply, choose, dumps, loads, table
from hepppl.planning.importance import Factor, Feature, Importance, features
from hepppl.planning.learning import Candidates, learned, values
from hepppl.planning.requests import collect
from hepppl.planning.tune import Measured, tune

from .load import graph_of, program

WALK = """model m {
    param p: real in (0, 1) = 0.3
    s = 0.0
    for i in 0..9 {
        b ~ bernoulli(p)
        s = s + (if b then 1.0 else 0.0)
    }
    return s^2
}"""
A, B, C = (Feature("value", i, name) for i, name in enumerate("abc"))


def pilot(n: int, telling: bool) -> Candidates:
    """Kept candidates whose effect goes as the squares of the first feature and the third, or is the same for all."""
    rng = np.random.default_rng(3)
    columns = np.stack([rng.choice([1.0, 2.0, 4.0, 8.0], n), rng.normal(size=n), rng.uniform(1, 3, n)], 1)
    size = columns[:, 0] ** 2 * columns[:, 2] ** 4 if telling else 1.0
    return Candidates(columns, np.full(n, 2.0), 18.0 * size * rng.exponential(size=n))


def test_the_telling_features_are_found_and_their_importance() -> None:
    found = learned((A, B, C), pilot(8000, telling=True), guessed=False)
    assert found is not None
    assert {factor.feature for factor in found.factors} == {A, C}
    columns = np.array([[1.0, 0.0, 1.5], [8.0, 5.0, 1.5], [8.0, -5.0, 2.9]])
    expected = 3 * columns[:, 0] * columns[:, 2] ** 2
    assert values(found, (A, B, C), columns) == pytest.approx(expected, rel=0.2)
    assert found.why == "importance learned from a and c"


def test_where_nothing_tells_only_a_level_is_learned() -> None:
    found = learned((A, B, C), pilot(4000, telling=False), guessed=True)
    assert found is not None
    assert (found.factors, found.guessed) == ((), True)
    assert found.level == pytest.approx(3.0, rel=0.1)
    assert found.why == "importance learned"


def test_too_few_candidates_tell_nothing() -> None:
    assert learned((A, B, C), pilot(50, telling=True), guessed=False) is None
    quiet = pilot(500, telling=True)
    assert learned((A, B, C), replace(quiet, effect=np.zeros(500)), guessed=False) is None


def test_what_is_known_when_a_site_draws() -> None:
    graph = program("absorber")
    (number,) = (site.number for site in graph.sites() if site.name == "shower.interacts")
    names = {feature.text for feature in features(graph, number)}
    assert {"p.energy", "x", "y", "r", "steps", "particles that wait"} <= names
    walk = graph_of(WALK)
    (number,) = (site.number for site in walk.sites())
    assert {"i", "s"} <= {feature.text for feature in features(walk, number)}


def steered(plan: Plan, *factors: Factor) -> Plan:
    own = Importance(2.0, factors)
    return replace(plan, rows=tuple(replace(row, importance=own if row.estimator else None) for row in plan.rows))


def walk_feature(name: str) -> Feature:
    graph = graph_of(WALK)
    return next(f for f in features(graph, graph.sites()[0].number) if f.text == name)


def test_there_and_back() -> None:
    plan = steered(choose(graph_of(WALK)), Factor(walk_feature("s"), (0.5, 3.5), (0.1, 1.0, 2.5)))
    assert plan.key != choose(graph_of(WALK)).key
    assert loads(dumps(plan)) == plan
    again = apply(graph_of(WALK), loads(dumps(plan)))
    assert again.key == plan.key
    assert "importance learned from s" in table(again)


@pytest.mark.parametrize("change", [{"level": 0.0}, {"level": math.nan}, {"level": None}, {"factors": [{}]}])
def test_an_importance_that_is_none_is_refused(change: dict[str, object]) -> None:
    data = json.loads(dumps(steered(choose(graph_of(WALK)))))
    data["sites"][0]["importance"].update(change)
    with pytest.raises(HepPlanError, match="not a saved plan"):
        loads(json.dumps(data))


def test_a_feature_that_the_program_has_not_is_refused() -> None:
    plan = steered(choose(graph_of(WALK)), Factor(Feature("value", 10_000, "gone"), (), (1.0,)))
    with pytest.raises(HepPlanError, match="'gone', which is not known there"):
        apply(graph_of(WALK), plan)


@pytest.mark.parametrize(("relative", "taken"), [(0.5, True), (0.95, False)])
def test_it_is_kept_only_where_it_is_better(relative: float, taken: bool) -> None:
    graph = graph_of(WALK)
    own = Importance(1.0, (Factor(walk_feature("s"), (0.5,), (0.5, 2.0)),))

    def measure(plan: Plan) -> Measured:
        serves = plan.rows[0].estimator == "stochastic_ad" and plan.rows[0].options["side"] == "both"
        alone = serves and plan.rows[0].options["alternatives"] == 1
        return Measured((1.0,), ((relative if plan.rows[0].importance else 1.0) if alone else 9.0,), 1.0)

    plan = tune(graph, collect(graph, None), ("p",), measure, lambda: 1.0, 100, lambda plan: {plan.rows[0].number: own})
    assert plan.tuning is not None
    assert [t.chosen for t in plan.tuning.trials if t.learned] == [taken]
    assert (plan.rows[0].importance is not None) == taken
    assert ("importance learned from s" in plan.rows[0].reason) == taken
    assert "importance learned from s" in table(plan)
