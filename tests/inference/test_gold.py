"""Joint scores and ratios against exact values: closed forms, dynamic programming, and replayed events.

Statistical tests have fixed seeds and compare at 4.5 standard errors: a false alarm in 150,000 comparisons.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import digamma

import hepppl
from hepppl.distributions import names

from .replay import Replay

Z = 4.5

TWO_SPECIES = """
process electron(e: energy, a: real) {
    if e > 4 GeV {
        radiates ~ bernoulli(exp(-1 / (a * log(e / 1 GeV))))
        if radiates {
            z ~ truncated(exponential(a), 0, 1)
            spawn electron(e * z, a)
            spawn photon(e * (1 - z), a)
        } else { emit (e = e, charged = 1) }
    } else { emit (e = e, charged = 1) }
}
process photon(e: energy, a: real) {
    if e > 6 GeV {
        converts ~ bernoulli(0.5 * a)
        if converts {
            z ~ uniform(0, 1)
            spawn electron(e * z, a)
            spawn electron(e * (1 - z), a)
        } else { emit (e = e, charged = 0) }
    } else { emit (e = e, charged = 0) }
}
model two_species {
    param a: real in (0, 2) = 0.9
    param b: real = 1.1
    param v: real[2] = [0.5, 0.8]
    h ~ electron(60 GeV, a) limit 64
    n = count(h)
    k = 0
    s = 0.0
    while k < n limit 64 {
        if k < 3 { s ~ mixture([b / 3, 1 - b / 3], [normal(s, v[0]), normal(s - v[1], 2)]) }
        k = k + 1
    }
    plate i in 0..3 { y ~ normal(s * b, exp(v[1] * i)) }
    require s > -4
    weight exp(-b * s^2 / 20)
    return (n = n, s = s, e = h.e, y = y, most = max(h.e))
}
"""

LAWS = """
model laws {
    param a: real = 1.3
    param b: real = 0.7
    param p: real in (0, 1) = 0.35
    x1 ~ normal(a, b)
    x2 ~ exponential(a)
    x3 ~ gamma(a, b)
    x4 ~ bernoulli(p)
    x5 ~ poisson(4 * a)
    x6 ~ binomial(3, p)
    x7 ~ categorical([p, (1 - p) / 3, 2 * (1 - p) / 3])
    x8 ~ geometric(p)
    x9 ~ laplace(a, b)
    return (x1 = x1, x2 = x2, x3 = x3, x4 = x4, x5 = x5, x6 = x6, x7 = x7, x8 = x8, x9 = x9)
}
"""

MORE_LAWS = """
model laws {
    param a: real = 1.3
    param b: real = 0.7
    y1 ~ beta(a, 2 * b)
    y2 ~ breit_wigner(a, b)
    y3 ~ cauchy(a, b)
    y4 ~ chi2(3 * a)
    y5 ~ gumbel(a, b)
    y6 ~ half_cauchy(b)
    y7 ~ half_normal(b)
    y8 ~ inverse_gamma(a, b)
    y9 ~ log_normal(a, b)
    y10 ~ logistic(a, b)
    y11 ~ pareto(1, a)
    y12 ~ student_t(3 * a, a, b)
    y13 ~ weibull(b, a)
    y14 ~ truncated(normal(a, b), 0, 3)
    y15 ~ mixture([b, 1 - b], [normal(a, 1), exponential(b)])
    return (y1 = y1, y15 = y15)
}
"""
#: Laws without a parameter that is real and does not bound the values.
NO_SCORE = {"delta", "discrete_uniform", "log_uniform", "uniform"}


def mean_is(values: np.ndarray, exact: Any) -> None:
    z = (values.mean(0) - exact) / (values.std(0, ddof=1) / np.sqrt(len(values)))
    assert (np.abs(z) < Z).all(), z


def replayed(mined: Any, program: Any, points: list[Mapping[str, Any]], events: int, rtol: float) -> None:
    """The first events, one by one: ratios, and scores of scalar parameters."""
    for i in range(events):
        replay = Replay(program, i, mined.seed, dict(mined.theta))
        for name, score in mined.score.items():
            if score.ndim == 1:
                exact = replay.score(name)
                assert_allclose(score[i], exact, rtol=rtol, atol=rtol, err_msg=f"event {i}, {name}")
        for k, point in enumerate(points):
            exact = replay.log_ratio(**point)
            assert_allclose(mined.log_ratio[i, k], exact, rtol=rtol, atol=rtol, err_msg=f"event {i}, {point}")


@pytest.mark.slow
def test_the_paths_of_the_board_event_by_event(examples: Path) -> None:
    """Nails that know their place: every ratio is a sum over the ball's path (`tests/statistical/test_galton.py` holds
    the distributions against the exact ones)."""
    model, points = hepppl.load(examples / "galton.hep"), [{"theta": -0.6}, {"theta": 0.0}]
    mined = model.gold(1000, seed=2, ratios_to=points)
    assert mined.theta == {"theta": -0.8}
    assert mined.points == tuple(points)
    assert not mined.events.weighted
    assert (model.simulate(1000, seed=2)["position"] == mined["position"]).all()
    replayed(mined, model.program, points, 15, 1e-5)


def test_the_joint_score_of_a_hierarchy_is_that_of_what_was_drawn() -> None:
    """MadMiner's toy: z ~ N(theta, 2), x ~ N(z, 1). The joint score is (z - theta) / 4, the score of x its mean at x,
    (x - theta) / 5."""
    text = "model toy { param theta = 0.4; z ~ normal(theta, 2); x ~ normal(z, 1); return (x = x, z = z) }"
    mined = hepppl.parse(text).gold(20_000, seed=1)
    x, z, score = mined["x"].astype(float), mined["z"].astype(float), mined.score["theta"]
    assert_allclose(score, (z - 0.4) / 4, rtol=1e-5, atol=1e-6)
    mean_is((score - (x - 0.4) / 5) * x, 0.0)


@pytest.mark.slow
def test_the_scores_of_laws_in_closed_form() -> None:
    a, b, p = 1.3, 0.7, 0.35
    mined = hepppl.parse(LAWS).gold(2000, seed=4)
    x1, x2, x3, x4, x5, x6, x7, x8, x9 = (mined[f"x{i}"].astype(float) for i in range(1, 10))
    d_a = (x1 - a) / b**2 + (1 / a - x2) + (np.log(b * x3) - digamma(a)) + (x5 / a - 4) + np.sign(x9 - a) / b
    d_b = ((x1 - a) ** 2 / b**3 - 1 / b) + (a / b - x3) + (np.abs(x9 - a) / b**2 - 1 / b)
    # successes and failures; the geometric law counts the failures before the first success
    won, lost = x4 + x6 + (x7 == 0) + 1, (1 - x4) + (3 - x6) + (x7 > 0) + x8
    assert_allclose(mined.score["a"], d_a, rtol=2e-5, atol=2e-5)
    assert_allclose(mined.score["b"], d_b, rtol=2e-5, atol=2e-5)
    assert_allclose(mined.score["p"], won / p - lost / (1 - p), rtol=2e-5, atol=2e-5)


@pytest.mark.slow
def test_the_scores_of_all_other_laws_event_by_event() -> None:
    """Central differences of SciPy's densities; together with the laws above these are all that a program has."""
    used = set(re.findall(r"[~\[,] ?(\w+)\(", LAWS + MORE_LAWS))
    assert set(names()) <= used | NO_SCORE
    model, points = hepppl.parse(MORE_LAWS), [{"a": 1.2}, {"a": 1.35, "b": 0.8}]
    replayed(model.gold(1000, seed=9, ratios_to=points), model.program, points, 40, 1e-4)


