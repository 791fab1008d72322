"""Showers and other loops of random length."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax
import numpy as np

from hepppl.planning.show import estimator

from .contest import Contest, Entry, deviation, grad, load, simulate
from .measure import fastest
from .report import Ratio, Row
from .rivals import absorber_numpy, vmap_while


def absorbers(scale: float, rounds: int) -> Iterator[Row]:
    """Both absorbers: against NumPy and `vmap(while_loop)`, the cost of gradients and of an error."""
    std_bars = {"absorber": (2.9, "shower.interacts"), "absorber_energy_loss": (2.4, "track.interacts")}
    for name, (std_bar, site) in std_bars.items():
        splitting = name == "absorber"
        n = int(65_536 * scale)
        m = n // 4
        model = load(name)
        numpy_name, numpy_call = fastest({
            f"NumPy, tile {tile}": partial(_numpy_absorber, n, splitting, tile) for tile in (1024, 4096, 16_384)
        })  # fmt: skip
        jax_name, jax_call = fastest({
            f"JAX vmap(while_loop), tile {tile}, block {block}": partial(_vmap_absorber, m, splitting, tile, block)
            for tile in (32, 256, 2048) for block in (1, 32)
        })  # fmt: skip
        by_score, by_sad = {site: "score"}, {site: "stochastic_ad"}
        ours, score, sad = "hepppl simulate", "hepppl grad, score", "hepppl grad, stochastic_ad"
        numpy_sim, vmap_sim, numpy_score = (
            f"{numpy_name}: simulate", f"{jax_name}: simulate", f"{numpy_name}: score and baseline",
        )  # fmt: skip
        entries = [
            Entry(ours, simulate(model, n), n),
            Entry(numpy_sim, numpy_call, n, ours=False),
            Entry(vmap_sim, jax_call, m, ours=False),
            Entry(score, grad(model, n, by=by_score), n, deviation(model, n, by=by_score)),
            Entry(sad, grad(model, n, by=by_sad), n, deviation(model, n, by=by_sad)),
            Entry(numpy_score, partial(numpy_call, score=True), n, _numpy_std(n, splitting), ours=False),
        ]
        contest = Contest(name, entries, rounds)
        yield from contest.rows()
        bar: Callable[[float], float | None] = lambda x, held=splitting: x if held else None  # noqa: E731
        yield Ratio(f"{name}: grad / simulate, stochastic_ad", contest.over(sad, ours), bar(2.2), at_least=False)
        yield Ratio(f"{name}: grad / simulate, score", contest.over(score, ours), bar(1.3), at_least=False)
        yield Ratio(f"{name}: events per second, hepppl / NumPy", contest.over(numpy_sim, ours), bar(1.5))
        what = f"{name}: events per second, hepppl / vmap(while_loop)"
        yield Ratio(what, contest.over(vmap_sim, ours), bar(3.0))
        std = contest.entries[sad].std or np.nan
        yield Ratio(f"{name}: std of one event's gradient, stochastic_ad", std, std_bar, at_least=False)
        what = f"{name}: variance × time, NumPy score / hepppl stochastic_ad"
        yield Ratio(what, contest.efforts(numpy_score, sad))


def tuned(scale: float, rounds: int) -> Iterator[Row]:
    """The absorbers with the plan that `plan --tune` finds without a hint, against score with leave-one-out baseline.

    Published stochastic AD of the shower has variance × simulations 81 (arXiv:2308.16680: std 6.37 at two simulations).
    """
    bars = {"absorber": (2.2, 2.0, "shower.interacts"), "absorber_energy_loss": (None, 5.0, "track.interacts")}
    published = {"absorber": 81.0, "absorber_energy_loss": 40.0}
    for name, (std_bar, gain_bar, site) in bars.items():
        n = int(65_536 * scale)
        model = load(name)
        plan = model.plan(tune=True, n=10_000)
        found = f"hepppl grad, tuned: {next(estimator(row) for row in plan.rows if row.estimator)}"
        ours, score = "hepppl simulate", "hepppl grad, score, leave-one-out"
        entries = [
            Entry(ours, simulate(model, n), n),
            Entry(found, grad(model, n, plan=plan), n, deviation(model, n, plan=plan)),
            Entry(score, grad(model, n, by={site: "score"}), n, deviation(model, n, by={site: "score"})),
        ]
        contest = Contest(f"{name}, tuned", entries, rounds)
        yield from contest.speeds()
        std, simulations = contest.entries[found].std or np.nan, contest.over(found, ours)
        yield Ratio(f"{name}: std of one event's gradient, tuned", std, std_bar, at_least=False)
        yield Ratio(f"{name}: grad / simulate, tuned", simulations)
        yield Ratio(f"{name}: variance × time, score / tuned", contest.efforts(score, found), gain_bar)
        gain = published[name] / (std**2 * simulations)
        yield Ratio(f"{name}: variance × simulations, published stochastic AD / tuned", gain, std_bar and 8.0)


def _numpy_absorber(n: int, splitting: bool, tile: int, seed: int, score: bool = False) -> Any:
    return absorber_numpy.run(n, 2.5, splitting=splitting, seed=seed, tile=tile, score=score)


def _numpy_std(n: int, splitting: bool) -> float:
    events = absorber_numpy.run(n, 2.5, splitting=splitting, seed=1, score=True, tile=4096)
    return float(np.std((events.value - events.value.mean()) * events.score))


def _vmap_absorber(n: int, splitting: bool, tile: int, block: int, seed: int) -> Any:
    return vmap_while.absorber(jax.random.key(seed), 2.5, n, tile=tile, block=block, splitting=splitting)


def _against_vmap(name: str, rival: Callable[..., Any], bar: float | None, scale: float, rounds: int) -> Iterator[Row]:
    """A program against the fastest of several ways to run ``rival(key, n, tile=…, block=…)``."""
    n, model = int(65_536 * scale), load(name)
    label, call = fastest({
        f"JAX vmap(while_loop), tile {tile}, block {block}": partial(_keyed, rival, n, tile, block)
        for tile in (16, 64, 512, 2048) for block in (1, 8)
    })  # fmt: skip
    ours, theirs = "hepppl simulate", f"{label}: simulate"
    entries = [
        Entry(ours, simulate(model, n), n),
        Entry(theirs, call, n, ours=False),
        Entry("hepppl grad", grad(model, n), n, deviation(model, n)),
    ]
    contest = Contest(name, entries, rounds)
    yield from contest.rows()
    yield Ratio(f"{name}: events per second, hepppl / vmap(while_loop)", contest.over(theirs, ours), bar)


def _keyed(rival: Callable[..., Any], n: int, tile: int, block: int, seed: int) -> Any:
    return rival(jax.random.key(seed), n, tile=tile, block=block)


def cascades(scale: float, rounds: int) -> Iterator[Row]:
    """Showers of varying sizes against `vmap(while_loop)`, which costs the largest event of each tile in all of it."""
    heavy = lambda key, n, **how: vmap_while.electromagnetic_cascade(key, 0.8, n, **how)  # noqa: E731
    even = lambda key, n, **how: vmap_while.cascade(key, 0.8, n, **how)  # noqa: E731
    chain = lambda key, n, **how: vmap_while.chain_reaction(key, 0.3, 2.4, n, **how)  # noqa: E731
    yield from _against_vmap("electromagnetic_cascade", heavy, 8.0, scale, rounds)
    yield from _against_vmap("cascade", even, 1.5, scale, rounds)
    yield from _against_vmap("chain_reaction", chain, None, scale, rounds)


def veto(scale: float, rounds: int) -> Iterator[Row]:
    """A Sudakov veto shower against `vmap(while_loop)`."""
    rival = lambda key, n, **how: vmap_while.sudakov(key, 0.118, n, **how)  # noqa: E731
    yield from _against_vmap("sudakov", rival, None, scale, rounds)
