"""Values with a derivative that meet comparisons, cuts, `require`s and bins: exact values with estimator `boundary`.

False alarms: see `acceptance`; seeds are fixed.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from math import erf, exp, log, pi, sqrt
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import gamma, norm

import hepppl

from . import oracles
from .acceptance import assert_agrees, assert_within, load
from .oracles import Exact


@cache
def model(body: str, params: str = "param t: real in (0, 5) = 1", before: str = "") -> hepppl.Model:
    return hepppl.parse(f"{before}\nmodel m {{\n{params}\n{body}\n}}")


def used(result: hepppl.GradResult) -> dict[str, str | None]:
    return {row["site"]: row["estimator"] for row in result.sites}


def below(z: float) -> float:
    return 0.5 * (1 + erf(z / sqrt(2)))


CUTS = {
    "threshold of an exponential": ("x ~ exponential(2)\nreturn x > t", lambda t: exp(-2 * t)),
    "law of an exponential": ("x ~ exponential(t)\nreturn x > 0.7", lambda t: exp(-0.7 * t)),
    "both": ("x ~ exponential(1 / t)\nreturn x > t^2 + 0.5", lambda t: exp(-(t**2 + 0.5) / t)),
    "threshold of a normal": ("x ~ normal(0, 1)\nreturn x > t", lambda t: below(-t)),
    "law of a normal": ("x ~ normal(t, t^2)\nreturn x < 1.5", lambda t: below((1.5 - t) / t**2)),
    "both of a normal": ("x ~ normal(t, 1 + t)\nreturn x <= 2 * t", lambda t: below(t / (1 + t))),
    "two sides": ("x ~ normal(0.3, 1)\nreturn abs(x) < t", lambda t: below(t - 0.3) - below(-t - 0.3)),
    "a square": ("x ~ normal(0.3, 1)\nreturn x^2 > t", lambda t: 1 - below(sqrt(t) - 0.3) + below(-sqrt(t) - 0.3)),
    "a parabola": (
        "x ~ normal(0, 1)\nreturn x^2 - t * x - 0.4 > 0",
        lambda t: 1 - below((t + sqrt(t**2 + 1.6)) / 2) + below((t - sqrt(t**2 + 1.6)) / 2),
    ),
    "a chain": (
        "x ~ uniform(0, 1)\nq = 3 * x^(1 / (2 * t))\nreturn log(1 + exp(q)) > 2",
        lambda t: 1 - (log(exp(2) - 1) / 3) ** (2 * t),
    ),
    "a support that moves": ("x ~ uniform(0, 3 * t)\nreturn x > 1.2", lambda t: 1 - 1.2 / (3 * t)),
    "a sum": (
        "x ~ normal(t, 1)\ny ~ normal(0, 0.5 + t)\nreturn x + y > t^2 + 0.4",
        lambda t: below((t - t**2 - 0.4) / sqrt(1 + (0.5 + t) ** 2)),
    ),
    "two in a chain": ("x ~ normal(0, 1)\nreturn t - 1.3 < x < t^2", lambda t: below(t**2) - below(t - 1.3)),
    "a moving and a fixed one": (
        "x ~ normal(0, 1)\nreturn if x > t then x^2 else if x > 0.5 then 2 else exp(x)",
        lambda t: (
            t * exp(-(t**2) / 2) / sqrt(2 * pi) + below(-t) + 2 * (below(t) - below(0.5)) + sqrt(exp(1)) * below(-0.5)
        ),
    ),
    "smooth uses too": (
        "x ~ normal(t, 1)\nreturn if x > 0.8 then x^2 else x",
        lambda t: quad(lambda x: (x**2 if x > 0.8 else x) * norm.pdf(x, t), -9, 11, points=[0.8], epsabs=1e-12)[0],
    ),
    "through max": (
        "x ~ exponential(1)\ny = max(x * t, 0.5)\nreturn if y > 1.1 then y else 0",
        lambda t: exp(-1.1 / t) * (1.1 + t),
    ),
    "through a choice": (
        "x ~ normal(0, 1)\nb ~ bernoulli(0.5 * t)\ny = if b then x else x + t\nreturn y > 0.6",
        lambda t: 0.5 * t * below(-0.6) + (1 - 0.5 * t) * below(t - 0.6),
    ),
    "a branch not always taken": (
        "b ~ bernoulli(0.3)\nn = 0\nif b { x ~ normal(0, 1); if x > t { n = 1 } }\nreturn n",
        lambda t: 0.3 * below(-t),
    ),
    "the sign": ("x ~ normal(t, 1)\nreturn sign(x - 0.4)", lambda t: 2 * below(t - 0.4) - 1),
    "an earlier noise": ("x ~ normal(0, 1)\ny ~ exponential(1)\nreturn y > exp(x + t)", lambda t: passing(t)),
}  # fmt: skip


def late(name: str, slow: Collection[str]) -> Any:
    return pytest.param(name, marks=[pytest.mark.slow] * (name in slow))


def passing(t: float) -> float:
    return quad(lambda x: norm.pdf(x) * exp(-exp(x + t)), -9, 9, epsabs=1e-12)[0]


LATE = {
    "through max", "the sign", "smooth uses too", "through a choice", "two in a chain", "both of a normal",
    "a branch not always taken", "a moving and a fixed one",
}  # fmt: skip


@pytest.mark.every(3)
@pytest.mark.parametrize("name", [late(name, LATE) for name in CUTS])
def test_a_cut(name: str) -> None:
    body, mean = CUTS[name]
    result = model(body).grad(200_000, seed=71, t=0.9)
    assert "boundary" in used(result).values()
    assert_agrees(result, "value", oracles.summed(mean, t=0.9), what=name)


@pytest.mark.slow
def test_cut_optimisation() -> None:
    result = load("cut_optimisation").grad(200_000, seed=72)
    assert set(used(result).values()) == {"boundary"}
    for output, scale in (("signal", 40e3), ("background", 15e3)):
        yes = exp(-30e3 / scale)
        assert_agrees(result, output, Exact(yes, {"threshold": -yes / scale}))


EDGES = np.array([-1.5, -0.5, 0.2, 0.9, 2.0])


@pytest.mark.every(2)
@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize("bins", [
    "[if edges[i] <= x and x < edges[i + 1] then 1 else 0 for i in 0..4]",
    pytest.param("[if searchsorted(edges, x) == i + 1 then 1 else 0 for i in 0..4]", marks=pytest.mark.slow),
])  # fmt: skip
def test_the_bins_of_a_normal(bins: str, mode: str) -> None:
    body = f"x ~ normal(mu, sigma)\nedges = [-1.5, -0.5, 0.2, 0.9, 2.0]\nreturn {bins}"
    params = "param mu: real = 0.3\nparam sigma: real in (0, 5) = 0.8"
    result = model(body, params).grad(200_000, seed=73, mode=mode)
    z = (EDGES - 0.3) / 0.8
    slopes = {"mu": -np.diff(norm.pdf(z)) / 0.8, "sigma": -np.diff(z * norm.pdf(z)) / 0.8}
    assert used(result) == {"x": "boundary"}
    for name, slope in slopes.items():
        assert_within(result.gradient["value"][name], result.se["value"][name], slope, what=name)


@pytest.mark.slow
def test_the_bins_of_a_smeared_momentum() -> None:
    body = """pt_true ~ exponential(rate = 1 / 20 GeV)
    pt ~ normal(scale * pt_true, 3 GeV)
    return [if 10 * i * GeV <= pt and pt < 10 * (i + 1) * GeV then 1 else 0 for i in 0..4]"""
    result = model(body, "param scale: real in (0.5, 2) = 1.0").grad(300_000, seed=74)

    def bins(scale: float) -> np.ndarray:
        def up_to(edge: float) -> float:
            return quad(lambda p: exp(-p / 20) / 20 * norm.cdf((edge - scale * p) / 3), 0, 300, limit=200)[0]

        return np.diff([up_to(10 * i) for i in range(5)])

    slope = (bins(1.001) - bins(0.999)) / 0.002
    assert used(result) == {"pt_true": None, "pt": "boundary"}
    assert_within(result.gradient["value"]["scale"], result.se["value"]["scale"], slope)


def test_require() -> None:
    """The weighted mean of a truncated normal and the acceptance, both with moving edge and moving law."""
    result = model("x ~ normal(mu, 1)\nrequire x > c\nreturn x", "param mu: real = 0.2\nparam c: real = -0.4").grad(
        300_000, seed=75
    )
    a = -0.6
    mills = norm.pdf(a) / norm.sf(a)
    slope = mills * (mills - a)
    assert_agrees(result, "value", Exact(0.2 + mills, {"mu": 1 - slope, "c": slope}), scale=1.0)
    assert_agrees(result, "weight", Exact(norm.sf(a), {"mu": norm.pdf(a), "c": -norm.pdf(a)}))


LOOPS = {
    "after the draw": ("x ~ exponential(1 / t)\n s = s + x\n if s > c { n = n + 1 }", 1, 0.0),
    "in the next turn": ("if s > c { n = n + 1 }\n x ~ exponential(1 / t)\n s = s + x", 0, 0.0),
    "with a threshold of the turn": ("x ~ exponential(1 / t)\n s = s + x\n if s > c + 0.1 * i { n = n + 1 }", 1, 0.1),
    "of the turn, in the next": ("if s > c + 0.1 * i { n = n + 1 }\n x ~ exponential(1 / t)\n s = s + x", 0, 0.1),
}


@pytest.mark.every(2)
@pytest.mark.parametrize("name", [late(name, [n for n in LOOPS if "of the turn" in n]) for name in LOOPS])
def test_a_comparison_in_a_loop(name: str) -> None:
    turn, drawn, ramp = LOOPS[name]

    def mean(t: float, c: float) -> float:
        return sum(gamma.sf(c + ramp * i, i + drawn, scale=t) for i in range(4) if i + drawn)

    body = f"s = 0.0; n = 0\nfor i in 0..4 {{ {turn} }}\nreturn n"
    result = model(body, "param t: real in (0, 5) = 0.6\nparam c: real = 1.1").grad(200_000, seed=76)
    assert_agrees(result, "value", oracles.summed(mean, t=0.6, c=1.1), what=name)


def test_a_comparison_after_a_loop_cuts_the_last_turn_alone() -> None:
    body = "s = 0.0\nfor i in 0..5 { x ~ normal(t, 1); s = s + x }\nreturn s > c"
    result = model(body, "param t: real = 0.3\nparam c: real = 1").grad(200_000, seed=77)
    assert_agrees(result, "value", oracles.summed(lambda t, c: below((5 * t - c) / sqrt(5)), t=0.3, c=1.0))


@pytest.mark.parametrize(
    "steps", ["exponential(rate = 1 / t)", pytest.param("gamma(2, 1 / t)", marks=pytest.mark.slow)]
)
def test_the_first_passage_of_a_walk(steps: str) -> None:
    """Renewal theory: with Poisson arrivals of rate 1/t the walk passes c after one step more than there are arrivals
    (every second one for gamma). Wald: the place reached is the mean number of steps times the mean step."""
    body = f"s = 0.0; n = 0\nwhile s < c limit 200 {{ x ~ {steps}; s = s + x; n = n + 1 }}\nreturn (n = n, s = s)"

    def number(t: float, c: float) -> float:
        return 1 + c / t if "exp" in steps else 0.75 + c / (2 * t) + exp(-2 * c / t) / 4

    def place(t: float, c: float) -> float:
        return number(t, c) * (t if "exp" in steps else 2 * t)

    result = model(body, "param t: real in (0, 5) = 0.8\nparam c: real = 3").grad(100_000, seed=78)
    assert_agrees(result, "n", oracles.summed(number, t=0.8, c=3.0))
    assert_agrees(result, "s", oracles.summed(place, t=0.8, c=3.0))


@pytest.mark.slow
def test_sudakov() -> None:
    """At scale q = Q exp(-l) emissions are a Poisson process in l of rate 4 α(q): their number is Poisson, and the
    first is at l with the density of a first arrival."""
    top, cut = 91187.6, 1000.0
    depth = log(top / cut)

    def total(a: float, to: float = depth) -> float:
        return -4 / 1.22 * log(1 - 1.22 * a * to)

    def hardest(a: float) -> float:
        def density(y: float) -> float:
            return top * exp(-y) * 4 * a / (1 - 1.22 * a * y) * exp(-total(a, y))

        return quad(density, 0, depth, epsabs=1e-6, epsrel=1e-10)[0]

    result = load("sudakov").grad(100_000, seed=79, alpha_mz=0.1)
    assert used(result) == {"r": "boundary", "accept": "stochastic_ad"}
    assert_agrees(result, "n", oracles.summed(lambda alpha_mz: total(alpha_mz), alpha_mz=0.1))
    slope = oracles.derivative(hardest, 0.1)
    assert_agrees(result, "hardest", Exact(hardest(0.1), {"alpha_mz": slope}))


SPLITTING = """
process shower(e: real, cut: real) {
    if e > cut {
        z ~ uniform(0, 1)
        spawn shower(e * z, cut)
        spawn shower(e * (1 - z), cut)
    } else {
        emit (e = e)
    }
}
"""


@pytest.mark.slow
@pytest.mark.parametrize("start", ["e", "x"])
def test_a_splitting_shower_with_a_threshold(start: str) -> None:
    """With uniform splitting F(e) = 2/e ∫_0^e F above the cut c: 2e/c particles end, with Σe = e and Σe² = 2ce/3."""
    body = f"{'x ~ uniform(0.5 * e, 1.5 * e)' if start == 'x' else ''}\nh ~ shower({start}, c) limit 64\n"
    body += "return (n = count(h), total = sum(h.e), squares = sum(h.e^2))"
    result = model(body, "param e: real in (0, 50) = 10\nparam c: real in (0, 5) = 2", SPLITTING).grad(60_000, seed=80)
    assert set(used(result).values()) <= {"boundary", "reparam"}
    assert_agrees(result, "n", Exact(10.0, {"e": 1.0, "c": -5.0}), scale=5.0)
    assert_agrees(result, "total", Exact(10.0, {"e": 1.0, "c": 0.0}), scale=1.0)
    assert_agrees(result, "squares", Exact(40 / 3, {"e": 4 / 3, "c": 20 / 3}), scale=4.0)


@pytest.mark.slow
def test_energy_loss_until_a_threshold() -> None:
    """One particle loses a factor u^(1/a) a step: log-energies are Poisson arrivals of rate a. Bins of what is emitted
    on the way, and counts above a fixed energy, are decided by the same draw."""
    track = """
