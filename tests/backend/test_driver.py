"""Events do not depend on how they are run."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import hepppl
from hepppl.backends.jax import compile_program
from hepppl.backends.jax.lanes import run_lanes

from .test_control_flow import BRANCH_WITH_LOOP_INSIDE_LOOP, GEOMETRIC, LOOP_INSIDE_PLATE, PROCESS_AFTER_A_SITE
from .test_effects import WEIGHTS_IN_A_RUN_IN_A_PROCESS

PROGRAMS = {
    "while": GEOMETRIC,
    "nested": BRANCH_WITH_LOOP_INSIDE_LOOP,
    "plate": LOOP_INSIDE_PLATE,
    "process": PROCESS_AFTER_A_SITE,
    "run in a process": WEIGHTS_IN_A_RUN_IN_A_PROCESS,
}


@pytest.mark.every(2)
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


def test_the_longest_tasks_come_first() -> None:
    """Tasks that count to their length: in lanes' turns of sixteen steps, the last ones end with the first."""
    rng = np.random.default_rng(0)
    length = jnp.asarray(np.minimum(rng.pareto(1.2, 1000) * 10 + 1, 2000), jnp.int32).at[-1].set(2000)
    active = jnp.asarray(rng.random(1000) < 0.9).at[-1].set(True)

    def turns(known: Any) -> int:
        def step(load: Any, state: Any, scratch: Any, busy: Any, age: Any) -> Any:
            state = state + busy
            return state, scratch, state >= load

        out, turns = run_lanes(
            step, length, jnp.zeros(1000, jnp.int32), (), -jnp.ones(1000, jnp.int32), lambda s: s, active, 1000, 64,
            tape=1000, length=known,
        )  # fmt: skip
        np.testing.assert_array_equal(out, jnp.where(active, length, -1))
        assert turns is not None
        return int(turns)

    best = max(2000, int(jnp.where(active, length, 0).sum()) / 64) / 16
    assert best <= turns(length.astype(jnp.float32)) < 1.1 * best + 2
    assert turns(None) > 1.15 * best
    assert turns(jnp.where(length > 50, jnp.nan, 1.0)) > 1.15 * best  # what is not known only costs time


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


def test_a_particle_of_more_words_than_the_first_is_stacked() -> None:
    """The first particle's place does not move with the parameter, its children's do: every path is proportional to
    it, so that the derivative is the mean over the parameter."""
    model = hepppl.parse(
        "process shower(e: real, x: real, free: real) {\n    d ~ exponential(1 / free)\n    emit (x = x + d)\n"
        "    if e > 1 {\n        z ~ uniform(0.2, 0.8)\n        spawn shower(z * e, x + d, free)\n"
        "        spawn shower((1 - z) * e, x + d, free)\n    }\n}\n"
        "model m {\n    param free: real in (0, 10) = 2\n    h ~ shower(4, 0, free) limit 32\n    return sum(h.x)\n}"
    )
    result = model.grad(256, seed=1)
    assert result.gradient["value"]["free"] == pytest.approx(result.mean["value"] / 2, rel=1e-5)
