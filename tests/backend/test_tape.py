"""Reverse mode through loops of random length: against closed forms, and against forward mode event by event."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import hepppl
from hepppl.backends.jax import lanes, tape
from hepppl.backends.jax.tape import taped_while

COOLING = """
model m {
    param rate: real in (0, 1) = 0.001
    param shape: real[8] = fill(8, 0.1)
    energy = 1
    turns = 0
    while energy > 0.001 limit 10_000 {
        noise ~ uniform(0.5, 1.5)
        energy = energy * (1 - rate * noise)
        turns = turns + 1
    }
    return (turns = turns, left = energy * dot(shape, shape))
}
"""

#: Positions move with a parameter (pathwise), numbers of children with another (score); a table weighs what is emitted.
SHOWER = """
process p(x: real, left: int, step: real, q: real, table: real[6]) {
    noise ~ normal(0, 1)
    y = x + step * noise
    emit sin(y) * table[left]
    splits ~ bernoulli(q) by score(baseline = "none")
    if left > 0 {
        spawn p(if y > 100 then 1 / (y - y) else y, left - 1, step, q, table)
        if splits { spawn p(sqrt(y^2 + 1), left - 1, step, q, table) }
    }
}
model m {
    param step: real in (0, 5) = 0.7
    param q: real in (0, 1) = 0.4
    param table: real[6] = [0.5, 1, 2, -1, 0.3, 1.2]
    param start: real = 0.2
    h ~ p(start, 5, step, q, table) limit 64
    return (value = sum(h)^2, both = [sum(h), start * count(h)])
}
"""


@pytest.mark.every(2)
@pytest.mark.parametrize("turns", [40, 256, 600])
def test_a_taped_loop_has_the_derivatives_of_the_loop(turns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """x <- a sin(x) + b; with room for 16 states the tape keeps every third, sixteenth and thirty-eighth."""
    monkeypatch.setattr(tape, "SLOTS", 16)

    def loop(a: jax.Array, b: jax.Array, x: jax.Array, steps: int) -> jax.Array:
        def body(carry: tuple[jax.Array, jax.Array], sink: jax.Array, consts: tuple[jax.Array, jax.Array]) -> object:
            x, i = carry
            x = consts[0] * jnp.sin(x) + consts[1]
            return (x, i + 1), sink.at[i % 3].set(x)

        (x, _), sink, n = taped_while(lambda c: c[1] < steps, body, (x, jnp.int32(0)), jnp.zeros(3), (a, b), turns)
        return x + sink[1] * sink[2] + 0 * n

    def unrolled(a: jax.Array, b: jax.Array, x: jax.Array, steps: int) -> jax.Array:
        sink = jnp.zeros(3)
        for i in range(steps):
            x = a * jnp.sin(x) + b
            sink = sink.at[i % 3].set(x)
        return x + sink[1] * sink[2]

    for steps in (1, 2, 37):
        point = (jnp.float32(1.1), jnp.float32(0.4), jnp.float32(0.9))
        taped = jax.jit(jax.value_and_grad(loop, (0, 1, 2)), static_argnums=3)(*point, steps)
        plain = jax.value_and_grad(unrolled, (0, 1, 2))(*point, steps)
        np.testing.assert_allclose(np.array(jax.tree.leaves(taped)), np.array(jax.tree.leaves(plain)), rtol=2e-5)


def test_what_no_derivative_comes_to_is_left_out() -> None:
    """So that a score, whose particles carry none, is cheap."""

    def flat(c: list[jax.Array], s: list[jax.Array], k: list[jax.Array]) -> tuple[list[jax.Array], list[jax.Array]]:
        still, total, late = c
        return [jax.lax.stop_gradient(still + total), total + k[0] * still, late + total], [s[0] + still, late]

    zero = [jnp.zeros(()) for _ in range(3)]
    flags = tape.spread(flat, (zero, zero[:2], zero[:2]), ((False,) * 3, (False,) * 2, (True, False)))
    assert flags == ((False, True, True), (False, True), (True, False))


@pytest.fixture(scope="module")
def shower() -> hepppl.Model:
    return hepppl.parse(SHOWER)


@pytest.mark.slow
def test_a_shower_agrees_with_forward_mode_on_the_same_events(shower: hepppl.Model) -> None:
    """One surrogate, differentiated both ways: equal but for rounding, through dead lanes and branches not taken."""
    forward = shower.grad(700, seed=3, mode="forward")
    reverse = shower.grad(700, seed=3, mode="reverse")
    assert reverse.mode == "reverse"
    for output, by_param in forward.gradient.items():
        np.testing.assert_allclose(reverse.mean[output], forward.mean[output], rtol=1e-6)
        np.testing.assert_allclose(reverse.mean_se[output], forward.mean_se[output], rtol=1e-5)
        for name, slope in by_param.items():
            np.testing.assert_allclose(reverse.gradient[output][name], slope, rtol=2e-4, atol=2e-4, err_msg=name)


@pytest.mark.slow
def test_errors_are_read_off_batches(shower: hepppl.Model) -> None:
    """16 sums of 2,000 events: within a factor of two of each event's own error (a chi-square with 15 degrees of
    freedom is beyond it once in 2,000)."""
    forward = shower.grad(32_768, seed=4, mode="forward", wrt=["q"])
    reverse = shower.grad(32_768, seed=4, mode="reverse", wrt=["q"])
    ratio = reverse.se["value"]["q"] / forward.se["value"]["q"]
    assert 0.5 < ratio < 2


@pytest.mark.slow
def test_many_parameters_go_backwards_by_default_and_long_loops_have_room() -> None:
    """Some 6,900 turns of the loop, by sixteen: more than the tape's first 256 states. The derivative by the table is
    2 shape times what is left."""
    model = hepppl.parse(COOLING)
    result = model.grad(64, seed=1)
    assert result.mode == "reverse"
    assert result.mean["turns"] > 256 * lanes.TAPED
    left = result.mean["left"] / 0.08
    np.testing.assert_allclose(result.gradient["left"]["shape"], np.full(8, 0.2 * left), rtol=1e-4)


def test_what_reverse_mode_does_not_go_through_is_refused() -> None:
    inner = """
