"""Second derivatives of expected outputs against closed forms, quadrature and dynamic programming; what is refused.

Rates of false alarms are those of `acceptance`: 5.7e-7 for each comparison.
"""

from __future__ import annotations

from collections.abc import Callable
from math import comb, cos, exp, pi, sin, sqrt
from typing import Any

import numpy as np
import pytest
from numpy.polynomial.hermite_e import hermegauss
from scipy.special import expit
from scipy.stats import norm

import hepppl
from hepppl.diagnostics.errors import HepPlanError, HepValueError

from . import oracles
from .acceptance import assert_within, load


def second(f: Callable[..., float], at: dict[str, float], p: str, q: str, h: float = 1e-3) -> float:
    """d²f/dp dq by central differences of central differences."""

    def slope(there: dict[str, float]) -> float:
        return oracles.derivative(lambda x: f(**{**there, p: x}), there[p], h)

    return oracles.derivative(lambda x: slope({**at, q: x}), at[q], h)


def hessian_of(f: Callable[..., float], **at: float) -> dict[str, dict[str, float]]:
    return {p: {q: second(f, at, p, q) for q in at} for p in at}


def assert_hessian(result: Any, output: str, exact: dict[str, dict[str, float]], what: str = "") -> None:
    scale = max(abs(x) for row in exact.values() for x in row.values())
    for p, row in exact.items():
        for q, x in row.items():
            value, se = result.hessian[output][p][q], result.se[output][p][q]
            assert_within(value, se, x, scale=scale, what=f"{what} d²{output}/d{p}d{q}")


def test_differences_of_differences() -> None:
    found = hessian_of(lambda a, b: a**3 * b + sin(b), a=1.2, b=0.4)
    exact = {"a": {"a": 6 * 1.2 * 0.4, "b": 3 * 1.44}, "b": {"a": 3 * 1.44, "b": -sin(0.4)}}
    assert all(found[p][q] == pytest.approx(exact[p][q], abs=1e-7) for p in exact for q in exact)


@pytest.mark.parametrize("x", [0.2, 0.7, 1.1])
def test_discrete_choice(x: float) -> None:
    """x² + Bernoulli(sin² 2x)."""
    found = load("discrete_choice").hessian(100_000, seed=201, x=x)
    assert_hessian(found, "value", {"x": {"x": 2 + 8 * cos(4 * x)}})
    assert_within(found.grad.gradient["value"]["x"], found.grad.se["value"]["x"], 2 * x + 2 * sin(4 * x), scale=2.0)


@pytest.mark.parametrize("by", [None, pytest.param({"x": "score"}, marks=pytest.mark.slow)])
def test_smooth_normal(by: dict[str, str] | None) -> None:
    found = load("smooth_normal").hessian(400_000 if by else 100_000, seed=202, by=by, mu=0.8, sigma=0.5)
    f = lambda mu, sigma: exp(-(sigma**2) / 2) * sin(mu)  # noqa: E731
    assert_hessian(found, "value", hessian_of(f, mu=0.8, sigma=0.5), what=str(by))
    assert found.hessian["value"]["mu"]["sigma"] == found.hessian["value"]["sigma"]["mu"]


COUNTS = """model m {
    param t: real in (0, 1) = 0.3
    k ~ poisson(4 * t)
    m ~ binomial(5, t)
    c ~ categorical([t, 0.5 - t / 2, 0.5 - t / 2])
    b ~ bernoulli(t^2)
    g ~ geometric(0.5 + t / 2)
    return (k = k^2, m = m^3, c = c^2, b = if b then 2 else -1, g = g^2, sum = [1.0 * k, m * k])
}"""


