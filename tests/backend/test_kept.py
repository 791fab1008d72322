"""Values that XLA computes once for all their uses, and operations on batches that keep the batch last."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array, lax

from hepppl.backends.jax.value import Val, apart, apply, decided, kept, kept_index


@pytest.mark.parametrize("unsigned", [np.uint32, np.uint64])
def test_every_real_number_is_kept_and_nan_stays_nan(unsigned: type) -> None:
    """Also one whose bits are all ones, the number that the remainder is taken by."""
    bits = np.random.default_rng(0).integers(0, np.iinfo(unsigned).max, 10_000, unsigned, endpoint=True)
    bits[:4] = np.iinfo(unsigned).max, np.iinfo(unsigned).max - 1, 0, 1 << (8 * bits.itemsize - 1)
    x = bits.view(np.float32 if unsigned is np.uint32 else np.float64)
    x[4:6] = np.inf, -np.inf
    with jax.enable_x64(unsigned is np.uint64):
        found = np.asarray(jax.jit(kept)(x))
    assert np.isnan(x[0])
    np.testing.assert_array_equal(np.isnan(found), np.isnan(x))
    number = ~np.isnan(x)
    np.testing.assert_array_equal(found.view(unsigned)[number], bits[number])


def test_truths_and_indices_are_kept() -> None:
    x, y = np.array([[0, 0, 1, 1], [0, 1, 0, 1]], bool)
    np.testing.assert_array_equal(decided(x), x)
    np.testing.assert_array_equal(apart(x, y), [x & ~y, y])
    index = np.array([0, 1, 2**31 - 1], np.int32)
    np.testing.assert_array_equal(kept_index(index), index)
    assert kept_index(index).dtype == np.int32


def shifted(bits: Array) -> Array:
    for r in range(1, 12):
        bits = bits ^ (bits << r)
    return bits


KEEPERS: dict[str, Callable[[Array], Array]] = {
    "decided": lambda bits: decided(shifted(bits) > 7),
    "apart": lambda bits: apart(shifted(bits) > 7, bits > 9)[0],
    "kept": lambda bits: kept(shifted(bits).astype(jnp.float32)) > 7,
    "kept_index": lambda bits: kept_index(shifted(bits) >> 1) > 7,
}


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="about the fusion for CPUs")
@pytest.mark.parametrize("name", ["none", *KEEPERS])
def test_what_is_kept_is_computed_once(name: str) -> None:
    """A cheap chain is computed in every kernel that uses it, unless it is kept: that is what keeping is for."""
    decide = KEEPERS.get(name, lambda bits: shifted(bits) > 7)

    def uses(bits: Array, x: Array, y: Array) -> tuple[Array, Array]:
        yes = decide(bits)
        return jnp.where(yes, x, 0), jnp.where(yes, y, 1)

    args = np.arange(64, dtype=np.uint32), np.ones(64, np.float32), np.ones(64, np.float32)
    shifts = jax.jit(uses).lower(*args).compile().as_text().count(" shift-left(")
    assert shifts == (22 if name == "none" else 11)


@pytest.mark.parametrize("shared", [(), (3,), (2, 3)])
def test_operations_on_arrays_are_those_of_each_event(shared: tuple[int, ...]) -> None:
    """An operand that is shared by the batch meets one that is not; derivatives and alternatives too."""
    rng = np.random.default_rng(1)
    a = Val(rng.normal(size=shared), rng.normal(size=(2, *shared)), batched=False)
    b = Val(rng.normal(size=(2, 3, 5)), rng.normal(size=(2, 2, 3, 5)), rng.normal(size=(2, 3, 5)))

    def fn(x: Array, y: Array) -> Array:
        return jnp.sin(x) * y + y

    found, expected = (apply(fn, (a, b), elementwise=e) for e in (True, False))
    for ours, theirs in zip((found.p, found.t, found.a), (expected.p, expected.t, expected.a), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_the_batch_stays_last() -> None:
    """`vmap` would put it first wherever a shared array comes in, and a network's layers would be turned and back."""
    traced = jax.make_jaxpr(lambda p, q: apply(lax.add, (Val(p, batched=False), Val(q)), elementwise=True).p)(
        np.ones(3), np.ones((3, 5))
    )
    assert "transpose" not in str(traced)
