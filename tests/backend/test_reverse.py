"""Reverse mode agrees with forward mode on the same events, event sums and NaN alike; a Jacobian takes one pass."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import hepppl
from hepppl.backends.jax.compile_options import primitives
from hepppl.backends.jax.program import compile_program

# Where b is false, 1 / x, log(x) and what is made of them have infinite slopes at x = 0; the products are of factors
# that may be infinite (guarded) and of such that may not (plain).
DEAD = """
model dead {
    param t: real = 0.7
    param s: real = 0.4
    total = 0.0
    for i in 0..4 {
        b ~ bernoulli(0.2 + 0.5 * sigmoid(t * s * i))
        x = if b then 2.0 else 0.0
        inverse = t / x
        steep = log(x * s) * inverse * s
        if b { total = total + inverse * s + steep } else { total = total * t + s * s * i }
    }
    return total + t * total * s
}
"""


@pytest.mark.every(2)
@pytest.mark.parametrize("by", ["stochastic_ad", "score"])
def test_branches_that_are_not_taken_spoil_no_gradient(by: str) -> None:
    """One surrogate, differentiated both ways: equal but for rounding. The modes choose alternatives differently:
    only the score's estimates are the same event by event, the others are held within five standard errors."""
    model = hepppl.parse(DEAD)
    forward = model.grad(4000, seed=1, mode="forward", by={"b": by})
    reverse = model.grad(4000, seed=1, mode="reverse", by={"b": by})
    for name, slope in forward.gradient["value"].items():
        if by == "score":
            np.testing.assert_allclose(reverse.gradient["value"][name], slope, rtol=1e-4)
            np.testing.assert_allclose(reverse.std["value"][name], forward.std["value"][name], rtol=1e-4)
        else:
            error = np.hypot(forward.se["value"][name], reverse.se["value"][name])
            assert abs(reverse.gradient["value"][name] - slope) < 5 * error


MANY = """
model spectrum {
    param c: real[12] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2]
    total = 0.0
    for i in 0..12 {
        b ~ bernoulli(sigmoid(c[i] - total))
        total = total + (if b then 0.25 else 0.0)
    }
    plate j in 0..BINS { height = exp(-0.5 * (total - 0.1 * j)^2) }
    return height
}
"""
RANDOM_LENGTH = """
process track(x: real, c: real[12]) {
    stops ~ bernoulli(sigmoid(c[0] + c[5] * x - 1))
    emit (x = x)
    if not stops and x < 3 { spawn track(x + 0.5, c) }
}
model spectrum {
    param c: real[12] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2]
    x0 ~ normal(c[3], 0.5)
    hits ~ track(x0, c) limit 4
    return hist(hits.x, EDGES)
}
"""


def with_bins(source: str, bins: int) -> hepppl.Model:
    edges = ", ".join(f"{-1 + 5 * i / bins:.3f}" for i in range(bins + 1))
    return hepppl.parse(source.replace("BINS", str(bins)).replace("EDGES", f"[{edges}]"))


@pytest.mark.every(2)
@pytest.mark.parametrize("source", [MANY, RANDOM_LENGTH], ids=["loop", "process"])
def test_a_jacobian_goes_back_through_the_program_once(source: str) -> None:
    """However many elements an output has, the loops of the traced program are as many."""

    def loops(bins: int) -> int:
        model = with_bins(source, bins)
        compiled = compile_program(model.model_graph, plan=model.plan(), mode="reverse")
        call, _ = compiled.function(compiled.way, 64, 1, compiled.wrt)
        defaults = {param.name: param.default for param in model.model_graph.program.params}
        traced = jax.make_jaxpr(call)(*compiled.arguments(0, 0, 64, defaults, {}))
        return sum(name in ("scan", "while") for name in primitives(traced.jaxpr))

    assert loops(3) == loops(30) > 0


@pytest.mark.every(2)
@pytest.mark.parametrize("source", [MANY, RANDOM_LENGTH], ids=["loop", "process"])
def test_a_jacobian_is_that_of_forward_mode(source: str) -> None:
    """The score's estimates of the same events, element by element and parameter by parameter (without a baseline,
    which would be that of other batches)."""
    model = with_bins(source, 5)
    by = {site.name: 'score(baseline = "none")' for site in model.model_graph.sites()}
    forward = model.grad(512, seed=1, mode="forward", by=by).gradient["value"]["c"]
    reverse = model.grad(512, seed=1, mode="reverse", by=by).gradient["value"]["c"]
    assert forward.shape == (5, 12)
    np.testing.assert_allclose(reverse, forward, rtol=1e-3, atol=1e-4)


def test_few_parameters_and_many_elements_go_forward() -> None:
    """A derivative that is carried forward serves all elements of the outputs."""
    few, many = (with_bins(MANY, bins).grad(256, seed=1) for bins in (5, 30))
    assert few.mode == "reverse"
    assert many.mode == "forward"
