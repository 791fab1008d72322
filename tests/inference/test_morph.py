"""Events at other parameters against direct simulation and exact expectations.

Statistical tests have fixed seeds and compare at 4.5 standard errors: a false alarm in 150,000 comparisons.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import norm

import hepppl

Z, N = 4.5, 20_000

SMEAR = """
process jets(scale: real) {
    e ~ exponential(1)
    emit (e = scale * e)
    more ~ bernoulli(0.5)
    if more { spawn jets(scale) }
}
model smear {
    param scale: real in (0, 5) = 1
    param resolution: real in (0, 2) = 0.3
    truth ~ exponential(1)
    seen ~ normal(scale * truth, resolution)
    weight exp(-scale / 5)
    h ~ jets(scale) limit 4
    return (seen = seen, jets = h.e, n = count(h))
}
"""


@pytest.fixture(scope="module")
def smear() -> Any:
    return hepppl.parse(SMEAR)


def agree(one: Any, one_se: Any, other: Any, other_se: Any = 0.0) -> None:
    z = (one - other) / np.hypot(one_se, other_se)
    assert (np.abs(z) < Z).all(), z


@pytest.mark.slow
def test_moved_events_agree_with_direct_simulation(smear: Any) -> None:
    """Ten per cent further in both parameters, from one sample: mean, width, histogram, weight; the difference between
    the points has a hundredth of the variance that independent samples give."""
    point = {"scale": 1.1, "resolution": 0.33}
    morphed = smear.morph(N, point, seed=1)
    assert morphed.method == "move"
    assert max(morphed.missed[0].values()) < 0.1
    there, direct = morphed.at(), smear.simulate(N, seed=57, **point)
    assert there.params == point
    for name in ("seen", "n"):
        agree(there.mean[name], there.se[name], direct.mean[name], direct.se[name])
    # E = scale, exactly; the weight moves along its parabola
    shift, se = morphed.shift("seen")
    agree(shift, se, 0.1)
    start = smear.simulate(N, seed=58)
    independent = direct.se["seen"] ** 2 + start.se["seen"] ** 2
    assert se**2 * 100 < independent
    assert_allclose(there.weight, np.exp(-0.2) * (1 - 0.02 + 0.02**2 / 2), rtol=1e-5)
    edges = np.linspace(-1, 6, 29)
    (filled,), (error,) = morphed.histogram("seen", edges)
    counts, _ = np.histogram(direct["seen"], edges)
    expected, scale = counts * np.exp(-1.1 / 5), there.weight[0] / np.exp(-1.1 / 5)
    used = counts > 20
    agree(filled[used] / scale, error[used], expected[used], np.sqrt(counts[used]))


@pytest.mark.slow
def test_jagged_outputs_move_too(smear: Any) -> None:
    morphed = smear.morph(500, [{"scale": 1.2}, {"resolution": 0.3}], seed=1)
    (far, here), start = (morphed.at(0), morphed.at(1)), morphed.events
    assert_allclose(far.outputs["jets"].values, 1.2 * start.outputs["jets"].values, rtol=1e-5)
    assert (far.outputs["jets"].counts == start.outputs["jets"].counts).all()
    assert here.outputs["jets"].values is not start.outputs["jets"].values
    assert (here["seen"] == start["seen"]).all()
    sums, errors = morphed.histogram("jets", [0.0, 0.5, 1.0, 2.0])
    assert sums.shape == errors.shape == (2, 3)
    x = start.outputs["jets"].values
    assert_allclose(sums[1], np.histogram(x, [0, 0.5, 1, 2])[0] * np.exp(-0.2), rtol=1e-5)


def test_a_move_that_goes_too_far_is_not_trusted(examples: Path) -> None:
    model = hepppl.load(examples / "smooth_normal.hep")
    with pytest.raises(hepppl.HepResultError, match=r"misses \d+") as caught:
        model.morph(1000, {"mu": 1.6}, order=1)
    assert [d.code for d in caught.value.diagnostics] == ["E922"]
    assert caught.value.exit_status == 3
    missed = caught.value.result.missed[0]["value"]
    # the noise is known, so that what the straight line misses is too
    x = np.random.default_rng(0).normal(0.8, 0.5, 400_000)
    off = np.sin(x) + 0.8 * np.cos(x) - np.sin(x + 0.8)
    exact = np.sqrt((off**2).mean() / ((np.sin(x + 0.8) - np.sin(x)) ** 2).mean())
    assert missed == pytest.approx(exact, rel=0.1)
    assert model.morph(1000, {"mu": 1.6}, order=1, accuracy=2).missed[0]["value"] == missed


@pytest.mark.slow
def test_the_second_order_takes_events_further() -> None:
    """Quantiles that are inverted numerically, a process, a root and a loop: at ten per cent the parabola misses the
    cube of the step where the straight line misses its square."""
    text = """
