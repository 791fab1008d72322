"""Whole programs: expectations in closed form, reproducibility, and what the front end makes of the language.

Means are compared by z-score at fixed seeds; |z| < 4.5 has a false-alarm rate of 7e-6 a number.
"""

import numpy as np
import pytest
import scipy.stats

from hepppl.backends.reference import simulate

from .programs import load, program

EXACT = [
    ("discrete_choice", {"x": 0.7}, 2000, {"value": 0.49 + np.sin(1.4) ** 2}),
    ("discrete_choice", {"x": -0.2}, 2000, {"value": 0.04 + np.sin(0.4) ** 2}),
    ("random_walk", {}, 200, {"value": 4462.460356}),
    ("random_walk_table", {}, 100, {"value": 4462.460356}),
    ("cascade", {}, 300, {"value": 21.973644}),
    ("chain_reaction", {"p": 0.2}, 1000, {"value": 1 / (1 - 0.2 * 2.4)}),
    ("photodetector", {}, 500, {"value": 6.592379}),
    ("smooth_normal", {}, 500, {"value": 0.633065}),
    ("veto_shower", {}, 500, {"emissions": 3.439042, "none": 0.032095}),
]


def z_score(values, exact):
    values = np.asarray(values, float)
    return (values.mean() - exact) / (values.std(ddof=1) / np.sqrt(len(values)))


@pytest.mark.every(3)
@pytest.mark.parametrize(("name", "params", "n", "exact"), EXACT, ids=[f"{e[0]}-{i}" for i, e in enumerate(EXACT)])
def test_expectations(name, params, n, exact):
    events = simulate(load(name), n, seed=2, params=params)
    assert set(events.fault) == {None}
    for output, value in exact.items():
        assert abs(z_score(events[output], value)) < 4.5, output


@pytest.mark.slow
@pytest.mark.parametrize(("name", "n", "exact"), [("absorber", 60, 1.92104), ("absorber_energy_loss", 150, 2.84346)])
def test_showers(name, n, exact):
    events = simulate(load(name), n, seed=1)
    assert set(events.fault) == {None}
    assert abs(z_score(events["value"], exact)) < 4.5


@pytest.mark.parametrize("name", ["discrete_qcd", "random_walk", "photodetector", "ee_mumu", "chain_reaction"])
def test_an_event_depends_on_its_number_alone(name):
    model = load(name)
    many, few = simulate(model, 12, seed=5), simulate(model, 3, seed=5, first_event=6)
    for output in many.outputs:
        np.testing.assert_array_equal(few[output], many[output][6:9])
    np.testing.assert_array_equal(few.weight, many.weight[6:9])
    np.testing.assert_array_equal(few.steps, many.steps[6:9])
    other = simulate(model, 12, seed=6)
    assert any(np.any(other[output] != many[output]) for output in many.outputs)


def test_moved_parameters_keep_every_other_random_number():
    """The walk at two values of p follows the same uniforms: it can only be pulled back less where p is larger."""
    model = load("random_walk")
    low, high = (simulate(model, 30, params={"p": p})["value"] for p in (200.0, 205.0))
    assert (low == high).mean() > 0.3
    assert (low <= high).mean() > 0.9


def test_combinators_have_the_moments_of_their_laws():
    model = program(
        """model m {
            a ~ truncated(normal(1, 2), 0, 3)
            b ~ affine(gamma(3, 2), 1, 4)
            c ~ mixture([0.3, 0.7], [normal(-2, 1), normal(5, 0.5)])
            d ~ truncated(normal(0, 1), low = 9)
            e ~ truncated(poisson(3), 1, 4)
            return (a = a, b = b, c = c, d = d, e = e)
        }"""
    )
    events = simulate(model, 600, seed=1)
    assert set(events.fault) == {None}
    k = np.arange(1, 5)
    mass = scipy.stats.poisson(3).pmf(k)
    exact = {
        "a": scipy.stats.truncnorm(-0.5, 1, 1, 2).mean(),
        "b": 1 + 4 * 1.5,
        "c": -0.6 + 3.5,
        "d": scipy.stats.norm.pdf(9) / scipy.stats.norm.sf(9),
        "e": (k * mass).sum() / mass.sum(),
    }
    for name, value in exact.items():
        assert abs(z_score(events[name], value)) < 4.5, name
    assert events["a"].min() >= 0
    assert events["a"].max() <= 3
    assert events["d"].min() >= 9
    assert set(events["e"]) == {1, 2, 3, 4}


