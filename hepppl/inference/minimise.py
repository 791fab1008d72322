"""Minimising an `Objective` with iminuit's MIGRAD, with the gradients that JAX derives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hepppl.inference.objective import Objective
from hepppl.io.write import library

EXTRA = "fit"


def names(objective: Objective) -> list[str]:
    """One for every number of the vector: ``mu``, ``w[0]``, ``w[1]``, …"""
    return [
        s.name + (f"[{', '.join(map(str, at))}]" if at else "") for s in objective.slots for at in np.ndindex(*s.shape)
    ]


def limits(objective: Objective) -> list[tuple[float, float]]:
    """The interval of every number, a little inside of ends where a law's density may be infinite."""
    found: list[tuple[float, float]] = []
    for slot in objective.slots:
        flat = slot.law in ("", "uniform")
        low = slot.low if flat or not np.isfinite(slot.low) else slot.low + 1e-12 * max(1.0, abs(slot.low))
        high = slot.high if flat or not np.isfinite(slot.high) else slot.high - 1e-12 * max(1.0, abs(slot.high))
        found += [(low, high)] * slot.size
    return found


@dataclass(frozen=True, eq=False)
class Minimum:
    """``x``: shape (size,); ``value``: minus the log-likelihood there. ``minuit``: for errors."""

    x: np.ndarray
    value: float
    valid: bool
    minuit: Any


def minimise(objective: Objective, start: np.ndarray, fixed: Mapping[str, float] | None = None) -> Minimum:
    """The minimum reached from ``start``, with some numbers fixed at their values."""
    iminuit = library("iminuit", EXTRA)
    start = np.array(start, float)
    labels = names(objective)
    fixed = fixed or {}
    for name, value in fixed.items():
        start[labels.index(name)] = value
    if len(fixed) == len(labels):  # nothing is free
        value = objective.value(start)
        return Minimum(start, value, value < 1e30, None)
    minuit = iminuit.Minuit(objective.value, start, grad=objective.gradient, name=labels)
    minuit.errordef = iminuit.Minuit.LIKELIHOOD
    minuit.tol = 1e-4  # a thousandth of a standard deviation
    for name, ends, x in zip(labels, limits(objective), start, strict=True):
        minuit.limits[name] = ends
        minuit.errors[name] = 0.1 * (abs(x) or 1.0)
        minuit.fixed[name] = name in fixed
    for attempt in range(3):
        if attempt == 2:
            minuit.simplex()
        minuit.migrad()
        if minuit.valid:
            break
    return Minimum(np.array(minuit.values), float(minuit.fval), bool(minuit.valid), minuit)
