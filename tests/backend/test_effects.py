"""Weights, cuts and runs inside processes, plates and loops: each program against its exact expectation."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

import hepppl

from .test_control_flow import H, Z, derivative

WEIGHTED_TREE = """
process tree(q: real) {
    emit 1.0
    weight 1 - q / 2
    split ~ bernoulli(q)
    if split {
        spawn tree(q)
        spawn tree(q)
    }
}

model weighted_tree {
    param p: real in (0, 0.5) = 0.3
    t ~ tree(p) limit 400
    return count(t)
}
"""

WEIGHTS_BEFORE_AND_AFTER = """
process run(q: real, x: real) {
    on ~ bernoulli(q)
    if on {
        weight 1.5 - x / 4
        spawn run(q, x + 1)
    }
    emit x
}

model around {
    param p: real in (0, 1) = 0.4
    k ~ bernoulli(p)
    weight 1 + k
    n = 0
    if k {
        h ~ run(p, 0.0) limit 2
        n = count(h)
    }
    weight 1 + n
    return n
}
"""

CUT_PARTICLES = """
process run(q: real, x: real) {
    emit x
    on ~ bernoulli(q)
    require not (on and x > 1.5)
    if on { spawn run(q, x + 1) }
}

model cut_particles {
    param p: real in (0, 1) = 0.4
    h ~ run(p, 0.0) limit 2
    return count(h)
}
"""

CUT_ON_A_REAL = """
process run(rate: real, n: int) {
    x ~ exponential(rate)
    require x < 1.5
    emit n
    if n < 2 { spawn run(rate, n + 1) }
}

model cut_on_a_real {
    param p: real in (0, 10) = 1.2
    h ~ run(p, 1) limit 2
    return p * count(h)
}
"""

RUN_IN_A_PROCESS = """
process run(q: real) {
    emit 1
    on ~ bernoulli(q)
    if on { spawn run(q) }
}

process links(q: real) {
    inner ~ run(q) limit 2
    k = count(inner)
    emit k
    again ~ bernoulli(if k == 1 then q else q / 2)
    if again { spawn links(q) }
}

model inside {
    param p: real in (0, 1) = 0.4
    h ~ links(p) limit 2
    return sum(h)^2
}
"""

WEIGHTS_IN_A_RUN_IN_A_PROCESS = RUN_IN_A_PROCESS.replace("emit 1", "emit 1; weight 1 - q / 4").replace(")^2", ")")

IN_PLATES = """
process burst(q: real, n: int) {
    plate i in 0..3 {
        on ~ bernoulli(q)
        weight 1 + on / 2
        require not (on and n > 1)
        if on { emit i }
    }
    again ~ bernoulli(q)
    if again { plate i in 0..2 { spawn burst(q / 2, n + 2) } }
}

model in_plates {
    param p: real in (0, 1) = 0.4
    plate i in 0..2 {
        b ~ bernoulli(p)
        weight 1 + b * p
    }
    h ~ burst(p, 0) limit 40
    return sum(b) + count(h)
}
"""

RUN = """
process run(q: real) {
    emit 1
    on ~ bernoulli(q)
    if on { spawn run(q) }
}
"""

JOINED_OVER_BRANCHES = (
    RUN
    + """
model joined {
    param p: real in (0, 1) = 0.4
    b ~ bernoulli(p)
    if b { h ~ run(p) limit 2 } else { h ~ run(p / 2) limit 2 }
    c ~ bernoulli(p)
    return sum(h * (1 + c))^2
}
"""
)

REBOUND_AND_USED_IN_A_PROCESS = (
    RUN
    + """
process gather(q: real, n: int) {
    emit sum(h * n)
    on ~ bernoulli(q)
    if on and n < 3 { spawn gather(q, n + 1) }
}

model carried {
    param p: real in (0, 1) = 0.4
    h ~ run(p) limit 2
    for i in 0..2 {
        c ~ bernoulli(p)
        if c and count(h) < 3 { h ~ run(p) limit 2 }
    }
    g ~ gather(p, 1) limit 2
    return sum(g)
}
"""
)

ARRAYS = """
process run(q: real, n: int) {
    emit [n, q * n]
    on ~ bernoulli(q)
    if on { spawn run(q, n + 1) }
}

model arrays {
    param p: real in (0, 1) = 0.4
    h ~ run(p, 1) limit 2
    both = sum(h) * max(h)
    return both[0] + both[1]
}
"""


def tree_moments(p: float) -> tuple[float, float]:
    """E[w] and E[w n] of the tree: G(w) = w (1 - p + p G(w)^2) is what n particles of weight w each amount to."""

    def generating(w: float) -> float:
        return (1 - math.sqrt(1 - 4 * w * w * p * (1 - p))) / (2 * w * p)

    w = 1 - p / 2
    return generating(w), w * (generating(w + H) - generating(w - H)) / (2 * H)


def around(p: float) -> tuple[float, float]:
    weight, value, chance = 1 - p, 0.0, p
    for n in range(1, 60):
        weight += chance * (1 - p) * 2 * (1 + n)
        value += chance * (1 - p) * 2 * (1 + n) * n
        chance *= p * (1.5 - (n - 1) / 4)
    return weight, value


def cut_particles(p: float) -> tuple[float, float]:
    return 1 - p**3, sum((1 - p) * p**k * (k + 1) for k in range(3))


def cut_on_a_real(p: float) -> tuple[float, float]:
    accepted = (1 - math.exp(-1.5 * p)) ** 2
    return accepted, 2 * p * accepted


def inside(p: float, weight: float = 1.0, square: bool = True) -> tuple[float, float]:
    """E[w], and E[w S^2] or E[w S], of S = K + B S' with a weight for each of K; B: whether there is another link."""
    links = [((1 - p) * p ** (k - 1) * weight**k, k, p if k == 1 else p / 2) for k in range(1, 80)]
    on, on_k = (sum(w * k**n * again for w, k, again in links) for n in (0, 1))
    norm = sum(w * (1 - again) for w, _, again in links) / (1 - on)
    first = (sum(w * k * (1 - again + again * norm) for w, k, again in links)) / (1 - on)
    second = (sum(w * k**2 * (1 - again + again * norm) for w, k, again in links) + 2 * on_k * first) / (1 - on)
    return norm, second if square else first


