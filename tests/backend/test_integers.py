"""Integers beyond 32 bits are a fault in both back ends, never a number that wrapped around."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import hepppl
from hepppl.backends import reference
from hepppl.backends.jax.integers import guarded, overflows
from hepppl.diagnostics.errors import HepResultError, HepValueError

EDGE = np.array([0, 1, -1, 2, -2, 46340, 46341, -46341, 65535, 65536, -65536, 2**30, -(2**30), 2**31 - 1, -(2**31)])


@pytest.mark.parametrize("op", ["add", "sub", "mul"])
def test_every_pair_at_the_edge(op: str) -> None:
    f = {"add": np.add, "sub": np.subtract, "mul": np.multiply}[op]
    rng = np.random.default_rng(1)
    random = rng.integers(-(2**31), 2**31, 4000) >> rng.integers(0, 31 if op == "mul" else 1, 4000)
    first, second = np.meshgrid(EDGE, EDGE)
    x, y = np.concatenate([first.ravel(), random]), np.concatenate([second.ravel(), random[::-1]])
    true = f(x, y)
    beyond = (true < -(2**31)) | (true >= 2**31)
    pairs = (v.astype(np.int32) for v in (x, y, true))
    found = jax.jit(jax.vmap(lambda a, b, c: overflows(op, (a, b), c)))(*pairs)
    assert np.array_equal(found, beyond)
    assert 300 < beyond.sum() < len(x) - 300


def test_powers_sums_and_products() -> None:
    def beyond(op: str, true: int, *xs: object) -> bool:
        arrays = tuple(np.asarray(x, np.int32) for x in xs)
        return bool(overflows(op, arrays, np.int64(true).astype(np.int32)))

    for base, exponent in ((2, 31), (-2, 32), (3, 20), (9, 20), (46341, 2)):
        assert beyond("pow", (base**exponent + 2**31) % 2**32 - 2**31, base, exponent)
    for base, exponent in ((2, 30), (-2, 31), (3, 19), (2**31 - 1, 1), (46340, 2), (0, 5)):
        assert not beyond("pow", base**exponent, base, exponent)
    half = 2**30
    assert not beyond("sum", 2 * half - 1, [half, half - 1])
    assert beyond("sum", 2 * half, [half, half])
    assert not beyond("sum", 0, [half, half, -half, -half])
    assert beyond("cumsum", 0, [half, half, -half, -half])
    assert not beyond("sum", -2 * half, [-half, -half])
    assert beyond("prod", 2**31, [2**16, 2**15])
    assert not beyond("prod", -(2**31), [2**16, -(2**15)])
    assert beyond("dot", 2**31, [2**15, 2**15], [2**15, 2**15])
    assert not beyond("dot", 2**30, [2**15, 2], [2**15, 0])


PROGRAM = """
model m {
    k ~ poisson(46340)
    j ~ binomial(9, 0.5)
    turns = 0
    while turns < j limit 10 { turns = turns + 1 }
    return (square = k * k, safe = 1000 * j, more = turns + 1, shifted = k + 1)
}
"""


def test_a_product_beyond_32_bits() -> None:
    """Where k > 46340 = floor(sqrt(2^31)); of the other operations none can get there, and none is looked at."""
    m = hepppl.parse(PROGRAM)
    assert [node.span.text for node in guarded(m.program)] == ["k * k"]
    mine = reference.simulate(m.program, 40, seed=3)
    beyond = np.asarray(mine.outputs["shifted"]) > 46341
    assert [f and f[0] for f in mine.fault] == ["integer" if b else None for b in beyond]
    assert 5 < beyond.sum() < 35
    events = m.simulate(40, seed=3, tolerance=1)
    assert events.truncated == beyond.mean()
    assert np.array_equal(events.outputs["square"][~beyond], np.asarray(mine.outputs["square"])[~beyond])
    with pytest.raises(HepResultError, match="beyond 32 bits") as caught:
        m.simulate(40, seed=3)
    assert caught.value.diagnostics[0].code == "E950"
    assert caught.value.diagnostics[0].span is not None
    assert caught.value.diagnostics[0].span.text == "k * k"


def test_data_beyond_32_bits() -> None:
    m = hepppl.parse("model m { data k: int[2]\n return k[0] }")
    with pytest.raises(HepValueError, match="E411"):
        m.simulate(1, data={"k": [1, 3_000_000_000]})
