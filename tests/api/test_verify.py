"""`verify`: right estimators agree with independent ones, wrong ones are found, and what cannot be checked is said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import hepppl
from hepppl.cli.app import app
from hepppl.diagnostics.errors import HepResultError, HepValueError
from hepppl.verification import DIFFERENCES, OTHER_SEED, Comparison, Verification
from tests.plugins.faulty import installed

TWO = """
model two {
    param p: real in (0, 1) = 0.4
    param mu = 0.5
    b ~ bernoulli(p)
    x ~ normal(mu, 1)
    return (value = b * x^2, other = x)
}
"""
EDGE = "model m {\n param t: real in [1, 3] = 1\n x ~ truncated(uniform(0, 4), 0, t)\n return x^2\n}\n"


@pytest.fixture
def acme(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with installed(monkeypatch, "right", "doubling", "declared"):
        yield


def test_the_estimators_of_a_program_agree() -> None:
    found = hepppl.parse(TWO).verify(20_000, seed=3)
    assert isinstance(found, Verification)
    assert found.ok
    assert {(c.site, c.output, c.param) for c in found.comparisons} == {
        ("b", "value", "p"), ("b", "value", "mu"),
        ("x", "value", "p"), ("x", "value", "mu"), ("x", "other", "p"), ("x", "other", "mu"),
    }  # fmt: skip
    assert {(c.estimator, c.against) for c in found.comparisons if c.site == "b"} == {("blend", "enumerate")}
    assert {c.estimator for c in found.comparisons if c.site == "x"} == {"reparam"}
    assert found.threshold == pytest.approx(3.765, abs=0.01)  # 1e-3 over 6, two-sided
    assert OTHER_SEED % 2**64 != 0


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize("name", ["doubling", pytest.param("declared", marks=pytest.mark.slow)])
def test_a_wrong_plugin_is_found_where_it_serves(name: str) -> None:
    model = hepppl.parse(TWO)
    with pytest.raises(HepResultError) as caught:
        model.verify(20_000, by={"b": name})
    found = caught.value.result
    assert {(c.site, c.output, c.param) for c in found.failed} == {("b", "value", "p")}
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "E907"
    assert f"'{name}'" in diagnostic.message
    assert diagnostic.span is not None
    assert diagnostic.span.text == "b ~ bernoulli(p)"
    (off,) = found.failed
    assert off.value == pytest.approx(2 * off.other, rel=0.1)


@pytest.mark.slow
@pytest.mark.usefixtures("acme")
def test_a_wrong_plugin_at_two_sites_is_found_at_both() -> None:
    with pytest.raises(HepResultError) as caught:
        hepppl.parse(TWO).verify(20_000, by={"*": "doubling"})
    assert {c.site for c in caught.value.result.failed} == {"b", "x"}


@pytest.mark.usefixtures("acme")
def test_a_right_plugin_passes_and_is_no_one_s_judge() -> None:
    found = hepppl.parse(TWO).verify(20_000, by={"b": "right"})
    assert found.ok
    assert "right" not in {c.against for c in found.comparisons}


def test_finite_differences_where_no_second_estimator_is_sound() -> None:
    model = hepppl.parse(EDGE)
    found = model.verify(20_000, t=1.5)
    (only,) = found.comparisons
    assert only.against == DIFFERENCES
    assert only.other == pytest.approx(1.0, abs=0.02)  # E = t^2 / 3
    assert found.step == {"t": pytest.approx(0.06)}
    assert not found.unchecked
    at_the_edge = model.verify(100)
    assert not at_the_edge.comparisons
    (warning,) = at_the_edge.unchecked
    assert warning.code == "W903"
    assert "edge of its support" in warning.hints[0]


@pytest.mark.slow
def test_finite_differences_of_arrays_and_weights() -> None:
    found = hepppl.parse(
        "model m {\n param a: real[2] = [1.5, 2]\n x ~ truncated(uniform(0, 4), 0, a[0])\n"
        " y ~ truncated(uniform(0, 4), 0, a[1])\n weight(exp(-x))\n"
        " return [x * y, y]\n}\n"
    ).verify(20_000)
    assert found.ok
    assert {c.against for c in found.comparisons} == {DIFFERENCES}
    at = {(c.output, c.index) for c in found.comparisons if c.site == "x"}
    assert at == {("value", (i, j)) for i in range(2) for j in range(2)} | {("weight", (0,)), ("weight", (1,))}
    assert all(np.isfinite([c.z for c in found.comparisons]))


def test_the_z_score_takes_rounding_and_the_allowance_into_account() -> None:
    def z(value: float, se: float, other: float, other_se: float, allowance: float = 0.0) -> float:
        return Comparison("s", 0, "o", "p", (), "a", "b", value, se, other, other_se, allowance).z

    assert z(1, 0.3, 2, 0.4) == pytest.approx(-2, rel=1e-6)
    assert z(1, 0.3, 2, 0.4, 0.5) == pytest.approx(-1, rel=1e-6)
    assert z(1, 0.3, 2, 0.4, 5) == 0
    assert abs(z(1, 0, 1.00001, 0)) < 1
    assert z(1, 0, 1.01, 0) < -100
    assert z(0, 0, 0, 0) == 0


def test_the_rate_of_false_alarms_is_what_it_says() -> None:
    """At a rate of one half, about half of forty right runs fail; binomial, 8 to 32 at 1e-4."""
    model = hepppl.parse("model m {\n param p: real in (0, 1) = 0.4\n b ~ bernoulli(p)\n return 2 * b\n}\n")
    failed = 0
    for seed in range(40):
        try:
            model.verify(400, seed, by={"b": "score(baseline='none')"}, false_alarm=0.5)
        except HepResultError:
            failed += 1
    assert 8 <= failed <= 32


@pytest.mark.parametrize("rate", [0.0, 1.0, -1.0])
def test_a_rate_is_between_0_and_1(rate: float) -> None:
    with pytest.raises(HepValueError, match="E457"):
        hepppl.parse(TWO).verify(10, false_alarm=rate)


@pytest.mark.usefixtures("acme")
def test_the_command_line(tmp_path: Path) -> None:
    file = tmp_path / "two.hep"
    file.write_text(TWO, encoding="utf-8")
    run = CliRunner().invoke(app, ["verify", str(file), "-n", "5000", "--wrt", "p"])
    assert run.exit_code == 0, run.stderr
    assert "all agree; 1 comparison," in run.stdout
    assert "probability 0.001" in run.stdout
    run = CliRunner().invoke(app, ["verify", str(file), "-n", "5000", "--by", "b=doubling", "--json"])
    assert run.exit_code == 3
    assert "E907" in run.stderr
    printed = json.loads(run.stdout)
    assert not printed["ok"]
    assert printed["errors"][0]["code"] == "E907"
    assert {c["site"] for c in printed["comparisons"] if abs(c["z"]) > printed["threshold"]} == {"b"}
    run = CliRunner().invoke(app, ["verify", str(file), "-n", "5000", "--json"])
    assert json.loads(run.stdout)["ok"]
