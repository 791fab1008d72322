"""What goes wrong in an estimator of another package is contained, and blamed on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import hepppl
from hepppl.diagnostics.errors import HepPlanError, HepPluginError, HepResultError
from tests.plugins.faulty import installed

PROGRAM = """
process p(t: real) {
    k ~ poisson(t)
    emit k
    if k > 2 { spawn p(t / 2) }
}
model m {
    param t: real in (0, 9) = 1.5
    h ~ p(t) limit 4
    x ~ normal(t, 1)
    return (a = sum(h), b = x)
}
"""


@pytest.fixture(autouse=True)
def acme(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with installed(monkeypatch):
        yield


SIMPLE = "model m {\n param t: real in (0, 9) = 1.5\n k ~ poisson(t)\n x ~ normal(t, 1)\n return (a = k, b = x)\n}\n"


def test_a_right_one_runs() -> None:
    result = hepppl.parse(SIMPLE).grad(2000, by={"*": "right"})
    assert result.gradient["b"]["t"] == pytest.approx(1, abs=6 * result.se["b"]["t"])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("raising", "visit: failed: RuntimeError: out of paper"),
        ("shape", "visit: gave a value of shape (3,), not a scalar"),
        ("state", "visit: gave a state of another structure"),
        ("kind", "visit: gave a value of type float32 where the site draws int32"),
        ("unsaid", "visit: makes offers; its metadata do not say so"),
        ("tuple", "visit: gave tuple, not a Visit"),
        ("share", "contribution: gave an array of shape (7,)"),
        ("control", "control: gave an array of shape (7,)"),
        ("raising_control", "control: failed: RuntimeError: out of control"),
        ("vector_state", "init: gave an array of shape (2,)"),
        ("needs_argument", "its constructor: failed: TypeError"),
    ],
)
def test_a_failure_is_named(name: str, words: str) -> None:
    with pytest.raises(HepPluginError) as caught:
        hepppl.parse(SIMPLE).grad(10, by={"k": name})
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "E805"
    assert f"estimator '{name}' of package acme 1.0" in diagnostic.message
    assert words in diagnostic.message


def test_an_implementation_that_is_not_there() -> None:
    with pytest.raises(HepPluginError, match="E803") as caught:
        hepppl.parse(SIMPLE).grad(10, by={"k": "missing"})
    assert "ThereIsNoSuchClass" in caught.value.diagnostics[0].message


@pytest.mark.every(2)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize(("name", "site", "program"), [("nan", "p.k", PROGRAM), ("slope", "x", SIMPLE)])
def test_numbers_that_are_not_finite_are_the_plugin_s(name: str, site: str, program: str) -> None:
    with pytest.raises(HepResultError) as caught:
        hepppl.parse(program).grad(200, by={site: name})
    assert caught.value.exit_status == 3
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "E806"
    assert f"estimator '{name}' of package acme 1.0" in diagnostic.message
    assert f"site '{site}'" in diagnostic.message
    assert diagnostic.span is not None
    assert diagnostic.span.text.startswith(site.removeprefix("p."))


def test_a_wrong_argument_is_not_the_plugin_s_fault() -> None:
    with pytest.raises(HepResultError, match="E904"):
        hepppl.parse("model m {\n param t = -1.5\n k ~ poisson(t)\n return k\n}\n").grad(10, by={"k": "right"})


def test_a_plugin_that_refuses_is_heard() -> None:
    with pytest.raises(HepPlanError, match="the support moves"):
        hepppl.parse("model m {\n param t = 1.5\n x ~ uniform(0, t)\n return x\n}\n").plan(by={"x": "right"})
