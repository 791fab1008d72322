"""The plans of the design's programs."""

from __future__ import annotations

import pytest

from hepppl.planning import Plan, choose

from .load import NAMES, program

#: site -> (estimator, a word of the reason)
EXPECTED = {
    "absorber": {"phi": (None, "does not depend"), "shower.interacts": ("blend", "discrete")},
    "counting": {"n": ("blend", "discrete")},
    "cut": {"pt_true": (None, "does not depend"), "pt": ("boundary", "comparison in line 8")},
    "cut_optimisation": {
        "pt_signal": ("boundary", "its law holds no parameter, but"),
        "pt_background": ("boundary", "the comparison in line"),
    },
    "discrete_choice": {"b": ("stochastic_ad", "discrete")},
    "discrete_qcd": {"column.tile": (None, "no derivative")},
    "sudakov": {"r": ("boundary", "moves"), "accept": ("stochastic_ad", "discrete")},
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
