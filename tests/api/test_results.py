"""Moments of events, and numbers as JSON has them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hepppl.results import Events, plain


def events(values: np.ndarray, weight: np.ndarray | None = None) -> Events:
    return Events(
        model="m",
        seed=0,
        params={},
        outputs={"value": values},
        weight=np.ones(len(values)) if weight is None else weight,
        weighted=weight is not None,
        units={"value": "mm"},
        truncated=0.0,
        faults=(),
        seconds={"compile": 0.0, "run": 0.0},
    )


def test_moments_without_weights() -> None:
    x = np.random.default_rng(1).normal(size=(500, 3))
    found = events(x)
    np.testing.assert_allclose(found.mean["value"], x.mean(0))
    np.testing.assert_allclose(found.std["value"], x.std(0, ddof=1))
    np.testing.assert_allclose(found.se["value"], x.std(0, ddof=1) / np.sqrt(500))


def test_a_rejected_event_is_as_good_as_absent() -> None:
    x = np.array([1.0, 2.0, 4.0, np.nan])
    found = events(x, np.array([1.0, 1.0, 1.0, 0.0]))
    assert found.mean["value"] == pytest.approx(7 / 3)
    assert found.mean["weight"] == 0.75


def test_the_error_of_a_weighted_mean_covers() -> None:
    """The ratio's standard error against its scatter over 2000 repetitions, to 10 % (four sigmas of that scatter)."""
    rng = np.random.default_rng(2)
    means, errors = [], []
    for _ in range(2000):
        x, w = rng.normal(size=200), rng.exponential(size=200)
        found = events(x + w, w)
        means.append(found.mean["value"])
        errors.append(found.se["value"])
    assert np.std(means) == pytest.approx(np.mean(errors), rel=0.1)


def test_one_event_has_no_error() -> None:
    found = events(np.array([2.0]))
    assert found.mean["value"] == 2
    assert np.isnan(found.se["value"])
    assert found.to_dict()["outputs"]["value"] == {"mean": 2.0, "se": None, "std": None, "unit": "mm"}


def test_plain() -> None:
    value = {
        "a": plain(np.float32(1.5)),
        "b": plain(np.array([[1, 2]])),
        "c": plain((np.inf, 1)),
        "d": plain(np.int32(3)),
    }
    assert json.loads(json.dumps(value, allow_nan=False)) == {"a": 1.5, "b": [[1, 2]], "c": [None, 1], "d": 3}
