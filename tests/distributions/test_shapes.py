"""The shapes of the first-party plugin against SciPy: quantiles, densities, tails, derivatives; and in programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest
import scipy.stats as st

import hepppl
from hepppl import distributions

WIDE = np.pi / 2  # of ROOT's Landau, in units of SciPy's


class PowerLaw:
    def __init__(self, exponent: float, low: float, high: float) -> None:
        self.k, self.low, self.high = exponent + 1, low, high

    def _area(self, a: Any, b: Any) -> Any:
        return np.log(b / a) if self.k == 0 else (b**self.k - a**self.k) / self.k

    def cdf(self, x: Any) -> Any:
        return self._area(self.low, x) / self._area(self.low, self.high)

    def sf(self, x: Any) -> Any:
        return self._area(x, self.high) / self._area(self.low, self.high)

    def logpdf(self, x: Any) -> Any:
        return (self.k - 1) * np.log(x) - np.log(self._area(self.low, self.high))

    def ppf(self, p: Any) -> Any:
        if self.k == 0:
            return self.low * (self.high / self.low) ** p
        return (self.low**self.k + p * (self.high**self.k - self.low**self.k)) ** (1 / self.k)

    def isf(self, q: Any) -> Any:
        return self.ppf(1 - q)


def bars(edges: Any, heights: Any) -> Any:
    return st.rv_histogram((np.asarray(heights), np.asarray(edges)), density=True)


ORACLES: dict[str, Callable[..., Any]] = {
    "argus": lambda cutoff, chi: st.argus(chi, scale=cutoff),
    "crystal_ball": lambda loc, scale, alpha, n: st.crystalball(alpha, n, loc=loc, scale=scale),
    "histogram": bars,
    "landau": lambda loc, scale: st.landau(loc=loc + scale * np.log(WIDE), scale=scale * WIDE),
    "moyal": st.moyal,
    "power_law": PowerLaw,
    "relativistic_breit_wigner": lambda mass, width: st.rel_breitwigner(mass / width, scale=width),
}
CASES: list[tuple[str, tuple[Any, ...]]] = [
    ("argus", (5.29, 0.3)),
    ("argus", (1.0, 4.0)),
    ("crystal_ball", (0.0, 1.0, 1.5, 3.0)),
    ("crystal_ball", (125.0, 2.0, 0.7, 1.5)),
    ("histogram", ((0.0, 1.0, 3.0, 4.0), (2.0, 0.5, 1.0))),
    ("landau", (0.0, 1.0)),
    ("landau", (80.0, 5.0)),
    ("moyal", (1.0, 3.0)),
    ("power_law", (-2.7, 1.0, 1000.0)),
    ("power_law", (-1.0, 2.0, 50.0)),
    ("power_law", (1.5, 1.0, 3.0)),
    ("relativistic_breit_wigner", (91.1876, 2.4955)),
    ("relativistic_breit_wigner", (0.5, 1.0)),
]
EACH = pytest.mark.parametrize(("name", "params"), CASES, ids=lambda x: x if isinstance(x, str) else "")


def mapped(name: str, method: str, params: tuple[Any, ...], at: Any) -> np.ndarray:
    law = distributions.implementation(distributions.get(name))
    arrays = [np.asarray(p, np.float32) for p in params]
    one = getattr(law, method)
    return np.asarray(jax.jit(jax.vmap(lambda x: one(x, *arrays)))(np.asarray(at, np.float32)), float)


def width(oracle: Any) -> float:
    return float(oracle.ppf(0.75) - oracle.ppf(0.25))


@pytest.mark.every(2)
@EACH
def test_draws_are_quantiles_in_both_tails(name: str, params: tuple[Any, ...]) -> None:
    oracle = ORACLES[name](*params)
    u = np.concatenate([2.0 ** -np.arange(1, 24), 1 - 2.0 ** -np.arange(2, 23), np.linspace(0.01, 0.99, 99)])
    x = mapped(name, "sample", params, u)
    expected = np.where(u < 0.5, oracle.ppf(u), oracle.isf(1 - u))
    error = np.abs(x - expected) / (np.abs(expected) + 0.1 * width(oracle))
    middle = (u > 1e-3) & (u < 1 - 1e-3)
    assert error[middle].max() < 1e-4, (u[error.argmax()], x[error.argmax()], expected[error.argmax()])
    assert np.median(error) < 1e-5
    # far out, the share beyond the draw
    share, wanted = np.where(u < 0.5, oracle.cdf(x), oracle.sf(x)), np.minimum(u, 1 - u)
    assert np.all(np.abs(share - wanted) < 2e-6 + 2e-3 * wanted)


@pytest.mark.every(2)
@EACH
def test_densities_and_tails(name: str, params: tuple[Any, ...]) -> None:
    oracle = ORACLES[name](*params)
    p = np.concatenate([10.0 ** -np.arange(1.0, 6), np.linspace(0.02, 0.98, 49), 1 - 10.0 ** -np.arange(1.0, 6)])
    x = np.asarray(oracle.ppf(p), np.float32).astype(float)
    inside = (x > (oracle.ppf(0) if name != "landau" else -np.inf)) & (x < oracle.ppf(1))
    x = x[inside]
    if name == "histogram":  # off its edges
        x = x[np.abs(x[:, None] - np.asarray(params[0])).min(1) > 1e-3]
    np.testing.assert_allclose(mapped(name, "log_prob", params, x), oracle.logpdf(x), atol=3e-4)
    np.testing.assert_allclose(mapped(name, "cdf", params, x), oracle.cdf(x), atol=5e-6)


@pytest.mark.every(3)
@EACH
def test_derivatives_of_draws(name: str, params: tuple[Any, ...]) -> None:
    """At fixed u: by finite differences of SciPy's quantile, parameter by parameter."""
    law = distributions.implementation(distributions.get(name))
    u = np.array([0.05, 0.3, 0.62, 0.93])
    flat = [np.asarray(p, float) for p in params]
    each = tuple(range(1, len(params) + 1))
    slope = jax.jacfwd(lambda u, *a: law.sample(u, *a), argnums=each)
    slopes = jax.vmap(slope, (0, *[None for _ in each]))(u.astype(np.float32), *[p.astype(np.float32) for p in flat])
    for k, p in enumerate(flat):
        for index in np.ndindex(p.shape):
            step = 1e-4 * max(abs(p[index]), 0.1)
            ends = []
            for sign in (1, -1):
                moved = [q.copy() for q in flat]
                moved[k][index] += sign * step
                args = [tuple(q) if q.ndim else float(q) for q in moved]
                ends.append(ORACLES[name](*args).ppf(u))
            expected = (ends[0] - ends[1]) / (2 * step)
            scale = np.abs(expected).max() + 1e-2
            assert np.abs(np.asarray(slopes[k])[(slice(None), *index)] - expected).max() < 5e-3 * scale, (k, index)


