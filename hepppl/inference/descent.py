"""Stochastic gradient descent on a function of expected outputs, with gradients that are unbiased for it.

dF/dθ = Σ_k ∂F/∂E_k · dE_k/dθ has two factors that are estimated. Events of their own for each make the estimates
independent, so that the product's expectation is the product of the expectations: each step has two halves of events,
takes ∂F/∂E of one with dE/dθ of the other, and the mean of both orders (cross-fitting). It is exact where ∂F/∂E is
linear in E (F of second degree, such as (E - c)²); elsewhere ∂F/∂E of a finite sample is off by O(1/n).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from hepppl import identity
from hepppl.inference import stopping
from hepppl.inference.checkpoints import Checkpoint
from hepppl.inference.domain import Domain

MET = "the target error was reached"
#: Steps over which the signal of the gradients is compared with their noise.
WINDOW = 25
#: Steps before the first look at the stopping rule, and how many times as many before the next: a search that is
#: looked at too often stops when its error happens to be estimated small.
FIRST, NEXT = 50, 1.2


@dataclass(frozen=True, eq=False)
class Trace:
    """A row per step, of what it found before it moved: ``values`` (steps, size) of the parameters, ``objective``
    (steps,), ``gradients`` (steps, size) in the unbounded coordinates, ``events`` (steps,)."""

    values: np.ndarray
    objective: np.ndarray
    gradients: np.ndarray
    events: np.ndarray

    def __len__(self) -> int:
        return len(self.objective)


@dataclass
class Rows:
    """A trace that grows."""

    values: list[Any]
    objective: list[float]
    gradients: list[Any]
    events: list[int]

    def trace(self) -> Trace:
        return Trace(
            np.array(self.values, float),
            np.array(self.objective, float),
            np.array(self.gradients, float),
            np.array(self.events, int),
        )

    @classmethod
    def of(cls, trace: Trace | None) -> Rows:
        if trace is None:
            return cls([], [], [], [])
        return cls(list(trace.values), list(trace.objective), list(trace.gradients), list(trace.events))


@dataclass(frozen=True)
class Settings:
    """``events`` of the first step and ``most`` of any, even; ``target``: (size,) errors to reach, or None;
    ``budget``: events of all steps at most."""

    steps: int
    events: int
    most: int
    seed: int
    target: np.ndarray | None
    budget: float = np.inf


def key(seed: int, step: int, half: int) -> np.ndarray:
    """The events' seed: a hash of all three, (2,) unsigned integers."""
    return np.random.SeedSequence([seed, step, half]).generate_state(2, np.uint32)


