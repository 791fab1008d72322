"""Events at parameters of their own are those of runs at each of these points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

import hepppl
from hepppl.inference.sbi.priors import Prior
from hepppl.inference.sbi.simulator import Simulator, taken, together
from hepppl.results import Jagged
from tests.inference.sbi.programs import SHOWER, TOY

N = 12


@pytest.fixture(scope="module")
def shower() -> hepppl.Model:
    return hepppl.parse(SHOWER)


def test_each_event_is_that_of_its_own_parameters(shower: hepppl.Model) -> None:
    """Through loops of random length and branching processes, with varying output; reals to single precision,
    since another compilation may round them otherwise."""
    simulator = Simulator(Prior.of(shower))
    found = simulator.draw(N, 3)
    points = simulator.prior.unpack(found.theta)
    ends = np.cumsum([0, *found.outputs["energies"].counts])
    for i in range(5):
        alone = shower.simulate(N, 3, params={name: values[i] for name, values in points.items()})
        for name in ("n", "turns", "walked"):
            np.testing.assert_allclose(alone.outputs[name][i], found.outputs[name][i], rtol=1e-6)
        jagged = alone.outputs["energies"]
        own = np.cumsum([0, *jagged.counts])
        ours = found.outputs["energies"].values[ends[i] : ends[i + 1]]
        np.testing.assert_allclose(jagged.values[own[i] : own[i + 1]], ours, rtol=1e-5)


def test_more_experiments_keep_those_there_were(shower: hepppl.Model) -> None:
    few, many = (Simulator(Prior.of(shower), events=3).draw(n, 3) for n in (4, 9))
    np.testing.assert_array_equal(few.theta, many.theta[:4])
    np.testing.assert_array_equal(few.outputs["turns"], many.outputs["turns"][:12])
    assert len(many.outputs["n"]) == 27


def test_gold_at_points_of_their_own() -> None:
    """Scores and ratios, against `Model.gold` at each of the points."""
    model = hepppl.parse(TOY)
    simulator = Simulator(Prior.of(model))
    theta, other = simulator.prior.draw(N, 1), simulator.prior.draw(N, 2)
    found = simulator.mine(theta, 5, True, other)
    for i in range(N):
        alone = model.gold(N, theta={"theta": theta[i, 0]}, seed=5, ratios_to=[{"theta": other[i, 0]}])
        assert found.simulations.outputs["value"][i] == alone.events.outputs["value"][i]
        assert found.score[i, 0] == pytest.approx(alone.score["theta"][i], rel=1e-6)
        assert found.ratio[i] == pytest.approx(alone.log_ratio[i, 0], rel=1e-5, abs=1e-6)


#: Of n ~ poisson(rate), at least one; its elements are as many as it says.
CUT = """process some(left: int) { size ~ exponential(1); emit size; if left > 1 { spawn some(left - 1) } }
model cut {
    param rate ~ uniform(0.2, 3)
    n ~ poisson(rate)
    require n > 0
    h ~ some(n) limit 50
    return (n = n, sizes = h)
}"""


@pytest.mark.slow
def test_rejected_events_are_simulated_anew() -> None:
    """Events follow the law given that they pass, and the points keep following the prior: the numbers of events of
    n = 1, 2, 3, more against their probabilities, in two halves of the prior (chi-squared, false alarm 1e-4 each)."""
    simulator = Simulator(Prior.of(hepppl.parse(CUT)))
    found = simulator.draw(6000, 2)
    np.testing.assert_array_equal(found.theta, simulator.prior.draw(6000, 2))
    n, rate = found.outputs["n"], found.theta[:, 0]
    assert n.min() == 1
    for half in (rate < 1.6, rate >= 1.6):
        each = np.stack([stats.poisson(rate[half]).pmf(k) for k in (1, 2, 3)] + [stats.poisson(rate[half]).sf(3)])
        expected = (each / stats.poisson(rate[half]).sf(0)).sum(1)
        seen = np.bincount(np.minimum(n[half], 4), minlength=5)[1:]
        assert stats.chi2.sf(((seen - expected) ** 2 / expected).sum(), 3) > 1e-4
    jagged = found.outputs["sizes"]
    np.testing.assert_array_equal(jagged.counts, n)
    assert stats.kstest(jagged.values, stats.expon.cdf).pvalue > 1e-4
    few = simulator.draw(40, 2)  # more experiments keep those there were
    np.testing.assert_array_equal(few.outputs["n"], n[:40])
    np.testing.assert_allclose(few.outputs["sizes"].values, jagged.values[: n[:40].sum()], rtol=1e-6)


def test_events_of_several_runs_side_by_side() -> None:
    first = {"a": np.arange(3), "b": Jagged(np.arange(6), np.array([1, 0, 5]))}
    second = {"a": np.arange(3, 5), "b": Jagged(np.arange(6, 9), np.array([2, 1]))}
    whole = together([first, second])
    np.testing.assert_array_equal(whole["a"], np.arange(5))
    picked = taken(whole, np.array([3, 1, 2, 0]))
    np.testing.assert_array_equal(picked["b"].counts, [2, 0, 5, 1])
    np.testing.assert_array_equal(picked["b"].values, [6, 7, 1, 2, 3, 4, 5, 0])


@pytest.mark.parametrize(
    ("condition", "call", "code"),
    [
        ("weight 1.0 + k", lambda s: s, "E720"),
        ("require k > 0", lambda s: s.mine(s.prior.draw(3, 0), 0, True, None), "E723"),
        ("require k > 1000", lambda s: s.draw(3, 0), "E932"),
    ],
)
def test_programs_that_are_refused(
    condition: str, call: Callable[[Simulator], Any], code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hepppl.inference.sbi.simulator.TRIES", 5)
    model = hepppl.parse(f"model m {{ param p ~ gamma(2, 1); k ~ poisson(p); {condition}; return k }}")
    with pytest.raises(hepppl.HepError) as caught:
        call(Simulator(Prior.of(model)))
    assert [d.code for d in caught.value.diagnostics] == [code]
