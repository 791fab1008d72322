"""The conformance kit passes what is right, and finds what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import pytest
from click.testing import CliRunner

from hepppl import distributions
from hepppl.cli.app import app
from hepppl.diagnostics.errors import HepPluginError
from hepppl.plugin import registry
from hepppl.testing import CheckFailed, NotApplicable, check, checks
from hepppl.testing.distributions import DistributionKit
from tests.plugins.faulty import installed

OWN = registry.own_names("hepppl.estimators")


@pytest.fixture
def acme(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with installed(monkeypatch):
        yield


@pytest.mark.slow
@pytest.mark.parametrize("name", OWN)
def test_our_estimators_conform(name: str) -> None:
    report = check(name, "estimator")
    assert report.ok, report.failed


@pytest.mark.parametrize("name", OWN)
def test_our_estimators_say_what_they_are(name: str) -> None:
    for each in checks(name)[:2]:
        each()


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(distributions.names()) - {"delta"}))
def test_our_distributions_conform(name: str) -> None:
    report = check(name, "distribution", events=4000)
    assert report.ok, report.failed


@pytest.mark.slow
def test_one_of_our_distributions_conforms() -> None:
    assert check("normal", events=1000).ok


def one(name: str, title: str, **options: Any) -> Callable[[], None]:
    return next(c for c in checks(name, **options) if c.name == title)


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize(
    ("name", "title", "words"),
    [
        ("untold", "metadata", "summary is empty"),
        ("rash", "refusals", "does not refuse"),
        ("doubling", "reverse mode", "z ="),
        pytest.param("baseline", "reverse mode", "z =", marks=pytest.mark.slow),
    ],
)
def test_what_is_wrong_is_found(name: str, title: str, words: str) -> None:
    with pytest.raises(CheckFailed, match=words):
        one(name, title)()


@pytest.mark.slow
@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize("name", ["doubling", "baseline", "bent", "rash", "rash_score"])
def test_a_biased_estimator_does_not_pass(name: str) -> None:
    with pytest.raises(CheckFailed, match=r"exact"):
        one(name, "unbiased")()


@pytest.mark.slow
@pytest.mark.usefixtures("acme")
def test_a_declared_bias_is_no_fault() -> None:
    report = check("declared")
    assert report.ok, report.failed
    assert "declared biased; the worst" in next(c.detail for c in report.checks if c.name == "unbiased")


@pytest.mark.usefixtures("acme")
def test_failures_of_a_plugin_are_contained_in_the_report() -> None:
    report = check("raising", events=100)
    failed = {c.name: c.detail for c in report.failed}
    assert "out of paper" in failed["unbiased"]
    assert "E805" in failed["deterministic"]
    assert {c.name for c in report.checks if c.status == "passed"} == {"metadata", "refusals"}


NORMAL = distributions.get("normal").load()


def changed(**moves: Callable[..., Any]) -> Any:
    """The numerics of a normal law with other moves."""
    kept = {name: getattr(NORMAL, name) for name in ("sample", "log_prob", "cdf", "valid")}
    return SimpleNamespace(**{**kept, **moves})


WIDER = changed(cdf=lambda x, loc, scale: NORMAL.cdf(x, loc, 1.1 * scale))
DENSER = changed(log_prob=lambda x, loc, scale: NORMAL.log_prob(x, loc, scale) + 0.1)
CREDULOUS = changed(valid=lambda loc, scale: ~(scale <= 0))
STEPPED = changed(sample=lambda u, loc, scale: loc + scale * jnp.round(NORMAL.sample(u, 0.0, 1.0)))
STILL = changed(sample=lambda u, loc, scale: NORMAL.sample(u, loc, jax.lax.stop_gradient(scale)))


@pytest.mark.parametrize(
    ("numerics", "title"),
    [
        (WIDER, "sampler against cdf"),
        (WIDER, "density adds up"),
        (DENSER, "density adds up"),
        (CREDULOUS, "validity"),
        (STEPPED, "sampler against cdf"),
        (STILL, "derivative of a draw"),
    ],
)
def test_a_wrong_distribution_is_found(numerics: Any, title: str) -> None:
    kit = DistributionKit("normal", 4000, 1, 1e-4)
    kit.__dict__["numerics"] = numerics
    with pytest.raises(CheckFailed):
        dict(kit.checks())[title]()


def test_a_support_that_is_not_kept_is_found() -> None:
    kit = DistributionKit("normal", 100, 1, 1e-4)
    kit.__dict__["law"] = replace(distributions.get("normal"), support="positive")
    with pytest.raises(CheckFailed, match="not -inf"):
        dict(kit.checks())["outside the support"]()
    kit.__dict__["law"] = replace(distributions.get("normal"), pathwise=None)
    with pytest.raises(NotApplicable):
        dict(kit.checks())["derivative of a draw"]()


def test_an_unknown_plugin_gets_the_nearest() -> None:
    with pytest.raises(HepPluginError, match="E801") as caught:
        check("scoer")
    assert "score" in caught.value.diagnostics[0].hints[0]


@pytest.mark.slow
@pytest.mark.usefixtures("acme")
def test_the_command_line(tmp_path: Path) -> None:
    run = CliRunner().invoke(app, ["plugins", "check", "raising", "-n", "100", "--json"])
    assert run.exit_code == 3
    assert "E908" in run.stderr
    printed = json.loads(run.stdout)
    assert printed["errors"][0]["code"] == "E908"
    assert not printed["ok"]
    run = CliRunner().invoke(app, ["plugins", "check", "normal", "-n", "500"])
    assert run.exit_code == 0, run.stderr
    assert "conforms" in run.stdout
    assert "sampler against cdf" in run.stdout
