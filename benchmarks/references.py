"""The programs of the table of estimators, each with what its derivatives must be, from sources without hepppl."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from math import cos, exp, sin
from typing import Any

import numpy as np
from numpy.polynomial.hermite_e import hermegauss

from tests.statistical import oracles
from tests.statistical.oracles import Exact

#: `rivals/life_numpy.py`: 4e5 events, each with a pair of boards for every orbit of cells. Published: 12.68, 39.7(2).
LIFE = Exact(12.656, {"p": 39.834}, 0.008, {"p": 0.060})


@dataclass(frozen=True)
class Case:
    """A program (of ``examples/`` or ``programs/``) at ``params``; derivatives of its one output. ``events``: of one
    run. ``by``: where ``exact`` comes from, in words."""

    name: str
    title: str
    file: str
    exact: Exact
    params: Mapping[str, Any] = field(default_factory=dict)
    by: str = "closed form"
    events: int = 1 << 16


def poisson_square(rate: float) -> Exact:
    return Exact(rate + (rate - 4) ** 2, {"rate": 2 * rate - 7})


def poisson_wave(rate: float) -> Exact:
    """E[exp(i n)] = exp(rate (exp(i) - 1))."""
    turn = complex(cos(1) - 1, sin(1))
    mean = np.exp(rate * turn)
    return Exact(mean.imag, {"rate": (turn * mean).imag})


def categorical_square(slope: float) -> Exact:
    k = np.arange(6)

    def mean(slope: float) -> float:
        odds = np.exp(-slope * k / 2)
        return float(odds @ (k - 1.5) ** 2 / odds.sum())

    return oracles.summed(mean, slope=slope)


def gaussian_mixture(slope: float, distance: float) -> Exact:
    """By the characteristic function of the normal, line by line."""
    k = np.arange(3)

    def mean(slope: float, distance: float) -> float:
        odds, loc = np.exp(slope * k), distance * k
        f = exp(-0.32) * np.sin(loc) + 0.1 * (loc**2 + 0.64)
        return float(odds @ f / odds.sum())

    return oracles.summed(mean, slope=slope, distance=distance)


def above(edges: Any, mean: float, scale: float) -> np.ndarray:
    """P(measured > edge): given the error z of the resolution, p > edge / (scale + z / 10), an exponential's tail."""
    z, w = hermegauss(100)
    response = scale + 0.1 * z
    positive = response > 1e-3  # else nothing is above an edge
    tails = np.exp(-np.asarray(edges)[:, None] / (mean * np.where(positive, response, 1)))
    return np.where(positive, tails, 0) @ (w / np.sqrt(2 * np.pi))


def smeared(edges: Any, mean: float, scale: float) -> Exact:
    """The probability of each bin between two edges."""

    def bins(**at: float) -> np.ndarray:
        return -np.diff(above(edges, **at))

    at = {"mean": mean, "scale": scale}
    slopes = {
        name: np.array([
            oracles.derivative(lambda t, name=name, i=i: float(bins(**{**at, name: t})[i]), x, 1e-3 * x)
            for i in range(len(edges) - 1)
        ])
        for name, x in at.items()
    }  # fmt: skip
    return Exact(0.0, slopes)


def storchastic(eta: float) -> Exact:
    target = np.array([0.6, 0.51, 0.48])

    def mean(eta: float) -> float:
        s = 1 / (1 + exp(-eta))
        return float((s * (1 - target) ** 2 + (1 - s) * target**2).sum())

    return oracles.summed(mean, eta=eta)


DYNAMIC = "dynamic programming"
EDGES = (0, 5, 10, 15, 20, 25, 30, 40, 50, 70, 100)


@cache
def cases() -> Mapping[str, Case]:
    cut = smeared((25, 1e9), 20.0, 1.0)
    yes = Exact(0.0, {name: float(slope[0]) for name, slope in cut.gradient.items()})
    walk = oracles.random_walk
    shower: Any = {"by": "a NumPy simulation", "events": 1 << 14}
    histogram = smeared(EDGES, 20.0, 1.0)
    found = (
        Case("discrete choice", "x² + Bernoulli(sin² 2x)", "discrete_choice", oracles.discrete_choice(0.7)),
        Case("walk, p = 200", "a hundred steps, pulled back", "random_walk", walk(200.0), by=DYNAMIC),
        Case("walk, p = 50", "the same, pulled back harder", "random_walk", walk(50.0), {"p": 50.0}, by=DYNAMIC),
        Case("absorber", "Kagan and Heinrich's shower", "absorber", oracles.ABSORBER, **shower),
        Case("energy loss", "tracks that lose energy", "absorber_energy_loss", oracles.ABSORBER_ENERGY_LOSS, **shower),
        Case("Poisson, square", "(n - 4)²", "poisson_parabola", poisson_square(5.0)),
        Case("Poisson, wave", "sin n", "poisson_wave", poisson_wave(3.0), {"rate": 3.0}),
        Case("categorical", "(k - 1.5)² of one in six", "categorical_square", categorical_square(0.7)),
        Case("game of life", "cells alive after three turns", "game_of_life", LIFE, **shower),
        Case("cut", "a smeared momentum over a threshold", "smeared_cut", yes, by="quadrature"),
        Case("histogram", "the smeared momentum in ten bins", "smeared_histogram", histogram, by="quadrature"),
        Case("cascade", "particles in an electromagnetic cascade", "cascade", oracles.cascade(0.8)),
        Case("mixture", "a line of three, then a normal", "gaussian_mixture", gaussian_mixture(0.5, 1.0)),
        Case("ADEV's flip", "0 or -θ/2", "adev_flip", Exact(-0.12, {"theta": -0.1})),
        Case("Storchastic's choices", "three coins against targets", "storchastic_choices", storchastic(0.0)),
    )
    return {case.name: case for case in found}
