"""Programs that mean something, made by chance, are accepted, run, and mean the same to both back ends."""

from __future__ import annotations

import numpy as np
import pytest

from hepppl.backends import reference
from hepppl.graph import ModelGraph
from tests.reference.agreement import assert_agreement

from .generated import program
from .programs import program as checked
from .test_robust import outcome


def accepted(seeds: range) -> None:
    refused = 0
    for seed in seeds:
        text = program(seed)
        found = outcome(text)
        refused += found == "E601"
        assert found in ("plan", "E601"), text
        events = reference.simulate(checked(text), 1, seed=seed)
        assert events.fault == (None,), text
        assert all(np.isfinite(np.asarray(values, float)).all() for values in events.outputs.values()), text
    assert refused < len(seeds) / 4  # a comparison may hold a derivative; most programs have a plan


def test_they_are_accepted_and_run() -> None:
    accepted(range(100))


@pytest.mark.slow
def test_many_are_accepted_and_run() -> None:
    accepted(range(100, 1500))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(60))
def test_both_back_ends_agree(seed: int) -> None:
    """Reals within rounding; one event in twenty may take another course where two numbers nearly are equal."""
    from hepppl.backends.jax import compile_program

    model = checked(program(seed))
    params = {p.name: p.default for p in model.params}
    events = compile_program(ModelGraph(model)).simulate(100, 3, params, {})
    weight = np.ones(100, np.float32) if events.weight is None else events.weight
    assert_agreement(model, {**events.outputs, "weight": weight}, seed=3, rtol=2e-4, atol=1e-4, flips=0.05)
