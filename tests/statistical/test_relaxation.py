"""`gumbel_softmax` and `straight_through`: the bias is that of the relaxation, no more; where a relaxed value has no
meaning they refuse."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import expit, logit, softmax
from scipy.stats import norm, poisson

import hepppl
from hepppl.diagnostics.errors import HepPlanError, HepResultError

from .acceptance import assert_within
from .oracles import derivative

T = 0.3
USES = """model m {
    param t: real in (0, 1) = 0.3
    b ~ bernoulli(t)
    c ~ categorical([t, 0.5, 0.5 - t])
    two ~ categorical([1 - t, t])
    if b { e = 2.5 } else { e = sqrt(4.0) }
    tab = [1.5, 2.5, 0.5, 9.0]
    s = 0.0
    for i in 0..3 {
        up ~ bernoulli(t)
        s = s + (if up then 1.0 else -1.0)
    }
    z ~ normal(3.0 * b, 1)
    k ~ poisson(2 * t)
    late ~ bernoulli(t / (1 + k))
    return (
        b = b, picked = if b then 3 else 1, e = e, squared = (2 - c)^2, looked = tab[c], is = c == 1 and not b,
        two = two, s = s, z = z, positive = z > 0, late = 5 * late + k
    )
}"""


def truth(t: float, temperature: float) -> float:
    """The mean of a relaxed Bernoulli value."""
    return quad(lambda u: expit((logit(t) + logit(u)) / temperature), 0, 1, epsabs=1e-9)[0]


def late(t: float) -> float:
    k = np.arange(60)
    return float(poisson.pmf(k, 2 * t) @ (5 * t / (1 + k) + k))


@pytest.fixture(scope="module")
def uses() -> hepppl.Model:
    return hepppl.parse(USES)


def by(name: str) -> dict[str, str]:
    return dict.fromkeys(("b", "c", "two", "up", "late"), name)


def check(found: hepppl.GradResult, exact: dict[str, float]) -> None:
    for output, slope in exact.items():
        value, se = found.gradient[output]["t"], found.se[output]["t"]
        assert_within(value, se, slope, scale=max(1.0, abs(slope)), what=output)


@pytest.fixture(scope="module")
def straight(uses: hepppl.Model) -> hepppl.GradResult:
    return uses.grad(40_000, seed=111, by=by("straight_through"))


@pytest.mark.slow
def test_straight_through_is_exact_where_all_is_linear(uses: hepppl.Model, straight: hepppl.GradResult) -> None:
    exact = {"b": 1.0, "picked": 2.0, "e": 0.5, "looked": 1.5 - 0.5, "two": 1.0, "s": 6.0, "z": 3.0}
    check(straight, exact)
    assert straight.std["looked"]["t"] == pytest.approx(0, abs=1e-5)
    check(straight, {"is": -0.5, "late": derivative(late, T)})
    events = uses.simulate(40_000, seed=111)
    for name in straight.mean:
        assert straight.mean[name] == pytest.approx(events[name].mean(), rel=1e-5)


@pytest.mark.slow
def test_straight_through_is_biased_as_its_formula(straight: hepppl.GradResult) -> None:
    """The square has its slope at the value drawn, and the threshold that z crosses moves with the b drawn."""
    p, c = np.array([T, 0.5, 0.5 - T]), np.arange(3)
    check(straight, {"squared": float(p @ (-2.0 * (2 - c))) * -2})  # the mean of c has the slope -2
    check(straight, {"positive": 3 * (T * norm.pdf(3) + (1 - T) * norm.pdf(0))})


@pytest.mark.slow
def test_gumbel_softmax_differentiates_the_relaxed_program(uses: hepppl.Model) -> None:
    found = uses.grad(40_000, seed=112, by=by("gumbel_softmax(temperature=0.7)"))
    slope = derivative(lambda t: truth(t, 0.7), T)
    assert abs(slope - 1) > 0.1
    check(found, {"b": slope, "picked": 2 * slope, "e": 0.5 * slope, "two": slope, "s": 6 * slope, "z": 3 * slope})
    assert_within(found.mean["two"], found.mean_se["two"], truth(T, 0.7), what="E[two]")
    noise = np.random.default_rng(7).gumbel(size=(200_000, 3))

    def weights(t: float) -> np.ndarray:
        return softmax((np.log([t, 0.5, 0.5 - t]) + noise) / 0.7, axis=1)

    c = weights(T) @ np.arange(3)
    slopes = (weights(T + 1e-4) - weights(T - 1e-4)) / 2e-4
    each = {"squared": -2 * (2 - c) * (slopes @ np.arange(3)), "looked": slopes @ np.array([1.5, 2.5, 0.5])}
    for output, sample in each.items():
        value, se = found.gradient[output]["t"], found.se[output]["t"]
        assert_within(value, se, sample.mean(), sample.std() / np.sqrt(len(sample)), scale=4.0, what=output)


def test_reverse_mode_agrees_with_forward_mode() -> None:
    text = "c ~ categorical([t, 0.5, 0.5 - t]); return [1.0, 3.0, 2.0][c] * (if c == 2 then 1 else 2)"
    model = hepppl.parse(f"model m {{ param t = 0.3; {text} }}")
    for name in ("gumbel_softmax", "straight_through"):
        one, two = (model.grad(2_000, seed=113, by={"c": name}, mode=mode) for mode in ("forward", "reverse"))
        for quantity in ("gradient", "std"):
            found, wanted = (getattr(r, quantity)["value"]["t"] for r in (one, two))
            assert found == pytest.approx(wanted, rel=2e-4)


def test_never_chosen_and_declared(uses: hepppl.Model) -> None:
    assert not {"gumbel_softmax", "straight_through"} & {row.estimator for row in uses.plan().rows}
    rows = {row.site: row for row in uses.plan(by("straight_through")).rows}
    assert rows["b"].why.endswith("; biased")


def test_verify_sees_the_bias() -> None:
    model = hepppl.parse("model m { param t: real in (0, 1) = 0.3; b ~ bernoulli(t); return 2 * b }")
    with pytest.raises(HepResultError) as caught:
        model.verify(20_000, by={"b": "gumbel_softmax(temperature=1)"})
    assert caught.value.diagnostics[0].code == "E907"
    assert model.verify(20_000, by={"b": "straight_through"}).ok


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ("b ~ bernoulli(t); s = 0\nfor i in 0..3 { s = s + (if b then 1 else 2) }\nreturn s", "the loop in line"),
        ("b ~ bernoulli(t); x ~ normal(0, 1); return 3.0 * b > x", "the comparison in line"),
        ("b ~ categorical([t, 1 - t]); return if b > 0 then 1 else 2", "the comparison in line"),
        ("b ~ categorical([t, 1 - t]); return [1.0, 2.0, 3.0][b + 1]", "the index in line"),
        ("b ~ categorical([t, 1 - t]); k ~ binomial(b, 0.5); return k", "the distribution in line"),
        ("b ~ bernoulli(t); y = 1.0\nif b { x ~ normal(0, 1)\ny = x }\nreturn y", "the branch in line"),
        ("b ~ bernoulli(t); x ~ normal(t, 1); y = 1.0\nif b { y = x * (x > 0) }\nreturn y", "the branch in line"),
        ("b ~ bernoulli(t); return floor(2.5 * b)", "rounding by floor in line"),
        ("b ~ bernoulli(t); require b\nreturn 1.0", "the operation require in line"),
        ("b ~ poisson(t); return b", "not poisson"),
        ("b ~ bernoulli(0.5); return t * b", ""),
    ],
)
@pytest.mark.parametrize("name", ["gumbel_softmax", "straight_through"])
def test_refusals(name: str, body: str, word: str) -> None:
    model = hepppl.parse(f"model m {{\nparam t: real in (0, 1) = 0.3\n{body}\n}}".replace("; ", "\n"))
    if not word:
        assert {row.estimator for row in model.plan({"b": name}).rows} == {None}
        return
    with pytest.raises(HepPlanError) as caught:
        model.plan({"b": name})
    assert [d.code for d in caught.value.diagnostics] == ["E602"]
    assert word in caught.value.diagnostics[0].message


def test_a_process_that_compares_is_no_place_for_a_relaxed_value() -> None:
    text = "process p(e: real) {\n emit e\n if e > 2 { spawn p(e / 2) }\n}\n"
    body = "param t: real in (0, 1) = 0.3; b ~ bernoulli(t); h ~ p(1 + 3.0 * b) limit 2; return count(h)"
    with pytest.raises(HepPlanError, match="the comparison in line 3"):
        hepppl.parse(f"{text}model m {{ {body} }}").plan({"b": "straight_through"})


def test_particles_are_refused() -> None:
    text = "process p(t: real) {\n emit 1\n b ~ bernoulli(t)\n if b { spawn p(t) }\n}\n"
    model = hepppl.parse(text + "model m { param t: real in (0, 1) = 0.3; h ~ p(t) limit 2; return count(h) }")
    with pytest.raises(HepPlanError, match="decided, not relaxed"):
        model.plan({"p.b": "straight_through"})


@pytest.mark.parametrize("temperature", ["0", "True", "'a'", "1e9"])
@pytest.mark.parametrize("name", ["gumbel_softmax", "straight_through"])
def test_the_temperature_is_checked(uses: hepppl.Model, name: str, temperature: str) -> None:
    with pytest.raises(HepPlanError, match="temperature"):
        uses.plan({"b": f"{name}(temperature={temperature})"})