@pytest.mark.slow
def test_shapes_in_a_program() -> None:
    """Dimensions, mixtures and truncations; E[x > 100 GeV] of the peak and of the background by SciPy."""
    model = hepppl.parse("""
model peak {
    param fraction: real in (0, 1) = 0.3
    z ~ relativistic_breit_wigner(mass = 91.2 GeV, width = 2.5 GeV)
    x ~ mixture([fraction, 1 - fraction], [crystal_ball(125 GeV, 2 GeV, 1.2, 4), power_law(-3, 60 GeV, 200 GeV)])
    t ~ truncated(landau(80 keV, 5 keV), 70 keV, 200 keV)
    h ~ histogram([0, 1, 3], [1, 2])
    return (z = z > 95 GeV, x = x > 120 GeV, t = t, h = h)
}
""")
    n = 200_000
    events = model.simulate(n, seed=5)
    tail = st.crystalball(1.2, 4, 125, 2).sf(120), PowerLaw(-3, 60, 200).sf(120.0)
    landau = ORACLES["landau"](80.0, 5.0)
    inside = landau.cdf(200) - landau.cdf(70)
    below = (landau.cdf(90) - landau.cdf(70)) / inside
    for value, expected in (
        (events["z"], ORACLES["relativistic_breit_wigner"](91.2, 2.5).sf(95)),
        (events["x"], 0.3 * tail[0] + 0.7 * tail[1]),
        (events["t"] < 0.090, below),
        (events["h"] < 1, 1 / 5),
    ):
        error = np.sqrt(expected * (1 - expected) / n)
        assert abs(np.mean(value) - expected) < 4.5 * error  # four tests: a false alarm in 40,000 seeds
    slope = model.grad(50_000, seed=1).gradient["x"]["fraction"]
    assert abs(slope.item() - (tail[0] - tail[1])) < 0.02


def test_arguments_of_shapes() -> None:
    for text, code in (
        ("histogram([0, 1], [1, 2])", "E805"),
        ("landau(1 GeV, 1 mm)", "E212"),
        ("crystal_bal(0, 1, 1, 2)", "E309"),
    ):
        with pytest.raises(hepppl.HepError) as caught:
            hepppl.parse(f"model m {{\n    x ~ {text}\n    return 1\n}}").simulate(10)
        assert caught.value.diagnostics[0].code == code, caught.value
