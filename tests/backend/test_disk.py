"""What is found on disk is what would have been compiled; where that is not known, nothing is found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import hepppl
from hepppl import _cache
from hepppl.backends.jax import disk
from hepppl.plugin import registry

PROGRAM = """
model m {
    param p: real in (0, 1) = 0.25
    b ~ bernoulli(p)
    c ~ bernoulli(p)
    a = [1, 2, 5]
    i = b + c
    return a[if i < 3 then i else 2]
}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HEPPPL_CACHE", str(tmp_path))
    monkeypatch.setattr(disk, "SECONDS", 0.0)
    return tmp_path / _cache.PROGRAMS


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each executable that was asked for was found without tracing."""
    asked: list[bool] = []
    real = disk.load

    def load(name: str | None, devices: Any) -> Any:
        result = real(name, devices)
        asked.append(result is not None)
        return result

    monkeypatch.setattr(disk, "load", load)
    return asked


def gradient(text: str = PROGRAM, **options: Any) -> dict[str, Any]:
    return hepppl.parse(text).grad(200, **options).to_dict()["gradient"]


def test_what_is_found_is_what_was_kept(folder: Path, found: list[bool]) -> None:
    first = gradient()
    assert gradient() == first
    assert gradient(seed=5, p=0.5) != first
    assert found == [False, True, True]
    # Another text of the same meaning is traced, and finds the executable.
    assert gradient("# a remark\n" + PROGRAM) == first
    assert found == [False, True, True, False]
    assert len(list(folder.glob("*.xla"))) == 1
    assert len(list(folder.glob("*.run"))) == 2
    # Another plan is another program.
    gradient(by={"b": "score"})
    assert len(list(folder.glob("*.xla"))) == 2
    # Damaged files are compiled again.
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes()[:-40])
    assert gradient() == first
    assert gradient() == first
    assert found[4:] == [False, False, True]


def test_faults_are_found_at_their_places(folder: Path, found: list[bool]) -> None:
    program = PROGRAM.replace("i = b + c", "i = 2 * b + c").replace("if i < 3 then i else 2", "i")
    caught = []
    for _ in range(2):
        with pytest.raises(hepppl.HepResultError) as raised:
            hepppl.parse(program).simulate(5000)
        caught.append([(d.code, d.message, d.span and d.span.text) for d in raised.value.diagnostics])
    assert found == [False, True]
    assert caught[0] == caught[1]
    assert caught[0][0][2] is not None


def test_programs_with_other_peoples_plugins_are_traced(monkeypatch: pytest.MonkeyPatch) -> None:
    model = hepppl.parse(PROGRAM)
    plan = model.plan()
    assert disk.own_plugins(model.model_graph, plan)
    real = registry.entries

    def entries(group: str) -> tuple[registry.Entry, ...]:
        return tuple(replace(e, package="acme") if e.name == plan.rows[0].estimator else e for e in real(group))

    monkeypatch.setattr(registry, "entries", entries)
    assert not disk.own_plugins(model.model_graph, plan)
    assert disk.own_plugins(model.model_graph, None)
    assert disk.name_of("origin", model.model_graph, plan, None, None, (), 0) is None
