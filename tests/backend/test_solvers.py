"""`argmin` and `root`: against closed forms and the reference, through every way a derivative can go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import hepppl
from hepppl.backends import reference
from hepppl.backends.jax.solvers import find_root, minimise
from hepppl.diagnostics.errors import HepPlanError, HepResultError

VERTEX = Path(__file__).parents[1] / "corpus" / "good" / "gradients" / "vertex.hep"


def model(body: str, items: str = "") -> hepppl.Model:
    return hepppl.parse(f"{items}\nmodel m {{\n{body}\n}}\n")


def agree(m: hepppl.Model, n: int = 12, rel: float = 2e-5) -> None:
    events, mine = m.simulate(n), reference.simulate(m.program, n)
    assert not any(mine.fault)
    for name, values in mine.outputs.items():
        assert events.outputs[name] == pytest.approx(np.asarray(values), rel=rel, abs=1e-6)


# ---------------------------------------------------------------- the searches


def test_hard_functions() -> None:
    def rosenbrock(x: Any) -> Any:
        return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2

    def quartic(x: Any) -> Any:
        return ((x - 3) ** 2).sum() + ((x - 3) ** 4).sum()

    for f, start, best in (
        (rosenbrock, [-1.2, 1.0], [1, 1]),
        (quartic, [-20.0, 0.0, 50.0], [3, 3, 3]),
        (lambda x: jnp.cosh(x[0] - 1) + 1e6, [4.0], [1]),  # the value is all rounding near the minimum
        (lambda x: (x[0] - 1e-3) ** 2 + (x[1] - 1e4) ** 2, [0.0, 0.0], [1e-3, 1e4]),
        (lambda x: -jnp.cos(x[0]), [1.9], [0]),  # the second derivative is negative at the start
        (lambda x: x[0] - jnp.log(x[0]), [30.0], [1]),  # Newton's first step leaves the domain
    ):
        x, found = jax.jit(lambda x, f=f: minimise(f, x))(jnp.asarray(start, jnp.float32))
        assert found
        assert np.asarray(x) == pytest.approx(np.asarray(best, float), rel=2e-5, abs=2e-5)
    for f, start in (
        (lambda x: -(x[0] ** 2), 1.0),
        (lambda x: x[0], 0.0),
        (lambda x: x[0] ** 3, 0.0),
        (lambda x: jnp.log(x[0]), -1.0),
    ):
        assert not minimise(f, jnp.asarray([start], jnp.float32))[1]


def test_hard_zeros() -> None:
    for f, low, high, zero in (
        (lambda u: u**3 - 2, 0.0, 10.0, 2 ** (1 / 3)),
        (lambda u: 2 - u**3, 10.0, 0.0, 2 ** (1 / 3)),  # falling, and the interval backwards
        (lambda u: jnp.arctan(u - 3), -1000.0, 1001.0, 3),  # Newton alone diverges
        (lambda u: jnp.sign(u - 3) * jnp.abs(u - 3) ** 0.5, 0.0, 10.0, 3),  # an infinite slope
        (lambda u: jnp.exp(u) - 1, -50.0, 60.0, 0),
        (lambda u: u - 1e-6, 0.0, 1e3, 1e-6),
        (lambda u: u, 0.0, 1.0, 0),
    ):
        x, found = jax.jit(lambda a, b, f=f: find_root(f, a, b))(jnp.float32(low), jnp.float32(high))
        assert found
        assert float(x) == pytest.approx(zero, rel=3e-6, abs=1e-7)
    for f in (lambda u: u**2 + 1, lambda u: jnp.log(u - 5)):
        assert not find_root(f, jnp.float32(0), jnp.float32(10))[1]


# ---------------------------------------------------------------- programs


@pytest.mark.slow
def test_a_vertex_fit() -> None:
    m = hepppl.load(VERTEX)
    agree(m, rel=1e-4)
    result = m.grad(4000)
    assert m.units["z"] == "mm"
    assert result.mean["x"] == pytest.approx(1, abs=0.003)
    assert result.mean["z"] == pytest.approx(5, abs=0.01)
    assert result.gradient["z"]["flight"] == pytest.approx(1, abs=1e-3)
    assert result.gradient["x"]["flight"] == pytest.approx(0, abs=1e-3)


@pytest.mark.slow
def test_a_vertex_fit_in_reverse_mode() -> None:
    result, back = (hepppl.load(VERTEX).grad(4000, mode=mode) for mode in ("forward", "reverse"))
    assert back.gradient["z"]["sigma"] == pytest.approx(result.gradient["z"]["sigma"], rel=1e-3)


@pytest.mark.slow
def test_a_weighted_mean() -> None:
    """The minimiser of a sum of squares, each event with its own weights, moves as the formula does."""
    m = model(
        "param a = 2\n plate i in 0..3 { d ~ normal(a, 1)\n s = 1 + a * i }\n"
        "fit = argmin(v -> sum([((v - d[i]) / s[i])^2 for i in 0..3]), start = 0)\n"
        "formula = sum([d[i] / s[i]^2 for i in 0..3]) / sum([1 / s[i]^2 for i in 0..3])\n"
        "return (fit = fit, formula = formula)"
    )
    agree(m)
    for mode in ("forward", "reverse"):
        result = m.grad(500, mode=mode)
        assert result.gradient["fit"]["a"] == pytest.approx(result.gradient["formula"]["a"], rel=1e-4)
        assert result.mean["fit"] == pytest.approx(result.mean["formula"], rel=1e-5)


@pytest.mark.slow
def test_arrays_and_records_as_unknowns() -> None:
    m = model(
        "param a = 3\n x ~ uniform(0, 1)\n"
        "p = argmin(v -> (v[0] - a * x)^2 + (v[0] - 2 * v[1])^2 + 1, start = [1, 1])\n"
        "q = argmin(v -> (v.e / GeV - a)^2 + (v.l / mm - x * v.e / GeV)^2, start = (e = 0 GeV, l = 0 mm))\n"
        "return (p0 = p[0], p1 = p[1], e = q.e, l = q.l)"
    )
    agree(m)
    result = m.grad(2000)
    assert result.gradient["p1"]["a"] == pytest.approx(0.25, abs=0.01)
    assert result.gradient["e"]["a"] == pytest.approx(1000, rel=1e-4)
    assert m.units["l"] == "mm"


@pytest.mark.slow
def test_a_solution_inside_a_solution() -> None:
    """root(w -> w^3 - a v) = (a v)^(1/3) inside; outside, the minimum over v of ((a v)^(1/3) - 2)^2 is v = 8 / a."""
    m = model("param a = 3\n v = argmin(v -> (root(w -> w^3 - a * v, 0, 100) - 2)^2, start = 2)\n return v")
    agree(m, 2)
    result = m.grad(2)
    assert result.mean["value"] == pytest.approx(8 / 3, rel=1e-5)
    assert result.gradient["value"]["a"] == pytest.approx(-8 / 9, rel=1e-3)


DECIDED = """
    param p in (0, 1) = 0.3
    b ~ bernoulli(p)
    k ~ poisson(2 * p)
    {solution}
    return u
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("solution", "inverse"),
    [
        ("u = root(u -> u^3 - (1 + b + k) * p, 0, 50)", lambda c: np.cbrt(c)),
        ("u = argmin(u -> cosh(u - (1 + b + k) * p), start = 0)", lambda c: c),
        (
            "u = 0\n if b { u = root(u -> u - (2 + k) * p, -1, 90) } else { u = argmin(u -> (u - (1 + k) * p)^2, 0) }",
            lambda c: c,
        ),
    ],
)
def test_random_choices_inside(solution: str, inverse: Any) -> None:
    """The derivative of E[u], with decisions that move the solution: by alternatives, and by scores."""
    from scipy.stats import poisson

    def mean(p: float) -> float:
        k = np.arange(40)
        law = poisson(2 * p).pmf(k)
        return float(sum(law @ inverse((1 + b + k) * p) * (p if b else 1 - p) for b in (0, 1)))

    m = model(DECIDED.format(solution=solution))
    exact = (mean(0.3001) - mean(0.2999)) / 0.0002
    agree(m)
    for by in ({}, {"*": "score"}):
        result = m.grad(40_000, by=by)
        assert result.mean["value"] == pytest.approx(mean(0.3), rel=0.03)
        assert result.gradient["value"]["p"] == pytest.approx(exact, abs=5 * result.se["value"]["p"] + 1e-3)
        assert result.se["value"]["p"] < 0.1 * exact


