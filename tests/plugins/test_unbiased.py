"""Each estimator's expectation over the site's own law, summed exactly, is the derivative of the expectation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hepppl import distributions
from hepppl.plugin.estimator import SiteInfo
from hepppl.plugin.loading import load_target
from hepppl.plugin.registry import load_estimator


@dataclass(frozen=True)
class Drawn:
    """A site that drew ``x``."""

    law: Any
    params: tuple[Any, ...]
    x: Any
    uniform: Any = 0.5

    def sample(self) -> Any:
        return self.x

    def log_prob(self, x: Any) -> Any:
        return self.law.log_prob(x, *self.params)

    def prob(self, x: Any) -> Any:
        return jnp.exp(self.log_prob(x))

    def cdf(self, x: Any) -> Any:
        return self.law.cdf(x, *self.params)

    @property
    def distribution(self) -> str:
        return self.law.__name__.lower()

    def boundary(self, k: Any) -> Any:
        return self.law.boundary(k, *self.params) if hasattr(self.law, "boundary") else None


@dataclass(frozen=True)
class Case:
    """A law whose parameters are ``arguments(theta)``; all but a part below 1e-9 of its mass is on ``values``."""

    law: str
    arguments: Any
    theta: float
    values: tuple[Any, ...]

    def params(self, theta: Any) -> tuple[Any, ...]:
        return tuple(self.arguments(theta))

    @property
    def numerics(self) -> Any:
        return distributions.get(self.law).load()

    def array(self, value: Any) -> Any:
        return jnp.asarray(value, bool if self.law == "bernoulli" else jnp.int32)


CASES = (
    Case("bernoulli", lambda t: (t,), 0.3, (False, True)),
    Case("categorical", lambda t: (jnp.array([0.2, 0.5, 0.3]) + t * jnp.array([1.0, -3.0, 2.0]),), 0.05, (0, 1, 2)),
    Case("categorical", lambda t: (jnp.array([0.0, t, 0.0, 0.0, 0.9 - t, 0.1, 0.0]),), 0.3, tuple(range(7))),
    Case("poisson", lambda t: (t,), 2.5, tuple(range(30))),
    Case("binomial", lambda t: (7, t), 0.35, tuple(range(8))),
    Case("geometric", lambda t: (t,), 0.4, tuple(range(60))),
)
IDS = [f"{i}-{case.law}" for i, case in enumerate(CASES)]


def output(x: Any) -> Any:
    """A function of the draw that is neither monotone nor smooth."""
    x = x.astype(jnp.float32)
    return jnp.cos(1.7 * x) + 0.3 * x + jnp.where(x == 1, 2.0, 0.0)


def exact(case: Case) -> float:
    """The derivative of Σ p(x) f(x)."""

    def mean(theta: Any) -> Any:
        params = case.params(theta)
        values = jnp.stack([case.array(value) for value in case.values])
        return jnp.sum(jax.vmap(lambda x: jnp.exp(case.numerics.log_prob(x, *params)) * output(x))(values))

    mean = jax.jit(mean)
    step = 1e-2 * case.theta
    slope = [float(mean(case.theta + k * step) - mean(case.theta - k * step)) / (2 * k * step) for k in (1, 2)]
    return (4 * slope[0] - slope[1]) / 3


def reached(case: Case) -> tuple[Any, Any]:
    """The values that have mass, (n,), and their masses."""
    values = jnp.stack([case.array(value) for value in case.values])
    masses = jax.vmap(lambda x: jnp.exp(case.numerics.log_prob(x, *case.params(case.theta))))(values)
    there = np.asarray(masses) > 0
    return values[there], masses[there]


def offers_of(case: Case, **options: Any) -> Any:
    """theta -> the offers at every value that has mass."""
    estimator = load_estimator("stochastic_ad").load()(**options)
    values, _ = reached(case)  # before any tracing

    def offers(theta: Any) -> Any:
        return jax.vmap(lambda x: estimator.visit((), Drawn(case.numerics, case.params(theta), x)).offers)(values)

    return offers


#: Both sides everywhere, one side where it differs
SIDES = [*((case, "both") for case in CASES), *((CASES[i], side) for i in (0, 2, 3, 5) for side in ("up", "down"))]


@pytest.mark.every(4)
@pytest.mark.parametrize(("case", "side"), SIDES)
def test_neighbours_are_unbiased(case: Case, side: str) -> None:
    values, masses = reached(case)
    offers = offers_of(case, side=side)
    slope_of = jax.jit(lambda theta: jax.jvp(offers, (theta,), (jnp.float32(1),)))
    made, slopes = slope_of(jnp.float32(case.theta))
    total = 0.0
    for offer, slope in zip(made, slopes, strict=True):
        for number in (offer.coefficient, offer.potential, slope.potential):
            assert np.isfinite(number).all()
        assert not np.any(slope.coefficient)
        gap = output(offer.value) - output(values)
        total += float(jnp.sum(masses * offer.coefficient * gap * slope.potential))
    assert total == pytest.approx(exact(case), abs=3e-4, rel=1e-3)


@pytest.mark.parametrize("case", [case for case in CASES if hasattr(case.numerics, "boundary")])
def test_a_boundary_in_closed_form_is_the_general_one(case: Case) -> None:
    """p(k + 1) / p(k), and the derivative of the cdf at k over p(k)."""
    k, law, theta = jnp.arange(12), case.numerics, jnp.float32(case.theta)
    of = lambda f: lambda t: jax.vmap(lambda x: f(x, *case.params(t)))(k)  # noqa: E731
    mass = of(lambda x, *args: jnp.exp(law.log_prob(x, *args)))(theta)
    next_mass = of(lambda x, *args: jnp.exp(law.log_prob(x + 1, *args)))(theta)
    ratio, _ = of(law.boundary)(theta)
    np.testing.assert_allclose(ratio, next_mass / mass, rtol=1e-5)
    slope = jax.jvp(lambda t: of(law.boundary)(t)[1], (theta,), (jnp.float32(1),))[1]
    general = jax.jvp(of(law.cdf), (theta,), (jnp.float32(1),))[1] / mass
    np.testing.assert_allclose(slope, general, rtol=1e-5)


@pytest.mark.every(3)
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_no_alternative_outside_the_support(case: Case) -> None:
    values, _ = reached(case)
    made = jax.jit(offers_of(case))(jnp.float32(case.theta))
    number = 0
    for offer in made:
        alternatives = np.asarray(offer.value)[np.asarray(offer.coefficient) != 0]
        number += np.isin(alternatives, values).sum()
        assert not np.isin(alternatives, np.setdiff1d(case.values, values)).any()
        assert alternatives.min() >= 0
    assert number == 2 * (len(values) - 1)  # every boundary, from either side
    if case.law in ("bernoulli", "categorical", "binomial"):
        assert number == sum(int((offer.coefficient != 0).sum()) for offer in made)


@pytest.mark.parametrize("case", CASES[:3], ids=IDS[:3])
def test_all_other_values_are_unbiased(case: Case) -> None:
    values, masses = reached(case)
    estimator = load_target("hepppl_estimators._enumeration:OtherValues", "enumerate")()

    def offers(theta: Any) -> Any:
        return jax.vmap(lambda x: estimator.visit((), Drawn(case.numerics, case.params(theta), x)).offers)(values)

    made, slopes = jax.jit(lambda theta: jax.jvp(offers, (theta,), (jnp.float32(1),)))(jnp.float32(case.theta))
    per_value = jnp.zeros(len(values))
    for offer, slope in zip(made, slopes, strict=True):
        assert np.isfinite(np.where(np.asarray(offer.coefficient) != 0, slope.potential, 0)).all()
        share = offer.coefficient * (output(offer.value) - output(values)) * slope.potential
        per_value = per_value + jnp.where(offer.coefficient != 0, share, 0)
    assert float(jnp.sum(masses * per_value)) == pytest.approx(exact(case), abs=3e-4, rel=1e-3)
    np.testing.assert_allclose(per_value, exact(case), rtol=1e-3, atol=1e-3)  # whatever was drawn: no variance


def test_enumerate_refuses_what_it_cannot_list() -> None:
    estimator = load_target("hepppl_estimators.enumeration:ESTIMATOR", "enumerate")
    site = SiteInfo("k", 0, "categorical", True, None, 4, True)
    assert estimator.refuses(site) is None
    assert "no parameter" in estimator.refuses(replace(site, law_depends=False))
    assert "100 values" in estimator.refuses(replace(site, support_size=100))
    assert "cannot be listed" in estimator.refuses(replace(site, distribution="poisson", support_size=None))


def test_neighbours_in_forward_and_reverse_mode_agree() -> None:
    offers = offers_of(CASES[2])

    def potentials(theta: Any) -> Any:
        return sum(jnp.sum(output(offer.value) * offer.coefficient * offer.potential) for offer in offers(theta))

    forward = jax.jit(jax.jacfwd(potentials))(CASES[2].theta)
    backward = jax.jit(jax.jacrev(potentials))(CASES[2].theta)
    assert float(forward) == pytest.approx(float(backward), rel=1e-5)
    assert float(forward) != 0


@dataclass(frozen=True)
class Batch:
    """The events of `event.value`."""

    value: Any

    def leave_one_out_mean(self) -> Any:
        return (jnp.sum(self.value) - self.value) / (self.value.size - 1)


@pytest.mark.every(2)
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_score_is_unbiased(case: Case) -> None:
    estimator = load_estimator("score").load()(baseline="none")
    values, masses = reached(case)

    def share(theta: Any) -> Any:
        def of(x: Any) -> Any:
            visit = estimator.visit(estimator.init(), Drawn(case.numerics, case.params(theta), x))
            return estimator.contribution(visit.state, Batch(output(x)))

        return jnp.sum(masses * jax.vmap(of)(values))

    assert float(jax.jit(jax.grad(share))(case.theta)) == pytest.approx(exact(case), abs=3e-4, rel=1e-3)


def test_the_leave_one_out_baseline_is_unbiased() -> None:
    """Over all batches of three Bernoulli draws, weighed by their probability."""
    law, p, draws = distributions.get("bernoulli").load(), 0.3, 3
    estimator = load_estimator("score").load()(baseline="loo")
    total = 0.0
    for word in range(2**draws):
        x = jnp.array([bool(word >> i & 1) for i in range(draws)])
        weight = float(jnp.prod(jnp.where(x, p, 1 - p)))

        def share(theta: Any, x: Any = x) -> Any:
            states = jax.vmap(lambda v: estimator.visit(estimator.init(), Drawn(law, (theta,), v)).state)(x)
            return jnp.mean(estimator.contribution(states, Batch(output(x))))

        total += weight * float(jax.grad(share)(p))
    assert total == pytest.approx(float(output(jnp.array(True)) - output(jnp.array(False))), rel=1e-4)


def test_the_drawn_value_of_the_score_carries_no_derivative() -> None:
    estimator = load_estimator("score").load()()
    law = distributions.get("normal").load()

    def value(theta: Any) -> Any:
        return estimator.visit(estimator.init(), Drawn(law, (theta, 1.0), law.sample(0.3, theta, 1.0))).value

    assert float(jax.grad(value)(0.2)) == 0


def test_the_drawn_value_of_reparam_carries_its_derivative() -> None:
    estimator = load_estimator("reparam").load()()
    law = distributions.get("normal").load()

    def value(theta: Any) -> Any:
        return estimator.visit(estimator.init(), Drawn(law, (theta, 2.0), law.sample(0.3, theta, 2.0))).value

    assert float(jax.grad(value)(0.2)) == pytest.approx(1.0)
