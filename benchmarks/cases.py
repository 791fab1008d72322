"""The cases: each measures hepppl and its rivals in turn and gives speeds, ratios and bars."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

import hepppl
from hepppl.planning.show import estimator

from .front import front
from .measure import Call, fastest, in_turn, median_ratio
from .report import Ratio, Speed
from .rivals import absorber_numpy, vmap_while, walk_jax

Row = Speed | Ratio
FOLDERS = (Path(__file__).parents[1] / "examples", Path(__file__).parent / "programs")


def load(name: str) -> hepppl.Model:
    return hepppl.load(next(path for folder in FOLDERS if (path := folder / f"{name}.hep").exists()))


def simulate(model: hepppl.Model, n: int) -> Call:
    return lambda seed: model.simulate(n, seed=seed)


def grad(model: hepppl.Model, n: int, **options: Any) -> Call:
    return lambda seed: model.grad(n, seed=seed, **options)


def per_event(times: list[float], n: int) -> float:
    """Median microseconds per event."""
    return 1e6 * statistics.median(times) / n


def absorbers(scale: float, rounds: int) -> Iterator[Row]:
    """Both absorbers: simulation against NumPy and `vmap(while_loop)`, the cost of gradients and of an error."""
    bars = {"absorber": (2.9, "shower.interacts"), "absorber_energy_loss": (2.4, "track.interacts")}
    for name, (std_bar, site) in bars.items():
        splitting = name == "absorber"
        n = int(65_536 * scale)
        model = load(name)
        numpy_tiles = {
            f"NumPy, tile {tile}": partial(_numpy_absorber, n, splitting, tile) for tile in (1024, 4096, 16_384)
        }
        numpy_name, numpy_call = fastest(numpy_tiles)
        m = n // 4
        jax_name, jax_call = fastest({
            f"JAX vmap(while_loop), tile {tile}, block {block}": partial(_vmap_absorber, m, splitting, tile, block)
            for tile in (32, 256, 2048) for block in (1, 32)
        })  # fmt: skip
        calls = {
            "hepppl simulate": simulate(model, n),
            f"{numpy_name}: simulate": numpy_call,
            f"{jax_name}: simulate": jax_call,
            "hepppl grad, score": grad(model, n, by={site: "score"}),
            "hepppl grad, stochastic_ad": grad(model, n, by={site: "stochastic_ad"}),
            f"{numpy_name}: score and baseline": partial(numpy_call, score=True),
        }
        times = in_turn(calls, rounds)
        hep, by_numpy, by_vmap, score, sad, _ = times.values()
        stds = [
            None, None, None,
            float(model.grad(n, seed=1, by={site: "score"}).std["value"]["theta"]),
            float(model.grad(n, seed=1, by={site: "stochastic_ad"}).std["value"]["theta"]),
            _numpy_std(n, splitting),
        ]  # fmt: skip
        for (label, taken), std in zip(times.items(), stds, strict=True):
            yield Speed(name, label, per_event(taken, m if "vmap" in label else n), std)
        own = splitting or None
        yield Ratio(f"{name}: grad / simulate, stochastic_ad", median_ratio(sad, hep), own and 2.2, at_least=False)
        yield Ratio(f"{name}: grad / simulate, score", median_ratio(score, hep), own and 1.3, at_least=False)
        yield Ratio(f"{name}: events per second, hepppl / NumPy", median_ratio(by_numpy, hep), own and 1.0)
        yield Ratio(f"{name}: events per second, hepppl / vmap(while_loop)", median_ratio(by_vmap, hep) * n / m)
        yield Ratio(f"{name}: std of one event's gradient, stochastic_ad", stds[4] or np.nan, std_bar, at_least=False)
        yield Ratio(f"{name}: variance × time, NumPy score / hepppl stochastic_ad", _effort(times, stds, n, 5, 4))


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
        calls = {
            "hepppl simulate": simulate(model, n),
            f"hepppl grad, tuned: {next(estimator(row) for row in plan.rows if row.estimator)}": grad(
                model, n, plan=plan
            ),
            "hepppl grad, score, leave-one-out": grad(model, n, by={site: "score"}),
        }
        times = in_turn(calls, rounds)
        plain, own, _ = times.values()
        std = float(model.grad(n, seed=1, plan=plan).std["value"]["theta"])
        score_std = float(model.grad(n, seed=1, by={site: "score"}).std["value"]["theta"])
        for (label, taken), each in zip(times.items(), (None, std, score_std), strict=True):
            yield Speed(f"{name}, tuned", label, per_event(taken, n), each)
        simulations = median_ratio(own, plain)
        effort = _effort(times, [None, std, score_std], n, 2, 1)
        yield Ratio(f"{name}: std of one event's gradient, tuned", std, std_bar, at_least=False)
        yield Ratio(f"{name}: grad / simulate, tuned", simulations)
        yield Ratio(f"{name}: variance × time, score / tuned", effort, gain_bar)
        gain = published[name] / (std**2 * simulations)
        yield Ratio(f"{name}: variance × simulations, published stochastic AD / tuned", gain, std_bar and 8.0)


def _numpy_absorber(n: int, splitting: bool, tile: int, seed: int, score: bool = False) -> Any:
    return absorber_numpy.run(n, 2.5, splitting=splitting, seed=seed, tile=tile, score=score)


def _numpy_std(n: int, splitting: bool) -> float:
    events = absorber_numpy.run(n, 2.5, splitting=splitting, seed=1, score=True, tile=4096)
    return float(np.std((events.value - events.value.mean()) * events.score))


def _vmap_absorber(n: int, splitting: bool, tile: int, block: int, seed: int) -> Any:
    return vmap_while.absorber(jax.random.key(seed), 2.5, n, tile=tile, block=block, splitting=splitting)


def _effort(times: Mapping[str, list[float]], stds: list[float | None], n: int, top: int, bottom: int) -> float:
    taken = list(times.values())
    return median_ratio(taken[top], taken[bottom]) * ((stds[top] or np.nan) / (stds[bottom] or np.nan)) ** 2


def varying(scale: float, rounds: int) -> Iterator[Row]:
    """Showers of varying sizes against `vmap(while_loop)`, which costs the largest event of each tile in all of it."""
    n = int(65_536 * scale)
    rivals: dict[str, Callable[..., Any]] = {
        "cascade": lambda seed, **how: vmap_while.cascade(jax.random.key(seed), 0.8, n, **how),
        "chain_reaction": lambda seed, **how: vmap_while.chain_reaction(jax.random.key(seed), 0.3, 2.4, n, **how),
    }
    for name, rival in rivals.items():
        model = load(name)
        label, call = fastest({
            f"JAX vmap(while_loop), tile {tile}, block {block}": partial(rival, tile=tile, block=block)
            for tile in (16, 64, 512, 2048) for block in (1, 8)
        })  # fmt: skip
        calls = {"hepppl simulate": simulate(model, n), f"{label}: simulate": call, "hepppl grad": grad(model, n)}
        times = in_turn(calls, rounds)
        hep, by_vmap, gradient = times.values()
        std = next(iter(model.grad(n, seed=1).std["value"].values()))
        for label, taken in times.items():
            yield Speed(name, label, per_event(taken, n), float(std) if "grad" in label else None)
        bar = 1.5 if name == "cascade" else None
        yield Ratio(f"{name}: events per second, hepppl / vmap(while_loop)", median_ratio(by_vmap, hep), bar)
        yield Ratio(f"{name}: grad / simulate", median_ratio(gradient, hep))


def walks(scale: float, rounds: int) -> Iterator[Row]:
    """The random walk against hand-written JAX: simulation, score estimators and stochastic AD."""
    n = int(131_072 * scale)
    model = load("random_walk")

    def rival(name: str, tile: int) -> Call:
        return lambda seed: getattr(walk_jax, name)(jax.random.key(seed), 200.0, n, tile=tile)

    def best(name: str) -> Call:
        return fastest({str(tile): rival(name, tile) for tile in (2048, 8192, 32_768) if n % tile == 0})[1]

    by_hand = {name: best(name) for name in ("simulate", "score_mean", "score_regression", "stochastic_ad")}
    calls = {
        "hepppl simulate": simulate(model, n),
        "JAX by hand: simulate": by_hand["simulate"],
        "hepppl grad, score": grad(model, n, by={"up": "score"}),
        "JAX by hand: score, leave-one-out mean": by_hand["score_mean"],
        "JAX by hand: score, regression baseline": by_hand["score_regression"],
        "hepppl grad, stochastic_ad": grad(model, n),  # the program says so, and from which side
        "JAX by hand: stochastic AD": by_hand["stochastic_ad"],
    }
    times = in_turn(calls, rounds)
    stds: list[float | None] = []
    for label in calls:
        if "simulate" in label:
            stds.append(None)
        elif label.startswith("hepppl"):
            by = {"up": "score"} if label.endswith("score") else None
            stds.append(float(model.grad(n, seed=1, by=by).std["value"]["p"]))
        else:
            stds.append(float(np.std(np.asarray(calls[label](1)[1]))))
    for (label, taken), std in zip(times.items(), stds, strict=True):
        yield Speed("random_walk", label, per_event(taken, n), std)
    hep, hand, score, _, _, sad, _ = times.values()
    yield Ratio("random_walk: events per second, hepppl / JAX by hand", median_ratio(hand, hep))
    yield Ratio("random_walk: grad / simulate, stochastic_ad", median_ratio(sad, hep))
    yield Ratio("random_walk: grad / simulate, score", median_ratio(score, hep))
    yield Ratio("random_walk: std of one event's gradient, stochastic_ad", stds[5] or np.nan, 6.6, at_least=False)
    yield Ratio("random_walk: variance × time, stochastic AD by hand / hepppl", _effort(times, stds, n, 6, 5))


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


CASES: dict[str, Callable[[float, int], Iterator[Row]]] = {
    "absorbers": absorbers,
    "tuned": tuned,
    "varying": varying,
    "walks": walks,
    "reverse": reverse,
    "front": front,
}