@pytest.mark.slow
def test_counts() -> None:
    """Each output hangs on its own site; the last one, a vector, on two of them."""
    found = hepppl.parse(COUNTS).hessian(100_000, seed=203)
    x = np.arange(6.0)

    def binomial(t: float) -> float:
        return float(x**3 @ [comb(5, i) * t**i * (1 - t) ** (5 - i) for i in range(6)])

    def geometric(t: float) -> float:
        p = 0.5 + t / 2
        return (1 - p) * (2 - p) / p**2

    exact = {
        "k": lambda t: (4 * t) ** 2 + 4 * t,
        "m": binomial,
        "c": lambda t: 2.5 * (1 - t),
        "b": lambda t: 3 * t**2 - 1,
        "g": geometric,
    }
    for output, f in exact.items():
        bend = second(f, {"t": 0.3}, "t", "t")
        value, se = found.hessian[output]["t"]["t"], found.se[output]["t"]["t"]
        assert_within(value, se, bend, scale=max(abs(bend), 8.0), what=output)
    assert_within(found.hessian["sum"]["t"]["t"], found.se["sum"]["t"]["t"], [0, 40], scale=40.0)


#: Sites of both kinds whose laws hold each other's values.
FEEDING = """model m {
    param t: real = 0.4
    param s: real = 0.3
    z ~ normal(t / 2, 1)
    b ~ bernoulli(sigmoid(z + t))
    y ~ normal(if b then t else -s, 0.5 + s)
    k ~ geometric(sigmoid(-0.3 * y - 0.2 * s * z))
    return k * sin(z) + y^2 * (if b then 1 else 0)
}"""
NODES, WEIGHTS = hermegauss(60)


def feeding(t: float, s: float) -> float:
    """The two continuous values by quadrature, the bit summed over, the mean of the count in closed form."""
    z, w = t / 2 + NODES[:, None], WEIGHTS / sqrt(2 * pi)
    total = 0.0
    for b in (0, 1):
        p = expit(z + t) if b else expit(-(z + t))
        y = (t if b else -s) + (0.5 + s) * NODES[None, :]
        f = np.exp(0.3 * y + 0.2 * s * z) * np.sin(z) + b * y**2
        total += float(w @ (p * f) @ w)
    return total


@pytest.mark.slow
def test_sites_of_both_kinds_feed_one_another() -> None:
    found = hepppl.parse(FEEDING).hessian(400_000, seed=204)
    used = {row["site"]: row["estimator"] for row in found.sites}
    assert used == {"z": "reparam", "b": "score", "y": "reparam", "k": "score"}
    assert_hessian(found, "value", hessian_of(feeding, t=0.4, s=0.3))


WEIGHTED = """model m {
    param a: real = 0.3
    param c: real = 0.5
    x ~ normal(a, 1)
    b ~ bernoulli(sigmoid(c + x))
    weight exp(0.3 * a * x) * (if b then 1 + c else 1)
    return x^2 + (if b then a else 0)
}"""


def weighted(a: float, c: float) -> tuple[float, float]:
    """E[w f] / E[w], and E[w]."""
    x, w = a + NODES, WEIGHTS / sqrt(2 * pi)
    p, each = expit(c + x), np.exp(0.3 * a * x)
    below = float(w @ (each * (p * (1 + c) + 1 - p)))
    above = float(w @ (each * (p * (1 + c) * (x**2 + a) + (1 - p) * x**2)))
    return above / below, below


@pytest.mark.slow
def test_weighted_means() -> None:
    model = hepppl.parse(WEIGHTED)
    found = model.hessian(200_000, seed=205)
    for i, output in enumerate(("value", "weight")):
        assert_hessian(found, output, hessian_of(lambda a, c, i=i: weighted(a, c)[i], a=0.3, c=0.5))
    # the error of the ratio is that of many small runs: their scatter is known to 1 / sqrt(2 * 60), 9%
    runs = [model.hessian(2048, seed=1000 + i) for i in range(60)]
    for p, q in (("a", "a"), ("a", "c"), ("c", "c")):
        scatter = np.std([r.hessian["value"][p][q] for r in runs], ddof=1)
        said = np.mean([r.se["value"][p][q] for r in runs])
        assert 0.55 < scatter / said < 1.45, (p, q, scatter, said)


def test_random_walk() -> None:
    """A hundred draws whose laws hold what was drawn before; dynamic programming."""
    found = load("random_walk").hessian(200_000, seed=206, by={"up": "score"}, p=200.0)
    exact = oracles.derivative(lambda p: oracles.random_walk(p).gradient["p"], 200.0, 2.0)
    assert_hessian(found, "value", {"p": {"p": exact}})


