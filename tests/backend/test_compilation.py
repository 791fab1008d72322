"""A program is compiled once, whatever its parameters' values and its seed; what is compiled is kept within bounds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hepppl
from hepppl import _cache
from hepppl.backends.jax import disk

from .test_control_flow import GEOMETRIC

SHOWER = """
process p(e: real, s: real) {
    emit e
    splits ~ bernoulli(s)
    if splits and e > 0.1 {
        z ~ uniform(0, 1)
        spawn p(z * e, s)
        spawn p((1 - z) * e, s)
    }
}
model shower {
    param s: real in (0, 1) = 0.6
    param start: real = 2
    h ~ p(start, s) limit 64
    return count(h) * start
}
"""
#: Another value of every parameter.
MOVED = {GEOMETRIC: {"p": 0.45}, SHOWER: {"s": 0.3, "start": 3.0}}


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The names of what was looked for on disk, or compiled, since the test began."""
    monkeypatch.setenv("HEPPPL_CACHE", "off")
    made: list[Any] = []
    real = disk.compiled

    def compiled(traced: Any, options: Any, name: Any, *rest: Any) -> Any:
        made.append(name)
        return real(traced, options, name, *rest)

    monkeypatch.setattr(disk, "compiled", compiled)
    return made


@pytest.mark.parametrize("text", [pytest.param(GEOMETRIC, marks=pytest.mark.slow), SHOWER], ids=["loop", "process"])
def test_a_change_of_parameter_or_seed_never_recompiles(text: str, compilations: list[Any]) -> None:
    model = hepppl.parse(text)
    runs = (model.simulate, model.grad)
    first = [run(300) for run in runs]
    assert len(compilations) == len(runs)
    for options in ({"seed": 7}, {"params": MOVED[text]}, {"seed": 2**60, "params": MOVED[text]}):
        moved = [run(300, **options) for run in runs]
        assert [result.seconds["compile"] for result in moved] == [0.0, 0.0]
        assert moved[0].mean != first[0].mean
    for n in (290, 1000, 2000):  # few thousands are one size
        for run in runs:
            run(n)
    assert len(compilations) == len(runs)


def test_long_sums_over_events_do_not_lose_digits() -> None:
    """A single-precision sum of 200,000 equal numbers would be off by 1e-5 or so of itself."""
    model = hepppl.parse("model m {\n    param t: real = 0.1\n    x ~ uniform(0, 1)\n    return t + (x - x)\n}")
    result = model.grad(200_000)
    exact = float(np.float32(0.1))
    assert result.mean["value"] == pytest.approx(exact, rel=1e-12)
    assert result.gradient["value"]["t"] == pytest.approx(1, rel=1e-12)
    assert model.simulate_to(None, 200_000).mean["value"] == pytest.approx(exact, rel=1e-12)


def test_the_cache_keeps_within_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEPPPL_CACHE", str(tmp_path))
    monkeypatch.setattr(disk, "SECONDS", 0.0)
    hepppl.parse(GEOMETRIC).simulate(100)
    size = sum(size for _, size, _ in _cache.entries())
    monkeypatch.setattr(_cache.trim, "__defaults__", (size * 3 // 2,))
    for limit in (201, 202, 203):
        hepppl.parse(GEOMETRIC.replace("limit 200", f"limit {limit}")).simulate(100)
        assert 0 < sum(size for _, size, _ in _cache.entries()) <= size * 3 // 2