process p(x: real, t: real) {
    y = x
    while y < 1 limit 50 { y = y + t }
    emit y
}
model m {
    param t: real = 0.3
    h ~ p(0, t) limit 2
    return sum(h)
}
"""
    with pytest.raises(hepppl.HepPlanError) as caught:
        hepppl.parse(inner).grad(10, mode="reverse", by={})
    assert [d.code for d in caught.value.diagnostics] == ["E608"]
    with pytest.raises(hepppl.HepPlanError) as caught:
        hepppl.parse(SHOWER).grad(10, mode="reverse", by={"p.splits": "score(baseline='optimal')"})
    assert [d.code for d in caught.value.diagnostics] == ["E608"]


AFTER = """
process p(a: real) {
    emit a
    go ~ bernoulli(0.4)
    if go { spawn p(a) }
}
model m {
    param a: real = 0.5
    param p: real in (0, 1) = 0.3
    h ~ p(a) limit 40
    s = sum(h)
    b ~ bernoulli(p)
    k ~ categorical([p, 1 - p])
    return s * (1 + b + k)
}
"""


@pytest.mark.parametrize("by", [pytest.param("stochastic_ad", marks=pytest.mark.slow), "score(baseline = 'none')"])
def test_a_site_whose_law_is_the_same_for_all_events_is_differentiated_once_for_each(by: str) -> None:
    """The batch shares the parameters here: what every event contributes must be added up once. Forward mode has the
    same alternatives where each event has one candidate only, and the score has none; a baseline is of a batch."""
    model = hepppl.parse(AFTER)
    forward = model.grad(512, seed=1, mode="forward", by={"b": by, "k": "score(baseline = 'none')"})
    reverse = model.grad(512, seed=1, mode="reverse", by={"b": by, "k": "score(baseline = 'none')"})
    for name, slope in forward.gradient["value"].items():
        np.testing.assert_allclose(reverse.gradient["value"][name], slope, rtol=1e-4, err_msg=name)
