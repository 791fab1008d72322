"""Central differences with common random numbers: exact values up to the known bias."""

from __future__ import annotations

import math

import pytest

import hepppl
from hepppl.backends.jax import compile_program
from hepppl.backends.jax.differences import central
from hepppl.backends.jax.results import Derivative

from .acceptance import assert_within


def differences(text: str, n: int, wrt: str, value: float, step: float | None = None) -> dict[str, Derivative]:
    model = hepppl.parse(text)
    return central(compile_program(model.model_graph), n, 61, {wrt: value}, wrt, step=step)


def test_a_jump_and_a_curve_up_to_the_known_bias() -> None:
    """E = x² + sin² 2x, of which the central difference is 2x + sin 4x · sin 4h / 2h."""
    text = "model m { param x: real = 0.7; b ~ bernoulli(sin(2 * x)^2); return x^2 + b }"
    h = 0.1
    found = differences(text, 400_000, "x", 0.7, h)["value"]
    assert_within(found.value, found.se, 1.4 + math.sin(2.8) * math.sin(4 * h) / (2 * h))
    # with common random numbers a flip has probability |Δq|: a variance of |Δq| (1 - |Δq|) / 4h²
    change = abs(math.sin(1.4 + 2 * h) ** 2 - math.sin(1.4 - 2 * h) ** 2)
    assert float(found.std) == pytest.approx(math.sqrt(change * (1 - change)) / (2 * h), rel=0.02)


def test_smooth_use_has_hardly_any_noise() -> None:
    found = differences("model m { param mu: real = 2; x ~ normal(mu, 1); return 3 * x }", 20_000, "mu", 2.0)
    assert float(found["value"].value) == pytest.approx(3.0, abs=1e-3)
    assert float(found["value"].std) < 1e-3


def test_weighted_means_are_ratios() -> None:
    """E[w x] / E[w] with w = e^(t x), x ~ normal: the mean is t, its slope 1; E[w] = e^(t²/2)."""
    text = "model m { param t: real = 0.4; x ~ normal(0, 1); weight exp(t * x); return x }"
    found = differences(text, 200_000, "t", 0.4, 0.05)
    assert_within(found["value"].value, found["value"].se, 1.0)
    exact = (math.exp(0.45**2 / 2) - math.exp(0.35**2 / 2)) / 0.1
    assert_within(found["weight"].value, found["weight"].se, exact)
