"""`blend`: exact, with the error that it says, and no worse than the better of its two estimators."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import hepppl
from hepppl.backends.jax.gradients import solved
from hepppl.diagnostics.errors import HepPlanError
from hepppl.planning.rivals import rivals

from . import oracles
from .acceptance import assert_agrees, assert_within, load

#: A walk that score and alternatives see about equally well, and a count below it.
TWO = """model m {
    param p: real in (0, 1) = 0.4
    s = 0
    for i in 0..6 {
        b ~ bernoulli(p)
        s = s + (if b then 1 else -1)
    }
    k ~ poisson(2 + p * s * s)
    return s^3 + k
}"""


def summed(p: float) -> float:
    """E of `TWO`, over the numbers of steps up; E[k] is its rate."""
    ups = np.arange(7)
    masses = np.array([1, 6, 15, 20, 15, 6, 1]) * p**ups * (1 - p) ** (6 - ups)
    s = 2.0 * ups - 6
    return float(masses @ (s**3 + 2 + p * s**2))


@pytest.fixture(scope="module")
def two() -> hepppl.Model:
    return hepppl.parse(TWO)


@pytest.mark.slow
@pytest.mark.parametrize(
    "by",
    [
        {"b": "blend", "k": "stochastic_ad"},
        {"b": "blend(a='score(baseline=\"none\")', b='enumerate')", "k": "blend(a='measure_valued', b='score')"},
    ],
    ids=["one", "both"],
)
def test_exact_beside_others(two: hepppl.Model, by: dict[str, str]) -> None:
    """Which of two groups' offers the alternative is matters to the second estimate."""
    found = two.grad(50_000, seed=101, by=by)
    assert_within(found.gradient["value"]["p"], found.se["value"]["p"], oracles.derivative(summed, 0.4))


@pytest.mark.slow
def test_no_worse_than_either(two: hepppl.Model) -> None:
    found = two.grad(50_000, seed=101, by={"*": "blend"})
    assert_within(found.gradient["value"]["p"], found.se["value"]["p"], oracles.derivative(summed, 0.4))
    best = found.std["value"]["p"]
    alone = [two.grad(50_000, seed=101, by={"*": e}).std["value"]["p"] for e in ("stochastic_ad", "score")]
    assert best < 0.9 * min(alone)


@pytest.mark.slow
def test_particles() -> None:
    """The absorber: about a fifth of the variance of the better one is saved."""
    by = {"shower.interacts": "blend"}
    found = load("absorber").grad(30_000, seed=102, by=by, theta=2.5)
    assert_agrees(found, "value", oracles.ABSORBER, what="absorber")
    assert found.std["value"]["theta"] < 2.6  # stochastic_ad: 2.74, score: 3.7


@pytest.mark.slow
def test_reverse_mode_agrees_with_forward_mode() -> None:
    one = hepppl.parse("model m { param p: real in (0, 1) = 0.4; b ~ bernoulli(p); k ~ poisson(3); return k + b * k }")
    forward, reverse = (one.grad(3_000, seed=103, by={"b": "blend"}, mode=mode) for mode in ("forward", "reverse"))
    for quantity in ("gradient", "std"):
        found, wanted = (getattr(r, quantity)["value"]["p"] for r in (reverse, forward))
        assert found == pytest.approx(wanted, rel=2e-4)


@pytest.mark.slow
def test_the_error_is_that_of_many_runs(two: hepppl.Model) -> None:
    """256 batches of 256 events each: their spread has a relative error of 1/sqrt(2 · 256) = 4.4%."""
    value_and_grad = two.compile(by={"*": "blend"}).value_and_grad
    slopes = jax.lax.map(lambda seed: value_and_grad(seed, {}, 256)[1]["value"]["p"], jnp.arange(256))
    assert_within(slopes.mean(), slopes.std() / 16, oracles.derivative(summed, 0.4), what="mean of the batches")
    std = two.grad(50_000, seed=105, by={"*": "blend"}).std["value"]["p"]
    assert float(slopes.std()) * 16 == pytest.approx(std, rel=0.22)


def test_small_batches_are_unbiased() -> None:
    """The coefficient comes from two other events."""
    model = hepppl.parse("model m { param p: real in (0, 1) = 0.3; x ~ bernoulli(p); return 5 + 2 * x }")
    value_and_grad = model.compile(by={"x": "blend"}).value_and_grad
    slopes = jax.jit(jax.vmap(lambda seed: value_and_grad(seed, {}, 3)[1]["value"]["p"]))(jnp.arange(40_000))
    assert_within(np.mean(slopes), np.std(slopes) / 200, 2.0)


def test_coefficients_solve_the_equations() -> None:
    rng = np.random.default_rng(5)
    s = rng.normal(size=(3, 50)).astype(np.float32)
    s[2] = 2 * s[0] - s[1]  # made up by the others
    g = rng.normal(size=50).astype(np.float32)
    squares = [[jnp.asarray(a @ b) for b in s] for a in s]
    found = np.array(solved(squares, [jnp.asarray(g @ a) for a in s]))
    wanted = np.linalg.lstsq(s[:2].T, g, rcond=None)[0]
    np.testing.assert_allclose(found, [*wanted, 0], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("by", "word"),
    [
        ("blend(a='enumerate')", "one alternative"),
        ("blend(a='reparam')", "without a derivative"),
        ("blend(a='finite_difference')", "without a derivative"),
        ("blend(a='blend')", "without a derivative"),
        ("blend(a='score(baseline=\"loo\")')", "uses the batch"),
        ("blend(a='score(baseline=\"mean\")')", "baseline"),
        ("blend(a=3)", "cannot read"),
        ("blend(c='score')", "no option 'c'"),
        ("blend(a='scoer')", "scoer"),
    ],
)
def test_what_cannot_be_blended(two: hepppl.Model, by: str, word: str) -> None:
    with pytest.raises(hepppl.HepError) as caught:
        two.plan({"b": by})
    assert word in str(caught.value)


def test_it_refuses_what_either_refuses() -> None:
    model = hepppl.parse("model m { param t = 0.5; x ~ normal(t, 1); return x > 0 }")
    with pytest.raises(HepPlanError, match="stochastic_ad: normal is continuous"):
        model.plan({"x": "blend"})
    (row,) = model.plan({"x": "blend(b='measure_valued')"}).rows
    assert row.estimator == "blend"


def test_its_parts_are_no_judges_of_it(two: hepppl.Model) -> None:
    plan = two.plan({"b": "blend"})
    assert [name for name, _ in rivals(two.model_graph, plan, plan.rows[0])] == ["enumerate", "measure_valued"]
    plan = two.plan({"b": "score"})
    assert "blend" not in [name for name, _ in rivals(two.model_graph, plan, plan.rows[0])]
