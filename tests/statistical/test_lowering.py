"""Compiled programs lower for accelerators that this machine need not have."""

from __future__ import annotations

from typing import Any

import pytest

from .acceptance import load

SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("chain_reaction", "photodetector", "vertex")]
PROGRAMS = ["discrete_choice", "random_walk", "absorber", *SLOW]


@pytest.mark.every(2)
@pytest.mark.parametrize("platform", ["cuda", "tpu"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_lower_through_jax_export(name: str, platform: str) -> None:
    import jax
    from jax import export

    model = load(name)
    compiled = model.compile()
    point = {param: info.default for param, info in model.params.items()}

    def simulate(seed: Any) -> Any:
        return compiled.simulate(seed, point, 256)

    def gradient(seed: Any, point: dict[str, Any]) -> Any:
        return compiled.value_and_grad(seed, point, 256)

    key = jax.random.key(0)
    for function, arguments in (
        (simulate, (key,)),
        (gradient, (key, {k: jax.numpy.float32(v) for k, v in point.items()})),
    ):
        exported = export.export(jax.jit(function), platforms=[platform])(*arguments)
        assert exported.platforms == (platform,)
        assert len(exported.mlir_module_serialized) > 0
