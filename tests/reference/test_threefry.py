"""Random123's known-answer vectors (kat_vectors of the Random123 distribution, threefry2x32)."""

import numpy as np
import pytest

from hepppl.backends.jax.random import child_key as jax_child_key
from hepppl.backends.reference.threefry import child_key, event_key, threefry2x32, uniform

ONES = 0xFFFFFFFF


@pytest.mark.parametrize(
    ("rounds", "key", "counter", "words"),
    [
        (13, (0, 0), (0, 0), (0x9D1C5EC6, 0x8BD50731)),
        (13, (ONES, ONES), (ONES, ONES), (0xFD36D048, 0x2D17272C)),
        (13, (0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xBA3E4725, 0xF27D669E)),
        (20, (0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        (20, (ONES, ONES), (ONES, ONES), (0x1CB996FC, 0xBB002BE7)),
        (20, (0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_known_answers(rounds, key, counter, words):
    assert threefry2x32(*key, *counter, rounds) == words


def test_event_key_uses_all_words_of_seed_and_event():
    assert event_key(0x1122334455667788, 0x99AABBCCDD) == threefry2x32(0x55667788, 0x11223344, 0xAABBCCDD, 0x99)


@pytest.mark.parametrize("word", [0, 255, 256, 0x7FFFFFFF, 0x80000000, ONES])
def test_uniform_is_the_middle_of_its_interval(word):
    assert float(uniform(word)) == pytest.approx(((word >> 8) + 0.5) / 2**24, abs=2.0**-25)
    assert isinstance(uniform(word), np.float32)
    assert 0 < uniform(word) < 1


def test_particles_that_descend_from_one_have_keys_of_their_own() -> None:
    """All of five generations; the two back ends make the same keys. Two of 2.7e5 coincide by chance once in 5e8."""
    generation, seen = [(1, 2)], set()
    for _ in range(5):
        generation = [child_key(key, step, number) for key in generation for step in range(6) for number in (1, 2)]
        assert not seen.intersection(generation)
        seen.update(generation)
    assert len(seen) == sum(12**k for k in range(1, 6))
    keys = np.array(sorted(seen)[::1000], np.uint32).T
    steps, numbers = np.arange(keys.shape[1], dtype=np.uint32), np.arange(keys.shape[1], dtype=np.uint32) % 7
    ours = [child_key((int(a), int(b)), int(s), int(n)) for a, b, s, n in zip(*keys, steps, numbers, strict=True)]
    assert np.array_equal(np.stack(jax_child_key(*keys, steps, numbers)), np.array(ours, np.uint32).T)
