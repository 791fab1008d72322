"""The benchmarks' hand-written rivals are right: a ratio against a wrong program would mean nothing."""

from __future__ import annotations

import math

import jax
import numpy as np
import pytest

import hepppl
from benchmarks.rivals import absorber_numpy, static_jax, vmap_while, walk_jax

from . import oracles
from .acceptance import ROOT, assert_agrees, assert_within
from .oracles import Exact

PROGRAMS = ROOT / "benchmarks" / "programs"
ABSORBERS = [(True, oracles.ABSORBER, 127), (False, oracles.ABSORBER_ENERGY_LOSS, 14)]


def plain_absorber(rng: np.random.Generator, theta: float, splitting: bool) -> tuple[float, int]:
    """One event in plain Python, written from the paper: the oracle of the fast ones. Objective and number of hits."""
    phi = rng.uniform(-math.pi, math.pi)
    waiting, radii = [(25.0, 0.0, 0.0, math.cos(phi), math.sin(phi))], []
    s = lambda z: 1 / (1 + math.exp(-z))  # noqa: E731
    turned = lambda px, py: (px / math.hypot(px, py), py / math.hypot(px, py))  # noqa: E731
    while waiting:
        energy, old_x, old_y, px, py = waiting.pop()
        x, y = old_x + 0.02 * px, old_y + 0.02 * py
        r, alpha = math.hypot(x, y), math.atan2(x, y)
        if energy < 0.5 or r > 20:
            radii.append(math.hypot(old_x, old_y))
            continue
        p = 0.5 * s(10 * (r - theta)) * s(-10 * (r - theta - 10))
        p *= s(-10 * math.sin(10 * (alpha + 2 * r))) * s(-10 * math.cos(10 * (r - 2)))
        if rng.random() >= p:
            waiting.append((energy, x, y, px, py))
            continue
        radii.append(math.hypot(old_x, old_y))
        if splitting:
            waiting += [(energy / 2, x, y, *turned(px + kick, py + kick)) for kick in (0.05, -0.05)]
        else:
            kick_x, kick_y = rng.choice([-0.05, 0.05], 2)
            waiting.append((max(energy - 2, 0.0), x, y, *turned(px + kick_x, py + kick_y)))
    return (sum(radii) / len(radii) - 2) ** 2, len(radii)


@pytest.mark.parametrize(("splitting", "exact", "hits"), ABSORBERS)
def test_plain_absorber(splitting: bool, exact: Exact, hits: int) -> None:
    rng = np.random.default_rng(31)
    events = [plain_absorber(rng, 2.5, splitting) for _ in range(150 if splitting else 300)]
    f = np.array([f for f, _ in events])
    assert {hits for _, hits in events} == {hits}
    assert_within(f.mean(), f.std() / len(f) ** 0.5, exact.value, exact.se)


@pytest.mark.parametrize("dtype", [pytest.param(np.float32, marks=pytest.mark.slow), np.float64])
@pytest.mark.parametrize(("splitting", "exact", "hits"), ABSORBERS)
def test_numpy_absorber(splitting: bool, exact: Exact, hits: int, dtype: type) -> None:
    n = 20_000
    events = absorber_numpy.run(n, splitting=splitting, seed=32, score=True, tile=4096, dtype=dtype)
    assert (events.hits == hits).all()
    assert_within(events.value.mean(), events.value.std() / n**0.5, exact.value, exact.se)
    gradient = (events.value - events.value.mean(dtype=np.float64)) * events.score
    assert_within(gradient.mean(), gradient.std() / n**0.5, exact.gradient["theta"], exact.gradient_se["theta"])


def test_numpy_absorber_score_has_mean_zero() -> None:
    score = absorber_numpy.run(20_000, splitting=False, seed=33, score=True, tile=4096).score
    assert abs(score.mean()) < 5 * score.std() / len(score) ** 0.5


