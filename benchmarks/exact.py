"""Exact draws from the posteriors of `benchmarks/programs`: what learned posteriors are held against."""

from __future__ import annotations

import numpy as np


def gaussian_linear(x: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """(n, 10): prior and likelihood of variance 0.1 each."""
    return x / 2 + 0.05**0.5 * rng.standard_normal((n, len(x)))


def two_moons(x: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """(n, 2): latent values from their laws, solved for the parameters. Where the solution exists and lies in the
    prior's square it has the right density: the map's Jacobian is constant, and its two branches are equally likely."""
    found = np.zeros((0, 2))
    while len(found) < n:
        angle, radius = rng.uniform(-np.pi / 2, np.pi / 2, 4 * n), rng.normal(0.1, 0.01, 4 * n)
        across = radius * np.cos(angle) + 0.25 - x[0]
        total = 2**0.5 * across * rng.choice([-1, 1], 4 * n)
        difference = 2**0.5 * (x[1] - radius * np.sin(angle))
        theta = np.stack([total - difference, total + difference], -1) / 2
        found = np.concatenate([found, theta[(across >= 0) & (np.abs(theta) < 1).all(-1)]])
    return found[:n]


def slcp_log_likelihood(theta: np.ndarray, x: np.ndarray) -> np.ndarray:
    """(n,) of (n, 5), for x the four first coordinates and then the four second ones; -inf outside of the prior."""
    m, n, s, t, rho = theta[:, 0], theta[:, 1], theta[:, 2] ** 2, theta[:, 3] ** 2, np.tanh(theta[:, 4])
    u, v = (x[:4] - m[:, None]) / s[:, None], (x[4:] - n[:, None]) / t[:, None]
    left = 1 - rho**2
    squares = ((u**2 + v**2 - 2 * rho[:, None] * u * v) / left[:, None]).sum(-1)
    found = -0.5 * squares - 4 * np.log(s * t * np.sqrt(left))
    return np.where((np.abs(theta) < 3).all(-1), found, -np.inf)


def slcp(x: np.ndarray, n: int, rng: np.random.Generator, steps: int = 600, prior: int = 400_000) -> np.ndarray:
    """(n, 5): the last places of n walkers of an ensemble (stretch moves: Goodman and Weare, Comm. App. Math. Comp.
    Sci. 5, 2010) that begin at prior draws taken by their likelihood. The likelihood knows squares of the third and
    fourth parameter only: walkers keep them positive, and signs are tossed at the end."""
    start = rng.uniform(-3, 3, (prior, 5))
    start[:, 2:4] = np.abs(start[:, 2:4])
    value = slcp_log_likelihood(start, x)
    at = rng.choice(prior, n + n % 2, p=np.exp(value - value.max()) / np.exp(value - value.max()).sum())
    walkers, value = start[at], value[at]
    halves = np.arange(len(walkers)).reshape(2, -1)
    for _ in range(steps):
        for moved, others in (halves, halves[::-1]):
            stretch = (1 + rng.random(len(moved))) ** 2 / 2  # density 1/√z on (1/2, 2)
            pole = walkers[rng.choice(others, len(moved))]
            proposed = pole + stretch[:, None] * (walkers[moved] - pole)
            inside = (proposed[:, 2:4] > 0).all(-1)
            new = np.where(inside, slcp_log_likelihood(proposed, x), -np.inf)
            taken = np.log(rng.random(len(moved))) < 4 * np.log(stretch) + new - value[moved]
            walkers[moved[taken]], value[moved[taken]] = proposed[taken], new[taken]
    walkers[:, 2:4] *= rng.choice([-1, 1], (len(walkers), 2))
    return walkers[:n]