@pytest.mark.slow
def test_in_processes_loops_and_plates() -> None:
    m = model(
        "param a = 2\n h ~ shower(8, a) limit 32\n s = 0\n k = 0\n"
        "while k < 3 limit 5 { s = s + root(u -> u^2 - a - k, 0, 9)\n k = k + 1 }\n"
        "plate i in 0..3 { y ~ normal(a, 1)\n z = argmin(v -> (v - y)^2 + (v - i)^2, start = 0) }\n"
        "return (n = sum(h), s = s, z = sum(z))",
        "process shower(e, a) {\n z ~ uniform(0.2, 0.8)\n keep ~ bernoulli(0.5)\n"
        " emit root(u -> u^3 + u - z * a * e, 0, 99)\n"
        " if e > 2 and keep {\n spawn shower(z * e, a)\n spawn shower((1 - z) * e, a)\n }\n}",
    )
    agree(m)
    result = m.grad(4000)
    assert result.gradient["s"]["a"] == pytest.approx(sum(0.5 / np.sqrt(2 + k) for k in range(3)), rel=1e-5)
    assert result.gradient["z"]["a"] == pytest.approx(1.5, rel=1e-5)
    up, down = (m.simulate(4000, a=2 + d).mean["n"] for d in (0.01, -0.01))
    assert result.gradient["n"]["a"] == pytest.approx((up - down) / 0.02, rel=1e-2)


