"""The Python API: what `interface` promises, on programs with known answers."""

from __future__ import annotations

import math
from pathlib import Path

import networkx
import numpy as np
import pytest

import hepppl
from hepppl.plugin import registry

CHOICE = """
model choice {
    param x: real in (-2, 2) = 0.7
    b ~ bernoulli(sin(2 * x)^2)
    return x^2 + b
}
"""
BEAM = """
model beam {
    param radius: length in (1 mm, 1 m) = 10 cm
    param shift: real[2] = [0.5, -0.5]
    x ~ normal(0 mm, radius)
    return (r2 = x^2, moved = [shift[0] * radius, shift[1] * radius])
}
"""


@pytest.fixture(scope="module")
def choice() -> hepppl.Model:
    return hepppl.parse(CHOICE)


def test_a_plan_is_chosen_once_as_long_as_the_same_packages_are_installed(choice: hepppl.Model) -> None:
    first = choice.plan()
    assert choice.plan() is first
    assert choice.plan(by={"b": "score"}).rows[0].estimator == "score" != first.rows[0].estimator
    registry.refresh()
    assert choice.plan() is not first
    assert choice.plan() == first


def test_load_and_parse_agree(tmp_path: Path) -> None:
    (tmp_path / "c.hep").write_text(CHOICE)
    loaded, parsed = hepppl.load(tmp_path / "c.hep"), hepppl.parse(CHOICE)
    assert loaded.name == parsed.name == "choice"
    np.testing.assert_array_equal(loaded.simulate(100)["value"], parsed.simulate(100)["value"])


def test_params() -> None:
    params = hepppl.parse(BEAM).params
    assert list(params) == ["radius", "shift"]
    radius = params["radius"]
    assert (radius.default, radius.unit, radius.prior) == (100.0, "mm", None)
    assert (radius.support.low, radius.support.high) == (1.0, 1000.0)
    assert params["shift"].shape == (2,)


def test_graph_is_a_networkx_graph(choice: hepppl.Model) -> None:
    assert isinstance(choice.graph, networkx.DiGraph)
    assert networkx.is_directed_acyclic_graph(choice.graph)


def test_plan_is_a_table(choice: hepppl.Model) -> None:
    shown = str(choice.plan())
    assert "stochastic_ad" in shown
    assert "score" in str(choice.plan(by={"b": "score"}))
    with pytest.raises(hepppl.HepPlanError, match="E603"):
        choice.plan(by={"nobody": "score"})


def test_simulate(choice: hepppl.Model) -> None:
    events = choice.simulate(20_000, seed=1, x=0.3)
    assert len(events) == 20_000
    assert list(events) == ["value"]
    assert "value" in events
    assert sorted(set(events["value"])) == pytest.approx([0.09, 1.09])
    assert not events.weighted
    assert events.truncated == 0
    np.testing.assert_array_equal(events.weight, 1)
    # Five standard errors: a false alarm once in 1.7 million runs.
    assert abs(events.mean["value"] - (0.09 + math.sin(0.6) ** 2)) < 5 * events.se["value"]
    p = math.sin(0.6) ** 2
    assert events.std["value"] == pytest.approx(math.sqrt(p * (1 - p)), rel=0.02)
    with pytest.raises(KeyError, match="did you mean 'value'"):
        events["valeu"]


def test_weights_reject_and_weigh() -> None:
    model = hepppl.parse("model m {\n    x ~ normal(0, 1)\n    require x > 0\n    weight 2\n    return x\n}")
    events = model.simulate(40_000)
    assert events.weighted
    assert set(np.unique(events.weight)) == {0, 2}
    assert abs(events.mean["weight"] - 1) < 5 * events.se["weight"]
    assert abs(events.mean["value"] - math.sqrt(2 / math.pi)) < 5 * events.se["value"]
    assert "weight" in events.to_dict()["outputs"]