def in_plates(p: float) -> tuple[float, float]:
    """All bursts but the first one are rejected where they emit."""

    def silent(q: float) -> float:
        return (1 - q) ** 3 * (1 - q + q * silent(q / 2) ** 2) if q > 1e-9 else 1.0

    burst, emitted = (1 + p / 2) ** 3, 3 * 1.5 * p * (1 + p / 2) ** 2
    later = 1 - p + p * silent(p / 2) ** 2
    ones, one = (1 + p * p) ** 2, 2 * p * (1 + p) * (1 + p * p)
    return ones * burst * later, (one * burst + ones * emitted) * later


def joined(p: float) -> tuple[float, float]:
    """A run of N particles has E[N^2] = (1 + q) / (1 - q)^2."""

    def square(q: float) -> float:
        return (1 + q) / (1 - q) ** 2

    return 1.0, (p * square(p) + (1 - p) * square(p / 2)) * (1 + 3 * p)


def carried(p: float) -> tuple[float, float]:
    fresh = {n: (1 - p) * p ** (n - 1) for n in range(1, 90)}
    law = fresh
    for _ in range(2):
        again = p * (law[1] + law[2])
        law = {n: law[n] * (1 - p * (n < 3)) + again * fresh[n] for n in law}
    return 1.0, sum(n * w for n, w in law.items()) * (1 + 2 * p + 3 * p * p)


def arrays(p: float) -> tuple[float, float]:
    return 1.0, sum((1 - p) * p ** (n - 1) * n * n * (n + 1) / 2 for n in range(1, 90)) * (1 + p * p)


Moments = Callable[[float], tuple[float, float]]
EXACT: dict[str, tuple[str, Moments, float]] = {
    "weights of a tree": (WEIGHTED_TREE, tree_moments, 0.3),
    "weights before and after": (WEIGHTS_BEFORE_AND_AFTER, around, 0.4),
    "cuts of particles": (CUT_PARTICLES, cut_particles, 0.4),
    "a run in a process": (RUN_IN_A_PROCESS, inside, 0.4),
    "weights of a run in a process": (
        WEIGHTS_IN_A_RUN_IN_A_PROCESS,
        lambda p: inside(p, 1 - p / 4, square=False),
        0.4,
    ),
    "in plates": (IN_PLATES, in_plates, 0.4),
    "joined over branches": (JOINED_OVER_BRANCHES, joined, 0.4),
    "rebound, and used in a process": (REBOUND_AND_USED_IN_A_PROCESS, carried, 0.4),
    "arrays": (ARRAYS, arrays, 0.4),
    "cuts on a real value": (CUT_ON_A_REAL, cut_on_a_real, 1.2),
}


SLOW = {"rebound, and used in a process", "joined over branches", "a run in a process", "weights before and after"}
SLOW |= {"in plates", "arrays"}


@pytest.mark.every(4)
@pytest.mark.parametrize("by", ["stochastic_ad", pytest.param("score", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", [pytest.param(k, marks=[pytest.mark.slow] * (k in SLOW)) for k in EXACT])
def test_gradient_is_exact(name: str, by: str) -> None:
    text, moments, p = EXACT[name]
    result = hepppl.parse(text).grad(20_000, seed=7, by={"*": by})
    exact = {"weight": lambda q: moments(q)[0], "value": lambda q: moments(q)[1] / moments(q)[0]}
    for output in exact.keys() & result.mean.keys():
        mean, se = result.mean[output], result.mean_se[output]
        assert abs(mean - exact[output](p)) <= Z * se + 1e-5, (output, mean, se, exact[output](p))
        slope, error = result.gradient[output]["p"], result.se[output]["p"]
        expected = derivative(exact[output], p)
        assert abs(slope - expected) <= Z * error + 1e-3, (output, slope, error, expected)
        assert error <= 0.2 * (1 + abs(expected)), "the comparison has no power"


@pytest.mark.slow
def test_a_transformed_value_that_decides_about_a_weight_is_cut_or_refused() -> None:
    text = CUT_ON_A_REAL.replace("x ~ exponential(rate)", "y ~ uniform(0, 1)\n    x = -log(y) / rate")
    model = hepppl.parse(text)
    assert [row.estimator for row in model.plan().rows] == ["boundary"]
    result = model.grad(50_000, seed=8)
    slope = derivative(lambda p: cut_on_a_real(p)[0], 1.2)
    assert abs(result.gradient["weight"]["p"] - slope) <= Z * result.se["weight"]["p"] + 1e-3
    text = text.replace("-log(y) / rate", "-floor(9 * log(y) / rate)")
    with pytest.raises(hepppl.HepError) as raised:
        hepppl.parse(text).plan()
    assert raised.value.diagnostics[0].code == "E601"
