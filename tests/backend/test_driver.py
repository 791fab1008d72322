"""Events do not depend on how they are run."""

from __future__ import annotations

import numpy as np
import pytest

import hepppl
from hepppl.backends.jax import compile_program

from .test_control_flow import BRANCH_WITH_LOOP_INSIDE_LOOP, GEOMETRIC, LOOP_INSIDE_PLATE, PROCESS_AFTER_A_SITE
from .test_effects import WEIGHTS_IN_A_RUN_IN_A_PROCESS

PROGRAMS = {
    "while": GEOMETRIC,
    "nested": BRANCH_WITH_LOOP_INSIDE_LOOP,
    "plate": LOOP_INSIDE_PLATE,
    "process": PROCESS_AFTER_A_SITE,
    "run in a process": WEIGHTS_IN_A_RUN_IN_A_PROCESS,
}


@pytest.mark.parametrize(
    "name", [pytest.param(k, marks=[pytest.mark.slow] * ("process" in k)) for k in PROGRAMS]
)  # showers also in tests.statistical.test_reproducible
def test_events_are_the_same_for_any_batch_and_any_lanes(name: str) -> None:
    model = hepppl.parse(PROGRAMS[name])
    point = {k: info.default for k, info in model.params.items()}
    reference = compile_program(model.model_graph).simulate(700, 5, point)
    for options in ({"lanes": 64}, {"batch": 100}, {"lanes": 16, "batch": 300}):
        events = compile_program(model.model_graph, **options).simulate(700, 5, point)
        for output, values in reference.outputs.items():
            np.testing.assert_array_equal(events.outputs[output], values)


def test_rounds_change_the_events_and_not_their_law() -> None:
    model = hepppl.parse(GEOMETRIC)
    means = []
    for rounds in (13, 20):
        values = compile_program(model.model_graph, rounds=rounds).simulate(20_000, 0, {"p": 0.3}).outputs["value"]
        means.append(values.mean())
    assert means[0] != means[1]
    se = np.sqrt(0.7) / 0.3 / np.sqrt(20_000)
    assert all(abs(mean - 0.7 / 0.3) < 5 * se for mean in means)


def test_events_are_numbered_beyond_32_bits() -> None:
    """The low word of the event's number carries into the high word inside a batch."""
    model = hepppl.parse(GEOMETRIC)
    compiled = compile_program(model.model_graph)
    call, _ = compiled.function("simulate", 64, 1)
    near, far = (compiled.arguments(0, first, 64, {"p": 0.3}, {}) for first in (2**32 - 32, 2**32))
    np.testing.assert_array_equal(call(*near)["outputs"]["value"][32:], call(*far)["outputs"]["value"][:32])
