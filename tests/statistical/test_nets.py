"""`net`: values and derivatives against the same network written by hand."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import hepppl

Z = 5.0  # per derivative; with some 40 of them a false alarm in 40,000 seeds

CHOICE = """
model m {
    net f: mlp(inputs = 2, outputs = 1, hidden = [3, 2])
    n = 0
    for i in 0..2 {
        b ~ bernoulli(sigmoid(f(0.5, i)))
        n = n + (if b then 1 else 0)
    }
    return n^2
}
"""

CHAIN = """
process chain(age: real) {
    emit 1.0
    again ~ bernoulli(sigmoid(f([age, 1])) / 2)
    if again { spawn chain(age + 1) }
}
model m {
    net f: mlp(inputs = 2, outputs = 1, hidden = [3], activation = "softplus")
    h ~ chain(0) limit 2
    return sum(h)
}
"""


def weights(model: hepppl.Model, name: str = "f") -> dict[str, jnp.ndarray]:
    return {k: jnp.asarray(p.default, jnp.float64) for k, p in model.params.items() if k.startswith(f"{name}.")}


def by_hand(w: dict, x: jnp.ndarray, activation, name: str = "f") -> jnp.ndarray:
    layers = len(w) // 2
    for i in range(layers):
        x = w[f"{name}.weight{i}"] @ x + w[f"{name}.bias{i}"]
        x = activation(x) if i < layers - 1 else x
    return x


def expected_choice(w: dict) -> jnp.ndarray:
    p, q = (jax.nn.sigmoid(by_hand(w, jnp.array([0.5, i]), jnp.tanh)[0]) for i in (0.0, 1.0))
    return p + q + 2 * p * q


def expected_chain(w: dict) -> jnp.ndarray:
    """1 + p0 + p0 p1 + …"""
    total, alive = 0.0, 1.0
    for age in range(60):
        total += alive
        alive = alive * jax.nn.sigmoid(by_hand(w, jnp.array([float(age), 1.0]), jax.nn.softplus)[0]) / 2
    return total


@pytest.mark.every(3)
@pytest.mark.parametrize(
    ("text", "expected", "options"),
    [
        (CHOICE, expected_choice, {}),  # 20 weights: reverse mode
        (CHOICE.replace("[3, 2]", "[8, 6]"), expected_choice, {}),  # 85: of whole tiles of events
        (CHOICE.replace("[3, 2]", "[8, 6]"), expected_choice, {"by": {"b": "score(baseline='optimal')"}}),  # not so
        pytest.param(CHOICE, expected_choice, {"mode": "forward"}, marks=pytest.mark.slow),
        pytest.param(CHAIN, expected_chain, {}, marks=pytest.mark.slow),  # a process: forward mode
    ],
    ids=["choice", "choice-many", "choice-optimal", "choice-forward", "chain"],
)
def test_derivatives_of_all_weights(text: str, expected, options: dict) -> None:
    model = hepppl.parse(text)
    with jax.enable_x64(True):
        w = weights(model)
        exact, slopes = jax.value_and_grad(expected)(w)
    found = model.grad(40_000, seed=3, **options)
    assert abs(found.mean["value"] - float(exact)) < Z * found.mean_se["value"]
    for name, slope in slopes.items():
        estimate, error = found.gradient["value"][name], found.se["value"][name]
        assert np.all(np.abs(estimate - np.asarray(slope)) < Z * np.asarray(error) + 1e-6), name
    assert any(np.abs(np.asarray(s)).max() > 0.01 for s in slopes.values())


def test_a_net_as_an_argument_and_with_several_outputs() -> None:
    model = hepppl.parse("""
fn twice(f, x) = f(f(x))
model m {
    net f: mlp(inputs = 2, outputs = 2, hidden = [4], activation = "relu")
    return (y = twice(f, [0.3, -1]), n = sum(sum(f.weight0^2)))
}
""")
    with jax.enable_x64(True):
        w = weights(model)
        once = by_hand(w, jnp.array([0.3, -1.0]), jax.nn.relu)
        twice = np.asarray(by_hand(w, once, jax.nn.relu))
        squares = float((w["f.weight0"] ** 2).sum())
    events = model.simulate(3)
    np.testing.assert_allclose(events["y"], np.tile(twice, (3, 1)), rtol=1e-5)
    np.testing.assert_allclose(events["n"], squares, rtol=1e-5)


def test_weights_can_be_given() -> None:
    model = hepppl.parse("model m {\n    net f: mlp(inputs = 1, outputs = 1)\n    return f(2.0)\n}")
    events = model.simulate(2, **{"f.weight0": [[3.0]], "f.bias0": [0.5]})
    np.testing.assert_allclose(events["value"], 6.5)
