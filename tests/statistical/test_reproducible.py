"""An event depends on program, parameters, seed and event number: not on batches, lanes or how many there are."""

from __future__ import annotations

import numpy as np
import pytest

from .acceptance import load

PROGRAMS = ["absorber", "cascade", "random_walk"]
PROGRAMS += [
    pytest.param(name, marks=pytest.mark.slow)
    for name in ("chain_reaction", "photodetector", "plate", "mixed", "veto_shower")
]
SPLITS = [{"batch": 100, "lanes": 24}, {"lanes": 1024}]
SPLITS += [pytest.param(split, marks=pytest.mark.slow) for split in ({"batch": 64}, {"batch": 333}, {"lanes": 16})]


def outputs(name: str, n: int, seed: int = 51, **options: int) -> dict[str, np.ndarray]:
    events = load(name).simulate(n, seed=seed, **options)
    return {output: np.asarray(events[output]) for output in events}


def assert_identical(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> None:
    assert a.keys() == b.keys()
    for name, values in a.items():
        assert values.dtype == b[name].dtype
        assert values.tobytes() == b[name].tobytes(), name


@pytest.mark.every(3)
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_first_events_do_not_know_how_many_follow(name: str) -> None:
    few, many = outputs(name, 10), outputs(name, 1000)
    assert_identical(few, {output: values[:10] for output, values in many.items()})
    assert any(len(np.unique(values)) > 1 for values in many.values())


@pytest.mark.every(3)
@pytest.mark.parametrize("options", SPLITS)
@pytest.mark.parametrize("name", ["absorber", "cascade", "random_walk"])
def test_neither_batches_nor_lanes_change_an_event(name: str, options: dict[str, int]) -> None:
    assert_identical(outputs(name, 700), outputs(name, 700, **options))


@pytest.mark.parametrize("options", [{"batch": 128, "lanes": 32}])
@pytest.mark.parametrize(
    ("name", "by"),
    [
        pytest.param("absorber", {"shower.interacts": "stochastic_ad"}, marks=pytest.mark.slow),
        ("random_walk", {"up": "stochastic_ad"}),
    ],
)
def test_neither_batches_nor_lanes_change_a_gradient(name: str, by: dict[str, str], options: dict[str, int]) -> None:
    """Up to the order of summation: the events are the same, sums over them are not associative."""
    model = load(name)
    a, b = model.grad(512, seed=52, by=by), model.grad(512, seed=52, by=by, **options)
    assert a.mean["value"] == pytest.approx(b.mean["value"], rel=1e-5)
    for param, slope in a.gradient["value"].items():
        assert slope == pytest.approx(b.gradient["value"][param], rel=1e-4)


@pytest.mark.parametrize("name", PROGRAMS)
def test_one_seed_gives_one_result_and_another_seed_another(name: str) -> None:
    assert_identical(outputs(name, 200), outputs(name, 200))
    other = outputs(name, 200, seed=52)
    assert any(values.tobytes() != other[output].tobytes() for output, values in outputs(name, 200).items())


def test_seeds_use_all_their_bits() -> None:
    values = [outputs("random_walk", 50, seed=seed)["value"].tobytes() for seed in (1, 1 + 2**32, 2**63, 2**64 - 1)]
    assert len(set(values)) == 4


@pytest.mark.slow
def test_grad_sees_the_events_of_simulate() -> None:
    """The mean that `grad` reports is that of the same events, whatever estimates the gradient."""
    model = load("absorber")
    mean = float(np.mean(outputs("absorber", 600)["value"], dtype=np.float64))
    for by in ("score", "stochastic_ad"):
        assert model.grad(600, seed=51, by={"shower.interacts": by}).mean["value"] == pytest.approx(mean, rel=1e-5)


def test_the_gradient_of_one_run_repeats() -> None:
    a, b = (load("cascade").grad(400, seed=53).gradient["value"]["splitting"] for _ in range(2))
    assert a == b
    assert a != load("cascade").grad(400, seed=54).gradient["value"]["splitting"]


def test_events_are_not_correlated_with_their_neighbours_or_with_the_next_seed() -> None:
    n = 40_000
    f, g = (outputs("random_walk", n, seed=seed)["value"] for seed in (55, 56))
    for a, b in [(f[:-1], f[1:]), (f[:-7], f[7:]), (f, g)]:
        assert abs(np.corrcoef(a, b)[0, 1]) < 5 / n**0.5
