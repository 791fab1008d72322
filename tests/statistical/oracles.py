"""What the programs must give, from sources that share no code with hepppl.

Closed forms, sums over all outcomes, dynamic programming, and the committed results of one simulation, which
`test_oracles` holds against one another. Numbers from a simulation carry their standard errors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from math import cos, exp, log, sin, sqrt
from typing import Any

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from scipy.special import expit, gammaln


@dataclass(frozen=True)
class Exact:
    """E[f] and its derivatives; ``se`` and ``gradient_se`` are zero unless the numbers come from a simulation."""

    value: float
    gradient: Mapping[str, Any]
    se: float = 0.0
    gradient_se: Mapping[str, float] = field(default_factory=dict)


#: Independent NumPy simulation in float64 (`benchmarks/rivals/absorber_numpy.py`), score function with the optimal
#: constant baseline, theta = 2.5. The project's earlier figures were 1.9182(13), 2.5545(93), 2.8434(11), 3.0956(72).
ABSORBER = Exact(1.92104, {"theta": 2.5565}, 0.00022, {"theta": 0.0015})  # 6e6 events
ABSORBER_ENERGY_LOSS = Exact(2.84346, {"theta": 3.0981}, 0.00025, {"theta": 0.0016})  # 16e6 events


def derivative(f: Callable[[float], float], x: float, h: float = 1e-3) -> float:
    """Central difference of fourth order: error about h^4 f^(5) / 30 plus rounding 1e-16 f / h."""
    return (8 * (f(x + h) - f(x - h)) - (f(x + 2 * h) - f(x - 2 * h))) / (12 * h)


def summed(f: Callable[..., float], **at: float) -> Exact:
    """An oracle from a function of named parameters, its derivatives by central differences."""
    gradient = {}
    for name, x in at.items():
        gradient[name] = derivative(lambda t, name=name: f(**{**at, name: t}), x, 1e-3 * max(abs(x), 0.1))
    return Exact(f(**at), gradient)


def discrete_choice(x: float) -> Exact:
    """Closed form: x^2 + sin(2x)^2."""
    return Exact(x**2 + sin(2 * x) ** 2, {"x": 2 * x + 2 * sin(4 * x)})


def smooth_normal(mu: float, sigma: float) -> Exact:
    """Closed form, from the characteristic function of the normal."""
    damp = exp(-(sigma**2) / 2)
    return Exact(damp * sin(mu), {"mu": damp * cos(mu), "sigma": -sigma * damp * sin(mu)})


def counting(mu: float, scale: float) -> Exact:
    """Expected signal and background at 139 / fb."""
    return Exact(139 * (0.3 * mu + 0.5 * scale), {"mu": 139 * 0.3, "b_scale": 139 * 0.5})


def random_walk(p: np.ndarray | float, steps: int = 100, blocks: int = 1) -> Exact:
    """Dynamic programming for E[X^2] and dE/dp, with one p or one per block of steps."""
    table = np.broadcast_to(np.asarray(p, float), (blocks,))
    x = np.arange(steps + 1)
    law, slopes = np.zeros(steps + 1), np.zeros((blocks, steps + 1))
    law[0] = 1

    def step(weights: np.ndarray, up: np.ndarray) -> np.ndarray:
        out = np.zeros_like(weights)
        out[1:] += (weights * up)[:-1]
        out[:-1] += (weights * (1 - up))[1:]
        return out

    for i in range(steps):
        block = i * blocks // steps
        up = np.exp(-x / table[block])
        slopes = np.stack([step(row, up) for row in slopes])
        change = law * up * x / table[block] ** 2
        slopes[block, 1:] += change[:-1]
        slopes[block, :-1] -= change[1:]
        law = step(law, up)
    gradient = slopes @ x**2
    return Exact(float(law @ x**2), {"p": float(gradient[0]) if np.ndim(p) == 0 and blocks == 1 else gradient})


def cascade(splitting: float, energy: float = 50.0) -> Exact:
    """Closed form. The mean number n(x) of a particle of energy x > 1 obeys n = 1 - s + (2 s / x) (1 + int_1^x n), so
    x n' = (2 s - 1) n + 1 - s with n(1) = 1 + s."""
    s, q, power = splitting, 2 * splitting - 1, energy ** (2 * splitting - 1)
    top = 2 * s**2 * power - 1 + s
    slope = 4 * s * power + 4 * s**2 * log(energy) * power + 1
    return Exact(top / q, {"splitting": slope / q - 2 * top / q**2})


def electromagnetic_cascade(converts: float) -> Exact:
    """``benchmarks/programs/electromagnetic_cascade.hep``. With t the logarithm of the energy in GeV, the mean numbers
    n = (photon, electron) obey dn/dt = (M - 1) n + (1 - c, 0), M = [[0, 2 c], [1, 1]], with n(0) = (1 + c, 2): a matrix
    exponential, averaged over the primaries' spectrum by quadrature."""
    start, cut = log(10), log(1e5)

    def mean(converts: float) -> float:
        matrix = np.array([[-1.0, 2 * converts], [1.0, 0.0]])
        roots, vectors = np.linalg.eig(matrix)
        offset = -np.linalg.solve(matrix, np.array([1 - converts, 0.0]))  # the stationary point
        weights = np.linalg.solve(vectors, np.array([1 + converts, 2.0]) - offset)
        photon = lambda t: (vectors[0] * weights * np.exp(np.multiply.outer(t, roots))).sum(-1) + offset[0]  # noqa: E731
        x, w = np.polynomial.legendre.leggauss(60)
        t = start + (cut - start) * (x + 1) / 2
        below = (w * photon(t) * 1.7 * np.exp(-1.7 * (t - start))).sum() * (cut - start) / 2
        return float(below + photon(np.array(cut)) * exp(-1.7 * (cut - start)))

    return summed(mean, converts=converts)


