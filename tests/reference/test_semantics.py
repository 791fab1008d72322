"""Statements, reductions and faults, on programs made by hand."""

import numpy as np
import pytest

from hepppl.backends.reference import simulate, trace
from hepppl.semantics.types import BOOL, INT, REAL, Tensor

from .build import Builder


def emitting(*elements, kind, type=REAL, element_type=REAL, **attrs):
    """A program whose output is a reduction of a process that emits ``elements`` and ends."""
    b = Builder()
    with b.region() as body:
        for x in elements:
            b.add("emit", b.const(x, element_type))
    b.process("p", (), body.region, ("", element_type))
    h = b.run_process("p", limit=1, fields=(("", element_type),))
    captured = (b.const(attrs.pop("edges"), Tensor("real", shape=(3,))),) if "edges" in attrs else ()
    element = b.value(element_type)
    inner = tuple(b.value(v.type) for v in captured)
    with b.region(element, *inner) as region:
        region.results.append(element)
        if kind == "hist":
            region.results.append(b.const(2.0))
    return b.program(x=b.pure("reduce", h, *captured, type=type, regions=(region.region,), kind=kind, **attrs))


@pytest.mark.parametrize(
    ("kind", "some", "empty"),
    [("sum", 6.0, 0.0), ("mean", 2.0, np.nan), ("min", 1.0, np.inf), ("max", 3.0, -np.inf)],
)
def test_reductions_of_reals(kind, some, empty):
    assert simulate(emitting(3.0, 1.0, 2.0, kind=kind), 1)["x"] == [some]
    np.testing.assert_equal(simulate(emitting(kind=kind), 1)["x"], [empty])


def test_extremes_of_integers():
    options = {"type": INT, "element_type": INT}
    assert simulate(emitting(2, 5, kind="max", **options), 1)["x"] == [5]
    assert simulate(emitting(kind="max", **options), 1, precision=32)["x"] == [-(2**31)]
    assert simulate(emitting(kind="min", **options), 1, precision=32)["x"] == [2**31 - 1]


@pytest.mark.parametrize(
    ("kind", "type", "elements", "value"),
    [
        ("count", INT, (True, False, True), 2), ("count", INT, (), 0),
        ("any", BOOL, (False, True), True), ("any", BOOL, (), False),
        ("all", BOOL, (False, True), False), ("all", BOOL, (), True),
    ],
)  # fmt: skip
def test_reductions_of_conditions(kind, type, elements, value):
    out = simulate(emitting(*elements, kind=kind, type=type, element_type=BOOL), 1)["x"]
    assert out == [value]
    assert out.dtype.kind == {"int": "i", "bool": "b"}[type.kind]


def test_histogram_bins_hold_their_lower_edge():
    edges = (0.0, 1.0, 3.0)
    elements = (-0.1, 0.0, 0.99, 1.0, 3.0, 3.01, float("nan"))
    program = emitting(*elements, kind="hist", type=Tensor("real", shape=(2,)), edges=edges, bins=2)
    assert simulate(program, 1)["x"].tolist() == [[4.0, 2.0]]


def test_padded_fills_and_counts_the_rest_as_truncation():
    for elements, fault in (((5, 6), None), ((5, 6, 7), None), ((5, 6, 7, 8), "truncated")):
        type = Tensor("int", shape=(3,))
        events = simulate(emitting(*elements, kind="padded", type=type, element_type=INT, size=3, fill=-1), 1)
        assert events["x"].tolist() == [[*elements, -1, -1, -1][:3]]
        assert (events.fault[0] and events.fault[0][0]) == fault


def counting_while(limit):
    """Counts to 3 in a while loop."""
    b = Builder()
    k = b.value(INT)
    with b.region(k) as condition:
        condition.results.append(b.pure("lt", k, b.const(3), type=BOOL))
    with b.region(k) as body:
        body.results.append(b.pure("add", k, b.const(1), type=INT))
    (k,) = b.add("while", b.const(0), types=(INT,), regions=(condition.region, body.region), limit=limit)
    return b.program(k=k)


@pytest.mark.parametrize(("limit", "value", "fault"), [(0, 0, True), (2, 2, True), (3, 3, False), (4, 3, False)])
def test_while_stops_at_its_limit(limit, value, fault):
    events = simulate(counting_while(limit), 1)
    assert events["k"] == [value]
    assert [f and f[0] for f in events.fault] == ["truncated" if fault else None]


