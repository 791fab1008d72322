"""The optimal baseline of `score`: exact values, forward as in reverse, no bias in small batches, never worse."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import hepppl
from hepppl.backends.jax.gradients import GROUPS, least_variance, others

from . import oracles
from .acceptance import assert_agrees, assert_within, load

OPTIMAL = "score(baseline='optimal')"


@pytest.mark.parametrize("n", [1, 2, GROUPS, 3 * GROUPS + 5])
def test_others_leaves_out_the_own_group(n: int) -> None:
    x = np.random.default_rng(0).exponential(size=(2, n)).astype(np.float32)
    group = np.arange(n) % GROUPS
    exact = np.stack([x[:, group != g].sum(-1) for g in group], -1)
    np.testing.assert_allclose(others(jnp.asarray(x)), exact, rtol=1e-5)


def test_one_large_element_does_not_spoil_what_leaves_it_out() -> None:
    x = np.ones(8, np.float32)
    x[3] = 1e12
    assert float(others(jnp.asarray(x))[3]) == 7.0


@pytest.mark.every(2)
@pytest.mark.parametrize(
    ("name", "by", "at", "n"),
    [
        ("discrete_choice", {"b": OPTIMAL}, {"x": 0.7}, 100_000),
        ("random_walk", {"up": OPTIMAL}, {"p": 200.0}, 100_000),
        pytest.param(
            "absorber_energy_loss", {"track.interacts": OPTIMAL}, {"theta": 2.5}, 40_000, marks=pytest.mark.slow
        ),
        pytest.param("absorber", {"shower.interacts": OPTIMAL}, {"theta": 2.5}, 40_000, marks=pytest.mark.slow),
    ],
)
def test_exact_and_never_worse(name: str, by: dict[str, str], at: dict[str, float], n: int) -> None:
    exact = {
        "discrete_choice": lambda: oracles.discrete_choice(0.7),
        "random_walk": lambda: oracles.random_walk(200.0),
        "absorber_energy_loss": lambda: oracles.ABSORBER_ENERGY_LOSS,
        "absorber": lambda: oracles.ABSORBER,
    }[name]()
    (param,) = at
    best = load(name).grad(n, seed=51, by=by, **at)
    assert_agrees(best, "value", exact, what=name)
    (site,) = by
    for baseline in ("loo", "none"):
        other = load(name).grad(n, seed=51, by={site: f"score(baseline='{baseline}')"}, **at)
        assert best.std["value"][param] <= 1.01 * other.std["value"][param]


def test_two_parameters_have_a_baseline_each() -> None:
    text = """model m {
        param a: real in (0, 1) = 0.2
        param b: real in (0, 1) = 0.6
        x ~ bernoulli(a)
        y ~ bernoulli(b)
        return 100 + 3 * x - 2 * y
    }"""
    result = hepppl.parse(text).grad(50_000, seed=52, by={"*": OPTIMAL})
    for name, slope, std in (("a", 3.0, 2 * np.sqrt(0.24 / 0.16)), ("b", -2.0, 3 * np.sqrt(0.16 / 0.24))):
        found = result.gradient["value"][name], result.se["value"][name]
        assert_within(*found, slope, what=name)
        # the own jump is taken away whole; what the other site adds is left
        assert result.std["value"][name] == pytest.approx(std, rel=0.03)


@pytest.mark.slow
def test_reverse_mode_agrees_with_forward_mode() -> None:
    model = load("mixed")
    by = {"n": OPTIMAL, "last": "score(baseline='loo')", "first": OPTIMAL, "k": OPTIMAL}
    forward, reverse = (model.grad(3_000, seed=53, by=by, mode=mode) for mode in ("forward", "reverse"))
    for output in ("mixed", "odds"):
        for quantity in ("gradient", "std"):
            found, wanted = (getattr(r, quantity)[output]["t"] for r in (reverse, forward))
            assert found == pytest.approx(wanted, rel=2e-4, abs=1e-5)


@pytest.mark.slow
def test_mixed_with_other_estimators() -> None:
    model = load("mixed")
    result = model.grad(200_000, seed=54, by={"n": OPTIMAL, "last": OPTIMAL})
    reference = model.grad(200_000, seed=55, by={"n": "score(baseline='none')", "last": "score(baseline='none')"})
    for output in ("mixed", "odds"):
        exact, exact_se = reference.gradient[output]["t"], reference.se[output]["t"]
        found = result.gradient[output]["t"], result.se[output]["t"]
        assert_within(*found, exact, exact_se, scale=5.0, what=output)
        assert found[1] <= 1.01 * exact_se


def test_no_bias_in_a_batch_of_three() -> None:
    """Over all batches of three Bernoulli draws, weighed by their probability: Σ_i (f_i - c_i) s_i / 3 is f(1) - f(0)
    exactly, with c_i from the other two. A baseline that used the event itself would miss it."""
    p, f = 0.1, np.array([5.0, 7.0])
    total = 0.0
    for batch in itertools.product((0, 1), repeat=3):
        x = np.array(batch)
        s = jnp.asarray(np.where(x == 1, 1 / p, -1 / (1 - p)))
        square = others(s * s)
        c = others(jnp.asarray(f[x]) * s * s) / square
        total += float(np.prod(np.where(x == 1, p, 1 - p)) * jnp.mean((f[x] - c) * s))
    assert total == pytest.approx(2.0, rel=1e-5)


def test_small_batches_through_the_engine_are_unbiased() -> None:
    model = hepppl.parse("model m { param p: real in (0, 1) = 0.3; x ~ bernoulli(p); return 5 + 2 * x }")
    value_and_grad = model.compile(by={"x": OPTIMAL}).value_and_grad
    slopes = jax.jit(jax.vmap(lambda seed: value_and_grad(seed, {}, 3)[1]["value"]["p"]))(jnp.arange(40_000))
    assert_within(np.mean(slopes), np.std(slopes) / 200, 2.0)


@pytest.mark.every(2)
@pytest.mark.parametrize("n", [4, 8, 16, 64])
def test_multiples_fitted_to_a_few_events_do_little_harm(n: int) -> None:
    """Three controls that tell nothing, in batches of n events: least squares alone give 555 times the variance with
    four of them and 1.9 with eight. 6,000 batches, so that the ratio is known to 2 %."""
    noise = np.random.default_rng(3).normal(size=(6000, 4, 1, n)).astype(np.float32)
    wanted = jnp.ones(n, bool)
    left = jax.vmap(lambda x: least_variance(x[0], list(x[1:]), wanted))(jnp.asarray(noise))
    assert float(jnp.var(left.mean(-1))) * n <= 1.25


def test_what_was_not_asked_for_leaves_no_trace() -> None:
    """A batch has room for more events than are asked for: what did not run has maximum -inf."""
    model = hepppl.parse("""
process run(q: real, n: int) {
    emit q
    on ~ bernoulli(q)
    if on { spawn run(q, n + 1) }
}
model m {
    param p: real in (0, 1) = 0.4
    h ~ run(p, 1) limit 2
    return sum(h) * max(h)
}
""")
    result = model.grad(3_000, seed=7, by={"run.on": OPTIMAL})
    p = 0.4  # p^2 times a geometric number of steps
    exact, slope = p**2 / (1 - p), (2 * p * (1 - p) + p**2) / (1 - p) ** 2
    assert abs(result.mean["value"] - exact) < 4.5 * result.mean_se["value"]
    assert abs(result.gradient["value"]["p"] - slope) < 4.5 * result.se["value"]["p"]