def chain_reaction(p: float, nu: float = 2.4) -> Exact:
    """Closed form: the mean total progeny of a subcritical Galton-Watson process is 1 / (1 - mean offspring)."""
    return Exact(1 / (1 - nu * p), {"p": nu / (1 - nu * p) ** 2})


def photodetector(light: float, efficiency: float) -> Exact:
    """Closed form: thinning leaves detected ~ Poisson(e exp(s)), and s is normal."""

    def mean(light: float, efficiency: float) -> float:
        m, e = exp(light + 0.045), efficiency
        return e * m + (e * m) ** 2 * exp(0.09) + 0.2 * e * m * (light + 0.09) + 0.01 * (light**2 + 0.09) + 0.25

    return summed(mean, light=light, efficiency=efficiency)


def progeny(f: Callable[[np.ndarray], np.ndarray], m: float, largest: int = 4000) -> float:
    """E[f(T)], T the total progeny with Poisson(m) offspring: Borel's law, P(T = n) = exp(-m n) (m n)^(n-1) / n!."""
    n = np.arange(1, largest)
    return float(f(n) @ np.exp(-m * n + (n - 1) * np.log(m * n) - gammaln(n + 1)))


def distribution(f: Callable[[np.ndarray], np.ndarray], law: Any) -> float:
    """E[f(K)] of a frozen SciPy law, summed until 1e-16 of it is left."""
    k = np.arange(0, int(law.ppf(1 - 1e-15)) + 60)
    return float(f(k) @ law.pmf(k))


def passing(threshold: float, mean: float) -> Exact:
    """Closed form: the share of an exponential law of that mean above a threshold."""
    return Exact(exp(-threshold / mean), {"threshold": -exp(-threshold / mean) / mean})


def normal_mean(f: Callable[[np.ndarray], np.ndarray], loc: float, scale: float) -> float:
    """E[f(X)], X ~ N(loc, scale), by Gauss-Hermite quadrature with 80 nodes."""
    x, w = hermegauss(80)
    return float(w @ f(loc + scale * x)) / sqrt(2 * np.pi)


@cache
def outcomes(n: int) -> np.ndarray:
    """All 2^n rows of n bits."""
    return (np.arange(2**n)[:, None] >> np.arange(n)) & 1


def veto_shower(alpha_mz: float) -> tuple[Exact, Exact]:
    """Closed form: accepted emissions are Poisson with the integral of the coupling over log q (twice four a half)."""
    span = log(91.1876)

    def emissions(alpha_mz: float) -> float:
        return -4 * log(1 - 1.22 * alpha_mz * span) / 1.22

    return summed(emissions, alpha_mz=alpha_mz), summed(lambda alpha_mz: exp(-emissions(alpha_mz)), alpha_mz=alpha_mz)


def mixed(t: float) -> dict[str, Exact]:
    """``mixed.hep`` by summing over first, n, k and last, and by quadrature over y."""
    nodes, weights = hermegauss(80)
    weights = weights / np.sqrt(2 * np.pi)

    def mean(t: float, mixed: bool) -> float:
        total = 0.0
        for first in (0, 1):
            rate = 2 * t if first else 0.5 + t
            for n in range(40):
                p_n = (t if first else 1 - t) * exp(-rate + n * log(rate) - gammaln(n + 1))
                k = np.arange(n + 2)[:, None]
                p_k = np.exp(gammaln(n + 2) - gammaln(k + 1) - gammaln(n + 2 - k)) * t**k * (1 - t) ** (n + 1 - k)
                y = k * t + (1 + 0.2 * n) * nodes
                odds = 1 / (1 + np.exp(-y))
                f = odds * (k - 2) ** 2 + (1 - odds) * k**2 + t * y if mixed else odds
                total += p_n * float((p_k * weights * f).sum())
        return total

    return {name: summed(lambda t, name=name: mean(t, name == "mixed"), t=t) for name in ("mixed", "odds")}


def galton_board(theta: float) -> tuple[np.ndarray, np.ndarray]:
    """The distribution of the final position, and E[score of the path | position] P(position), by dynamic programming
    over the rows; the board of arXiv:1805.12244 as its authors' code has it."""
    p, t = np.zeros(33), np.zeros(33)  # P, and the sum of scores times P
    p[15] = 1
    for row in range(20):
        new_p, new_t = np.zeros(33), np.zeros(33)
        nudge = np.sin(np.pi * row / 19)
        for at in range(32):
            if p[at] == 0:
                continue
            slope = 10 * (2 * at / 30 - 1)
            s = expit(slope * theta)
            left = (1 - nudge) / 2 + nudge * s
            d_left = nudge * s * (1 - s) * slope
            to = (at - 1, at) if row % 2 else (at, at + 1)
            for place, prob, d in ((to[0], left, d_left), (to[1], 1 - left, -d_left)):
                new_p[place] += p[at] * prob
                new_t[place] += t[at] * prob + p[at] * d
        p, t = new_p, new_t
    return p, t


def galton(theta: float) -> Exact:
    """The mean position, by `galton_board`."""
    p, t = galton_board(theta)
    places = np.arange(len(p))
    return Exact(float(p @ places), {"theta": float(t @ places)})
