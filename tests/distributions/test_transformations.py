"""JAX's transformations: forward and reverse mode agree, loops can hold every law, every platform compiles it."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

from hepppl import distributions

from .cases import BY_NAME, CONTINUOUS, DISCRETE, REARRANGED, typed

#: Those tried inside loops every time.
IN_LOOPS = {"bernoulli", "categorical", "exponential", "gamma", "geometric", "normal"}


def _program(name):
    """A function of one event that uses all of a law: a draw, its log probability and cdf, and all derivatives."""
    law = distributions.get(name)
    numerics = law.load()
    moving = tuple(i + 1 for i, p in enumerate(law.parameters) if p.kind == "real")

    def event(u, *params):
        x = numerics.sample(u, *params)
        out = [x, numerics.valid(*params), numerics.log_prob(x, *params), numerics.cdf(x, *params)]
        if moving:
            out.append(jax.jacfwd(numerics.cdf, moving)(x, *params))
            out.append(jax.jacrev(numerics.log_prob, moving)(x, *params))
        if moving and name in CONTINUOUS:
            out.append(jax.jacfwd(numerics.sample, moving)(u, *params))
        return out

    return event


@pytest.mark.every(4)
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in REARRANGED)) for name in BY_NAME]
)
def test_lowers_for_every_platform(name):
    """For one event inside a batch; without callbacks, and without calls that only one platform has."""
    params = [jax.ShapeDtypeStruct((64, *p.shape), p.dtype) for p in typed(BY_NAME[name][0], np.float32)]
    batched = jax.jit(jax.vmap(_program(name)))
    exported = export.export(batched, platforms=["cpu", "cuda", "tpu"])(
        jax.ShapeDtypeStruct((64,), jnp.float32), *params
    )
    assert exported.platforms == ("cpu", "cuda", "tpu")
    text = exported.mlir_module()
    assert "callback" not in text
    assert "custom_call" not in text


@pytest.mark.every(2)
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name not in IN_LOOPS)) for name in BY_NAME]
)
def test_works_inside_loops(name):
    """In a while loop and a scan, with forward and, through the scan, reverse derivatives."""
    law, case = distributions.get(name), BY_NAME[name][0]
    numerics, params = law.load(), [jnp.asarray(p) for p in typed(case, np.float32)]
    last = len(params) - 1
    if law.parameters[last].kind == "int":
        params, last = [jnp.asarray(p) for p in typed(case, np.float32)], None

    def step(total, u, *params):
        x = numerics.sample(u, *params)
        return total + x.astype(jnp.float32) + numerics.log_prob(x, *params)

    def scanned(*params):
        total, _ = jax.lax.scan(lambda t, u: (step(t, u, *params), None), jnp.float32(0), jnp.array([0.2, 0.7]))
        return total

    def looped(*params):
        def body(carry):
            i, total = carry
            return i + 1, step(total, 0.2 + 0.5 * i, *params)

        return jax.lax.while_loop(lambda c: c[0] < 2, body, (0, jnp.float32(0)))[1]

    if last is None:
        scan, loop = jax.jit(lambda *p: (scanned(*p), looped(*p)))(*params)
        assert np.isclose(scan, loop, rtol=1e-5)
        return
    (scan, backward), (loop, forward) = jax.jit(
        lambda *p: (jax.value_and_grad(scanned, last)(*p), (looped(*p), jax.jacfwd(looped, last)(*p)))
    )(*params)
    assert np.isclose(scan, loop, rtol=1e-5)
    assert np.allclose(forward, backward, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", [n for n in BY_NAME if n not in ("categorical",)])
def test_takes_python_numbers(name):
    case = BY_NAME[name][0]
    numerics = distributions.get(name).load()
    x = jax.eval_shape(lambda u: numerics.sample(u, *case.params), 0.4)
    assert x.shape == ()
    assert x.dtype == (jnp.float32 if name in CONTINUOUS else bool if name == "bernoulli" else jnp.int32)
    assert jax.eval_shape(lambda x: numerics.log_prob(x, *case.params), x).dtype == jnp.float32


@pytest.mark.parametrize("name", DISCRETE)
def test_x64_leaves_integers_alone(name):
    case = BY_NAME[name][0]
    numerics = distributions.get(name).load()
    with jax.enable_x64(True):
        x = jax.eval_shape(lambda u: numerics.sample(u, *(np.asarray(p) for p in case.params)), np.float64(0.4))
        assert x.dtype == (bool if name == "bernoulli" else jnp.int32)
