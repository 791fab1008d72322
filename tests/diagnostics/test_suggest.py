"""The name that was probably meant."""

from __future__ import annotations

import pytest

from hepppl.diagnostics import nearest

NAMES = (
    "normal",
    "log_normal",
    "bernoulli",
    "beta",
    "binomial",
    "poisson",
    "uniform",
    "exponential",
    "gamma",
    "pt",
    "eta",
)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("bernouli", "bernoulli"),
        ("bernoulii", "bernoulli"),
        ("Normal", "normal"),
        ("NORMAL", "normal"),
        ("lognormal", "log_normal"),
        ("LogNormal", "log_normal"),
        ("unifrom", "uniform"),
        ("possion", "poisson"),
        ("exponental", "exponential"),
        ("tp", None),  # of two letters both would differ
        ("PT", "pt"),
        ("et", "eta"),
        ("etta", "eta"),
        ("quux", None),
        ("x", None),
        ("", None),
        ("normally_distributed", None),
    ],
)
def test_nearest(name: str, meant: str | None) -> None:
    assert nearest(name, NAMES) == meant


def test_ties_go_to_the_one_that_agrees_in_case_then_to_the_alphabet() -> None:
    assert nearest("gev", ["GEV", "GeV"]) == "GeV"
    assert nearest("abcx", ["abcz", "abcy"]) == "abcy"
    assert nearest("abcx", ["abcz", "abcy"][::-1]) == "abcy"


def test_the_name_itself_is_no_suggestion() -> None:
    assert nearest("normal", ["normal"]) is None
    assert nearest("normal", ["normal", "Normal"]) == "Normal"


def test_nothing_to_choose_from() -> None:
    assert nearest("normal", []) is None
    assert nearest("normal", iter(["normla"])) == "normla"