HITS = """
type hit { x: length, w: real }
process shower(e: real, x: length, free: length) {
    d ~ exponential(1 / free)
    emit hit(x = x + d, w = e)
    if e > 1 {
        z ~ uniform(0.2, 0.8)
        spawn shower(z * e, x + d, free)
        spawn shower((1 - z) * e, x + d, free)
    }
}
"""


@pytest.fixture(scope="module")
def centres() -> hepppl.Model:
    """Where the hits of a shower lie, by a search and by its formula."""
    return model(
        "param free: length = 2 cm\n param p in (0, 1) = 0.4\n h ~ shower(4, 0 cm, free) limit 32\n b ~ bernoulli(p)\n"
        "fit = argmin(v -> sum((h.w + b) * (h.x - v)^2) / mm^2, start = 0 mm)\n"
        "return (fit = fit, formula = sum((h.w + b) * h.x) / sum(h.w + b))",
        HITS,
    )


@pytest.mark.slow
def test_a_collection_inside_a_search(centres: hepppl.Model) -> None:
    """The elements are kept for the search. Its derivatives, those of a decision taken after the shower among them, are
    those of the formula."""
    agree(centres, 4)
    result = centres.grad(500)
    assert result.mean["fit"] == pytest.approx(result.mean["formula"], rel=1e-6)
    for name in ("free", "p"):
        assert result.gradient["fit"][name] == pytest.approx(result.gradient["formula"][name], rel=1e-4)
        assert result.gradient["fit"][name] != 0


def test_a_collection_inside_a_search_is_refused_in_reverse_mode(centres: hepppl.Model) -> None:
    with pytest.raises(HepPlanError, match="reduced after its run") as caught:
        centres.grad(10, mode="reverse")
    assert caught.value.diagnostics[0].code == "E608"


@pytest.mark.slow
def test_every_reduction_inside_a_search() -> None:
    m = model(
        "param free: length = 2 cm\n h ~ shower(4, 0 cm, free) limit 32\n edges = [0, 2, 4]\n"
        "line = argmin(v -> sum((h.x / cm - v[0] - v[1] * h.w)^2), start = [0, 0])\n"
        "m = root(u -> mean(h.x) / cm - u, -10, 90)\n n = root(u -> count(h.w > 1) - u, -1, 40)\n"
        "hi = root(u -> max(u * h.w) - 8, 0, 9)\n lo = root(u -> min(u * h.w) - u + 1, 0, 90)\n"
        "first = argmin(v -> (v - padded(h.w * v, 32)[0] / 4 - 1)^2 + (v - sum(hist(h.w, edges)))^2, start = 1)\n"
        "any = root(u -> (if any(h.w > 2) then u else -1) - 0.5, 0, 1)\n"
        "return (a = line[0], b = line[1], m = m, n = n, hi = hi, lo = lo, first = first, any = any)",
        HITS,
    )
    agree(m, 6, rel=1e-4)


