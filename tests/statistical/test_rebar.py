"""`rebar`: exact, with the error that it says, and less variance than the score; what it does not serve is refused.

Rates of false alarms are those of `acceptance`: 5.7e-7 for each comparison.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import expit

import hepppl
from hepppl.diagnostics.errors import HepPlanError
from hepppl_estimators._rebar import RelaxedControl

from . import oracles
from .acceptance import assert_within
from .test_second import NODES, WEIGHTS

#: Storchastic's test program: three bits, d/d eta at 0 is -0.045.
BITS = """model m {
    param eta: real = 0
    a ~ bernoulli(sigmoid(eta))
    b ~ bernoulli(sigmoid(eta))
    c ~ bernoulli(sigmoid(eta))
    x = if a then 1.0 else 0.0
    y = if b then 1.0 else 0.0
    z = if c then 1.0 else 0.0
    return (x - 0.6)^2 + (y - 0.51)^2 + (z - 0.48)^2
}"""


@pytest.mark.parametrize("options", ["", pytest.param("(eta=1.0)", marks=pytest.mark.slow)])
def test_three_bits(options: str) -> None:
    found = hepppl.parse(BITS).grad(400_000, seed=301, by={"*": f"rebar{options}"})
    assert [row["estimator"] for row in found.sites] == ["rebar"] * 3
    assert_within(found.gradient["value"]["eta"], found.se["value"]["eta"], -0.045, scale=0.1)


@pytest.mark.slow
def test_a_bit_that_is_a_parameter_too() -> None:
    """ADEV's: E[0 if b else -θ/2], the derivative at 0.4 is -0.1."""
    text = "model m { param t: real in (0, 1) = 0.4; b ~ bernoulli(t); return if b then 0.0 else -t / 2 }"
    found = hepppl.parse(text).grad(100_000, seed=302, by={"b": "rebar"})
    assert_within(found.gradient["value"]["t"], found.se["value"]["t"], -0.1)


def test_categorical() -> None:
    probs = "categorical([t, 0.5 - t / 2, 0.5 - t / 2])"
    model = hepppl.parse(f"model m {{ param t: real in (0, 1) = 0.3; c ~ {probs}; return c^2 }}")
    found = model.grad(100_000, seed=303, by={"c": "rebar"})
    assert_within(found.gradient["value"]["t"], found.se["value"]["t"], -2.5)


SUM = """model m {
    param t: real in (0, 1) = 0.3
    s = 0.0
    for i in 0..12 {
        b ~ bernoulli(t)
        s = s + (if b then 1.0 else 0.0) * (1 + 0.1 * i)
    }
    return (s - 4)^2
}"""


def test_a_sum_of_many_has_a_fraction_of_the_variance() -> None:
    model = hepppl.parse(SUM)
    found = model.grad(50_000, seed=304, by={"b": "rebar"})
    weights = 1 + 0.1 * np.arange(12)
    mean, spread = weights.sum(), (weights**2).sum()  # E[(s - 4)²] = spread t (1 - t) + (mean t - 4)²
    exact = spread * (1 - 0.6) + 2 * mean * (0.3 * mean - 4)
    assert_within(found.gradient["value"]["t"], found.se["value"]["t"], exact)
    score = model.grad(50_000, seed=304, by={"b": "score"})
    assert found.std["value"]["t"] < 0.6 * score.std["value"]["t"]  # 80.5 against 191


@pytest.mark.slow
def test_reverse_mode_agrees_with_forward_mode() -> None:
    model = hepppl.parse(SUM)
    reverse = model.grad(2_000, seed=305, by={"b": "rebar"}, mode="reverse")
    forward = model.grad(2_000, seed=305, by={"b": "rebar"}, mode="forward")
    for quantity in ("gradient", "std"):
        one, two = (getattr(r, quantity)["value"]["t"] for r in (forward, reverse))
        assert one == pytest.approx(two, rel=1e-3)


#: A latent bit with a law that moves, below and above values of other estimators; weights.
MIXED = """model m {
    param t: real in (0, 1) = 0.3
    k ~ poisson(3 * t)
    z ~ normal(t, 1)
    b ~ bernoulli(sigmoid(z + 0.2 * k))
    y ~ normal(if b then 1 + t else -t, 1)
    weight exp(0.2 * y)
    return y^2 + (if b then z else 0) + k * y
}"""


