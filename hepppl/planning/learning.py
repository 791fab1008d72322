"""The importance of candidates, learned from those that the events of a pilot run kept.

A candidate i of an event has a base weight w_i (|coefficient| times the norm of the potential's derivative, or what
stands for it where none is carried) and is kept with probability w_i h_i / W, W = Σ w h. With s_i = coefficient ·
derivative and Δ_i the change of the output, the event's estimate is W s_i Δ_i / (w_i h_i) for any positive h, and

    E[estimate²] = E[W Σ_i (s_i Δ_i)² / (w_i h_i)].

Were W independent of the rest, the best h, of those that are constant in the cells of what is known when a site draws,
would be sqrt(D / N) with N = E[Σ w_i] and D = E[Σ (s_i Δ_i)² / w_i] over the candidates in the cell (Neyman's
allocation). An event of the pilot run, made with any other h, estimates N by W / h_i, and D by W h_i (s_i Δ_i)² / (w_i
h_i)², of its kept candidate.

h is a product of step functions, one for each of the few features that tell most, and a level of the site.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hepppl.planning.importance import Factor, Feature, Importance

CELLS = 16  # of a step function, at most
FEATURES = 3  # of a site, at most
GAIN = 0.97  # what is predicted for events that were not fitted must fall to this part for one more feature
PRIOR = 8.0  # events: what so many typical ones would have shown is added to each cell
LEAST = 64  # events that kept a candidate of the site, for a fit
SWEEPS = 8  # of the factors of a product, each fitted with the others fixed


@dataclass(frozen=True)
class Candidates:
    """The candidates of one site that events of a pilot run kept: features (n, features), and each event's estimates of
    N and of D, (n,)."""

    columns: np.ndarray
    number: np.ndarray
    effect: np.ndarray

    def __getitem__(self, rows: slice) -> Candidates:
        return Candidates(self.columns[rows], self.number[rows], self.effect[rows])


def values(importance: Importance, features: Sequence[Feature], columns: np.ndarray) -> np.ndarray:
    """The importance, (n,), of candidates with these ``features``, (n, features)."""
    h = np.full(len(columns), importance.level)
    for factor in importance.factors:
        x = columns[:, list(features).index(factor.feature)]
        h = h * np.asarray(factor.heights)[np.searchsorted(factor.edges, x)] * (x if factor.linear else 1.0)
    return h


def learned(features: Sequence[Feature], kept: Candidates, guessed: bool) -> Importance | None:
    """The importance of a site; None where the pilot run says too little of it.

    Features are added one by one, the one first that makes E[Σ w h] E[Σ (s Δ)² / (w h)] smallest for one half of the
    events with the product fitted on the other.
    """
    usable = np.isfinite(kept.columns).all(1) & np.isfinite(kept.effect) & np.isfinite(kept.number)
    kept = Candidates(kept.columns[usable], kept.number[usable], kept.effect[usable])
    if len(kept.number) < LEAST or not kept.effect.sum() > 0:
        return None
    steps = {i: edges for i in range(len(features)) if (edges := _edges(kept.columns[:, i], kept)).size}
    chosen: list[int] = []
    best = _predicted(kept, {}, features)
    while len(chosen) < FEATURES:
        found = {i: _predicted(kept, {j: steps[j] for j in (*chosen, i)}, features) for i in steps if i not in chosen}
        new = min(found, key=lambda i: found[i], default=None)
        if new is None or found[new] > GAIN * best:
            break
        chosen.append(new)
        best = found[new]
    return replace(_fitted(kept, {i: steps[i] for i in chosen}, features), guessed=guessed)


def _edges(x: np.ndarray, kept: Candidates) -> np.ndarray:
    """Where the cells of a feature meet: half of them hold equal parts of N, half equal parts of D."""
    order = np.argsort(x, kind="stable")
    x = x[order]
    between = np.flatnonzero(np.diff(x) > 0)
    if not between.size:
        return between.astype(float)
    cuts = []
    for share in (kept.number[order], kept.effect[order]):
        parts = np.cumsum(share) / share.sum()
        cuts.append(np.searchsorted(parts[between], np.arange(1, CELLS // 2 + 1) / (CELLS // 2 + 1)))
    at = between[np.unique(np.minimum(np.concatenate(cuts), between.size - 1))]
    return np.unique((x[at] + x[at + 1]) / 2)


def _predicted(kept: Candidates, steps: dict[int, np.ndarray], features: Sequence[Feature]) -> float:
    total = 0.0
    for fitted, judged in ((kept[0::2], kept[1::2]), (kept[1::2], kept[0::2])):
        h = values(_fitted(fitted, steps, features), features, judged.columns)
        total += float((judged.number * h).sum() * (judged.effect / h).sum())
    return total


def _fitted(kept: Candidates, steps: dict[int, np.ndarray], features: Sequence[Feature]) -> Importance:
    """The product of least (Σ N h) (Σ D / h), one factor after the other."""
    cells = {i: np.searchsorted(edges, kept.columns[:, i]) for i, edges in steps.items()}
    heights = {i: np.ones(len(edges) + 1) for i, edges in steps.items()}
    for _ in range(SWEEPS if len(steps) > 1 else 1):
        for i, edges in steps.items():
            rest = np.ones(len(kept.number))
            for j, others in heights.items():
                rest = rest * (1.0 if j == i else others[cells[j]])
            count, number, effect = (
                np.bincount(cells[i], weights, len(edges) + 1)
                for weights in (None, kept.number * rest, kept.effect / rest)
            )
            rate = effect.sum() / number.sum()
            own = effect / np.maximum(number, 1e-30)
            heights[i] = np.sqrt((count * own + PRIOR * rate) / (count + PRIOR) / rate)
    h = np.ones(len(kept.number))
    for i, height in heights.items():
        h = h * height[cells[i]]
    level = np.sqrt((kept.effect / h).sum() / (kept.number * h).sum())
    factors = tuple(
        Factor(features[i], tuple(map(float, edges)), tuple(float(f"{x:.4g}") for x in heights[i]))
        for i, edges in steps.items()
    )
    return Importance(float(f"{level:.4g}"), factors)
