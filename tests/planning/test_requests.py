"""Estimators asked for by the author and by the caller."""

from __future__ import annotations

import pytest

from hepppl.diagnostics.errors import HepPlanError
from hepppl.planning import choose
from hepppl.planning.requests import parse

from .load import graph_of, program

TWO = "model m { param t: real = 0.5; x ~ normal(t, 1){by}; b ~ bernoulli(sigmoid(x)); return x + b }"
PLAIN = TWO.replace("{by}", "")


def rows(text: str, **options):
    return {row.site: row for row in choose(graph_of(text), **options).rows}


def faults(text: str, **options):
    with pytest.raises(HepPlanError) as caught:
        choose(graph_of(text), **options)
    return caught.value.diagnostics


def test_the_author_asks() -> None:
    row = rows(TWO.replace("{by}", ' by score(baseline = "none")'))["x"]
    assert row.estimator == "score"
    assert row.options == {"baseline": "none"}
    assert "the program" in row.why


def test_the_caller_comes_before_the_author() -> None:
    row = rows(TWO.replace("{by}", " by score"), by={"x": "reparam"})["x"]
    assert row.estimator == "reparam"
    assert "the caller" in row.why


def test_all_forms_of_a_request() -> None:
    for named in ("score(baseline='none')", ("score", {"baseline": "none"})):
        assert rows(PLAIN, by={"b": named})["b"].options == {"baseline": "none"}
    assert rows(PLAIN, by={"b": "score"})["b"].options == {"baseline": "loo"}


def test_every_site_that_it_can_serve() -> None:
    found = rows(PLAIN, by={"*": "score"})
    assert found["x"].estimator == "score"
    assert found["b"].estimator is None  # x is drawn at fixed value, so that nothing moves b's law
    found = rows(PLAIN, by={"*": "stochastic_ad"})
    assert found["x"].estimator == "reparam"
    assert "stochastic_ad is not sound here" in found["x"].why
    assert found["b"].estimator == "stochastic_ad"
    assert rows(PLAIN, by={"*": "score", "x": "reparam"})["b"].estimator == "score"


def test_absorber_by_score() -> None:
    plan = choose(program("absorber"), by={"shower.interacts": "score"})
    assert [row.estimator for row in plan.rows] == [None, "score"]


def test_parse() -> None:
    assert parse("score") == ("score", {})
    assert parse(" score( baseline = 'none', k=2 ) ") == ("score", {"baseline": "none", "k": 2})
    for bad in ("score(", "score('none')", "a.b", "1", "", "score(b=f(1))", "score(**x)"):
        with pytest.raises(ValueError):
            parse(bad)


@pytest.mark.parametrize(
    ("by", "code", "word"),
    [
        ({"xx": "score"}, "E603", "sites: x, b"),
        ({"x": "scroe"}, "E801", "'score'"),
        ({"x": "score(basline='none')"}, "E604", "'baseline'"),
        ({"x": "score(baseline='median')"}, "E604", ""),
        ({"x": "score("}, "E604", "NAME"),
        ({"x": "stochastic_ad"}, "E602", "reparam, score"),
        ({"b": "reparam"}, "E602", "stochastic_ad, score"),
    ],
)
def test_requests_at_fault(by: dict[str, str], code: str, word: str) -> None:
    (found,) = faults(PLAIN, by=by)
    assert found.code == code
    assert word in " ".join(found.hints)


def test_the_diagnostic_points_at_the_authors_words() -> None:
    (found,) = faults(TWO.replace("{by}", " by scroe"))
    assert found.span.text == "scroe"
    (found,) = faults(TWO.replace("{by}", " by stochastic_ad"))
    assert "stochastic_ad" in found.span.text


def test_all_faults_at_once() -> None:
    found = faults(PLAIN, by={"xx": "score", "b": "scroe"})
    assert sorted(d.code for d in found) == ["E603", "E801"]


def test_reparam_at_a_comparison_is_refused_with_the_place() -> None:
    (found,) = faults("model m {\n    param t: real = 0\n    x ~ normal(t, 1) by reparam\n    return x > 1\n}")
    assert found.code == "E602"
    assert "comparison in line 4" in found.message
    assert [label.span.text for label in found.labels] == ["x > 1"]
    assert found.hints == ("sound here: boundary, score, measure_valued",)


def test_an_estimator_that_is_not_needed_does_no_harm() -> None:
    text = "model m { param t: real = 0.5; x ~ normal(0, 1) by score; return t * x }"
    assert rows(text)["x"].estimator is None


@pytest.mark.parametrize(("wrt", "word"), [(["T"], "did you mean 't'?"), (["x"], "parameters: t")])
def test_wrt_at_fault(wrt: list[str], word: str) -> None:
    (found,) = faults(PLAIN, wrt=wrt)
    assert found.code == "E605"
    assert word in found.hints[0]