def test_only_the_branch_taken_is_executed():
    b = Builder()
    toss = b.site("toss", "bernoulli", BOOL, probs=b.const(0.5))
    with b.region() as then:
        b.add("weight", b.const(3.0))
        then.results.append(b.site("x", "normal", loc=b.const(5.0), scale=b.const(0.1)))
    with b.region() as otherwise:
        b.add("require", b.const(False))
        otherwise.results.append(b.site("y", "normal", loc=b.const(-5.0), scale=b.const(-1.0)))
    (x,) = b.add("branch", toss, types=(REAL,), regions=(then.region, otherwise.region))
    program = b.program(toss=toss, x=x)
    events = simulate(program, 40)
    toss = events["toss"]
    assert 5 < toss.sum() < 35
    assert (events["x"][toss] > 4).all()
    assert events.weight.tolist() == [3.0 if t else 0.0 for t in toss]
    assert [f and f[0] for f in events.fault] == [None if t else "invalid" for t in toss]
    for i, t in enumerate(toss):
        assert [d.site for d in trace(program, i)] == (["toss", "x"] if t else ["toss"])


def test_weights_multiply_and_a_rejected_event_stays_rejected():
    b = Builder()
    b.add("weight", b.const(-2.0))
    b.add("weight", b.const(1.5))
    assert simulate(b.program(), 1).weight == [-3.0]
    b.add("require", b.const(True))
    b.add("require", b.const(False))
    b.add("weight", b.const(2.0))
    assert simulate(b.program(), 1).weight == [0.0]


def test_a_process_that_does_not_die_out_is_stopped():
    b = Builder()
    with b.region() as body:
        b.add("emit", b.const(1.0))
        b.add("spawn", process="p")
    b.process("p", (), body.region, ("", REAL))
    h = b.run_process("p", limit=1, fields=(("", REAL),))
    element = b.value(REAL)
    with b.region(element) as region:
        region.results.append(element)
    events = simulate(b.program(x=b.pure("reduce", h, regions=(region.region,), kind="sum")), 2, max_steps=50)
    assert events["x"].tolist() == [50.0, 50.0]
    assert events.steps.tolist() == [50, 50]
    assert [kind for kind, _ in events.fault] == ["steps", "steps"]


def test_index_out_of_range_is_a_fault():
    b = Builder()
    array = b.const((1.0, 2.0), Tensor("real", shape=(2,)))
    index = b.site("i", "discrete_uniform", INT, low=b.const(0), high=b.const(3))
    program = b.program(i=index, x=b.pure("index", array, index))
    events = simulate(program, 40)
    assert set(events["i"]) == {0, 1, 2, 3}
    for i, x, fault in zip(events["i"], events["x"], events.fault, strict=True):
        assert (x, fault and fault[0]) == (min(i + 1, 2), "range" if i > 1 else None)


def test_data_for_an_observable_fixes_it_and_weighs_the_event():
    b = Builder()
    i, rate = b.value(INT), b.param("rate", 2.0)
    with b.region(i) as rows:
        rows.results.append(b.site("k", "poisson", INT, observed=True, rate=rate))
    (k,) = b.add("plate", types=(Tensor("int", shape=(2,)),), regions=(rows.region,), start=0, stop=2)
    program = b.program(k=k)
    events = simulate(program, 2, data={"k": [1, 3]}, params={"rate": 1.5})
    assert events["k"].tolist() == [[1, 3], [1, 3]]
    expected = np.exp(-1.5) * 1.5 * np.exp(-1.5) * 1.5**3 / 6
    np.testing.assert_allclose(events.weight, expected, rtol=1e-12)
    free = simulate(program, 20)
    assert len(set(map(tuple, free["k"].tolist()))) > 5
    assert set(free.weight) == {1.0}


def test_unknown_and_missing_values_are_named():
    b = Builder()
    b.param("theta", None)
    program = b.program()
    with pytest.raises(ValueError, match="no parameter, data or observable phi"):
        simulate(program, 1, params={"phi": 1.0})
    with pytest.raises(ValueError, match="no value is given for theta"):
        simulate(program, 1)


def test_single_precision():
    b = Builder()
    x = b.site("x", "normal", loc=b.const(0.0), scale=b.const(1.0))
    program = b.program(x=b.pure("div", x, b.const(3)))
    double, single = simulate(program, 10), simulate(program, 10, precision=32)
    assert (double["x"].dtype, single["x"].dtype) == (np.float64, np.float32)
    np.testing.assert_allclose(single["x"], double["x"], rtol=3e-7)
    assert (single["x"] != double["x"]).any()


def test_no_events():
    events = simulate(counting_while(5), 0)
    assert events["k"].shape == (0,)
    assert (len(events), events.fault) == (0, ())