def test_outputs_of_varying_length() -> None:
    awkward = pytest.importorskip("awkward")
    model = hepppl.parse(
        "process p(k: int) {\n    stop ~ bernoulli(0.5)\n    if not stop { emit (e = k * MeV); spawn p(k + 1) }\n}\n"
        "model m {\n    param s: real = 2\n    h ~ p(1) limit 2\n    return (e = h.e, n = s * count(h))\n}"
    )
    events = model.simulate(2000)
    assert isinstance(events["e"], awkward.Array)
    assert len(events["e"]) == 2000
    np.testing.assert_array_equal(awkward.num(events["e"]), events["n"] / 2)
    assert all(list(row) == list(range(1, len(row) + 1)) for row in events["e"][:100])
    assert list(events.mean) == ["n"]
    assert events.to_dict()["outputs"]["e"] == {"elements": int(events["n"].sum() / 2), "unit": "MeV"}
    assert list(model.grad(100).mean) == ["n"]


def test_grad(choice: hepppl.Model) -> None:
    result = choice.grad(50_000, seed=2, x=1.1, by={"b": "score"})
    assert abs(result.mean["value"] - (1.21 + math.sin(2.2) ** 2)) < 5 * result.mean_se["value"]
    slope, error = result.gradient["value"]["x"], result.se["value"]["x"]
    assert abs(slope - (2.2 + 2 * math.sin(4.4))) < 5 * error
    assert result.std["value"]["x"] == pytest.approx(error * math.sqrt(50_000), rel=1e-3)
    assert result.sites[0]["site"] == "b"
    assert result.sites[0]["estimator"] == "score"
    assert result.to_dict()["gradient"]["value"]["x"]["value"] == slope
    with pytest.raises(KeyError, match="did you mean 'x'"):
        result.gradient["value"]["X"]


def test_units_and_arrays() -> None:
    model = hepppl.parse(BEAM)
    assert model.units == {"r2": "mm^2", "moved": "mm"}
    result = model.grad(20_000, radius="20cm", shift=[0.25, 1])
    assert result.params == {"radius": 200.0, "shift": (0.25, 1.0)}
    assert result.gradient_units["r2"] == {"radius": "mm", "shift": "mm^2"}
    # E[x²] = radius², and `moved` is exact.
    assert abs(result.mean["r2"] - 200**2) < 5 * result.mean_se["r2"]
    assert abs(result.gradient["r2"]["radius"] - 400) < 5 * result.se["r2"]["radius"]
    np.testing.assert_allclose(result.mean["moved"], [50, 200], rtol=1e-6)
    np.testing.assert_allclose(result.gradient["moved"]["shift"], [[200, 0], [0, 200]], rtol=1e-6)
    np.testing.assert_allclose(result.gradient["moved"]["radius"], [0.25, 1], rtol=1e-6)


def test_wrt_leaves_the_others_out() -> None:
    model = hepppl.parse(BEAM)
    assert list(model.grad(100, wrt="radius").gradient["r2"]) == ["radius"]
    assert list(model.grad(100, wrt=["shift"]).gradient["r2"]) == ["shift"]


def test_other_values_compile_nothing(choice: hepppl.Model) -> None:
    model = hepppl.parse(CHOICE)
    assert model.grad(5000).seconds["compile"] > 0
    for again in (model.grad(5000, seed=9), model.grad(5000, x=0.2), model.grad(4000, params={"x": 1})):
        assert again.seconds["compile"] == 0
    assert model.simulate(5000).seconds["compile"] > 0
    assert model.simulate(5000, seed=3, x="0.1").seconds["compile"] == 0


def test_an_event_does_not_depend_on_how_it_is_run(choice: hepppl.Model) -> None:
    whole = choice.simulate(3000, seed=7)["value"]
    np.testing.assert_array_equal(choice.simulate(1000, seed=7)["value"], whole[:1000])
    np.testing.assert_array_equal(choice.simulate(3000, seed=7, batch=128)["value"], whole)


