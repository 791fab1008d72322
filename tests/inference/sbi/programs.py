"""Programs that several tests here run, with what is known of their posteriors."""

from __future__ import annotations

import numpy as np

#: pyprob's Gaussian of unknown mean: observations 8 and 9 give N(7.25, sqrt(5/6)).
GAUSSIAN = """model gaussian {
    param mu: real ~ normal(1, 5^0.5)
    observe x ~ normal(mu, 2^0.5)
    observe y ~ normal(mu, 2^0.5)
}"""

#: Prior and likelihood of MadMiner's toy, with x and the latent z: t(x) = (x - theta) / 5.
TOY = """model toy {
    param theta: real ~ normal(0, 1)
    z ~ normal(theta, 2)
    x ~ normal(z, 1)
    return x
}"""

SHOWER = """process splits(e: energy, t: real) {
    emit e
    if e > 1 GeV {
        share ~ beta(2, t)
        spawn splits(e * share, t)
        spawn splits(e * (1 - share), t)
    }
}
model shower {
    param t: real in (1, 4) ~ uniform(1.5, 3)
    param start: energy ~ uniform(2 GeV, 8 GeV)
    param walk: real[2] ~ exponential(t)
    h ~ splits(start, t) limit 64
    k = 0
    x = 0.0
    while x < 3 limit 500 { step ~ exponential(t); x = x + step; k = k + 1 }
    return (energies = h, n = count(h), turns = k, walked = walk)
}"""

#: Two crescents, Greenberg et al., arXiv:1905.07488.
MOONS = """model moons {
    param a: real ~ uniform(-1, 1)
    param b: real ~ uniform(-1, 1)
    angle ~ uniform(-pi / 2, pi / 2)
    radius ~ normal(0.1, 0.01)
    return (x = radius * cos(angle) + 0.25 - abs(a + b) / 2^0.5, y = radius * sin(angle) + (b - a) / 2^0.5)
}"""


def gaussian_posterior(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, float]:
    """Mean and standard deviation of `GAUSSIAN`'s posterior."""
    precision = 1 / 5 + 2 / 2
    return (1 / 5 + (x + y) / 2) / precision, precision**-0.5


def moons_posterior(x: float, y: float, n: int, seed: int) -> np.ndarray:
    """Exact draws (n, 2) from `MOONS`' posterior: latent values from their laws, solved for the parameters; where the
    solution exists and lies in the prior's square it has the right density, since the map's Jacobian is constant."""
    rng = np.random.default_rng(seed)
    angle, radius = rng.uniform(-np.pi / 2, np.pi / 2, 8 * n), rng.normal(0.1, 0.01, 8 * n)
    total = 2**0.5 * (radius * np.cos(angle) + 0.25 - x) * rng.choice([-1, 1], 8 * n)
    difference = 2**0.5 * (y - radius * np.sin(angle))
    found = np.stack([total - difference, total + difference], -1) / 2
    exists = (radius * np.cos(angle) + 0.25 >= x) & (np.abs(found) < 1).all(-1)
    return found[exists][:n]