@pytest.mark.slow
def test_showers_loops_weights_and_arrays_event_by_event() -> None:
    """Two species of particles, a loop of random length, a plate, a mixture, a weight that holds a parameter."""
    model = hepppl.parse(TWO_SPECIES)
    points = [{"a": 0.8}, {"b": 1.2, "a": 0.95}, {"v": [0.6, 0.8]}]
    mined = model.gold(4000, seed=3, ratios_to=points)
    assert mined.score["v"].shape == (4000, 2)
    assert len(mined["e"]) == 4000
    replayed(mined, model.program, points, 15, 2e-5)


def test_the_number_of_particles_of_a_cascade(examples: Path) -> None:
    """E = (2 s^2 x^q - 1 + s) / q with x = 50, q = 2 s - 1 (the example's closed form) at four values of s."""
    mined = hepppl.load(examples / "cascade.hep").gold(20_000, seed=6, ratios_to=[{"splitting": 0.7}])
    n = mined["value"].astype(float)

    def exact(s: float) -> float:
        q = 2 * s - 1
        return (2 * s**2 * 50**q - 1 + s) / q

    mean_is(n * np.exp(mined.log_ratio[:, 0]), exact(0.7))
    mean_is((n - exact(0.8)) * mined.score["splitting"], (exact(0.8 + 1e-5) - exact(0.8 - 1e-5)) / 2e-5)


def test_a_long_sum_keeps_its_precision() -> None:
    """4000 terms in 32 bits: the sum's own rounding would leave 1e-4; each term's logarithm has 3e-8."""
    text = "model m { param p in (0, 1) = 0.5; s = 0; for i in 0..4000 { b ~ bernoulli(p); s = s + b }; return s }"
    mined = hepppl.parse(text).gold(200, seed=1, ratios_to=[{"p": 0.51}])
    k = mined["value"].astype(float)
    exact = k * np.log(0.51 / 0.5) + (4000 - k) * np.log(0.49 / 0.5)
    assert_allclose(mined.log_ratio[:, 0], exact, rtol=0, atol=6e-5)
    assert_allclose(mined.score["p"], k / 0.5 - (4000 - k) / 0.5, rtol=0, atol=1e-3)


