"""What the messages must hold, whatever their wording: both dimensions, the nearest right name, all errors at once."""

from __future__ import annotations

import re

import pytest

from hepppl.diagnostics import Diagnostic

from .golden import diagnostics
from .programs import BAD

DIMENSIONS = [name for name in BAD if name.startswith("dimensions/")]
#: How messages and labels speak of dimensions.
WORDS = re.compile(r"\b(area|charge|energy|length|dimensionless|real|int|temperature|time|MeV[\w^()/*.]*)")

#: program -> what is misspelt in it, and the right name that a hint must give
MISSPELT = {
    "misspelt/name": {"treshold": "threshold"},
    "misspelt/constant_of_the_file": {"critcal_energy": "critical_energy"},
    "misspelt/distribution": {
        "nromal": "normal",
        "exponental": "exponential",
        "bernouli": "bernoulli",
        "gaussian": "normal",
        "bin": "binomial",
    },
    "misspelt/argument": {"lok": "loc"},
    "misspelt/argument_of_a_function": {"hihg": "high"},
    "misspelt/argument_of_a_process": {"enrgy": "energy"},
    "misspelt/unit": {"Gev": "GeV", "milimeter": "mm", "nsec": "ns"},
    "misspelt/unit_in_a_type": {"mmm": "mm"},
    "misspelt/estimator": {"scor": "score", "stochastic_as": "stochastic_ad"},
    "misspelt/option_of_an_estimator": {'score(basline = "loo")': "baseline"},
    "misspelt/keyword": {"modle": "model"},
    "misspelt/keyword_of_a_statement": {"parm": "param", "plat": "plate", "wihle": "while", "retrun": "return"},
    "misspelt/keyword_of_a_process": {"emmit": "emit", "spwan": "spawn"},
    "misspelt/function": {"sqr": "sqrt", "asin": "arcsin", "lenght": "len", "averge": "mean"},
    "misspelt/field": {"enrgy": "energy", "masss": "mass"},
    "misspelt/field_of_a_collection": {"enrgy": "energy"},
    "misspelt/field_of_a_record_made": {"deepth": "depth"},
    "misspelt/process": {"shwoer": "shower"},
    "misspelt/type": {"enrgy": "energy", "Real": "real"},
    "misspelt/particle": {'"Z"': "Z0", '"muon"': "mu-", '"pi"': "pi0"},
    "misspelt/spelt_out": {"millimeters": "mm", '"higgs"': "H0", '"electron"': "e-", "length": "len"},
}


def text(d: Diagnostic) -> str:
    assert d.span is not None
    return d.span.text


@pytest.mark.parametrize("name", DIMENSIONS)
def test_dimension_errors_name_what_was_found_and_what_was_expected(name: str) -> None:
    for d in diagnostics(BAD[name]):
        assert d.code in {"E202", "E203", "E204", "E206", "E207", "E212"}
        told = " ".join([d.message, *(label.text for label in d.labels)])
        assert len(set(WORDS.findall(told))) >= 1 + (d.code in ("E203", "E206", "E207") or "disagree" in d.message), (
            told
        )
        if d.code in ("E203", "E207"):
            at = [label for label in d.labels if label.text != "in this call"]
            assert len(at) == 2, "a label at each operand"
            assert len({label.text for label in at}) == 2, "which say different things"


def test_the_dimensions_of_sums_stand_in_the_message_in_their_order() -> None:
    (d,) = diagnostics(BAD["dimensions/sum_of_energy_and_length"])
    assert d.message == "cannot add a length to an energy"
    assert [(label.span.text, label.text) for label in d.labels] == [("30 GeV", "energy"), ("2 mm", "length")]


@pytest.mark.parametrize("name", MISSPELT)
def test_what_is_misspelt_gets_the_nearest_right_name(name: str) -> None:
    found = {text(d): " ".join(d.hints) for d in diagnostics(BAD[name])}
    for wrong, right in MISSPELT[name].items():
        assert re.search(rf"(?<![\w-]){re.escape(right)}(?![\w-])", found[wrong]), (wrong, found)


def test_every_misspelt_program_is_looked_at() -> None:
    assert set(MISSPELT) == {name for name in BAD if name.startswith("misspelt/")}


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("several/three_of_a_kind", ["E203", "E204", "E301", "E309"]),
        ("several/in_different_items", ["E203", "E301", "E312", "E402"]),
        ("several/syntax", ["E109", "E105", "E100", "E115", "E108"]),
        ("several/only_the_first_of_a_chain", ["E301"]),
        ("several/in_two_models", ["E203", "E203"]),
        ("several/ten_on_two_lines", ["E203"] * 10),
    ],
)
def test_all_independent_errors_are_reported_and_none_that_follows(name: str, codes: list[str]) -> None:
    assert [d.code for d in diagnostics(BAD[name])] == codes
