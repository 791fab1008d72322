"""Reductions of a collection, what a process emitted, to one value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hepppl.backends.reference.operations import Numbers
from hepppl.graph import Tensor


def reduce(
    attrs: Mapping[str, Any], element: Tensor, rows: Sequence[Sequence[Any]], captured: list[Any], numbers: Numbers
) -> tuple[Any, bool]:
    """The value of a reduction, and whether it had to leave elements out (`padded` only).

    ``rows`` holds for each element, in the order of emission, the value of the reduction's expression, of the type
    ``element`` (and for ``hist`` its weight). Arrays are reduced component by component. Of an empty collection count
    and sum are 0, mean is NaN, min is +inf and max -inf (of integers the largest and the smallest there is), any is
    false and all is true.
    """
    kind = attrs["kind"]
    values = [row[0] for row in rows] if kind != "hist" else []

    def of_nothing(value: Any) -> Any:
        return np.full(element.shape, value) if element.shape else value

    match kind:
        case "count":
            return sum(map(bool, values)), False
        case "sum":
            return (sum(values) if values else of_nothing(0)), False
        case "mean":
            return (sum(values) / len(values) if values else of_nothing(np.nan)), False
        case "min":
            return (np.min(values, axis=0) if values else of_nothing(numbers.extreme(element.kind, 1))), False
        case "max":
            return (np.max(values, axis=0) if values else of_nothing(numbers.extreme(element.kind, -1))), False
        case "any":
            return (np.any(values, axis=0) if values else of_nothing(False)), False
        case "all":
            return (np.all(values, axis=0) if values else of_nothing(True)), False
        case "jagged":
            return values, False
        case "padded":
            size = attrs["size"]
            return (values + [of_nothing(attrs["fill"])] * size)[:size], len(values) > size
        case "hist":
            return histogram(captured[-1], rows, numbers), False
    raise NotImplementedError(kind)


def histogram(edges: np.ndarray, rows: Sequence[Sequence[Any]], numbers: Numbers) -> np.ndarray:
    """The sum of weights per bin, edges[k] <= value < edges[k + 1], as in ROOT."""
    bins = np.zeros(len(edges) - 1, numbers.real)
    for value, *weight in rows:
        if edges[0] <= value < edges[-1]:
            k = int(np.searchsorted(edges, value, side="right")) - 1
            bins[k] += weight[0] if weight else 1
    return bins
