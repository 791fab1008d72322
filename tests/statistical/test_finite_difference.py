"""`finite_difference`: biased by what Taylor's theorem says, never mixed with others, never chosen unless named."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

import hepppl
from hepppl.diagnostics.errors import HepPlanError, HepResultError
from hepppl.planning import apply, dumps, loads
from hepppl.verification import DIFFERENCES

from .acceptance import assert_within, load
from .oracles import random_walk

MANY = """model m {
    param t: real in (0, 2) = 0.5
    param a: real[2] = [1, 2]
    x ~ normal(t, 1)
    k ~ poisson(4 * t)
    weight(exp(-a[0] * t))
    return (cubed = x * t * t, counts = (k - 6)^2, both = [a[0] * x, a[1]^2], bins = hist([x], [-9, 0, 9]))
}"""


@pytest.fixture(scope="module")
def many() -> hepppl.Model:
    return hepppl.parse(MANY)


def named(step: float) -> dict[str, str]:
    return {"*": f"finite_difference(step={step})"}


def test_values_and_errors(many: hepppl.Model) -> None:
    """Weights that are the same in all events cancel; x t² of a normal x is biased by h², its mean being t³."""
    found = many.grad(50_000, seed=91, by=named(0.2))
    assert found.mode == "outside"
    value, se = found.gradient, found.se
    assert_within(value["cubed"]["t"], se["cubed"]["t"], 3 * 0.5**2 + 0.1**2, what="cubed")
    assert_within(value["counts"]["t"], se["counts"]["t"], 4 * (1 + 2 * (2 - 6)), what="counts")
    assert_within(value["both"]["a"], se["both"]["a"], np.array([[0.5, 0], [0, 4]]), what="both")
    assert_within(value["weight"]["t"], se["weight"]["t"], -np.sinh(0.1) / 0.1 * np.exp(-0.5), what="weight")
    density = np.exp(-0.125) / np.sqrt(2 * np.pi)
    assert_within(value["bins"]["t"], se["bins"]["t"], density * np.array([-1, 1]), scale=0.5, what="bins")
    assert found.std["cubed"]["t"] == pytest.approx(1.0, rel=0.02)  # 2 t, of (t + z) t²


def test_one_event_s_standard_deviation() -> None:
    """An event flips between θ ± h with probability 2h and then counts 1/2h."""
    model = hepppl.parse("model m { param p: real in (0, 1) = 0.5; b ~ bernoulli(p); return b }")
    found = model.grad(50_000, seed=92, by=named(0.1))
    assert found.std["value"]["p"] == pytest.approx(np.sqrt(1 / 0.1 - 1), rel=0.03)
    assert_within(found.gradient["value"]["p"], found.se["value"]["p"], 1.0)


def test_at_the_end_of_a_support_it_is_one_sided() -> None:
    model = hepppl.parse("model m { param t: real in [1, 3] = 1; return t^2 }")
    found = model.grad(10, by=named(0.1))
    assert found.gradient["value"]["t"] == pytest.approx(2.1, rel=1e-4)


def test_through_a_loop_and_particles() -> None:
    found = load("random_walk").grad(50_000, seed=93, by=named(0.05), p=50.0)
    exact = random_walk(50.0).gradient["p"]
    assert_within(found.gradient["value"]["p"], found.se["value"]["p"], exact, what="random walk")


def test_pure_functions() -> None:
    model = hepppl.parse("model m { param t = 0.5; x ~ normal(t, 1); return x^3 }")
    means, slopes = model.compile(by=named(0.1)).value_and_grad(3, {"t": jnp.float32(0.7)}, 1000)
    again = model.grad(1000, seed=3, by=named(0.1), t=0.7)
    assert float(means["value"]) == pytest.approx(float(again.mean["value"]), rel=1e-5)
    assert float(slopes["value"]["t"]) == pytest.approx(float(again.gradient["value"]["t"]), rel=1e-4)


def test_the_plan_says_so_and_is_kept(many: hepppl.Model) -> None:
    plan = many.plan(named(0.2))
    assert plan.whole == ("finite_difference", {"step": 0.2})
    assert all(row.why.endswith("; biased") for row in plan.rows)
    assert "whole program by finite_difference(step=0.2)" in str(plan)
    assert loads(dumps(plan)) == plan
    assert apply(many.model_graph, loads(dumps(plan))).whole == plan.whole
    assert all(row.estimator != "finite_difference" for row in many.plan(wrt="t").rows)


def test_verify_sees_its_bias() -> None:
    model = hepppl.parse("model m { param t: real = 0.5; x ~ normal(t, 1); return x^3 }")
    assert model.verify(20_000, by=named(0.01)).ok
    with pytest.raises(HepResultError) as caught:
        model.verify(20_000, by=named(1.0))
    assert caught.value.diagnostics[0].code == "E907"


def test_where_nothing_else_serves_it_is_verified_by_extrapolated_differences() -> None:
    model = hepppl.parse("model m { param t: real = 2.5; x ~ pareto(t, 3); return floor(x) }")
    with pytest.raises(HepPlanError):
        model.plan()
    found = model.verify(20_000, by=named(0.1))
    assert found.ok
    assert {c.against for c in found.comparisons} == {DIFFERENCES}


@pytest.mark.parametrize(
    ("by", "word"),
    [
        ({"x": "finite_difference"}, "not site 'x' alone"),
        ({"*": "finite_difference", "x": "score"}, "has no part in it"),
    ],
)
def test_it_is_not_mixed(many: hepppl.Model, by: dict[str, str], word: str) -> None:
    with pytest.raises(HepPlanError) as caught:
        many.plan(by)
    (found,) = caught.value.diagnostics
    assert found.code == "E602"
    assert word in found.message


def test_a_program_does_not_name_it_for_a_site() -> None:
    model = hepppl.parse("model m { param t = 0.5; x ~ normal(t, 1) by finite_difference; return x }")
    with pytest.raises(HepPlanError, match="not site 'x' alone"):
        model.plan()


@pytest.mark.parametrize("step", ["0", "2", "'a'", "True"])
def test_the_step_is_checked(many: hepppl.Model, step: str) -> None:
    with pytest.raises(HepPlanError, match="1e-4 to 1"):
        many.plan({"*": f"finite_difference(step={step})"})