class Gradient:
    """The estimate of a step. What a step simulates is traced and compiled once for each number of events, and kept
    with the program for later searches."""

    def __init__(self, compiled: Any, objective: Any, domain: Domain, fixed: Mapping[str, Any]):
        self._objective, self._domain, self._fixed = objective, domain, dict(fixed)
        self._point = jax.jit(lambda x: domain.split(domain.values(x)))
        self._events = sampler(compiled)
        self._both = jax.jit(self._cross)

    def __call__(self, x: Any, seed: int, step: int, events: int) -> tuple[Any, Any]:
        """The objective and its gradient in x, (size,), from ``events`` events."""
        return self._both(x, *(self._half(x, key(seed, step, half), events // 2) for half in (0, 1)))

    def _half(self, x: Any, key: Any, n: int) -> Any:
        return self._events(key, {**self._fixed, **self._point(x)}, n)

    def _cross(self, x: Any, one: Any, other: Any) -> tuple[Any, Any]:
        (mean_a, slope_a), (mean_b, slope_b) = one, other
        (f_a, outer_a), (f_b, outer_b) = self._objective(mean_a), self._objective(mean_b)
        f_all, _ = self._objective({name: (mean_a[name] + mean_b[name]) / 2 for name in mean_a})
        back = jax.vjp(self._domain.values, x)[1]
        gradient = (self._pull(outer_b, slope_a) + self._pull(outer_a, slope_b)) / 2
        # the same sample at half its size says how far off F of a finite sample is (jackknife): exact for squares
        return 2 * f_all - (f_a + f_b) / 2, back(gradient.astype(x.dtype))[0]

    def _pull(self, outer: Mapping[str, Any], slopes: Mapping[str, Any]) -> Any:
        """Σ_k ∂F/∂E_k dE_k/dθ, (size,)."""
        total: Any = 0.0
        for name, weight in outer.items():
            parts = [
                jnp.tensordot(weight, slopes[name][param], axes=np.ndim(weight)).ravel() for param in self._domain.names
            ]
            total = total + jnp.concatenate(parts)
        return total


def sampler(compiled: Any) -> Any:
    """``compiled.value_and_grad``, jitted once for a program and its data."""
    data = identity.digest(compiled._data)
    known = compiled.program.traced
    if data not in known:
        known[data] = jax.jit(compiled.value_and_grad, static_argnums=2)
    return known[data]


def descend(
    gradient: Gradient,
    domain: Domain,
    optimizer: Any,
    settings: Settings,
    checkpoint: Checkpoint | None,
    progress: Callable[[int, int], None] | None,
) -> tuple[Trace, str, str]:
    """The steps made, why they ended, and what is wrong with it: "", "diverged" or "limit"."""
    x = jnp.asarray(domain.start(), jnp.result_type(float))
    state, rows, grown = optimizer.init(x), Rows.of(None), 0
    found = None if checkpoint is None else checkpoint.load({"x": x, "state": state})
    if found is not None:
        x, state, grown = found.tree["x"], found.tree["state"], found.grown
        rows = Rows.of(found.trace)
    spent = sum(rows.events)
    import optax

    @jax.jit
    def move(x: Any, slope: Any, state: Any) -> tuple[Any, Any]:
        updates, state = optimizer.update(slope, state, x)
        return optax.apply_updates(x, updates), state

    reason, fault = "", ""
    looks = set(_looks(settings.steps))
    for step in range(len(rows.objective), settings.steps):
        if settings.target is not None and step in looks and met(rows.trace(), settings.target):
            break
        n = min(settings.events << grown, settings.most)
        if spent + n > settings.budget:
            reason = f"the budget of {settings.budget:,} events is spent"
            break
        spent += n
        value, slope = gradient(x, settings.seed, step, n)
        rows.values.append(np.asarray(domain.values(x)))
        rows.objective.append(float(value))
        rows.gradients.append(np.asarray(slope))
        rows.events.append(n)
        if not (np.isfinite(value) and np.isfinite(slope).all()):
            reason, fault = f"the objective or its gradient was not finite at step {step}", "diverged"
            break
        x, state = move(x, slope, state)
        done = step + 1
        same = rows.events[-WINDOW:]
        if len(same) == WINDOW and same[0] == n < settings.most and stopping.lost(np.array(rows.gradients[-WINDOW:])):
            grown += 1
        if checkpoint is not None:
            checkpoint.save({"x": x, "state": state}, rows.trace, grown, last=done == settings.steps)
        if progress is not None:
            progress(done, settings.steps)
    trace = rows.trace()
    reason = reason or f"{len(trace)} steps were made"
    if settings.target is not None and not fault:
        reason, fault = (MET, "") if met(trace, settings.target) else (reason, "limit")
    return trace, reason, fault


def _looks(steps: int) -> Iterator[int]:
    at = FIRST
    while at < steps:
        yield at
        at = int(NEXT * at) + 1


def met(trace: Trace, target: np.ndarray) -> bool:
    """Whether the search may stop."""
    error = stopping.estimate(trace.values, trace.gradients, trace.events)[1]
    return bool((error <= target).all()) and not stopping.moving(trace.values, trace.gradients)
