"""Where random bits come from, on programs made by hand: the keys and counters of the documentation, computed here."""

import numpy as np
import pytest

from hepppl.backends.reference import simulate, trace
from hepppl.backends.reference.threefry import child_key, event_key, threefry2x32
from hepppl.semantics.types import BOOL, INT, REAL

from .build import Builder

SEED = 0xDEADBEEF12345678


def u_of(words):
    return float(np.float32((words[0] >> 8) * 2.0**-24 + 2.0**-25))


def uniform_site(b, name="u"):
    return b.site(name, "uniform", low=b.const(0.0), high=b.const(1.0))


@pytest.mark.parametrize("rounds", [13, 20])
def test_site_of_the_event(rounds):
    b = Builder()
    uniform_site(b, "first")
    program = b.program(x=uniform_site(b))
    events = simulate(program, 5, SEED, first_event=2**32 - 2, rounds=rounds)
    for i, x in enumerate(events["x"]):
        key = threefry2x32(0x12345678, 0xDEADBEEF, (2**32 - 2 + i) % 2**32, int(i >= 2), rounds)
        assert x == u_of(threefry2x32(*key, 2, 0, rounds))


def test_nested_loops_count_in_mixed_radix():
    """A plate of 3 from 5, in it a loop of 4 from -1, in it a while of at most 7 turns."""
    b = Builder()
    plate, total, turn = b.value(INT), b.value(REAL), b.value(INT)
    with b.region(plate) as rows:
        zero = b.const(0.0)
        with b.region(turn, total) as inner:
            k, s = b.value(INT), b.value(REAL)
            with b.region(k, s) as condition:
                condition.results.append(b.pure("lt", k, b.const(2), type=BOOL))
            with b.region(k, s) as body:
                body.results += [b.pure("add", k, b.const(1), type=INT), b.pure("add", s, uniform_site(b))]
            _, s = b.add(
                "while", b.const(0), total, types=(INT, REAL), regions=(condition.region, body.region), limit=7
            )
            inner.results.append(s)
        rows.results += b.add("for", zero, types=(REAL,), regions=(inner.region,), start=-1, stop=3)
    from hepppl.semantics.types import Tensor

    (out,) = b.add("plate", types=(Tensor("real", shape=(3,)),), regions=(rows.region,), start=5, stop=8)
    program = b.program(x=out)
    key = event_key(SEED, 4)
    expected = [
        sum(u_of(threefry2x32(*key, 1, (p * 4 + f) * 7 + w)) for f in range(4) for w in range(2)) for p in range(3)
    ]
    assert simulate(program, 1, SEED, first_event=4)["x"][0] == pytest.approx(expected, rel=1e-14)


def shower(children: int, generations: int, limit: int):
    """Every particle emits a uniform and its number, then spawns ``children`` numbered 10 n, 10 n + 1, …"""
    b = Builder()
    left, n = b.value(INT), b.value(INT)
    with b.region() as body:
        i = b.value(INT)
        b.add("emit", uniform_site(b), n)
        with b.region() as then:
            with b.region(i) as loop:
                child = b.pure("add", b.pure("mul", n, b.const(10), type=INT), i, type=INT)
                b.add("spawn", b.pure("sub", left, b.const(1), type=INT), child, process="p")
            b.add("for", regions=(loop.region,), start=0, stop=children)
        with b.region() as otherwise:
            pass
        b.add("branch", b.pure("gt", left, b.const(0), type=BOOL), regions=(then.region, otherwise.region))
    fields = (("u", REAL), ("n", INT))
    b.process("p", (left, n), body.region, *fields)
    h = b.run_process("p", b.const(generations), b.const(1), limit=limit, fields=fields)
    outputs = {}
    for k, name in enumerate(("u", "n")):
        element = tuple(b.value(t) for _, t in fields)
        with b.region(*element) as region:
            region.results.append(element[k])
        outputs[name] = b.pure("reduce", h, type=fields[k][1], regions=(region.region,), kind="jagged")
    return b.program(**outputs)


def test_particles_are_followed_depth_first_and_keep_their_stream():
    program = shower(children=3, generations=2, limit=100)
    events = simulate(program, 1, SEED, first_event=9)
    root = threefry2x32(*event_key(SEED, 9), 2, 0)
    expected = []

    def follow(n, left, key, step):
        expected.append((n, u_of(threefry2x32(*key, 1, step))))
        if left:
            follow(10 * n, left - 1, key, step + 1)
            for k in (2, 1):
                follow(10 * n + k, left - 1, child_key(key, step, k), 0)

    follow(1, 2, root, 0)
    assert [n for n, _ in expected] == [1, 10, 100, 102, 101, 12, 120, 122, 121, 11, 110, 112, 111]
    assert list(zip(events["n"][0], events["u"][0], strict=True)) == expected
    assert events.steps == [13]
    assert events.fault == (None,)


def test_site_in_a_loop_of_a_particle():
    """Counter step * M + l, with M the product of the extents around the site."""
    b = Builder()
    left, i, j = b.value(INT), b.value(INT), b.value(INT)
    with b.region() as body:
        with b.region(i) as outer:
            with b.region(j) as inner:
                b.add("emit", uniform_site(b))
            b.add("for", regions=(inner.region,), start=0, stop=3)
        b.add("for", regions=(outer.region,), start=0, stop=2)
        with b.region() as then:
            b.add("spawn", b.pure("sub", left, b.const(1), type=INT), process="p")
        with b.region() as otherwise:
            pass
        b.add("branch", b.pure("gt", left, b.const(0), type=BOOL), regions=(then.region, otherwise.region))
    b.process("p", (left,), body.region, ("", REAL))
    h = b.run_process("p", b.const(4), limit=1, fields=(("", REAL),))
    element = b.value(REAL)
    with b.region(element) as region:
        region.results.append(element)
    out = b.pure("reduce", h, regions=(region.region,), kind="jagged")
    key = threefry2x32(*event_key(SEED, 0), 2, 0)
    assert list(simulate(b.program(u=out), 1, SEED)["u"][0]) == [u_of(threefry2x32(*key, 1, c)) for c in range(5 * 6)]


def test_limit_counts_the_current_particle_and_drops_the_last_children():
    """Three children fill the limit of 3, so of the first one's own children only one fits."""
    program = shower(children=3, generations=2, limit=3)
    events = simulate(program, 2, SEED)
    assert [kind for kind, _ in events.fault] == ["truncated"] * 2
    assert events.fault[0][1].op == "process"
    assert list(events["n"][0]) == [1, 10, 100, 12, 120, 121, 11, 110, 112, 111]


def test_trace_lists_the_draws():
    program = shower(children=2, generations=1, limit=3)
    draws = trace(program, 3, SEED)
    assert [d.value for d in draws] == list(simulate(program, 1, SEED, first_event=3)["u"][0])
    assert [(d.site, d.number, d.counter) for d in draws] == [("u", 1, 0), ("u", 1, 1), ("u", 1, 0)]
    assert draws[0].u == draws[0].value
