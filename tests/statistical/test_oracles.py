"""The oracles agree among themselves and with the examples' comments, so that a failure elsewhere is hepppl's."""

from __future__ import annotations

import re

import numpy as np
import pytest
from scipy import stats

from . import oracles
from .acceptance import ROOT, Z, assert_within
from .oracles import Exact


def numbers(name: str) -> list[float]:
    """The decimal numbers in an example's leading comment, without errors in brackets."""
    text = (ROOT / "examples" / f"{name}.hep").read_text("utf-8")
    comment = re.match(r"(#[^\n]*\n)+", text)
    assert comment is not None
    return [float(n) for n in re.findall(r"(?<![\w.:])-?\d+\.\d{3,}", comment.group())]


EXAMPLES = {
    "discrete_choice": [oracles.discrete_choice(0.7)],
    "absorber": [oracles.ABSORBER],
    "absorber_energy_loss": [oracles.ABSORBER_ENERGY_LOSS],
    "random_walk": [oracles.random_walk(200.0)],
    "random_walk_table": [oracles.random_walk(np.full(10, 200.0), blocks=10)],
    "smooth_normal": [oracles.smooth_normal(0.8, 0.5)],
    "cascade": [oracles.cascade(0.8)],
    "chain_reaction": [oracles.chain_reaction(0.3, 2.4)],
    "photodetector": [oracles.photodetector(1.5, 0.4)],
    "veto_shower": list(oracles.veto_shower(0.118)),
    "galton": [oracles.galton(-0.8)],
    "sudakov": [oracles.veto_shower(0.118)[0]],
    "sudakov_emissions": [oracles.veto_shower(0.118)[0]],
    "counting": [oracles.counting(1.0, 1.0)],
    "cut_optimisation": [oracles.passing(30.0, 40.0), oracles.passing(30.0, 15.0)],
}