process jets(s: real) {
    e ~ exponential(s)
    emit (e = s^3 * e)
    more ~ bernoulli(0.5)
    if more { spawn jets(s) }
}
model m {
    param s: real in (0, 5) = 1
    h ~ jets(s) limit 4
    u = root(u -> u^3 + u - exp(s), 0, 5)
    g ~ gamma(2 * s, 1)
    k = 0
    w = 1.0
    while k < 3 limit 5 {
        q ~ weibull(s, 2 * s)
        w = w * s + q
        k = k + 1
    }
    weight exp(s)
    return (e = h.e, most = max(h.e), u = u, g = g, w = w)
}"""
    model = hepppl.parse(text)
    line, parabola = (model.morph(1000, {"s": 1.1}, order=order, accuracy=1).missed[0] for order in (1, 2))
    assert line.keys() == parabola.keys() == {"weight", "e", "most", "u", "g", "w"}
    for name in line:
        assert 0.003 < line[name] < 0.12
        assert parabola[name] < 0.1 * line[name], name


def test_reweighted_showers_agree_with_their_exact_means(examples: Path) -> None:
    """The Sudakov shower at couplings around its own: -4 log(1 - 1.22 a log(91.1876)) / 1.22 emissions."""
    model = hepppl.load(examples / "sudakov_emissions.hep")
    couplings = [0.118 * 0.9, 0.118 * 1.02, 0.118 * 1.1]
    morphed = model.morph(N, [{"alpha_mz": a} for a in couplings], seed=3)
    assert morphed.method == "reweight"
    assert "cannot be moved: site 'evolve.step'" in morphed.why

    def exact(a: float) -> float:
        return -4 * np.log(1 - 1.22 * a * np.log(91.1876)) / 1.22

    for k, a in enumerate(couplings):
        there = morphed.at(k)
        agree(there.mean["n"], there.se["n"], exact(a))
        agree(there.mean["weight"], there.se["weight"], 1.0)
        shift, se = morphed.shift("n", k)
        agree(shift, se, exact(a) - exact(0.118))
    assert morphed.worth[0] > 0.3
    assert (morphed.at(0)["n"] == model.simulate(N, seed=3)["n"]).all()
    # nearby, the common events know the difference far better than two samples would
    start = morphed.events
    _, se = morphed.shift("n", 1)
    assert se**2 * 10 < 2 * start.se["n"] ** 2


def test_reweighting_is_exact_where_outputs_and_weights_hold_the_parameter() -> None:
    """What is computed from a parameter at fixed draws is computed anew at the point."""
    text = """
model m {
    param t = 1.0
    x ~ normal(t, 1)
    require x > -1
    weight exp(-t^2 * x / 4)
    return (y = t * x, x = x)
}"""
    model = hepppl.parse(text)
    morphed = model.morph(N, {"t": 1.2}, method="reweight", seed=2)
    start, there = morphed.events, morphed.at()
    kept = start.weight > 0
    assert_allclose(there["y"], 1.2 * start["x"], rtol=1e-5)
    assert_allclose(there["x"], start["x"])
    x = start["x"].astype(float)
    ratio = norm.pdf(x, 1.2) / norm.pdf(x, 1.0)
    assert_allclose(there.weight[kept], (ratio * np.exp(-1.44 * x / 4))[kept], rtol=1e-4)
    assert (there.weight[~kept] == 0).all()
    direct = model.simulate(N, seed=57, t=1.2)
    for name in ("x", "y", "weight"):
        agree(there.mean[name], there.se[name], direct.mean[name], direct.se[name])


def test_the_method_is_refused_where_it_is_not_sound(examples: Path) -> None:
    cascade = hepppl.load(examples / "cascade.hep")
    with pytest.raises(hepppl.HepPlanError, match=r"cascade\.splits.*jumps") as caught:
        cascade.morph(10, {"splitting": 0.81}, method="move")
    (d,) = caught.value.diagnostics
    assert d.code == "E623"
    assert any("reweight" in hint for hint in d.hints)
    with pytest.raises(hepppl.HepPlanError) as caught:
        hepppl.load(examples / "sudakov.hep").morph(10, {"alpha_mz": 0.12})
    assert {d.code for d in caught.value.diagnostics} == {"E623", "E621"}
    step = hepppl.parse("model m { param t = 1.0; x ~ normal(0, 1); return floor(x / t) }")
    with pytest.raises(hepppl.HepPlanError):
        step.morph(10, {"t": 1.1}, method="move")
    with pytest.raises(hepppl.HepValueError, match="method must be"):
        step.morph(10, {"t": 1.1}, method="bend")


def test_weights_that_leave_too_few_events_are_not_trusted() -> None:
    model = hepppl.parse("model m { param t = 0.0; x ~ normal(t, 1); return x }")
    with pytest.raises(hepppl.HepResultError) as caught:
        model.morph(1000, {"t": 5}, method="reweight")
    assert [d.code for d in caught.value.diagnostics] == ["E923"]
    # (E r)^2 / E r^2 = exp(-delta^2) for a shifted normal
    near = model.morph(N, {"t": 0.5}, method="reweight", seed=4)
    assert near.worth[0] == pytest.approx(np.exp(-0.25), rel=0.03)


@pytest.mark.parametrize("method", ["move", "reweight"])
def test_the_same_point_changes_nothing(smear: Any, method: str) -> None:
    morphed = smear.morph(100, {"scale": 1}, method=method)
    assert (morphed.at()["seen"] == morphed.events["seen"]).all()
    assert (morphed.at().weight == morphed.events.weight).all()
    assert morphed.shift("seen") == (0.0, 0.0)
