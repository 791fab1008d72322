"""Names are read lazily, nobody shadows a built-in, and whose fault it is gets said."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, EntryPoints
from types import ModuleType
from typing import Any

import pytest

import hepppl
from hepppl.diagnostics.errors import HepPlanError, HepPluginError
from hepppl.plugin import Estimator, registry

GROUP = "hepppl.estimators"
GOOD = Estimator("good", "", True, "none", 0.0, "", "nowhere:Nothing")
OLD = replace(GOOD, name="old", api=0)


@dataclass(frozen=True)
class Package:
    name: str
    version: str = "1.0"


def point(name: str, package: str, target: str) -> EntryPoint:
    made = EntryPoint(name, target, GROUP)
    vars(made)["dist"] = Package(package)
    return made


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """``install(*points)`` makes these the registered ones. Module ``some_plugins`` holds good and bad targets."""
    module = ModuleType("some_plugins")
    vars(module).update(good=GOOD, old=OLD, text="not an estimator", liar=GOOD)
    monkeypatch.setitem(sys.modules, "some_plugins", module)

    def put(*points: EntryPoint) -> None:
        monkeypatch.setattr(registry, "entry_points", lambda: EntryPoints(points))
        registry.refresh()

    yield put
    monkeypatch.undo()
    registry.refresh()


def fault(name: str) -> Any:
    with pytest.raises(HepPluginError) as caught:
        registry.load_estimator(name)
    (diagnostic,) = caught.value.diagnostics
    return diagnostic


def test_ours_are_registered() -> None:
    assert {"reparam", "boundary", "score", "stochastic_ad"} <= set(registry.estimators())
    assert [e.name for e in registry.own_estimators()][:4] == ["reparam", "boundary", "stochastic_ad", "score"]


def test_only_what_is_asked_for_is_imported(install: Callable[..., None]) -> None:
    install(point("good", "fine", "some_plugins:good"), point("other", "fine", "never_imported_module:x"))
    assert registry.load_estimator("good") is GOOD
    assert registry.estimators()["good"] is GOOD
    assert "other" in registry.estimators()
    assert "never_imported_module" not in sys.modules


def test_an_unknown_name_gets_the_nearest(install: Callable[..., None]) -> None:
    install(point("good", "fine", "some_plugins:good"))
    found = fault("goood")
    assert found.code == "E801"
    assert "good" in found.hints[0]
    with pytest.raises(KeyError):
        registry.estimators()["goood"]


def test_one_name_from_two_packages_names_both_on_use_only(install: Callable[..., None]) -> None:
    install(point("good", "fine", "some_plugins:good"), point("good", "rival", "some_plugins:good"))
    found = fault("good")
    assert found.code == "E802"
    assert "fine 1.0" in found.message
    assert "rival 1.0" in found.message
    assert [row.problem.code for row in registry.listing(GROUP)] == ["W802", "W802"]


def test_a_broken_plugin_is_a_warning_in_the_list_and_an_error_on_use(install: Callable[..., None]) -> None:
    install(point("bad", "sloppy", "there_is_no_such_module:x"), point("good", "fine", "some_plugins:good"))
    bad, good = registry.listing(GROUP)
    assert bad.problem.code == "W803"
    assert bad.problem.severity == "warning"
    assert "sloppy 1.0" in bad.problem.message
    assert good.problem is None
    found = fault("bad")
    assert found.code == "E803"
    assert "sloppy 1.0" in found.message
    assert "there_is_no_such_module" in found.message


@pytest.mark.parametrize(
    ("name", "target", "word"),
    [("old", "old", "interface 0"), ("text", "text", "str"), ("liar", "liar", "good")],
)
def test_a_misfit_is_said_to_be_one(install: Callable[..., None], name: str, target: str, word: str) -> None:
    install(point(name, "sloppy", f"some_plugins:{target}"))
    found = fault(name)
    assert found.code == "E804"
    assert word in found.message
    assert "sloppy 1.0" in found.message


def test_a_built_in_cannot_be_shadowed(install: Callable[..., None]) -> None:
    install(point("good", "hepppl", "some_plugins:good"), point("good", "rival", "there_is_no_such_module:x"))
    assert registry.load_estimator("good") is GOOD
    ours, theirs = registry.listing(GROUP)
    assert ours.problem is None
    assert theirs.problem.code == "W801"
    assert "rival 1.0" in theirs.problem.message


def test_the_other_groups_hold_anything(install: Callable[..., None]) -> None:
    made = EntryPoint("law", "some_plugins:text", "hepppl.backends")
    install(made)
    assert registry.load("hepppl.backends", "law") == "not an estimator"


def test_a_copy_without_plugins_says_so(install: Callable[..., None]) -> None:
    """As where the source is on Python's path and hepppl is not installed."""
    install()
    with pytest.raises(HepPlanError) as caught:
        hepppl.parse("model m {\n    param p: real in (0, 1) = 0.5\n    b ~ bernoulli(p)\n    return b\n}").plan()
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "E607"
    assert diagnostic.message == "no estimator serves site 'b': none is installed"
    assert "install hepppl" in diagnostic.hints[0]