@pytest.mark.slow
@pytest.mark.parametrize("block", [1, 8])
@pytest.mark.parametrize(("splitting", "exact"), [case[:2] for case in ABSORBERS])
def test_vmapped_absorber(splitting: bool, exact: Exact, block: int) -> None:
    n = 4096 if splitting else 8192
    f = np.asarray(vmap_while.absorber(jax.random.key(34), 2.5, n, tile=256, block=block, splitting=splitting))
    assert_within(f.mean(), f.std() / n**0.5, exact.value, exact.se)


@pytest.mark.slow
@pytest.mark.parametrize("block", [1, 8])
def test_vmapped_cascade(block: int) -> None:
    n = np.asarray(vmap_while.cascade(jax.random.key(35), 0.8, 40_960, tile=512, block=block))
    assert_within(n.mean(), n.std() / len(n) ** 0.5, oracles.cascade(0.8).value)


@pytest.mark.slow
@pytest.mark.parametrize("block", [1, 8])
def test_vmapped_electromagnetic_cascade(block: int) -> None:
    n = np.asarray(vmap_while.electromagnetic_cascade(jax.random.key(40), 0.8, 65_536, tile=64, block=block))
    exact = oracles.electromagnetic_cascade(0.8).value
    assert_within(n.mean(), n.std() / len(n) ** 0.5, exact)


@pytest.mark.slow
def test_the_electromagnetic_cascade_of_the_benchmark() -> None:
    exact = oracles.electromagnetic_cascade(0.8)
    result = hepppl.load(PROGRAMS / "electromagnetic_cascade.hep").grad(131_072, 41)
    assert_agrees(result, "value", exact)


@pytest.mark.parametrize("block", [1, 8])
def test_vmapped_sudakov(block: int) -> None:
    """Emissions are Poisson with the mean of the example's first lines; the hardest one's scale is a power of a
    uniform: with no emission above q with probability exp(-M(q))."""
    n = 65_536
    emissions, hardest = map(np.asarray, vmap_while.sudakov(jax.random.key(42), 0.118, n, tile=512, block=block))
    mean = 3.439042
    assert_within(emissions.mean(), (mean / n) ** 0.5, mean)
    assert_within(emissions.var(), emissions.var() * (2 / n) ** 0.5 * 1.2, mean)
    above = -4 * math.log(1 + 1.22 * 0.118 * math.log(30 / 91.1876)) / 1.22
    none = math.exp(-above)
    assert_within((hardest < 30).mean(), (none * (1 - none) / n) ** 0.5, none)


def test_counts_by_hand() -> None:
    n, key = 262_144, jax.random.key(43)
    exact = oracles.summed(lambda rate: rate + (rate - 6) ** 2, rate=4.0)
    for simulate in (static_jax.poisson, static_jax.poisson_table):
        f = np.asarray(simulate(key, 4.0, n), float)
        assert_within(f.mean(), f.std() / n**0.5, exact.value)
    for differentiate in (static_jax.poisson_score, static_jax.poisson_stochastic_ad):
        mean, (slope, se) = differentiate(key, 4.0, n)
        assert_within(mean, 9 / n**0.5, exact.value)
        assert_within(slope, se, exact.gradient["rate"])


def test_normals_by_hand() -> None:
    """With hepppl's random numbers they are hepppl's events, up to rounding."""
    n, at = 4096, (np.float32(0.8), np.float32(0.5))
    model = hepppl.load(ROOT / "examples" / "smooth_normal.hep")
    site = model.plan().rows[0].number
    own = model.simulate(n, 9)["value"]
    np.testing.assert_allclose(static_jax.normal_same(np.uint32(9), *at, n, site=site), own, atol=3e-6)
    exact = oracles.smooth_normal(0.8, 0.5)
    big = 262_144
    f = np.asarray(static_jax.normal(jax.random.key(44), *at, big))
    assert_within(f.mean(), f.std() / big**0.5, exact.value)
    for found in (
        static_jax.normal_grad(jax.random.key(45), *at, big),
        static_jax.normal_grad_same(np.uint32(9), *at, big, site=site),
    ):
        assert_within(found[1], found[2], [exact.gradient["mu"], exact.gradient["sigma"]])


