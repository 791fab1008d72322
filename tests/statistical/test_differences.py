"""Finite differences with common random numbers (`hepppl._differences`): exact values up to the known bias."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

import hepppl
from hepppl._differences import Difference, differences

from .acceptance import assert_within


def found(text: str, n: int, wrt: str, value: float) -> dict[str, Difference]:
    every, problems = differences(hepppl.parse(text), [wrt], n, 61, {wrt: value}, {})
    assert not problems
    return {d.output: d for d in every}


def richardson(f: Callable[[float], float], x: float, h: float) -> float:
    near, far = (f(x + h) - f(x - h)) / (2 * h), (f(x + 2 * h) - f(x - 2 * h)) / (4 * h)
    return (4 * near - far) / 3


def test_a_jump_and_a_curve_up_to_the_known_bias() -> None:
    """E = x² + sin² 2x."""
    text = "model m { param x: real = 0.7; b ~ bernoulli(sin(2 * x)^2); return x^2 + b }"
    n = 400_000
    only = found(text, n, "x", 0.7)["value"]
    assert only.step == pytest.approx(0.028)
    exact = richardson(lambda x: x**2 + math.sin(2 * x) ** 2, 0.7, only.step)
    assert_within(only.value, only.se, exact)
    # with common random numbers an event flips between two points with probability |Δq|: in both differences, or in the
    # wider one alone
    h = only.step
    near, far = (math.sin(1.4 + 2 * k) ** 2 - math.sin(1.4 - 2 * k) ** 2 for k in (h, 2 * h))
    both, wide = (4 / (2 * h) - 1 / (4 * h)) / 3, -1 / (4 * h) / 3
    mean = near * both + (far - near) * wide
    variance = near * both**2 + (far - near) * wide**2 - mean**2
    assert only.se * math.sqrt(n) == pytest.approx(math.sqrt(variance), rel=0.02)
    # the true derivative lies within what is allowed for bias, beside the noise
    truth = 1.4 + 2 * math.sin(2.8)
    assert abs(only.value - truth) < only.allowance + 5 * only.se


def test_smooth_use_has_hardly_any_noise() -> None:
    only = found("model m { param mu: real = 2; x ~ normal(mu, 1); return 3 * x }", 20_000, "mu", 2.0)["value"]
    assert only.value == pytest.approx(3.0, abs=1e-3)
    assert only.se * math.sqrt(20_000) < 1e-3


def test_weighted_means_are_ratios() -> None:
    """E[w x] / E[w] with w = e^(t x), x ~ normal: the mean is t, its slope 1; E[w] = e^(t²/2)."""
    text = "model m { param t: real = 0.4; x ~ normal(0, 1); weight exp(t * x); return x }"
    by_output = found(text, 200_000, "t", 0.4)
    mean, weight = by_output["value"], by_output["weight"]
    assert_within(mean.value, mean.se, 1.0)
    assert_within(weight.value, weight.se, richardson(lambda t: math.exp(t * t / 2), 0.4, weight.step))