@pytest.mark.slow
def test_nothing_comes_from_the_room_that_is_left() -> None:
    """The logarithm of an element that is not there has no derivative, and no sum depends on the room."""
    body = (
        "param a = 2\n h ~ run({start}, a) limit 2\n"
        "v = argmin(v -> sum((log(h / a) - v)^2) + v^2 / 100, start = 0)\n return v"
    )
    item = "process run(k, a) {\n emit a * k\n if k > 1 { spawn run(k - 1, a) }\n}"
    for start in (3, 40):  # 40 elements are more than there is room for at first
        m = model(body.format(start=start), item)
        exact = sum(np.log(k) for k in range(1, start + 1)) / (start + 0.01)
        result = m.grad(2)
        assert result.mean["value"] == pytest.approx(exact, rel=1e-5)
        assert result.gradient["value"]["a"] == pytest.approx(0, abs=1e-5)


def test_functions_with_loops_and_branches_are_solved() -> None:
    m = model(
        "param a = 2\n return (p = root(u -> power(u, 3) - a, 0, 9), q = root(u -> halving(u) - a, 0, 99), "
        "r = argmin(v -> if v > 0 then (v - a)^2 else 9 - v, start = 1))",
        "fn power(u, n: int) {\n y = 1\n for i in 0..n { y = y * u }\n return y\n}\n"
        "fn halving(u) {\n k = 0\n x = u\n while x > 4 limit 30 { x = x / 2\n k = k + 1 }\n return x + 2 * k\n}",
    )
    events, mine = m.simulate(1), reference.simulate(m.program, 1)
    assert events.outputs["p"][0] == pytest.approx(mine.outputs["p"][0], rel=1e-6)
    assert events.outputs["q"][0] == pytest.approx(2)
    assert events.outputs["r"][0] == pytest.approx(2)
    gradient = m.grad(1).gradient
    assert gradient["p"]["a"] == pytest.approx(2 ** (-2 / 3) / 3, rel=1e-5)
    assert gradient["q"]["a"] == gradient["r"]["a"] == 1


def test_double_precision() -> None:
    m = model("param a = 2\n return (p = root(u -> u^2 - a, 0, 9), q = argmin(v -> cosh(v - a), start = 0))")
    events = m.simulate(1, precision=64)
    assert events.outputs["p"][0] == pytest.approx(np.sqrt(2), rel=1e-14)
    assert events.outputs["q"][0] == pytest.approx(2, rel=1e-10)


# ---------------------------------------------------------------- what is not found


@pytest.mark.parametrize(
    ("expression", "word"),
    [
        ("root(u -> u^2 + x, 0, 1)", "no zero"),
        ("argmin(v -> -(v - x)^2, start = 0)", "no minimum"),
        pytest.param("argmin(v -> x * v, start = 1)", "no minimum", marks=pytest.mark.slow),
        pytest.param("argmin(v -> log(v), start = -1 - x)", "no minimum", marks=pytest.mark.slow),
    ],
)
def test_what_is_not_found_is_never_silent(expression: str, word: str) -> None:
    m = model(f"x ~ uniform(1, 2)\n return {expression}")
    with pytest.raises(HepResultError, match=word) as caught:
        m.simulate(10)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "E906"
    assert diagnostic.span is not None
    assert diagnostic.span.text == expression
    assert caught.value.result.truncated == 1
    assert [f and f[0] for f in reference.simulate(m.program, 3).fault] == ["unsolved"] * 3


def test_only_the_events_that_get_there_count() -> None:
    body = (
        "b ~ bernoulli(0.25)\n y = 1\n if b { y = root(u -> u + 2, 0, 1) }\n"
        "z = if b then 1 else root(u -> u - 0.5, 0, 1)\n return y + z"
    )
    m = model(body)
    events = m.simulate(2000, tolerance=0.5)
    assert events.truncated == pytest.approx(0.25, abs=0.03)
    mine = reference.simulate(m.program, 200)
    assert sum(f is not None for f in mine.fault) == round(m.simulate(200, tolerance=1).truncated * 200)


def test_an_index_counts_at_the_solution_only() -> None:
    """On its way the search may look outside the array."""
    m = model("param a = 2\n t = [1, 4, 9]\n return root(u -> u + t[int(u)] - a - 1, 0, 8)")
    with pytest.raises(HepPlanError):
        model("x ~ normal(0, 1)\n param a = 2\n return root(u -> u + int(u + x) - a, 0, 8)").plan(by={"*": "reparam"})
    assert m.simulate(1).truncated == 0
    with pytest.raises(HepResultError, match="index out of range"):
        m.simulate(1, a=15.0)