def test_every_example_has_an_oracle() -> None:
    assert {path.stem for path in (ROOT / "examples").glob("*.hep")} == set(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_comments_hold_the_exact_values(name: str) -> None:
    exact = [a for e in EXAMPLES[name] for a in (e.value, *np.concatenate([np.ravel(g) for g in e.gradient.values()]))]
    written = numbers(name)
    missing = [a for a in exact if not any(abs(a - b) <= 6e-7 for b in written)]
    assert not missing, f"{name}.hep says {written}, without {missing}"


def test_walk_by_enumeration_and_by_differences() -> None:
    p, steps = 7.0, 10
    bits = 2 * oracles.outcomes(steps) - 1
    x, law = np.zeros(len(bits)), np.ones(len(bits))
    for i in range(steps):
        up = np.exp(-x / p)
        law *= np.where(bits[:, i] > 0, up, 1 - up)
        x += bits[:, i]
    exact = oracles.random_walk(p, steps)
    assert exact.value == pytest.approx(law @ x**2, rel=1e-12)
    slope = oracles.derivative(lambda p: oracles.random_walk(p, steps).value, p)
    assert exact.gradient["p"] == pytest.approx(slope, rel=1e-9)


def test_walk_has_the_published_derivative() -> None:
    exact = oracles.random_walk(200.0)
    assert exact.value == pytest.approx(4462.4604, abs=5e-5)
    assert exact.gradient["p"] == pytest.approx(15.134901, abs=5e-7)
    assert oracles.random_walk(50.0).gradient["p"] == pytest.approx(30.29499, abs=5e-6)


def test_derivatives_of_a_table_add_up() -> None:
    table = oracles.random_walk(np.full(10, 200.0), blocks=10)
    assert np.sum(table.gradient["p"]) == pytest.approx(oracles.random_walk(200.0).gradient["p"], rel=1e-12)


@pytest.mark.parametrize("splitting", [0.3, 0.8])
def test_cascade_solves_its_integral_equation(splitting: float) -> None:
    x = np.geomspace(1, 50, 20_001)
    n = np.array([oracles.cascade(splitting, energy=e).value for e in x])
    mean = 1 - splitting + 2 * splitting / 50 * (1 + np.trapezoid(n, x))
    assert n[-1] == pytest.approx(mean, rel=1e-6)
    slope = oracles.derivative(lambda s: oracles.cascade(s).value, splitting)
    assert oracles.cascade(splitting).gradient["splitting"] == pytest.approx(slope, rel=1e-8)


def test_borel_law_is_a_law_with_the_known_moments() -> None:
    m = 0.6
    assert oracles.progeny(lambda n: n**0.0, m) == pytest.approx(1, abs=1e-12)
    assert oracles.progeny(lambda n: n**1.0, m) == pytest.approx(1 / (1 - m), rel=1e-10)
    variance = oracles.progeny(lambda n: (n - 2.5) ** 2, m)
    assert variance == pytest.approx(m / (1 - m) ** 3, rel=1e-9)


def test_sums_over_a_law_match_closed_forms() -> None:
    rate = 4.0
    square = oracles.summed(lambda rate: oracles.distribution(lambda k: (k - 6.0) ** 2, stats.poisson(rate)), rate=rate)
    assert square.value == pytest.approx(rate + (rate - 6) ** 2, rel=1e-12)
    assert square.gradient["rate"] == pytest.approx(2 * rate - 11, rel=1e-8)
    inverse = oracles.summed(lambda rate: oracles.distribution(lambda k: 1 / (k + 1), stats.poisson(rate)), rate=rate)
    assert inverse.value == pytest.approx((1 - np.exp(-rate)) / rate, rel=1e-12)


def test_mixed_sum_by_simulation() -> None:
    rng, n, t = np.random.default_rng(5), 400_000, 0.4
    first = rng.random(n) < t
    count = rng.poisson(np.where(first, 2 * t, 0.5 + t))
    k = rng.binomial(count + 1, t)
    y = rng.normal(k * t, 1 + 0.2 * count)
    last = rng.random(n) < 1 / (1 + np.exp(-y))
    for name, f in {"mixed": (k - 2.0 * last) ** 2 + t * y, "odds": last}.items():
        assert_within(f.mean(), f.std() / n**0.5, oracles.mixed(t)[name].value, what=name)


def test_photodetector_by_simulation() -> None:
    rng, n = np.random.default_rng(6), 400_000
    shower = rng.normal(0.5, 0.3, n)
    signal = rng.normal(rng.binomial(rng.poisson(np.exp(shower)), 0.6) + 0.1 * shower, 0.5)
    f = signal**2
    assert_within(f.mean(), f.std() / n**0.5, oracles.photodetector(0.5, 0.6).value)


def test_committed_simulations_agree_with_the_earlier_ones() -> None:
    earlier = [
        (1.9182, 0.0013, 2.5545, 0.0093, oracles.ABSORBER),
        (2.8434, 0.0011, 3.0956, 0.0072, oracles.ABSORBER_ENERGY_LOSS),
    ]
    for value, se, slope, slope_se, exact in earlier:
        assert_within(value, se, exact.value, exact.se)
        assert_within(slope, slope_se, exact.gradient["theta"], exact.gradient_se["theta"])


@pytest.mark.parametrize(
    ("value", "se", "passes"),
    [
        (1.019, 0.004, True),
        (1.021, 0.004, False),
        (1.0, 0.05, False),
        (np.nan, 0.004, False),
        (1.0, 0.0, True),
        (1.00001, 0.0, False),
    ],
)
def test_the_comparison_rejects_what_is_off_what_is_blunt_and_what_is_not_a_number(
    value: float, se: float, passes: bool
) -> None:
    assert Z == 5
    if passes:
        assert_within(value, se, 1.0)
    else:
        with pytest.raises(AssertionError):
            assert_within(value, se, 1.0)


def test_an_exact_value_is_data() -> None:
    assert Exact(1.0, {"x": 2.0}).se == 0