def test_what_a_point_cannot_give_has_ratio_zero() -> None:
    text = "model m { param p: real in [0, 1] = 0.5; b ~ bernoulli(p); c ~ bernoulli(p); return (b = b, c = c) }"
    mined = hepppl.parse(text).gold(500, ratios_to=[{"p": 0}, {"p": 1}])
    none, all_ = ~mined["b"] & ~mined["c"], mined["b"] & mined["c"]
    assert_allclose(mined.log_ratio[:, 0], np.where(none, 2 * np.log(2), -np.inf), rtol=1e-6)
    assert_allclose(mined.log_ratio[:, 1], np.where(all_, 2 * np.log(2), -np.inf), rtol=1e-6)


@pytest.mark.parametrize(
    ("text", "code", "names"),
    [
        ("param t = 1.0; x ~ normal(0, 1); return x > t", "E621", "'t' acts on the comparison"),
        ("param t = 1.0; r ~ uniform(0, 1); q = r^t; return q > 0.5", "E621", "'t' acts on the comparison"),
        ("param t = 1.0; x ~ uniform(0, t); return x", "E621", "bounded by 't'"),
        ("param t = 1.0; x ~ truncated(normal(0, 1), -t, 3); return x", "E621", "bounded by 't'"),
        ("param t = 1.0; x ~ normal(t, 1); require x * t > 0; return x", "E621", "'t' acts on the comparison"),
        ("param t = 1.0; x ~ normal(0, 1); return t + x", "E622", "output 'value'"),
    ],
)
def test_parameters_that_act_otherwise_than_through_laws_are_refused(text: str, code: str, names: str) -> None:
    model = hepppl.parse("model m { " + text + " }")
    with pytest.raises(hepppl.HepPlanError, match=names) as caught:
        model.gold(10)
    assert {d.code for d in caught.value.diagnostics} == {code}
    with pytest.raises(hepppl.HepPlanError, match=names):
        model.gold(10, wrt=(), ratios_to=[{"t": 1.1}])


def test_a_decision_that_differs_at_a_point_is_no_ratio() -> None:
    text = "k ~ discrete_uniform(0, 4); n ~ normal(if k > t then 1 else 2, 1); return (k = k, n = n)"
    model = hepppl.parse("model m { param t = 1.5; " + text + " }")
    with pytest.raises(hepppl.HepResultError) as caught:
        model.gold(1000, ratios_to=[{"t": 2.5}])
    (d,) = caught.value.diagnostics
    assert d.code == "E921"
    assert f"{(model.simulate(1000)['k'] == 2).sum()} of 1000 events" in d.message
    assert (model.gold(1000, wrt=(), ratios_to=[{"t": 1.9}]).log_ratio == 0).all()


def test_a_point_out_of_a_laws_range_is_reported() -> None:
    model = hepppl.parse("model m { param p = 0.5; b ~ bernoulli(p); return b }")
    with pytest.raises(hepppl.HepResultError, match="at one of the points an argument of 'bernoulli'") as caught:
        model.gold(100, ratios_to=[{"p": 0.6}, {"p": 1.2}])
    assert {d.code for d in caught.value.diagnostics} == {"E904"}


def test_points_and_names_are_checked() -> None:
    model = hepppl.parse("model m { param p: real in (0, 1) = 0.5; b ~ bernoulli(p); return b }")
    for code, options in {
        "E451": {"ratios_to": [{"q": 0.5}]},
        "E452": {"ratios_to": [{"p": 2}]},
        "E605": {"wrt": "q"},
        "E453": {"n": 0},
    }.items():
        with pytest.raises(hepppl.HepError) as caught:
            model.gold(**{"n": 10, **options})
        assert [d.code for d in caught.value.diagnostics] == [code]


@pytest.mark.slow
def test_a_minimum_decides_anew_at_each_point_and_so_does_a_solution() -> None:
    """Which of two shifted energies is the least differs from point to point; a root is found at each."""
    text = """
process p(t: real) {
    x ~ normal(0, 1)
    emit (e = t * x, f = x)
    y ~ normal(0, 1)
    emit (e = t * y, f = y)
}
model m {
    param t = 0.5
    h ~ p(t) limit 2
    s = min(h.e)
    u = root(u -> u^3 + u - exp(t), 0, 5)
    z ~ normal(s * u, 1)
    return (z = z, f = h.f)
}"""
    model = hepppl.parse(text)
    mined = model.gold(300, seed=8, ratios_to=[{"t": -0.5}])
    f, z = np.asarray(mined["f"].to_list()), mined["z"].astype(float)

    def loc(t: float) -> np.ndarray:
        roots = np.roots([1, 0, 1, -np.exp(t)])
        return (t * f).min(1) * roots[np.abs(roots.imag) < 1e-9].real

    exact = ((z - loc(0.5)) ** 2 - (z - loc(-0.5)) ** 2) / 2
    assert_allclose(mined.log_ratio[:, 0], exact, rtol=1e-4, atol=1e-4)