WAITING = """model m {
    param p: real in (0, 1) = 0.4
    n = 0
    on = true
    while on limit 1000 {
        on ~ bernoulli(p)
        n = n + 1
    }
    return n
}"""


@pytest.mark.slow
def test_loop_of_random_length() -> None:
    found = hepppl.parse(WAITING).hessian(100_000, seed=207)
    assert_hessian(found, "value", {"p": {"p": 2 / 0.6**3}})  # the mean is 1 / (1 - p)


@pytest.mark.slow
def test_process() -> None:
    found = load("cascade").hessian(60_000, seed=208, splitting=0.4)
    exact = oracles.derivative(lambda s: oracles.cascade(s).gradient["splitting"], 0.4)
    assert_hessian(found, "value", {"splitting": {"splitting": exact}})


# ---------------------------------------------------------------- what makes no statistics


LINEAR = """model m {
    param a: real[2] = [0.3, -0.2]
    param length: length = 2 mm
    x ~ normal(a[0], 1)
    y = x * length
    return (y = y^2 * a[1], z = [x, x^2 * a[1], exp(a[0] + a[1])])
}"""


def test_shapes_units_and_products() -> None:
    model = hepppl.parse(LINEAR)
    whole = model.hessian(1000, seed=1)
    assert whole.hessian["y"]["a"]["a"].shape == (2, 2)
    assert whole.hessian["z"]["a"]["length"].shape == (3, 2)
    assert whole.units["y"]["length"]["a"] == "mm"
    assert whole.units["y"]["length"]["length"] == ""
    assert np.allclose(whole.hessian["z"]["a"]["a"][2], exp(0.1))
    assert np.allclose(whole.se["z"]["a"]["a"][2], 0, atol=1e-6)
    for o, p, q in (("y", "a", "length"), ("z", "a", "a")):
        back = np.moveaxis(whole.hessian[o][q][p], -1, -2) if q == p else whole.hessian[o][q][p]
        assert np.allclose(whole.hessian[o][p][q], back, rtol=1e-5)
    # all sites are reparameterised, so that no baseline is fitted and the products are those of the Hessian
    vector = {"a": [0.5, 2.0], "length": "3mm"}
    product = model.hvp(1000, seed=1, vector=vector)
    by = whole.hessian["y"]
    expected = by["length"]["a"] @ [0.5, 2.0] + 3 * by["length"]["length"]
    assert product.hvp["y"]["length"] == pytest.approx(expected, rel=1e-5)
    assert np.allclose(product.hvp["y"]["a"], by["a"]["a"] @ [0.5, 2.0] + 3 * by["a"]["length"], rtol=1e-5)
    assert product.mean["y"] == pytest.approx(whole.mean["y"])
    json = whole.to_dict()
    assert json["hessian"]["y"]["length"]["a"]["unit"] == "mm"
    assert np.shape(json["hessian"]["z"]["a"]["a"]["se"]) == (3, 2, 2)
    for few in (1, 3):
        model.hessian(few, seed=2)
    for wrong, code in (({"b": 1.0}, "E451"), ({"a": 1.0}, "E456")):
        with pytest.raises(HepValueError) as error:
            model.hvp(10, vector=wrong)
        assert error.value.diagnostics[0].code == code
    with pytest.raises(HepValueError) as error:
        model.hvp(10, vector={"a": [1, 0]}, wrt="length")
    assert error.value.diagnostics[0].code == "E458"


@pytest.mark.slow
def test_a_product_with_scores_is_that_of_the_hessian() -> None:
    model = hepppl.parse(WEIGHTED)
    along = model.hvp(100_000, seed=209, vector={"a": 1.0, "c": -2.0})
    exact = hessian_of(lambda a, c: weighted(a, c)[0], a=0.3, c=0.5)
    for p in ("a", "c"):
        product = exact[p]["a"] - 2 * exact[p]["c"]
        assert_within(along.hvp["value"][p], along.se["value"][p], product, scale=2.0, what=p)


