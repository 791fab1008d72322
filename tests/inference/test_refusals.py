"""What has no likelihood, and inputs that do not fit: one diagnostic each, with a code and a place."""

from __future__ import annotations

from typing import Any

import pytest

import hepppl
from hepppl import inference

NORMAL = "param a ~ normal(0, 1)\n observe x ~ normal(a, 1)"


UNIT = "param a in (0, 1) ~ uniform(0, 1)\n "
REFUSED = {
    "h ~ p(1) limit 4": ("E711", "h ~ p(1) limit 4\n observe x ~ normal(a + count(h), 1)"),
    "while k < 3": ("E711", "k = 0\n while k < 3 limit 9 { k = k + 1 }\n observe x ~ normal(a + k, 1)"),
    "for i in 0..2000": ("E712", "for i in 0..2000 { observe x[i] ~ normal(a, 1) }"),
    "weight exp(u)": ("E713", "u ~ normal(a, 1)\n weight exp(u)\n observe x ~ normal(u, 1)"),
    "z ~ bernoulli(a)": ("E714", "plate i in 0..3 { z ~ bernoulli(a) }\n observe x ~ normal(z[0], 1)"),
    "k ~ geometric(a)": ("E714", "k ~ geometric(a)\n observe x ~ normal(k, 1)"),
    "y ~ bernoulli(a)": (
        "E714",
        "s = 0\n for i in 0..13 {\n y ~ bernoulli(a)\n s = if y then s + 1 else s\n }\n observe x ~ normal(s, 1)",
    ),
    "v ~ uniform(0, 1 + c)": (
        "E714",
        "c ~ bernoulli(a)\n v ~ uniform(0, 1 + c)\n observe x ~ normal(v, 1)",
    ),
}


@pytest.mark.parametrize("place", REFUSED)
def test_a_program_without_a_likelihood(place: str) -> None:
    code, body = REFUSED[place]
    model = hepppl.parse(f"process p(k: int) {{ emit k }}\nmodel m {{\n {UNIT}{body}\n}}")
    x: Any = [0.5] * 2000 if "x[i]" in body else 0.5
    with pytest.raises(hepppl.HepUnsupportedError) as caught:
        model.infer({"x": x})
    found = caught.value.diagnostics
    assert [d.code for d in found] == [code]
    assert found[0].span is not None
    assert found[0].span.text.startswith(place)
    assert found[0].hints


@pytest.mark.parametrize(
    ("data", "options", "code"),
    [
        ({}, {}, "E473"),
        ({"y": 1}, {}, "E461"),
        ({"x": [1, 2]}, {}, "E463"),
        ({"x": float("nan")}, {}, "E463"),
        ({"x": "3 GeV"}, {}, "E206"),
        ({"x": 1}, {"method": "nutz"}, "E470"),
        ({"x": 1}, {"simulations": 3}, "E471"),
        ({"x": 1}, {"samples": 0}, "E457"),
        ({"x": 1}, {"target_accept": 1.5}, "E457"),
        ({"x": 1}, {"method": "svi", "guide": "flow"}, "E457"),
        ({"x": 1}, {"params": {"b": 1}}, "E451"),
        ({"x": 1}, {"params": {"a": 1}}, "E472"),
        ({"x": 1}, {"seed": -1}, "E454"),
    ],
)
def test_inputs_that_do_not_fit(data: Any, options: dict[str, Any], code: str) -> None:
    with pytest.raises(hepppl.HepError) as caught:
        hepppl.parse(f"model m {{\n {NORMAL}\n}}").infer(data, **options)
    assert [d.code for d in caught.value.diagnostics] == [code]


def test_counts_are_whole_unless_their_law_has_a_density_between() -> None:
    text = "model m {\n param a in (0, 1) ~ uniform(0, 1)\n observe k ~ geometric(a)\n}"
    with pytest.raises(hepppl.HepValueError) as caught:
        hepppl.parse(text).infer({"k": 1.5})
    assert [d.code for d in caught.value.diagnostics] == ["E463"]


def test_every_method_is_found_and_has_options() -> None:
    for name in inference.METHODS:
        assert callable(inference.load(name))
    assert inference.options_of("nuts")["samples"] == 1000
