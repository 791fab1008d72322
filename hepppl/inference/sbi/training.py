"""Training: minibatches inside one compiled epoch, the state that did best on held-out data, checkpoints."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
from jax import Array

#: ``loss(network, batch, key)``, the mean over a batch.
Loss = Callable[[Any, Any, Array], Array]
#: ``progress(epochs done, epochs, validation loss)``.
Told = Callable[[int, int, float], None]


@dataclass(frozen=True)
class Schedule:
    """``epochs`` at most, of minibatches of ``batch`` (smaller where an epoch would have fewer than twenty, but of 16
    at least); the learning rate goes from ``rate`` to zero along a half cosine
    over them. Training stops where the loss on the ``held_out`` fraction has not fallen for ``patience`` epochs; the
    state with the smallest such loss is kept."""

    epochs: int = 100
    batch: int = 256
    rate: float = 2e-3
    held_out: float = 0.1
    patience: int = 25

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class History:
    """Mean losses by epoch, and the epoch whose state was kept."""

    training: tuple[float, ...] = ()
    validation: tuple[float, ...] = ()
    best: int = -1

    def and_then(self, training: float, validation: float) -> History:
        better = self.best < 0 or validation < self.validation[self.best]
        best = len(self.validation) if better else self.best
        return History((*self.training, training), (*self.validation, validation), best)

    @property
    def epochs(self) -> int:
        return len(self.training)


@dataclass(frozen=True)
class State:
    """All that training carries from epoch to epoch."""

    network: Any
    kept: Any
    optimiser: Any
    history: History = field(default_factory=History)

    def arrays(self) -> Any:
        return eqx.filter((self.network, self.kept, self.optimiser), eqx.is_array)


@dataclass(frozen=True)
class Plan:
    """What an epoch is compiled for. ``total``: steps of all epochs."""

    loss: Loss
    batch: int
    steps: int
    rate: float
    total: int

    @property
    def optimiser(self) -> optax.GradientTransformation:
        rate = optax.cosine_decay_schedule(self.rate, self.total)
        return optax.chain(optax.clip_by_global_norm(5.0), optax.adam(rate))


@eqx.filter_jit
def epoch(plan: Plan, static: Any, variable: Any, moments: Any, key: Array, fitted: Any, validation: Any) -> Any:
    """The network and the optimiser's state after all minibatches, their mean loss, and that of ``validation``.
    Compiled once for trainings that differ in numbers only: members of an ensemble, and other seeds."""
    shuffle, noise = jr.split(key)
    n = len(jax.tree.leaves(fitted)[0])
    rows = jr.permutation(shuffle, n)[: plan.steps * plan.batch].reshape(plan.steps, plan.batch)
    optimiser = plan.optimiser

    def step(carry: Any, at: Any) -> Any:
        variable, moments = carry
        rows, key = at
        minibatch = jax.tree.map(lambda x: x[rows], fitted)
        value, slope = jax.value_and_grad(lambda v: plan.loss(whole(v, static), minibatch, key))(variable)
        change, moments = optimiser.update(slope, moments, variable)
        return (eqx.apply_updates(variable, change), moments), value

    (variable, moments), losses = jax.lax.scan(step, (variable, moments), (rows, jr.split(noise, plan.steps)))
    return variable, moments, losses.mean(), plan.loss(whole(variable, static), validation, jr.key(0))


def whole(variable: Any, static: Any) -> Any:
    return eqx.combine(variable, static, is_leaf=frozen)


def train(
    network: Any,
    loss: Loss,
    data: Any,
    schedule: Schedule,
    key: Array,
    checkpoint: Path | None = None,
    told: Told | None = None,
) -> tuple[Any, History]:
    """The trained network. ``data``: a tree of arrays with a leading axis of experiments.

    An epoch is a function of (state, key, its number): training that goes on from ``checkpoint``, written after every
    epoch, ends with the same network as training that was not interrupted.
    """
    n = len(jax.tree.leaves(data)[0])
    held = max(int(n * schedule.held_out), 1)
    batch = min(schedule.batch, max((n - held) // 20, 16), n - held)
    steps = (n - held) // batch
    order = np.asarray(jr.permutation(jr.fold_in(key, schedule.epochs), n))
    fitted, validation = (picked(data, rows) for rows in (order[held:], order[:held]))
    plan = Plan(loss, batch, steps, schedule.rate, schedule.epochs * steps)
    variable, static = eqx.partition(network, trainable, is_leaf=frozen)
    state = State(variable, variable, plan.optimiser.init(variable))
    state = restored(checkpoint, state)
    while state.history.epochs < schedule.epochs:
        number = state.history.epochs
        if number - state.history.best > schedule.patience:
            break
        moved, moments, training, checked = epoch(
            plan, static, state.network, state.optimiser, jr.fold_in(key, number), fitted, validation
        )
        history = state.history.and_then(float(training), float(checked))
        kept = moved if history.best == number else state.kept
        state = State(moved, kept, moments, history)
        if checkpoint is not None:
            save(checkpoint, state)
        if told is not None:
            told(number + 1, schedule.epochs, history.validation[-1])
    return whole(state.kept, static), state.history


def picked(data: Any, rows: np.ndarray) -> Any:
    return jax.tree.map(lambda x: jnp.asarray(np.asarray(x)[rows]), data)


def frozen(leaf: Any) -> bool:
    """Constants of flowjax's networks (they are wrapped so that no optimiser touches them)."""
    return type(leaf).__name__ == "NonTrainable"


def trainable(leaf: Any) -> bool:
    return eqx.is_inexact_array(leaf)


def save(path: Path, state: State) -> None:
    """Written aside and then renamed, so that a kill leaves a whole file."""
    aside = path.with_suffix(".part")
    with aside.open("wb") as file:
        file.write((json.dumps(asdict(state.history)) + "\n").encode())
        eqx.tree_serialise_leaves(file, (state.network, state.kept, state.optimiser))
    os.replace(aside, path)


def restored(path: Path | None, state: State) -> State:
    if path is None or not path.exists():
        return state
    with path.open("rb") as file:
        said = json.loads(file.readline())
        history = History(tuple(said["training"]), tuple(said["validation"]), said["best"])
        network, kept, moments = eqx.tree_deserialise_leaves(file, (state.network, state.kept, state.optimiser))
    return replace(state, network=network, kept=kept, optimiser=moments, history=history)


def batches(data: Any, size: int) -> Iterator[Any]:
    """A tree of arrays in pieces along its leading axis."""
    n = len(jax.tree.leaves(data)[0])
    for start in range(0, n, size):
        yield jax.tree.map(lambda x, start=start: x[start : start + size], data)
