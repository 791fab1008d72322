"""The registry: complete, consistent, and free of JAX."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

from hepppl import distributions

from .cases import BY_NAME

CONSTRAINTS = {"real", "positive", "nonnegative", "probability", "simplex", "nonnegative_int", "positive_int", "int"}
SUPPORTS = {"real", "positive", "unit_interval", "interval", "boolean", "nonnegative_int", "int_range"}


def test_names_are_sorted_and_tested():
    assert list(distributions.names()) == sorted(distributions.names())
    assert set(distributions.names()) == set(BY_NAME)
    assert tuple(law.name for law in distributions.all()) == distributions.names()


def test_unknown_name():
    with pytest.raises(KeyError):
        distributions.get("normall")


def test_metadata_needs_no_jax():
    code = "import sys, hepppl.distributions as d; d.get('normal'); assert 'jax' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", distributions.names())
def test_metadata(name):
    law = distributions.get(name)
    assert law.support in SUPPORTS
    assert law.value in {"real", "int", "bool"}
    assert law.pathwise in {"location_scale", "icdf", "implicit", None}
    assert (law.pathwise is None) == law.discrete
    assert law.summary.endswith(".")
    assert len({p.name for p in law.parameters}) == len(law.parameters)
    for p in law.parameters:
        assert p.constraint in CONSTRAINTS
        assert p.dim in {"value", "inverse", "none"}
        assert p.kind == ("int" if "int" in p.constraint else "real")
        assert (p.rank == 1) == (p.constraint == "simplex")
    if isinstance(law.support_size, str):
        assert law.support_size in {p.name for p in law.parameters if p.rank == 1}


@pytest.mark.parametrize("name", distributions.names())
def test_numerics_take_the_parameters_in_order(name):
    law, numerics = distributions.get(name), distributions.get(name).load()
    for function, leading in (("sample", 1), ("log_prob", 1), ("cdf", 1), ("tails", 1), ("valid", 0)):
        params = list(inspect.signature(getattr(numerics, function)).parameters.values())[leading:]
        if params[0].kind is not inspect.Parameter.VAR_POSITIONAL:
            assert [p.name for p in params] == [p.name for p in law.parameters]


def test_names_and_parameters_are_numpyros():
    numpyro = pytest.importorskip("numpyro.distributions")
    spelled = {"chi2": "Chi2", "student_t": "StudentT"}
    for name in set(distributions.names()) - {"breit_wigner"}:
        theirs = getattr(numpyro, spelled.get(name, "".join(part.capitalize() for part in name.split("_"))))
        if name in ("bernoulli", "binomial", "categorical", "geometric"):
            theirs = getattr(numpyro, theirs.__name__ + "Probs")
        given = [
            p for p in inspect.signature(theirs).parameters.values() if p.kind is not inspect.Parameter.KEYWORD_ONLY
        ]
        names = [p.name for p in given][: len(distributions.get(name).parameters)]
        assert {p.name for p in distributions.get(name).parameters} == set(names), name