def test_data_given_and_default() -> None:
    model = hepppl.parse("model m {\n    data n: int = 3\n    x ~ poisson(n)\n    return x\n}")
    assert abs(model.simulate(20_000).mean["value"] - 3) < 5 * math.sqrt(3 / 20_000)
    assert abs(model.simulate(20_000, data={"n": 8}).mean["value"] - 8) < 5 * math.sqrt(8 / 20_000)


def test_other_data_of_the_same_size_compile_nothing() -> None:
    text = "model m {\n    data x: length[]\n    y ~ normal(0, 1)\n    return y + sum(x) / mm\n}"
    model = hepppl.parse(text, data={"x": [1.0, 2.0]})
    assert model.simulate(50).mean["value"] == pytest.approx(3, abs=1)
    again = model.simulate(50, data={"x": ["1 cm", "2 cm"]})
    assert again.mean["value"] == pytest.approx(30, abs=1)
    assert again.seconds["compile"] == 0
    longer = model.simulate(50, data={"x": [1.0, 2.0, 3.0]})
    assert longer.mean["value"] == pytest.approx(6, abs=1)
    assert longer.seconds["compile"] > 0


@pytest.mark.parametrize(
    ("data", "code"),
    [({"m": 1}, "E461"), ({}, "E462"), ({"n": [1, 2]}, "E463"), ({"n": 1.5}, "E463"), ({"n": None}, "E463")],
)
def test_data_that_do_not_fit(data: dict, code: str) -> None:
    model = hepppl.parse("model m {\n    data n: int\n    x ~ poisson(n)\n    return x\n}")
    with pytest.raises(hepppl.HepValueError) as caught:
        model.simulate(10, data=data)
    assert code in {d.code for d in caught.value.diagnostics} | {
        "E463" if d.code == "E412" else "" for d in caught.value.diagnostics
    }


