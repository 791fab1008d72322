"""Second derivatives of draws and of log-densities: what metadata say of kinks and jumps, and all the rest, holds."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hepppl import distributions

from .cases import BY_NAME, CONTINUOUS

#: Of each law, its arguments; those of the laws of physics beside the built-in ones.
AT = {name: BY_NAME[name][0].params for name in CONTINUOUS if name != "delta"} | {
    "gamma": (2.5, 0.7), "student_t": (4.5, 1.0, 2.0),
    "argus": (10.0, 1.5), "crystal_ball": (0.3, 1.0, 1.2, 3.0), "landau": (1.0, 0.5), "moyal": (0.3, 1.1),
    "power_law": (-2.3, 1.0, 10.0), "relativistic_breit_wigner": (10.0, 1.0),
}  # fmt: skip
#: Arguments that bound what can be drawn: the score is refused where they move.
BOUNDS = {"uniform": {0, 1}, "log_uniform": {0, 1}, "pareto": {0}, "argus": {0}, "power_law": {1, 2}}
FEW = ("normal", "laplace", "crystal_ball")
NAMES = [pytest.param(name, marks=[pytest.mark.slow] * (name not in FEW)) for name in AT]


def density_twice(name: str, moving: list[int], points: int) -> tuple[np.ndarray, np.ndarray]:
    """The means of L_ij + L_i L_j, and of their sizes, over the law itself."""
    law, at = distributions.get(name).load(), AT[name]

    def log_prob(t, x):
        return law.log_prob(x, *[t[moving.index(i)] if i in moving else p for i, p in enumerate(at)])

    def both(x):
        t = jnp.asarray([at[i] for i in moving])
        slope, bend = jax.jacfwd(log_prob)(t, x), jax.jacfwd(jax.jacfwd(log_prob))(t, x)
        return bend + jnp.outer(slope, slope), jnp.abs(bend) + jnp.abs(jnp.outer(slope, slope))

    with jax.enable_x64(True):
        u = (jnp.arange(points) + 0.5) / points
        x = jax.vmap(lambda u: law.sample(u, *at))(u)
        found = jax.jit(jax.vmap(both))(x)
        return tuple(np.asarray(part).mean(0) for part in found)  # type: ignore[return-value]


def draws_twice(sample, at: np.ndarray, points: int) -> tuple[np.ndarray, np.ndarray]:
    """Second derivatives of the mean of a bounded function of the draws at fixed noise, and differences of first
    ones."""
    with jax.enable_x64(True):
        u = (jnp.arange(points) + 0.5) / points
        scale = float(np.median(np.abs(jax.vmap(lambda u: sample(u, jnp.asarray(at)))(u))))

        def mean(t):
            return jnp.tanh(jax.vmap(lambda u: sample(u, t))(u) / scale).mean()

        slope = jax.jit(jax.jacfwd(mean))
        bend = np.asarray(jax.jit(jax.jacfwd(jax.jacfwd(mean)))(jnp.asarray(at)))
        steps = 1e-3 * np.maximum(np.abs(at), 0.1)
        rows = [(slope(at + h * e) - slope(at - h * e)) / (2 * h) for h, e in zip(steps, np.eye(len(at)), strict=True)]
        return bend, np.asarray(rows)


@pytest.mark.parametrize("name", NAMES)
def test_a_density_adds_up_twice(name: str) -> None:
    """∂² of ∫ p = 1: so it is where no kink of the density moves, and with the kinks that are declared it is not."""
    law = distributions.get(name)
    kinks = {i for i, p in enumerate(law.parameters) if p.name in law.kinks}
    moving = [i for i in range(len(AT[name])) if i not in BOUNDS.get(name, set())]
    smooth = [i for i in moving if i not in kinks]
    if smooth:
        mean, size = density_twice(name, smooth, 20_000)
        assert (np.abs(mean) < 5e-3 * size + 1e-9).all(), (mean, size)
    for i in kinks:
        mean, size = density_twice(name, [i], 20_000)
        assert abs(mean[0, 0]) > 0.1 * size[0, 0]


@pytest.mark.every(3)
@pytest.mark.parametrize("name", NAMES)
def test_draws_bend_as_they_say(name: str) -> None:
    law = distributions.get(name)
    assert law.pathwise
    assert not law.jumps
    numerics = law.load()
    bend, differences = draws_twice(lambda u, t: numerics.sample(u, *t), np.array(AT[name]), 500)
    assert np.allclose(bend, differences, rtol=1e-3, atol=1e-4 * np.abs(bend).max()), (bend, differences)


def test_a_density_that_jumps_is_declared() -> None:
    law, edges = distributions.get("histogram"), (0.0, 1.0, 2.0, 4.0)
    assert law.jumps
    numerics = law.load()
    bend, differences = draws_twice(
        lambda u, t: numerics.sample(u, jnp.asarray(edges), t), np.array([1.0, 3.0, 0.5]), 20_000
    )
    assert not np.allclose(bend, differences, rtol=0.05, atol=0.05 * np.abs(bend).max())
