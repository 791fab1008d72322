"""The JAX back end against the reference, event by event."""

import numpy as np
import pytest

from hepppl.backends import reference
from hepppl.backends.jax import compile_program
from hepppl.backends.jax.results import Jagged
from hepppl.graph import ModelGraph

from .agreement import assert_agreement
from .programs import FILES, load

#: Events where the reference is slow.
EVENTS = {"absorber": 20, "absorber_energy_loss": 40, "random_walk": 100, "random_walk_table": 60, "reuse": 150}
EVENTS |= {"everything": 10, "electromagnetic_cascade": 60}
#: Compiling takes seconds, so that only these are compared in every run, the others with the slow ones.
QUICK = set(
    """cut decay_chain discrete_choice faults integers_and_bools mathematics
    nested random_walk sudakov weight_in_loops while_in_a_plate""".split()
)


def marked(name):
    return pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow])


def run(name, n, seed, **options):
    """Outputs and weights of the JAX back end, and for each event whether it met a fault."""
    program = load(name)
    params, data = ({x.name: x.default for x in given} for given in (program.params, program.data))
    events = compile_program(ModelGraph(program), **options).simulate(n, seed, params, data)
    weight = np.ones(n, np.float32) if events.weight is None else events.weight
    outputs = {k: rows(v) if isinstance(v, Jagged) else v for k, v in events.outputs.items()}
    return program, {**outputs, "weight": weight}, events.fault != 0


def rows(jagged):
    return np.split(jagged.values, np.cumsum(jagged.counts)[:-1])


@pytest.mark.every(3)
@pytest.mark.parametrize("name", [marked(name) for name in sorted(FILES)])
def test_events_agree(name):
    """Up to one event in a hundred may take another course by rounding: mostly where two equal numbers are compared."""
    program, theirs, faulty = run(name, n := EVENTS.get(name, 300), seed=7)
    assert_agreement(program, theirs, seed=7, rtol=5e-5, atol=2e-5, flips=0.01)
    expected = [fault is not None for fault in reference.simulate(program, n, 7, precision=32).fault]
    assert faulty.tolist() == expected


@pytest.mark.slow
@pytest.mark.parametrize("name", ["nested_loops", "discrete_qcd"])
def test_twenty_rounds_and_a_seed_of_64_bits_agree(name):
    seed = 0xFEDCBA9876543210
    program, theirs, _ = run(name, 100, seed, rounds=20)
    assert_agreement(program, theirs, seed=seed, rounds=20, rtol=5e-5, atol=2e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["veto_shower", "discrete_qcd", "jagged"])
def test_small_batches_and_few_lanes_agree(name):
    program, theirs, _ = run(name, 200, 3, batch=64, lanes=8)
    assert_agreement(program, theirs, seed=3, rtol=5e-5, atol=2e-5)


@pytest.mark.slow
@pytest.mark.parametrize("steps", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_the_limit_of_steps_holds_for_the_whole_event(steps):
    """Not for each run of a process: the third here finds what the first two have left of it."""
    program, theirs, faulty = run("process_in_loop", 60, 7, max_steps=steps)
    assert_agreement(program, theirs, seed=7, rtol=5e-5, atol=2e-5, max_steps=steps)
    expected = [fault is not None for fault in reference.simulate(program, 60, 7, max_steps=steps, precision=32).fault]
    assert faulty.tolist() == expected
    assert any(expected)