def test_collections_from_a_process():
    """Emitted energies 2, 1 and 0.5 GeV (in MeV), reduced in every way and given out as they are."""
    model = program(
        """process p(e: energy) {
            emit (e = e, big = e > 0.8 GeV)
            if e > 0.6 GeV { spawn p(e / 2) }
        }
        model m {
            h ~ p(2 GeV) limit 2
            return (count = count(h), big = count(h.big), sum = sum(h.e), mean = mean(h.e), min = min(h.e),
                    max = max(h.e), any = any(h.e > 3 GeV), all = all(h.e < 3 GeV), square = sum(h.e * h.e) / GeV^2,
                    hist = hist(h.e, [0 GeV, 0.9 GeV, 3 GeV]), array = padded(h.e, 4, fill = 7 MeV), each = h.e)
        }"""
    )
    events = simulate(model, 2)
    found = {name: np.asarray(value[1]).tolist() for name, value in events.outputs.items()}
    assert found == {
        "count": 3, "big": 2, "sum": 3500, "mean": pytest.approx(3500 / 3), "min": 500, "max": 2000, "any": False,
        "all": True, "square": pytest.approx(5.25), "hist": [1, 2], "array": [2000, 1000, 500, 7],
        "each": [2000, 1000, 500],
    }  # fmt: skip
    assert [type(x) for x in events["each"]] == [np.ndarray] * 2


def test_statements_of_the_language():
    """Records, arrays, rebinding, plates, loops and branches, without randomness."""
    model = program(
        """const k = 3
        fn square(x) = x^2
        model m {
            data n: int = 4
            a = [i^2 for i in 0..5]
            a[2] = 40
            total = 0
            for i in 0..5 { if i % 2 == 0 { total = total + a[i] } else { total = total - 1 } }
            w = 1
            while w < 100 limit 10 { w = w * k }
            plate j in 0..3 { row = square(j + n) }
            v = p4(e = 5 GeV, px = 3 GeV, py = 0 GeV, pz = 4 GeV)
            weight 2
            require w == 243
            return (total = total, w = w, row = row, sorted = sort(a)[4], mass = v.mass, pt = v.pt, tail = a[3..5])
        }"""
    )
    events = simulate(model, 1)
    assert events["total"] == [0 + 40 + 16 - 2]
    assert events["w"] == [243]
    assert events["row"].tolist() == [[16, 25, 36]]
    assert events["sorted"] == [40]
    assert events["mass"] == pytest.approx(0, abs=1e-6)
    assert events["pt"] == [3000]
    assert events["tail"].tolist() == [[9, 16]]
    assert events.weight == [2]
    assert simulate(model, 1, data={"n": 0})["row"].tolist() == [[0, 1, 4]]
    assert simulate(model, 1).weight == [2]


def test_truncation_is_reported_where_it_happens():
    events = simulate(load("chain_reaction"), 100, params={"p": 0.39, "nu": 2.4})
    assert set(events.fault) == {None}
    text = """process n(p: real) { k ~ bernoulli(p); if k { spawn n(p); spawn n(p) } }
    model m { h ~ n(0.9) limit 5; return 1 }"""
    # a process that emits nothing still runs
    faults = simulate(program(text.replace("k ~", "emit 1; k ~")), 50, max_steps=500).fault
    assert {f[0] for f in faults if f} == {"truncated"}