@pytest.mark.slow
def test_the_template_fit_by_hand() -> None:
    from hepppl.inference.fits import prepared

    model = hepppl.load(PROGRAMS / "template_fit.hep")
    counts = np.asarray(model.asimov()["n"], float)
    np.testing.assert_allclose(static_jax.expected(*np.float32([1, 1, 0])), counts, rtol=1e-5)
    objective, _ = prepared(model, {"n": counts}, {}, free=True)
    points = [np.array([1.3, 0.9, 0.2]), np.array([0.4, 1.1, -0.3])]
    with jax.enable_x64(True):
        found = [static_jax.likelihood(x, counts) for x in points]
        np.testing.assert_allclose([g for _, g in found], [objective.gradient(x) for x in points], rtol=1e-6)
        values = [objective.value(x) for x in points]
        assert float(found[0][0] - found[1][0]) == pytest.approx(values[0] - values[1], rel=1e-6)


@pytest.mark.slow
def test_the_network_by_hand() -> None:
    model, n = hepppl.load(PROGRAMS / "net_thousand.hep"), 65_536
    weights = [
        tuple(np.asarray(model.params[f"f.{name}{i}"].default, np.float32) for name in ("weight", "bias"))
        for i in range(3)
    ]
    value, gradient = static_jax.net_grad(jax.random.key(46), weights, n)
    own = model.grad(n, 47)
    errors = static_jax.net(jax.random.key(46), weights, n)
    assert float(errors.mean()) == pytest.approx(float(value), rel=1e-5)
    assert_within(value, np.std(errors) / n**0.5, own.mean["value"], own.mean_se["value"])
    name = "f.weight2"
    se, slopes = own.se["value"][name], own.gradient["value"][name]
    assert_within(gradient[2][0], se, slopes, np.max(se), scale=1.0)


@pytest.mark.slow
@pytest.mark.parametrize("block", [1, 8])
def test_vmapped_chain_reaction(block: int) -> None:
    n = np.asarray(vmap_while.chain_reaction(jax.random.key(36), 0.3, 2.4, 204_800, tile=512, block=block))
    assert_within(n.mean(), n.std() / len(n) ** 0.5, oracles.chain_reaction(0.3).value)
    alone = 0.7 + 0.3 * math.exp(-2.4)
    assert_within((n == 1).mean(), (alone * (1 - alone) / len(n)) ** 0.5, alone)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("estimator", "n"), [("score_mean", 262_144), ("score_regression", 262_144), ("stochastic_ad", 32_768)]
)
def test_walks(estimator: str, n: int) -> None:
    exact = oracles.random_walk(200.0)
    f, gradient = map(np.asarray, getattr(walk_jax, estimator)(jax.random.key(37), 200.0, n))
    assert_within(f.mean(dtype=np.float64), f.std() / n**0.5, exact.value)
    assert_within(gradient.mean(dtype=np.float64), gradient.std() / n**0.5, exact.gradient["p"])


def test_simulated_walk() -> None:
    f = np.asarray(walk_jax.simulate(jax.random.key(38), 200.0, 32_768))
    assert_within(f.mean(dtype=np.float64), f.std() / len(f) ** 0.5, oracles.random_walk(200.0).value)


@pytest.mark.slow
@pytest.mark.parametrize("blocks", [1, 10])
def test_walk_in_reverse_mode(blocks: int) -> None:
    exact, n = oracles.random_walk(np.full(blocks, 200.0), blocks=blocks), 524_288
    mean, gradient = walk_jax.score_reverse(jax.random.key(39), np.full(blocks, 200.0, np.float32), n)
    se = 21.5 / n**0.5  # the score with a batch-mean baseline: `test_walks` measures it
    assert_within(mean, 755 / n**0.5, exact.value)
    assert_within(gradient, se, exact.gradient["p"], scale=exact.gradient["p"].max())
    assert gradient.shape == (blocks,)
