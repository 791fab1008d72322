"""The random walk, and reverse mode through it."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np

from .contest import Contest, Entry, deviation, grad, load, per_event, simulate
from .measure import Call, fastest, in_turn, median_ratio
from .report import Ratio, Row, Speed
from .rivals import walk_jax

#: Variance × time of genjax 1.0.14 (its REINFORCE) over that of the stochastic AD by hand on this walk with p = 50, as
#: published: 12,480 over 184, both on one core on one day.
PUBLISHED = 12_480 / 184
#: dE/dp at p = 50, by dynamic programming.
SLOPE = 30.29499
#: Names a Python that has genjax, to be run beside: it wants Python 3.12 and its own version of jax.
GENJAX_PYTHON = "GENJAX_PYTHON"

SAD, MEAN = "JAX by hand: stochastic AD", "JAX by hand: score, leave-one-out mean"
BY_HAND = {MEAN: "score_mean", "JAX by hand: score, regression baseline": "score_regression", SAD: "stochastic_ad"}


def walks(scale: float, rounds: int) -> Iterator[Row]:
    """The random walk against hand-written JAX: simulation, score estimators and stochastic AD; at p = 50 also against
    genjax."""
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
    other = genjax(n // 4, rounds)
    if other is not None:
        assert other.effort is not None
        yield other
        what = "random_walk, p = 50: variance × time, genjax / hepppl stochastic_ad"
        yield Ratio(what, other.effort / (1e6 * contest.effort(sad)), 60.0)
    else:
        what = "random_walk, p = 50: variance × time, genjax by its published ratio to the same by hand / hepppl"
        yield Ratio(what, PUBLISHED * contest.efforts(SAD, sad), 60.0)


def genjax(n: int, rounds: int) -> Speed | None:
    """The walk at p = 50 in genjax, by the interpreter that `GENJAX_PYTHON` names, in the best of four tiles."""
    python = os.environ.get(GENJAX_PYTHON)
    if python is None:
        return None
    command = [python, str(Path(__file__).parent / "rivals" / "walk_genjax.py"), str(n), str(rounds)]
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    tiles = [str(tile) for tile in (512, 1024, 2048, 8192) if tile <= n]
    done = subprocess.run([*command, *tiles], env=env, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    tile = min(found["tiles"], key=lambda t: statistics.median(found["tiles"][t]["seconds"]))
    best = found["tiles"][tile]
    assert abs(best["mean"] - SLOPE) < 5 * best["std"] / n**0.5  # unbiased: false alarms once in two million
    return Speed(
        "random_walk, p = 50",
        f"{found['versions']}, tile {tile}: REINFORCE",
        per_event(best["seconds"], n),
        best["std"],
    )


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
