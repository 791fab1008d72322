"""Several lanes follow the particles of one event: it is the same event."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import hepppl
from hepppl.backends import reference
from hepppl.backends.jax import compile_program, dividing
from hepppl.backends.jax.dividing import Parts
from hepppl.backends.jax.lanes import run_lanes

#: Energies are shared, from a spectrum with a heavy tail: events begin in no order, and a few are much longer.
HEAVY = """
process particle(e: real, p: real) {
    if e < 1 {
        emit (e = e, hard = e > 0.5)
    } else {
        z ~ uniform(0, 1)
        radiates ~ bernoulli(p)
        emit (e = e, hard = z * e > 90)
        if radiates {
            spawn particle(z * e, p)
            spawn particle((1 - z) * e, p)
        }
    }
}
model heavy {
    param p: real in (0, 1) = 0.9
    r ~ uniform(0, 1)
    h ~ particle(min(3 * r^(-1.2), 3000), p) limit 40
    return (number = count(h), above = count(h.hard), units = sum(int(h.e)),
            spectrum = hist(h.e, [0, 0.25, 0.5, 1, 10, 100]), most = max(h.e), least = min(h.e),
            some = any(h.hard), all_soft = all(h.e < 800))
}
"""


@pytest.fixture(scope="module")
def events() -> dict[Any, Any]:
    """400 events, by the number of lanes that follow them; "early": divided while there are events to begin."""
    model, found = hepppl.parse(HEAVY), {}
    for lanes in (1, 7, 256):
        found[lanes] = compile_program(model.model_graph, lanes=lanes).simulate(400, 3, {"p": 0.9})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dividing, "DEEP", 0)
        found["early"] = compile_program(model.model_graph, lanes=16).simulate(400, 3, {"p": 0.9})
    return found


def test_events_do_not_depend_on_how_many_lanes_follow_them(events: dict[Any, Any]) -> None:
    assert events[1].outputs["number"].max() > 10 * events[1].outputs["number"].mean()
    for other in (7, 256, "early"):
        for name, values in events[1].outputs.items():
            np.testing.assert_array_equal(events[other].outputs[name], values)
        np.testing.assert_array_equal(events[other].fault, events[1].fault)


def test_they_are_the_events_of_the_reference(events: dict[Any, Any]) -> None:
    model = hepppl.parse(HEAVY)
    theirs = reference.simulate(model.program, 60, 3, precision=32)
    for name in ("number", "above", "some", "all_soft"):
        ours = events[256].outputs[name][:60]
        assert (ours != np.asarray(theirs.outputs[name])).mean() <= 1 / 60  # one may round to another course


@pytest.mark.parametrize(
    ("text", "divided"),
    [
        (HEAVY, True),
        (HEAVY.replace("int(h.e)", "h.e"), False),
        pytest.param(HEAVY.replace("100])", "100], h.e)"), False, marks=pytest.mark.slow),
    ],
)
def test_what_depends_on_the_order_of_terms_is_not_divided(
    text: str, divided: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sum of integers is exact in any order, one of real numbers or weights is not."""
    parts, whole = [], Parts.part
    monkeypatch.setattr(Parts, "part", lambda *args: parts.append(1) or whole(*args))
    model = hepppl.parse(text)
    few, many = (compile_program(model.model_graph, lanes=n).simulate(100, 1, {"p": 0.9}) for n in (1, 64))
    assert bool(parts) == divided
    for name, values in few.outputs.items():
        np.testing.assert_array_equal(many.outputs[name], values)


@pytest.mark.parametrize(
    ("limit", "steps"), [(7, 40), *(pytest.param(*x, marks=pytest.mark.slow) for x in [(6, 1_000_000), (40, 50)])]
)
def test_limits_hold_for_the_whole_event(limit: int, steps: int) -> None:
    """The same events break them, of particles alive and of steps, whoever follows their parts."""
    model = hepppl.parse(HEAVY.replace("limit 40", f"limit {limit}"))
    faults = [
        compile_program(model.model_graph, lanes=lanes, max_steps=steps).simulate(200, 1, {"p": 0.9}).fault
        for lanes in (1, 64)
    ]
    assert 5 < np.count_nonzero(faults[0]) < 150
    np.testing.assert_array_equal(*faults)
    theirs = reference.simulate(model.program, 200, 1, precision=32, max_steps=steps).fault
    assert np.count_nonzero((faults[0] != 0) != [f is not None for f in theirs]) <= 2


def test_alternatives_are_the_same_too() -> None:
    model = hepppl.parse(HEAVY[: HEAVY.index("(number")] + "count(h)\n}")
    plan = model.plan()
    one, many = (
        compile_program(model.model_graph, plan=plan, lanes=lanes).gradient(256, 2, {"p": 0.9}) for lanes in (1, 64)
    )
    slope, same = (found.gradient["value"]["p"].value for found in (one, many))
    assert slope > 0
    np.testing.assert_allclose(same, slope, rtol=1e-6)


class Halves:
    """A task is a number of units of work, of which another lane may take half."""

    def spare(self, state: Any, large: Any) -> Any:
        return state[0] > jnp.where(large, 100, 1)

    def give(self, state: Any, givers: Any) -> Any:
        left, done = state
        return left - jnp.where(givers, left // 2, 0), done

    def part(self, state: Any, scratch: Any, giver: Any) -> Any:
        return state[0][giver] // 2, jnp.zeros_like(state[1])

    def join(self, out: Any, task: Any, result: Any) -> Any:
        return out.at[task].add(result)


@pytest.mark.parametrize("lanes", [3, 16])
def test_the_longest_task_keeps_no_lane_waiting(lanes: int) -> None:
    steps: list[int] = []
    length = jnp.asarray(np.r_[np.full(10, 5), 2000, np.full(30, 5)], jnp.int32)
    active = jnp.ones(41, bool).at[3].set(False)

    def step(load: Any, state: Any, scratch: Any, busy: Any, age: Any) -> Any:
        jax.debug.callback(lambda: steps.append(1))
        left, done = state
        left, done = left - busy, done + busy
        return (left, done), scratch, left <= 0

    start = (length, jnp.zeros(41, jnp.int32))
    out, _ = run_lanes(
        step, jnp.zeros(41), start, (), jnp.zeros(41, jnp.int32), lambda s: s[1], active, 41, lanes, division=Halves()
    )
    jax.effects_barrier()
    np.testing.assert_array_equal(out, jnp.where(active, length, 0))
    work = int(out.sum())
    assert work / lanes <= len(steps) < 1.2 * work / lanes + 40


@pytest.mark.parametrize("platform", ["cuda", "tpu"])
def test_they_lower_for_accelerators(platform: str) -> None:
    compiled = hepppl.parse(HEAVY).compile()
    exported = jax.export.export(jax.jit(lambda seed: compiled.simulate(seed, {"p": 0.9}, 256)), platforms=[platform])
    assert exported(jax.random.key(0)).platforms == (platform,)