def mixed(t: float) -> float:
    """Sums over the count and the bit; quadrature over z; the tilt of y's law in closed form."""
    z, w = t + NODES, WEIGHTS / np.sqrt(2 * np.pi)
    above = below = 0.0
    mass = np.exp(-3 * t)
    for k in range(25):
        for b in (0, 1):
            p = expit(z + 0.2 * k) if b else expit(-(z + 0.2 * k))
            loc = 1 + t if b else -t
            tilt, mean = np.exp(0.2 * loc + 0.02), loc + 0.2
            below += mass * tilt * float(w @ p)
            above += mass * tilt * float(w @ (p * (mean**2 + 1 + b * z + k * mean)))
        mass *= 3 * t / (k + 1)
    return above / below


@pytest.mark.slow
def test_beside_others() -> None:
    found = hepppl.parse(MIXED).grad(200_000, seed=306, by={"b": "rebar"})
    used = {row["site"]: row["estimator"] for row in found.sites}
    assert used == {"k": "blend", "z": "reparam", "b": "rebar", "y": "reparam"}
    exact = oracles.derivative(mixed, 0.3)
    assert_within(found.gradient["value"]["t"], found.se["value"]["t"], exact)


class Site:
    """What `shadow` reads of a site."""

    def __init__(self, p: jax.Array, u: jax.Array, noise: jax.Array) -> None:
        self.params, self.uniform, self._noise = (p,), u, noise

    def sample(self) -> jax.Array:
        p = jax.lax.stop_gradient(self.params[0])
        return self.uniform < p if p.ndim == 0 else jnp.searchsorted(jnp.cumsum(p), self.uniform, side="right")

    def further(self, count: int) -> jax.Array:
        return self._noise[:count]


@pytest.mark.every(2)
@pytest.mark.parametrize("p", [0.3, [0.2, 0.5, 0.3]])
def test_the_two_relaxed_values_have_one_law(p: float | list[float]) -> None:
    """Together with the score, the derivative given the draw has the mean of the free one: for each element of p."""
    numerics, n = RelaxedControl(temperature=0.7), 200_000
    u, *noise = jax.random.uniform(jax.random.key(1), (4, n), minval=1e-6)
    at = jnp.asarray(p)

    def each(given: bool):  # type: ignore[no-untyped-def]
        def value(q, u, noise):  # type: ignore[no-untyped-def]
            return jnp.atleast_1d(numerics.shadow(Site(q, u, noise), given))[-1] ** 2

        return jax.vmap(jax.value_and_grad(value), (None, 0, 1))(at, u, jnp.stack(noise))

    (same, free), (also, given) = each(False), each(True)
    assert np.allclose(same, also, atol=1e-5)
    drawn = np.asarray(jax.vmap(lambda u: Site(at, u, u).sample())(u))
    if at.ndim == 0:
        score = np.where(drawn, 1 / p, -1 / (1 - np.asarray(p)))
    else:
        score = np.eye(3)[drawn] / np.asarray(p) - 1  # of p / sum(p), where the sum is 1
    gap = np.asarray(same).reshape(n, *[1] * at.ndim) * score + np.asarray(given) - np.asarray(free)
    z = gap.mean(0) / (gap.std(0) / np.sqrt(n))
    assert (np.abs(z) < 5).all(), z


PARAM = "param t: real in (0, 1) = 0.3; b ~ bernoulli(t); "
REFUSED = {
    "c ~ bernoulli(if b then 0.3 else 0.6); return if c then 1 else 0": "the law of 'c' in line 1, whose draws jump",
    "y ~ normal(if b then 1 else t, 1); return if y > 1 then 1 else 0": "the comparison in line 1",
    "k ~ poisson(4 * t) by rebar; return k": "relaxes bernoulli and categorical, not poisson",
    "s = 0; for i in 0..3 { s = s + (if b then 1 else 0) }; return s": "the loop in line 1",
}


@pytest.mark.parametrize("body", REFUSED)
def test_refusals(body: str) -> None:
    model = hepppl.parse(f"model m {{ {PARAM}{body} }}")
    with pytest.raises(HepPlanError) as error:
        model.plan({} if "rebar" in body else {"b": "rebar"})
    assert error.value.diagnostics[0].code == "E602"
    assert REFUSED[body] in str(error.value)


def test_options() -> None:
    both = "c ~ bernoulli(t) by rebar(temperature=1.0); return (if c then 1 else 0) + (if b then 1 else 0)"
    two = f"model m {{ {PARAM} {both} }}"
    with pytest.raises(HepPlanError, match="one set of options"):
        hepppl.parse(two).plan({"b": "rebar"})
    model = hepppl.parse(f"model m {{ {PARAM} return b }}")
    for wrong in ("temperature=0.0", "eta='x'", "lambda=1"):
        with pytest.raises(HepPlanError) as error:
            model.plan({"b": f"rebar({wrong})"})
        assert error.value.diagnostics[0].code == "E604"
