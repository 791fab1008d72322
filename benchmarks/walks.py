"""The random walk, and reverse mode through it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from .contest import Contest, Entry, deviation, grad, load, per_event, simulate
from .measure import Call, fastest, in_turn, median_ratio
from .report import Ratio, Row, Speed
from .rivals import walk_jax

#: What genjax 1.0.14 gave on this walk with p = 50, its REINFORCE: variance times microseconds, on another day's core.
GENJAX = 12_480.0

SAD, MEAN = "JAX by hand: stochastic AD", "JAX by hand: score, leave-one-out mean"
BY_HAND = {MEAN: "score_mean", "JAX by hand: score, regression baseline": "score_regression", SAD: "stochastic_ad"}


def walks(scale: float, rounds: int) -> Iterator[Row]:
    """The random walk against hand-written JAX: simulation, score estimators and stochastic AD; at p = 50 also against
    the published figure of genjax."""
    n, model = int(131_072 * scale), load("random_walk")

    def rival(name: str, tile: int, p: float) -> Call:
        return lambda seed: getattr(walk_jax, name)(jax.random.key(seed), p, n, tile=tile)

    def best(name: str, p: float = 200.0) -> Call:
        return fastest({str(tile): rival(name, tile, p) for tile in (2048, 8192, 32_768) if n % tile == 0})[1]

    def by_hand(p: float) -> Iterator[Entry]:
        for label, name in BY_HAND.items():
            call = best(name, p)
            yield Entry(label, call, n, float(np.std(np.asarray(call(1)[1]))), ours=False)

    by_score = {"up": "score"}
    ours, hand = "hepppl simulate", "JAX by hand: simulate"
    score, sad = "hepppl grad, score", "hepppl grad, stochastic_ad"
    entries = [
        Entry(ours, simulate(model, n), n),
        Entry(hand, best("simulate"), n, ours=False),
        Entry(score, grad(model, n, by=by_score), n, deviation(model, n, by=by_score)),
        Entry(sad, grad(model, n), n, deviation(model, n)),  # the program says so, and from which side
    ]
    contest = Contest("random_walk", [*entries, *by_hand(200.0)], rounds)
    yield from contest.rows()
    yield Ratio("random_walk: events per second, hepppl / JAX by hand", contest.over(hand, ours), 2.5)
    yield Ratio("random_walk: grad / simulate, stochastic_ad", contest.over(sad, ours))
    yield Ratio("random_walk: grad / simulate, score", contest.over(score, ours))
    std = contest.entries[sad].std or np.nan
    yield Ratio("random_walk: std of one event's gradient, stochastic_ad", std, 6.6, at_least=False)
    rival_row = contest.best("grad", False)
    assert rival_row is not None
    what = "random_walk: variance × time, best unbiased row by hand / hepppl stochastic_ad"
    yield Ratio(what, contest.efforts(rival_row, sad), 1.8)

    near = {"p": 50.0}
    at_50 = Entry(sad, grad(model, n, params=near), n, deviation(model, n, params=near))
    contest = Contest("random_walk, p = 50", [at_50, *by_hand(50.0)], rounds)
    yield from contest.speeds()
    for label, bar in ((SAD, 1.0), (MEAN, 3.0)):
        what = f"random_walk, p = 50: variance × time, {label} / hepppl stochastic_ad"
        yield Ratio(what, contest.efforts(label, sad), bar)
    what = "random_walk, p = 50: variance × time, published figure of genjax / hepppl"
    yield Ratio(what, GENJAX / (1e6 * contest.effort(sad)), 60.0)


def reverse(scale: float, rounds: int) -> Iterator[Row]:
    """Ten parameters against one, in reverse mode through a loop: a table against a number, which is held to the bar,
    and ten coefficients, all of which matter at every step, against one of them: ten derivatives instead of one.
    """
    n = int(65_536 * scale)
    one, table, ten = load("walk_in_blocks"), load("random_walk_table"), load("ten_parameters")
    for by in ("stochastic_ad", "score"):
        how: dict[str, Any] = {"by": {"up": by}, "mode": "reverse"}
        calls = {
            f"hepppl grad of one number, reverse, {by}": grad(one, n, **how),
            f"hepppl grad of a table of ten, reverse, {by}": grad(table, n, **how),
            f"hepppl grad of one coefficient, reverse, {by}": grad(ten, n, wrt=["a1"], **how),
            f"hepppl grad of ten coefficients, reverse, {by}": grad(ten, n, **how),
        }
        times = in_turn(calls, rounds)
        for label, taken in times.items():
            yield Speed("walk with ten parameters", label, per_event(taken, n))
        number, tabulated, single, all_ten = times.values()
        ratios = {
            "a table of ten / of one number": median_ratio(tabulated, number),
            "ten coefficients / of one": median_ratio(all_ten, single),
        }
        for what, ratio in ratios.items():
            yield Ratio(f"walk: gradient of {what}, reverse, {by}", ratio, 1.5, at_least=False)
    tables = {m: np.full(m, 200.0, np.float32) for m in (1, 10)}
    calls = {
        f"JAX by hand: score, reverse, {m}": lambda seed, m=m: walk_jax.score_reverse(
            jax.random.key(seed), tables[m], n
        )
        for m in tables
    }
    for label, taken in in_turn(calls, rounds).items():
        yield Speed("walk with ten parameters", label, per_event(taken, n))
