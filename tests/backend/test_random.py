"""Threefry against the known-answer vectors of Random123, and the uniforms made from it."""

from __future__ import annotations

import numpy as np
import pytest

from hepppl.backends.jax.random import threefry2x32, uniform

ONES = 0xFFFFFFFF
VECTORS = [
    (13, (0, 0), (0, 0), (0x9D1C5EC6, 0x8BD50731)),
    (13, (ONES, ONES), (ONES, ONES), (0xFD36D048, 0x2D17272C)),
    (13, (0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xBA3E4725, 0xF27D669E)),
    (20, (0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
    (20, (ONES, ONES), (ONES, ONES), (0x1CB996FC, 0xBB002BE7)),
    (20, (0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
]


@pytest.mark.parametrize(("rounds", "counter", "key", "words"), VECTORS)
def test_known_answers(rounds: int, counter: tuple[int, int], key: tuple[int, int], words: tuple[int, int]) -> None:
    assert tuple(int(w) for w in threefry2x32(*map(np.uint32, (*key, *counter)), rounds)) == words


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_uniforms_lie_strictly_inside_the_unit_interval(dtype: type) -> None:
    import jax

    with jax.enable_x64(dtype is np.float64):
        u = np.asarray(uniform(np.array([0, ONES], np.uint32), np.dtype(dtype)))
    assert u[0] == dtype(2.0**-25)
    assert u[1] < 1
    assert u.dtype == dtype
