"""Plans as text and in files."""

from __future__ import annotations

import json

import pytest

import hepppl
from hepppl.diagnostics.errors import HepPlanError
from hepppl.planning import Plan, apply, choose, dumps, loads, table

from .load import graph_of, program


def fault(action, *arguments) -> str:
    with pytest.raises(HepPlanError) as caught:
        action(*arguments)
    (found,) = caught.value.diagnostics
    assert found.code == "E606"
    return found.message


def test_there_and_back() -> None:
    plan = choose(program("cut"), by={"pt": "score(baseline='none')"})
    assert loads(dumps(plan)) == plan
    again = apply(program("cut"), loads(dumps(plan)))
    assert [(r.site, r.estimator, r.options) for r in again.rows] == [
        (r.site, r.estimator, r.options) for r in plan.rows
    ]
    assert "the saved plan" in again[again.rows[1].number].why


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "x", "version": 1}', "null"])
def test_other_files_are_refused(text: str) -> None:
    assert "not a saved plan" in fault(loads, text)


def test_a_plan_of_another_version_is_refused() -> None:
    data = json.loads(dumps(choose(program("cut"))))
    assert "version 2" in fault(loads, json.dumps(data | {"version": 2}))


def test_a_plan_for_another_program_is_refused() -> None:
    plan = choose(program("cut"))
    assert "'absorber'" in fault(apply, program("absorber"), plan)
    shorter = graph_of("model cut { param scale: real = 1; pt ~ normal(scale, 1); return pt }")
    assert "'pt_true'" in fault(apply, shorter, plan)
    other = graph_of("model cut { param scale: real = 1; pt_true ~ normal(scale, 1); y ~ normal(0, 1); return y }")
    assert "'pt'" in fault(apply, other, plan)


def test_a_saved_choice_is_judged_anew() -> None:
    smooth = graph_of("model m { param t: real = 0; x ~ normal(t, 1); return x }")
    rough = graph_of("model m { param t: real = 0; x ~ normal(t, 1); return x > 0 }")
    with pytest.raises(HepPlanError) as caught:
        apply(rough, choose(smooth))
    assert [d.code for d in caught.value.diagnostics] == ["E602"]


def test_table() -> None:
    lines = table(choose(program("cut"))).splitlines()
    assert lines[0] == "cut: derivatives with respect to scale"
    assert lines[1].split() == ["site", "line", "distribution", "estimator", "cost", "why"]
    assert lines[3].startswith("pt_true  6     exponential   -  ")
    assert lines[4].startswith("pt       7     normal        boundary ")
    assert "score(baseline='loo')" in table(choose(program("cut"), by={"pt": "score"}))
    column = lines[1].index("why")
    assert all(line[column - 2 : column].isspace() for line in lines[3:5])
    assert lines[5:] == ["", "expected cost of a gradient: about 2 simulations"]
    assert str(choose(program("cut"))) == "\n".join(lines)


def test_table_without_sites() -> None:
    assert table(Plan("m", (), ())) == "m: derivatives with respect to nothing\nno random sites"


def test_plans_that_differentiate_otherwise_have_other_keys() -> None:
    """What is compiled, in memory and on disk, is found again by the plan's key."""
    model = hepppl.parse("model m {\n    param t: real in (0, 9) = 2\n    k ~ poisson(t)\n    return k^2\n}\n")
    texts = ["score", "score(baseline='none')", "finite_difference(step=0.1)", "finite_difference(step=0.2)"]
    plans = [model.plan(by={"*": text}) for text in texts]
    assert len({plan.key for plan in plans}) == len(texts)
    assert model.plan(by={"*": "score"}).key == plans[0].key
