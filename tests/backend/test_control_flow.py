"""Gradients where loops, branches, plates and processes meet: each program against its exact expectation.

Every comparison is a z-score below 5 with fixed seeds: a correct program fails one in 1.7 million.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import pytest

import hepppl

Z, H = 5.0, 1e-5

GEOMETRIC = """
model geometric {
    param p: real in (0, 1) = 0.3
    n = 0
    go = true
    while go limit 200 {
        s ~ bernoulli(p)
        go = not s
        n = if s then n else n + 1
    }
    return n
}
"""

BRANCH_WITH_LOOP_INSIDE_LOOP = """
model nested {
    param p: real in (0, 1) = 0.4
    s = 0
    for i in 0..3 {
        b ~ bernoulli(p)
        if b {
            c ~ bernoulli(p * 0.5)
            s = s + (if c then 2 else 1)
        } else {
            m = 0
            go = true
            while go limit 60 {
                d ~ bernoulli(0.5 + p / 2)
                go = not d
                m = m + 1
            }
            s = s + m
        }
    }
    return s^2
}
"""

LOOP_INSIDE_PLATE = """
model plates {
    param p: real in (0, 1) = 0.4
    plate i in 0..3 {
        b ~ bernoulli(p)
        t = 0
        for j in 0..2 {
            c ~ bernoulli(p * 0.5)
            t = t + c
        }
        r = if b then t + 1 else 0
    }
    return sum(r)^2
}
"""

PROCESS_AFTER_A_SITE = """
process tree(q: real) {
    emit 1.0
    split ~ bernoulli(q)
    if split {
        spawn tree(q)
        spawn tree(q)
    }
}

model family {
    param p: real in (0, 0.5) = 0.3
    n ~ poisson(5 * p)
    t ~ tree(p * n / (n + 1)) limit 400
    return count(t)
}
"""

TWO_PROCESSES = """
process tree(q: real) {
    emit 1.0
    split ~ bernoulli(q)
    if split {
        spawn tree(q)
        spawn tree(q)
    }
}

model two {
    param p: real in (0, 0.5) = 0.25
    first ~ tree(p) limit 400
    small = count(first) == 1
    second ~ tree(if small then p else p / 2) limit 400
    return count(second) * (if small then 1 else 3)
}
"""

PROCESS_UNDER_A_BRANCH = """
process tree(q: real) {
    emit 1.0
    split ~ bernoulli(q)
    if split {
        spawn tree(q)
        spawn tree(q)
    }
}

model maybe {
    param p: real in (0, 0.5) = 0.3
    b ~ bernoulli(p)
    total = 0
    if b {
        t ~ tree(p) limit 400
        total = count(t)
    }
    return total
}
"""

EXTREMES = """
process run(q: real, x: real) {
    emit x
    on ~ bernoulli(q)
    if on { spawn run(q, x + 1) }
}

model extremes {
    param p: real in (0, 1) = 0.4
    h ~ run(p, 0.0) limit 2
    return (largest = max(h)^2, smallest = min(h), some = any(h > 2.5), every = all(h < 2.5), mean = mean(h))
}
"""

WEIGHTED = """
model weighted {
    param p: real = 0.3
    k ~ bernoulli(p)
    weight 1 + k * p
    return k
}
"""


def derivative(f: Callable[[float], float], p: float) -> float:
    return (f(p + H) - f(p - H)) / (2 * H)


def geometric(p: float) -> float:
    return (1 - p) / p


def nested(p: float) -> float:
    r = 0.5 + p / 2
    law = {1: p * (1 - p / 2), 2: p * p / 2}
    for m in range(1, 60):
        law[m] = law.get(m, 0) + (1 - p) * r * (1 - r) ** (m - 1)
    return three(law)


def plates(p: float) -> float:
    law = {0: 1 - p}
    for c, d in itertools.product((0, 1), repeat=2):
        law[1 + c + d] = law.get(1 + c + d, 0) + p * math.prod(p / 2 if x else 1 - p / 2 for x in (c, d))
    return three(law)


def three(law: dict[int, float]) -> float:
    """The second moment of the sum of three independent values."""
    first = sum(k * v for k, v in law.items())
    second = sum(k * k * v for k, v in law.items())
    return 3 * second + 6 * first * first


def family(p: float) -> float:
    rate = 5 * p
    return sum(math.exp(-rate) * rate**n / math.factorial(n) / (1 - 2 * p * n / (n + 1)) for n in range(60))


def two(p: float) -> float:
    return (1 - p) / (1 - 2 * p) + p * 3 / (1 - p)


def maybe(p: float) -> float:
    return p / (1 - 2 * p)


def of_length(value: Callable[[int], float]) -> Callable[[float], float]:
    return lambda p: sum((1 - p) * p**k * value(k) for k in range(80))


EXACT: dict[str, tuple[str, dict[str, Callable[[float], float]], float]] = {
    "while": (GEOMETRIC, {"value": geometric}, 0.3),
    "while in a branch in for": (BRANCH_WITH_LOOP_INSIDE_LOOP, {"value": nested}, 0.4),
    "for in a plate": (LOOP_INSIDE_PLATE, {"value": plates}, 0.4),
    "a site before a process": (PROCESS_AFTER_A_SITE, {"value": family}, 0.3),
    "a process before a process": (TWO_PROCESSES, {"value": two}, 0.25),
    "a process in a branch": (PROCESS_UNDER_A_BRANCH, {"value": maybe}, 0.3),
    "reductions": (
        EXTREMES,
        {
            "largest": of_length(lambda k: k * k),
            "smallest": lambda p: 0.0,
            "some": of_length(lambda k: k > 2.5),
            "every": of_length(lambda k: k < 2.5),
            "mean": of_length(lambda k: k / 2),
        },
        0.4,
    ),
    "weight": (WEIGHTED, {"value": lambda p: p * (1 + p) / (1 + p * p), "weight": lambda p: 1 + p * p}, 0.3),
}


SLOW = {"a process before a process", "reductions"}


@pytest.mark.every(3)
@pytest.mark.parametrize("by", ["stochastic_ad", pytest.param("score", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", [pytest.param(k, marks=[pytest.mark.slow] * (k in SLOW)) for k in EXACT])
def test_gradient_is_exact(name: str, by: str) -> None:
    text, outputs, p = EXACT[name]
    result = hepppl.parse(text).grad(20_000, seed=7, by={"*": by})
    for output, exact in outputs.items():
        mean, se = result.mean[output], result.mean_se[output]
        assert abs(mean - exact(p)) <= Z * se + 1e-6, (output, mean, se, exact(p))
        slope, error = result.gradient[output]["p"], result.se[output]["p"]
        expected = derivative(exact, p)
        assert abs(slope - expected) <= Z * error + 1e-5, (output, slope, error, expected)
        assert error <= 0.2 * (1 + abs(expected)), "the comparison has no power"


@pytest.mark.every(2)
@pytest.mark.parametrize("name", ["while in a branch in for", "for in a plate"])
def test_reverse_mode_agrees(name: str) -> None:
    """Reverse mode agrees; a loop of random length inside another loop is refused."""
    text, outputs, p = EXACT[name]
    model = hepppl.parse(text)
    if "while" in name:
        with pytest.raises(hepppl.HepError) as caught:
            model.compile(mode="reverse").value_and_grad(0, {"p": p}, 100)
        assert caught.value.diagnostics[0].code == "E608"
        return
    _, gradient = model.compile(mode="reverse").value_and_grad(3, {"p": p}, 20_000)
    assert abs(gradient["value"]["p"] - derivative(outputs["value"], p)) < 1.0
