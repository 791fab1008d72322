"""The laws of the reference: all of the registry, against the JAX numerics and against themselves."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hepppl import distributions
from hepppl.backends.reference import laws
from hepppl.backends.reference.threefry import uniform
from hepppl.semantics.ir import Dist

#: Arguments in range, two sets for each law.
ARGUMENTS = {
    "bernoulli": [(0.3,), (1.0,)],
    "beta": [(2.5, 1.2), (0.7, 4.0)],
    "binomial": [(12, 0.3), (1, 1.0)],
    "breit_wigner": [(91.2, 2.5), (-3.0, 0.1)],
    "categorical": [([0.2, 0.0, 0.5, 0.3],), ([1.0],)],
    "cauchy": [(0.0, 1.0), (-2.0, 5.0)],
    "chi2": [(1.0,), (7.5,)],
    "delta": [(4.0,), (-1.5,)],
    "discrete_uniform": [(-3, 4), (7, 7)],
    "exponential": [(1.0,), (0.05,)],
    "gamma": [(0.5, 2.0), (9.0, 0.3)],
    "geometric": [(0.2,), (1.0,)],
    "gumbel": [(0.0, 1.0), (5.0, 2.0)],
    "half_cauchy": [(1.0,), (0.2,)],
    "half_normal": [(1.0,), (30.0,)],
    "inverse_gamma": [(3.0, 2.0), (0.8, 1.0)],
    "laplace": [(0.0, 1.0), (-4.0, 0.5)],
    "log_normal": [(0.0, 1.0), (2.0, 0.1)],
    "log_uniform": [(1.0, 10.0), (0.01, 100.0)],
    "logistic": [(0.0, 1.0), (3.0, 2.0)],
    "normal": [(0.0, 1.0), (-7.0, 0.5)],
    "pareto": [(1.0, 2.0), (30.0, 5.5)],
    "poisson": [(4.2,), (0.0,)],
    "student_t": [(3.0, 0.0, 1.0), (20.0, 1.0, 2.0)],
    "uniform": [(0.0, 1.0), (-3.0, 2.0)],
    "weibull": [(1.0, 0.7), (3.0, 2.0)],
}
CASES = [(name, args) for name, many in ARGUMENTS.items() for args in many]
#: Uniforms as sites have them, away from the steps of the discrete laws above.
GRID = [float(uniform(int(u * 2**32))) for u in (1e-6, 0.013, 0.11, 0.371, 0.47, 0.611, 0.83, 0.97, 0.99999)]


def single(args):
    """Arguments as a back end in single precision holds them."""
    return [np.asarray(a, np.float32 if np.asarray(a).dtype.kind == "f" else np.int32) for a in args]


def law(name, args):
    parameters = distributions.get(name).parameters
    return laws.build(Dist(name, tuple((p.name, i) for i, p in enumerate(parameters))), args)


def test_the_whole_registry_is_there():
    assert set(ARGUMENTS) == {name for name in distributions.names() if "hepppl" in distributions.get(name).numerics}
    assert set(laws.SCIPY) | set(laws.OWN) == set(ARGUMENTS)


@pytest.mark.every(3)
@pytest.mark.parametrize(("name", "args"), CASES)
def test_draws_are_those_of_the_numerics(name, args):
    mine = [law(name, args).quantile(u) for u in GRID]
    sample = jax.vmap(lambda u: distributions.get(name).load().sample(u, *single(args)))
    theirs = sample(jnp.asarray(GRID, jnp.float32))
    if distributions.get(name).discrete:
        assert mine == theirs.tolist()
    else:
        np.testing.assert_allclose(theirs, mine, rtol=3e-5, atol=1e-5)


@pytest.mark.parametrize(("name", "args"), [case for case in CASES if case[0] != "bernoulli"])
def test_quantile_inverts_cdf(name, args):
    """A discrete quantile is the smallest k with cdf(k) >= u."""
    mine = law(name, args)
    for u in GRID:
        x = mine.quantile(u)
        if distributions.get(name).discrete:
            assert mine.cdf(x) >= u
            assert mine.cdf(x - 1) < u
        elif name != "delta":
            assert mine.cdf(x) == pytest.approx(u, rel=1e-6)


@pytest.mark.every(3)
@pytest.mark.parametrize(("name", "args"), CASES)
def test_log_prob_is_that_of_the_numerics(name, args):
    metadata, mine = distributions.get(name), law(name, args)
    values = [mine.quantile(u) for u in GRID[1:-1]]
    if name == "delta":
        assert [mine.log_prob(values[0]), mine.log_prob(values[0] + 1)] == [0, -np.inf]
        return
    kind = {"real": jnp.float32, "int": jnp.int32, "bool": bool}[metadata.value]
    log_prob = jax.vmap(lambda x: metadata.load().log_prob(x, *single(args)))
    expected = log_prob(jnp.asarray(values, kind))
    np.testing.assert_allclose([mine.log_prob(x) for x in values], expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("bernoulli", (1.1,)), ("bernoulli", (np.nan,)), ("beta", (0.0, 1.0)), ("binomial", (-1, 0.5)),
        ("binomial", (2, -0.5)), ("categorical", ([0.5, 0.6],)), ("categorical", ([-0.5, 1.5],)),
        ("discrete_uniform", (2, 1)), ("exponential", (-1.0,)), ("exponential", (np.inf,)), ("gamma", (1.0, 0.0)),
        ("geometric", (0.0,)), ("log_uniform", (2.0, 1.0)), ("normal", (np.nan, 1.0)), ("normal", (0.0, 0.0)),
        ("poisson", (-0.1,)), ("poisson", (np.nan,)), ("student_t", (0.0, 0.0, 1.0)), ("uniform", (1.0, 1.0)),
    ],
)  # fmt: skip
def test_arguments_out_of_range(name, args):
    assert not law(name, args).valid
    assert not distributions.get(name).load().valid(*single(args))


@pytest.mark.parametrize(("name", "args"), CASES)
def test_arguments_in_range(name, args):
    assert law(name, args).valid
    assert distributions.get(name).load().valid(*single(args))


def test_probabilities_may_be_off_by_rounding():
    assert law("bernoulli", (1 + 1e-7,)).valid
    assert law("bernoulli", (1 + 1e-7,)).quantile(0.9999999)
    assert law("categorical", ([0.5, 0.5001],)).quantile(0.99999) == 1
    assert law("categorical", ([1 / 3] * 3,)).quantile(1 - 2.0**-24) == 2