process track(e: real, a: real, cut: real) {
    emit (e = e)
    u ~ uniform(0, 1)
    lower = e * u^(1 / a)
    if lower > cut { spawn track(lower, a, cut) }
}
"""
    body = "h ~ track(8.0, a, c) limit 2\n"
    body += "return (n = count(h), high = count(h.e > 3), bins = hist(h.e, [0.5, 2.0, 5.0, 7.0]), sum = sum(h.e))"
    result = model(body, "param a: real in (0, 9) = 1.5\nparam c: real in (0, 5) = 1", track).grad(100_000, seed=81)
    assert used(result) == {"track.u": "boundary"}
    a = 1.5
    assert_agrees(result, "n", Exact(1 + a * log(8), {"a": log(8), "c": -a}))
    assert_agrees(result, "high", Exact(1 + a * log(8 / 3), {"a": log(8 / 3), "c": 0.0}))
    widths = np.log([2, 5 / 2, 7 / 5])
    assert_within(result.gradient["bins"]["a"], result.se["bins"]["a"], widths)
    assert_within(result.gradient["bins"]["c"], result.se["bins"]["c"], [-a, 0, 0], scale=a)
    assert_agrees(result, "sum", Exact(8 + a * 7, {"a": 7.0, "c": -a}))


@pytest.mark.slow
def test_boundary_beside_the_other_estimators() -> None:
    """reparam feeds boundary, boundary a discrete draw, and score stands aside."""
    body = """x ~ normal(t, 1)
    y ~ normal(x, 0.5)
    k ~ poisson(t)
    p = if y > 0.4 then 0.2 + 0.1 * sigmoid(y) else 0.5
    b ~ bernoulli(p * t)
    n ~ poisson(1 + t) by score
    return (a = b + k * x + n, c = (if y > t then 2 else 1) * k * n)"""
    result = model(body).grad(400_000, seed=82, t=0.8)
    assert used(result) == {
        "x": "reparam", "y": "boundary", "k": "blend", "b": "stochastic_ad", "n": "score",
    }  # fmt: skip
    spread = sqrt(1.25)

    def first(t: float) -> float:
        def p(y: float) -> float:
            return (0.2 + 0.1 / (1 + exp(-y)) if y > 0.4 else 0.5) * norm.pdf(y, t, spread)

        return t * quad(p, t - 9, t + 9, points=[0.4], epsabs=1e-12)[0] + t * t + 1 + t

    assert_agrees(result, "a", oracles.summed(first, t=0.8))
    assert_agrees(result, "c", oracles.summed(lambda t: 1.5 * t * (1 + t), t=0.8))


def test_thresholds_that_coincide_are_no_silent_bias() -> None:
    """Between them no value lies; a little apart they are exact."""
    both = model("x ~ exponential(1)\nreturn (a = x > t, b = x > 1)")
    with pytest.raises(hepppl.HepResultError) as raised:
        both.grad(1000, seed=83, t=1.0)
    assert {d.code for d in raised.value.diagnostics} == {"E909"}
    result = both.grad(200_000, seed=83, t=1.001)
    assert_agrees(result, "a", Exact(exp(-1.001), {"t": -exp(-1.001)}))
    assert_agrees(result, "b", Exact(exp(-1), {"t": 0.0}), scale=1.0)
    same = model("x ~ exponential(1)\nreturn (a = x > t, b = 3 * x > t * 3)").grad(200_000, seed=84, t=1.0)
    assert_agrees(same, "a", Exact(exp(-1), {"t": -exp(-1)}))
    assert_agrees(same, "b", Exact(exp(-1), {"t": -exp(-1)}))
