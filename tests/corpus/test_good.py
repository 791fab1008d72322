"""The good programs: each is checked, planned, run by the reference back end, and keeps what its comments promise.

The JAX back end is held to the same promises in the slow suite, with more events, and to the reference event by event
in `tests.reference.test_jax`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import hepppl
from hepppl.backends import reference
from hepppl.diagnostics.errors import HepPlanError
from hepppl.graph import ModelGraph
from hepppl.planning import choose

from .programs import FILES, GOOD, Promise, faults, load, promises
from .promises import broken

EVENTS = 300
#: Programs that take their time, event for event: fewer of them.
FEW = {"everything": 1, "electromagnetic_cascade": 100, "absorber": 3, "absorber_energy_loss": 5, "axis": 2}
FEW |= {"truncated_mixtures": 20, "vertex": 4, "functions_as_arguments": 100}

#: Programs that hold a derivative that no estimator keeps (W601); all others have a plan.
REFUSED = {
    "captures",
    "cut_optimisation",
    "drell_yan_asymmetry",
    "sudakov",
    "veto_shower",
    "veto_shower_fixed_coupling",
}


def points(name: str) -> list[dict[str, Any]]:
    """The values of parameters at which something is promised; at least the defaults."""
    found: list[dict[str, Any]] = [{}]
    found += [p.params for p in promises(name) if p.params not in found]
    return [dict(point) for i, point in enumerate(found) if point not in found[:i]]


@pytest.mark.every(3)
@pytest.mark.parametrize("name", FILES)
def test_it_runs_as_promised(name: str) -> None:
    kept = promises(name)
    n = FEW.get(name, EVENTS if kept else 10)
    for params in points(name):
        events = reference.simulate(load(name), n, seed=11, params=params)
        assert {fault[0] for fault in events.fault if fault is not None} <= faults(name)
        told = [broken(p, events.outputs, events.weight, 1e-9) for p in kept if p.params == params]
        assert [wrong for wrong in told if wrong] == []


@pytest.mark.parametrize("name", FILES)
def test_it_has_a_plan_or_is_refused(name: str) -> None:
    graph = ModelGraph(load(name))
    try:
        plan = choose(graph)
    except HepPlanError as error:
        refused = {d.code for d in error.diagnostics} <= {"E601", "E607"}
        if not refused or name not in REFUSED:
            raise
    else:
        assert [row.number for row in plan.rows] == [site.number for site in graph.sites()]


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in GOOD if promises(name)])
def test_jax_keeps_the_promises(name: str) -> None:
    model = hepppl.load(FILES[name])
    for params in points(name):
        events = model.simulate(20_000, seed=5, params=params, tolerance=1.0 if faults(name) else 0.0)
        weight = None if events.weight is None else np.asarray(events.weight, float)
        outputs = {out: np.asarray(events[out]) for out in {p.output for p in promises(name)} - {"weight"}}
        told = [broken(p, outputs, weight, 2e-5) for p in promises(name) if p.params == params]
        assert [wrong for wrong in told if wrong] == []


def test_a_wrong_promise_is_found() -> None:
    """The comparison has the power to see an error of some tenths, in every kind of promise."""
    missed = []
    checked = Counter[bool]()
    for name in ("discrete", "continuous", "reductions", "signed", "nested", "cross_section", "halving"):
        events = reference.simulate(load(name), 800 if name != "halving" else 3, seed=3)
        for promise in promises(name):
            value = promise.value * 1.3 + 0.3
            wrong = replace(promise, value=value)
            checked[promise.mean] += 1
            if broken(wrong, events.outputs, events.weight, 1e-9) is None:
                missed.append((name, promise.output))
    assert checked[True] >= 15
    assert checked[False] >= 15
    assert missed == []


def test_there_are_many_of_every_kind() -> None:
    groups = Counter(path.parent.name for path in GOOD.values())
    assert len(GOOD) >= 130
    assert sum(1 for name in GOOD if promises(name)) >= 100
    constructs = (
        "arrays collections control declarations expressions fourvectors functions physics plates processes sites"
    )
    for group in f"{constructs} types units weights".split():
        assert groups[group] >= 3, group


def test_names_are_unique() -> None:
    here = next(iter(GOOD.values())).parents[1]
    assert len(list(here.rglob("*.hep"))) + 12 == len(FILES)


def test_promises_are_read() -> None:
    found = {p.output: p for p in promises("parameters")}
    assert found["m"] == Promise("m", True, {"loc": 90000}, found["m"].value, None)
    assert found["poly"].params == {"scale": 2}
    assert promises("pdg")[0].tolerance == 5
