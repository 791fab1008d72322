"""Events at parameters of their own are those of runs at each of these points."""

from __future__ import annotations

import numpy as np
import pytest

import hepppl
from hepppl.inference.sbi.priors import Prior
from hepppl.inference.sbi.simulator import Simulator
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


def test_weighted_programs_are_refused() -> None:
    model = hepppl.parse("model m { param p ~ gamma(2, 1); k ~ poisson(p); require k > 0; return k }")
    with pytest.raises(hepppl.HepUnsupportedError) as caught:
        Simulator(Prior.of(model))
    assert [d.code for d in caught.value.diagnostics] == ["E720"]