def test_progress_is_told(choice: hepppl.Model) -> None:
    seen: list[tuple[int, int]] = []
    choice.simulate(1000, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (1000, 1000)


def test_precision_64() -> None:
    model = hepppl.parse("model m {\n    param x: real = 1\n    return (x + 1e-12) - x\n}")
    assert model.simulate(1, precision=64)["value"][0] == pytest.approx(1e-12, rel=1e-3)


def test_representations(choice: hepppl.Model) -> None:
    assert repr(choice) == "<Model choice: parameters x; outputs value>"
    assert repr(choice.simulate(10)) == "<Events of choice: 10 events, outputs value>"
    assert repr(choice.grad(10)).startswith("<GradResult of choice, 10 events: dvalue/dx = ")


class TestCompiled:
    """Pure functions for people who write JAX."""

    def test_value_and_grad_under_jit(self, choice: hepppl.Model) -> None:
        import jax

        prog = choice.compile()
        step = jax.jit(lambda key, x: prog.value_and_grad(key, {"x": x}, 20_000))
        for x in (0.2, 1.1):
            mean, gradient = step(3, x)
            # One event's standard deviations are below 0.5 and 1.5: five standard errors.
            assert abs(mean["value"] - (x**2 + math.sin(2 * x) ** 2)) < 5 * 0.5 / math.sqrt(20_000)
            assert abs(gradient["value"]["x"] - (2 * x + 2 * math.sin(4 * x))) < 5 * 1.5 / math.sqrt(20_000)

    def test_keys(self, choice: hepppl.Model) -> None:
        import jax

        prog = choice.compile()
        values = prog.simulate(jax.random.key(5), {}, 64)["value"]
        assert values.shape == (64,)
        np.testing.assert_array_equal(values, prog.simulate(jax.random.key(5), {}, 64)["value"])
        assert not np.array_equal(values, prog.simulate(jax.random.key(6), {}, 64)["value"])

    def test_agrees_with_the_model(self, choice: hepppl.Model) -> None:
        pure = choice.compile().simulate(11, {"x": 0.5}, 200)["value"]
        np.testing.assert_allclose(pure, choice.simulate(200, seed=11, x=0.5)["value"], rtol=1e-6)

    def test_gradient_descent_in_a_scan(self, choice: hepppl.Model) -> None:
        """x² + sin(2x)² from 0.4 goes to its minimum at 0."""
        import jax

        prog = choice.compile()

        def step(x, seed):
            _, gradient = prog.value_and_grad(seed, {"x": x}, 500)
            return x - 0.05 * gradient["value"]["x"], None

        x, _ = jax.jit(lambda x: jax.lax.scan(step, x, jax.numpy.arange(60)))(0.4)
        assert abs(x) < 0.1

    def test_unknown_parameters(self, choice: hepppl.Model) -> None:
        with pytest.raises(hepppl.HepValueError, match="E451"):
            choice.compile().simulate(0, {"y": 1.0}, 10)


@pytest.mark.slow
def test_data_of_any_length_are_given_when_the_model_runs():
    model = hepppl.parse("model m { param a: real = 2\n data x: real[]\n n ~ poisson(a * sum(x))\n return n + len(x) }")
    assert len(model.plan().rows) == 1
    assert model.graph.number_of_nodes() > 0
    with pytest.raises(hepppl.HepValueError) as raised:
        model.simulate(10)
    assert raised.value.diagnostics[0].code == "E462"
    with pytest.raises(hepppl.HepValueError):
        model.compile()
    for x in ([1.0, 2.0], [3.0, 0.0, 1.0, 1.0, 1.0]):
        found = model.grad(4000, data={"x": x})
        assert found.mean["value"] == pytest.approx(2 * sum(x) + len(x), rel=0.05)
        assert found.gradient["value"]["a"] == pytest.approx(sum(x), rel=0.1)
        pure = model.compile(data={"x": x}).simulate(0, {}, 4000)
        assert float(pure["value"].mean()) == pytest.approx(found.mean["value"], rel=1e-5)


def test_data_of_record_types() -> None:
    model = hepppl.parse("""
type track { pt: energy, hit: real[2] }
model m {
    data beam: p4 = p4(e = 7 TeV, px = 0 GeV, py = 0 GeV, pz = 7 TeV)
    data tracks: track[]
    return (pt = sum(tracks.pt), n = len(tracks), y = tracks[0].hit[1], z = beam.pz)
}
""")
    table = np.zeros(3, [("pt", float), ("hit", float, 2)])
    table["pt"], table["hit"] = 5e3, [[1, 2], [3, 4], [5, 6]]
    rows = [{"pt": "5 GeV", "hit": [1, 2]}, {"pt": 5e3, "hit": [3, 4]}, {"pt": "5000 MeV", "hit": [5, 6]}]
    columns = {"pt": [5e3] * 3, "hit": [[1, 2], [3, 4], [5, 6]]}
    for given in (table, rows, columns):
        events = model.simulate(2, data={"tracks": given})
        assert [events[k][0] for k in ("pt", "n", "y", "z")] == [15e3, 3, 2, 7e6]
    one = model.simulate(2, data={"tracks": rows[:1], "beam": {"e": 1, "px": 0, "py": 0, "pz": "1 GeV"}})
    assert [one[k][0] for k in ("pt", "n", "z")] == [5e3, 1, 1e3]
    for wrong, code in (({}, "E462"), ({"trks": rows}, "E461"), ({"tracks": [{"pt": 1, "hit": [1]}]}, "E463")):
        with pytest.raises(hepppl.HepValueError) as caught:
            model.simulate(2, data=wrong)
        assert code in {d.code for d in caught.value.diagnostics}


def test_a_default_of_records_may_have_another_length_than_the_given_data() -> None:
    model = hepppl.parse("""
type track { pt: energy }
model m {
    data tracks: track[] = [track(pt = 1 MeV), track(pt = 2 MeV)]
    return (pt = sum(tracks.pt), n = len(tracks))
}
""")
    assert [model.simulate(1)[k][0] for k in ("pt", "n")] == [3, 2]
    given = model.simulate(1, data={"tracks": {"pt": [1.0, 2.0, 3.0]}})
    assert [given[k][0] for k in ("pt", "n")] == [6, 3]
