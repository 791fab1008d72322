"""Programs without loops of random length: counts, a smooth normal, a template fit, a network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from .contest import Contest, Entry, deviation, grad, load, simulate
from .measure import Call, fastest
from .report import Ratio, Row
from .rivals import static_jax


def poisson(scale: float, rounds: int) -> Iterator[Row]:
    """Counts against `jax.random.poisson`, and against an inversion by hand that shares a table."""
    n, model = int(1_048_576 * scale), load("poisson_square")
    ours, library, score = "hepppl simulate", "jax.random.poisson", {"k": "score"}
    entries = [
        Entry(ours, simulate(model, n), n),
        Entry(library, lambda seed: static_jax.poisson(jax.random.key(seed), 4.0, n), n, ours=False),
        Entry(
            "JAX by hand: shared table",
            lambda seed: static_jax.poisson_table(jax.random.key(seed), 4.0, n), n, ours=False,
        ),
        Entry("hepppl grad", grad(model, n), n, deviation(model, n)),
        Entry("hepppl grad, score", grad(model, n, by=score), n, deviation(model, n, by=score)),
    ]  # fmt: skip
    for name in ("score", "stochastic_ad"):

        def by_hand(seed: int, name: str = name) -> Any:
            return getattr(static_jax, f"poisson_{name}")(jax.random.key(seed), 4.0, n)

        std = float(np.asarray(by_hand(1)[1])[1]) * n**0.5
        entries.append(Entry(f"JAX by hand: {name}, shared table", by_hand, n, std, ours=False))
    contest = Contest("poisson_square", entries, rounds)
    yield from contest.rows()
    yield Ratio("poisson_square: events per second, hepppl / jax.random.poisson", contest.over(library, ours))


def normal(scale: float, rounds: int) -> Iterator[Row]:
    """A smooth function of a normal: against hand-written JAX with the same random numbers and with `jax.random`."""
    n, model = int(1_048_576 * scale), load("smooth_normal")
    site = model.plan().rows[0].number
    at = (np.float32(0.8), np.float32(0.5))

    def std_of(call: Any) -> float:
        return float(np.asarray(call(1)[2])[0]) * n**0.5

    same = lambda seed: static_jax.normal_same(np.uint32(seed), *at, n, site=site)  # noqa: E731
    other = lambda seed: static_jax.normal(jax.random.key(seed), *at, n)  # noqa: E731
    same_grad = lambda seed: static_jax.normal_grad_same(np.uint32(seed), *at, n, site=site)  # noqa: E731
    other_grad = lambda seed: static_jax.normal_grad(jax.random.key(seed), *at, n)  # noqa: E731
    entries = [
        Entry("hepppl simulate", simulate(model, n), n),
        Entry("JAX by hand: simulate, same random numbers", same, n, ours=False),
        Entry("JAX by hand: simulate, jax.random", other, n, ours=False),
        Entry("hepppl grad", grad(model, n), n, deviation(model, n)),
        Entry("JAX by hand: pathwise, same random numbers", same_grad, n, std_of(same_grad), ours=False),
        Entry("JAX by hand: pathwise, jax.random", other_grad, n, std_of(other_grad), ours=False),
    ]
    contest = Contest("smooth_normal", entries, rounds)
    yield from contest.rows()
    for job, ours, theirs in (("simulate", entries[0], entries[1]), ("grad", entries[3], entries[4])):
        what = f"smooth_normal: {job}, time, hepppl / JAX by hand with the same random numbers"
        yield Ratio(what, contest.over(ours.name, theirs.name), 1.05, at_least=False)


def fit(scale: float, rounds: int) -> Iterator[Row]:
    """A template fit: pseudo-experiments, and the likelihood with its gradient as a minimiser asks for it."""
    from hepppl.inference.fits import prepared

    n, model = int(16_384 * scale), load("template_fit")
    point = np.array([1.0, 1.0, 0.0], np.float32)
    toys = lambda seed: static_jax.toys(jax.random.key(seed), point, n)  # noqa: E731
    yield from Contest(
        "template_fit",
        [Entry("hepppl simulate", simulate(model, n), n), Entry("jax.random.poisson", toys, n, ours=False)],
        rounds,
    ).rows()
    counts = np.asarray(model.asimov()["n"], float)
    objective, _ = prepared(model, {"n": counts}, {}, free=True)
    points = np.random.default_rng(1).uniform([0.5, 0.8, -0.3], [1.5, 1.2, 0.3], (200, 3))

    def own(seed: int) -> Any:
        return [objective.gradient(x) for x in points + 1e-6 * seed]

    def by_hand(seed: int) -> Any:
        with jax.enable_x64(True):
            return [np.asarray(static_jax.likelihood(x, counts)[1]) for x in points + 1e-6 * seed]

    entries = [
        Entry("hepppl likelihood and gradient", own, len(points), job="likelihood"),
        Entry("JAX by hand: likelihood and gradient", by_hand, len(points), ours=False, job="likelihood"),
    ]
    yield from Contest("template_fit", entries, rounds).rows()


def net(scale: float, rounds: int) -> Iterator[Row]:
    """A network of a thousand weights: squared errors at random points, and their gradient in reverse mode."""
    n, model = int(65_536 * scale), load("net_thousand")
    default = lambda name: np.asarray(model.params[name].default, np.float32)  # noqa: E731
    weights = [(default(f"f.weight{i}"), default(f"f.bias{i}")) for i in range(3)]

    def best(job: Any) -> Call:
        def at(tile: int) -> Call:
            return lambda seed: job(jax.random.key(seed), weights, n, tile=tile)

        return fastest({str(tile): at(tile) for tile in (512, 2048, 8192)})[1]

    ours, own_grad = "hepppl simulate", "hepppl grad of 1,051 weights"
    entries = [
        Entry(ours, simulate(model, n), n),
        Entry("JAX by hand: simulate", best(static_jax.net), n, ours=False),
        Entry(own_grad, grad(model, n), n, job="gradient"),
        Entry("JAX by hand: gradient", best(static_jax.net_grad), n, ours=False, job="gradient"),
    ]
    contest = Contest("net_thousand", entries, rounds)
    yield from contest.rows()
    yield Ratio("net_thousand: grad / simulate", contest.over(own_grad, ours))
