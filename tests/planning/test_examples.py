"""The plans of the design's programs."""

from __future__ import annotations

import pytest

from hepppl.diagnostics.errors import HepPlanError
from hepppl.planning import Plan, choose

from .load import NAMES, program

#: site -> (estimator, a word of the reason)
EXPECTED = {
    "absorber": {"phi": (None, "does not depend"), "shower.interacts": ("stochastic_ad", "discrete")},
    "counting": {"n": ("stochastic_ad", "discrete")},
    "cut": {"pt_true": (None, "does not depend"), "pt": ("score", "comparison in line 8")},
    "discrete_choice": {"b": ("stochastic_ad", "discrete")},
    "discrete_qcd": {"column.tile": (None, "no derivative")},
    "ee_mumu": {"c": (None, "does not depend"), "phi": (None, "does not depend")},
}


def chosen(plan: Plan) -> dict[str, str | None]:
    return {row.site: row.estimator for row in plan.rows}


@pytest.mark.parametrize("name", EXPECTED)
def test_plan(name: str) -> None:
    rows = choose(program(name)).rows
    assert {row.site for row in rows} == set(EXPECTED[name])
    for row in rows:
        estimator, word = EXPECTED[name][row.site]
        assert row.estimator == estimator
        assert word in row.why


def test_what_a_site_influences() -> None:
    rows = {row.site: row for row in choose(program("cut")).rows}
    assert rows["pt"].influences == {"acceptance", "mean_pt"}
    rows = {row.site: row for row in choose(program("ee_mumu")).rows}
    assert rows["c"].influences == {"asymmetry", "cos_theta", "weight"}
    assert rows["phi"].influences == frozenset()


@pytest.mark.parametrize("name", NAMES)
def test_without_parameters_nothing_needs_an_estimator(name: str) -> None:
    """So that simulating never needs a sound plan."""
    plan = choose(program(name), wrt=())
    assert plan.wrt == ()
    assert set(chosen(plan).values()) <= {None}
    assert len(plan.rows) == len(program(name).sites())


def refusal(name: str):
    with pytest.raises(HepPlanError) as caught:
        choose(program(name))
    return caught.value.diagnostics


def test_a_threshold_that_moves_is_refused() -> None:
    found = refusal("cut_optimisation")
    assert [d.code for d in found] == ["E601", "E601"]
    assert [d.span.text for d in found] == ["pt_signal > threshold", "pt_background > threshold"]
    assert all("'threshold'" in d.message and d.hints for d in found)


def test_noise_transformed_by_a_parameter_is_refused() -> None:
    found = refusal("sudakov")
    assert all(d.code == "E601" for d in found)
    assert {d.span.text for d in found} == {"q > q_cut"}
    assert "alpha_mz" in found[0].message
    assert "'r'" in found[0].message
    assert "draw the transformed value" in found[0].hints[0]
