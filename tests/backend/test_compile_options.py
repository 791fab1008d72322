"""Programs are compiled for wide vectors only where those give the same numbers."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import hepppl
from hepppl.backends.jax import compile_program
from hepppl.backends.jax.compile_options import FUNCTIONS, compile_options, primitives

WIDTHS = (256, 512)


@pytest.mark.parametrize("name", [*sorted(FUNCTIONS), "pow", "div"])
def test_a_function_gives_the_same_at_both_widths(name: str) -> None:
    rng = np.random.default_rng(0)
    x = (10 ** rng.uniform(-6, 2, 10_007)).astype(np.float32)
    x = np.concatenate([x, -x, rng.uniform(-1, 1, 5_003).astype(np.float32)])
    one = getattr(lax, name)
    function = (lambda v: one(v, v[::-1])) if name in ("pow", "div") else one
    lowered = jax.jit(function).lower(x)
    narrow, wide = (np.asarray(lowered.compile(compiler_options={"xla_cpu_prefer_vector_width": w})(x)) for w in WIDTHS)
    np.testing.assert_allclose(wide, narrow, rtol=2e-6, atol=1e-30)


@pytest.mark.parametrize(("name", "function"), [("atan", jnp.arctan), ("log1p", jnp.log1p), ("lgamma", lax.lgamma)])
def test_what_suffers_from_wide_vectors_keeps_a_program_narrow(name: str, function: Any) -> None:
    def program(x: jax.Array) -> jax.Array:
        return lax.fori_loop(0, 3, lambda i, y: function(y) + x, x)

    traced = jax.jit(program).trace(jnp.ones(8))
    assert name in set(primitives(traced.jaxpr.jaxpr))
    assert "xla_cpu_prefer_vector_width" not in (compile_options(traced.jaxpr.jaxpr) or {})


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="an option of the CPU")
@pytest.mark.parametrize("law", ["normal(0, 1)", "exponential(1)", "bernoulli(0.5)"])
def test_common_laws_do_not(law: str) -> None:
    model = hepppl.parse(f"model m {{\n    x ~ {law}\n    return x\n}}")
    compiled = compile_program(model.model_graph)
    call, _ = compiled.function("simulate", 64, 1)
    traced = jax.jit(call).trace(*compiled.arguments(0, 0, 64, {}, {}))
    assert (compile_options(traced.jaxpr.jaxpr) or {})["xla_cpu_prefer_vector_width"] == 512


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="an option of the CPU")
def test_arithmetic_is_widened() -> None:
    traced = jax.jit(lambda x: jnp.exp(x) * x + jnp.cumsum(x)).trace(jnp.ones(8))
    assert (compile_options(traced.jaxpr.jaxpr) or {})["xla_cpu_prefer_vector_width"] == 512