def test_kinks_are_served_by_the_score() -> None:
    """The second derivative of the single event is zero almost everywhere."""
    found = hepppl.parse("model m { param mu: real = 0.3; x ~ normal(mu, 1); return max(x, 0) }").hessian(100_000, 210)
    assert [row["estimator"] for row in found.sites] == ["score"]
    assert_hessian(found, "value", {"mu": {"mu": float(norm.pdf(0.3))}})


PARAM = "param mu: real = 0.3; "
REFUSED = {
    # a kink of noise without a parameter
    "x ~ normal(0, 1); return max(x + mu, 0)": "the kink of max",
    "x ~ normal(0, 1); return abs(x * mu)": "the kink of abs",
    "x ~ normal(0, 1); return sqrt((x + mu)^2)": "square root of a square",
    "x ~ normal(0, 1); return sqrt(2 * (x + mu) * (x + mu))": "square root of a square",
    "x ~ normal(0, 1); return (3 * (x + mu)^4)^0.5": "square root of a square",
    "x ~ normal(0, 1); return hypot(x + mu, 0)": "the kink of hypot",
    "x ~ normal(0, 1); return cbrt(x + mu)": "cbrt",
    "x ~ normal(0, 1); y ~ normal(0, 1); return max([x + mu, y])": "the greatest",
    # what only an alternative sees
    "x ~ normal(0, 1); return if x > mu then 1 else 0": "cannot be differentiated twice",
    "x ~ uniform(0, mu); return if x > 0.2 then 1 else 0": "cannot be differentiated twice",
    # kinks of densities and of quantiles
    "x ~ laplace(mu, 1); return max(x, 0)": "the kink of max",
    # what is asked for
    "b ~ bernoulli(mu) by stochastic_ad; return b": "'score' would: --by b=score",
    "x ~ normal(mu, 1) by reparam; return abs(x)": "'score' would: --by x=score",
    "x ~ laplace(mu, 1) by score; return x^2": "'reparam' would: --by x=reparam",
}


@pytest.mark.parametrize("body", REFUSED)
def test_refusals(body: str) -> None:
    model = hepppl.parse(f"model m {{ {PARAM}{body} }}")
    model.plan()  # first derivatives can be had
    with pytest.raises(HepPlanError) as error:
        model.plan(order=2)
    assert {d.code for d in error.value.diagnostics} == {"E609"}
    assert REFUSED[body] in str(error.value)


@pytest.mark.parametrize("estimator", ["stochastic_ad", "enumerate", "measure_valued", "blend", "finite_difference"])
def test_estimators_that_refuse(estimator: str) -> None:
    model = hepppl.parse(f"model m {{ {PARAM} b ~ bernoulli(mu); return b }}")
    by = {"*" if estimator == "finite_difference" else "b": estimator}
    with pytest.raises(HepPlanError, match="differentiated twice") as error:
        model.hessian(10, by=by)
    assert error.value.diagnostics[0].code == "E609"


def test_first_derivatives_that_cannot_be_had_are_refused_as_such() -> None:
    model = hepppl.parse(f"model m {{ {PARAM} x ~ normal(0, 1); return floor(x / mu) }}")
    with pytest.raises(HepPlanError) as error:
        model.plan(order=2)
    assert {d.code for d in error.value.diagnostics} == {"E601"}


def test_a_plan_for_first_derivatives_is_checked_anew() -> None:
    model = hepppl.parse(f"model m {{ {PARAM} b ~ bernoulli(mu); return b }}")
    with pytest.raises(HepPlanError) as error:
        model.hessian(10, plan=model.plan())
    assert error.value.diagnostics[0].code == "E609"
    assert (
        "stochastic_ad cannot be differentiated twice" in model.plan(order=2)[model.model_graph.sites()[0].number].why
    )


def test_kinks_of_fixed_places_do_no_harm() -> None:
    """Noise alone at the kink, or a parameter alone: nothing moves through it."""
    for body in ("x ~ normal(0, 1); return mu^2 * max(x, 0)", "x ~ normal(mu, 1); return max(mu, 0.1) * x"):
        plan = hepppl.parse(f"model m {{ {PARAM}{body} }}").plan(order=2)
        assert {row.estimator for row in plan.rows} <= {None, "reparam"}
