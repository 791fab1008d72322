"""How statements become SSA: rebinding, loops, plates, functions, processes, collections, numbering."""

from __future__ import annotations

from hepppl.semantics.ir import walk
from hepppl.semantics.types import ENERGY, INT, REAL, Tensor

from .load import codes, constants, model, nodes, output_types, program
from .wellformed import verify


def ops(p, region=None) -> list[str]:
    return [n.op for n in walk(region or p.body)]


def names(p) -> list[str]:
    return [n.attrs["name"] for n in nodes(p, "site", "process")]


# ---------------------------------------------------------------- if


def test_rebinding_in_a_branch_joins():
    p = model("b ~ bernoulli(0.5)\nx = 1\ny = 2\nif b { x = 2.5 }\nreturn x + y")
    (branch,) = nodes(p, "branch")
    assert [v.type for v in branch.results] == [REAL]
    then, other = branch.regions
    assert len(then.results) == len(other.results) == 1


def test_a_name_bound_in_both_branches_is_visible_after():
    p = model("k ~ poisson(3.0)\nif k > 2 { x = 1 } else if k > 1 { x = 2 } else { x = 3.5 }\nreturn x")
    assert output_types(p) == {"value": "real"}
    assert len(nodes(p, "branch")) == 2


def test_a_constant_condition_leaves_no_branch():
    p = model("const fast = true\nif fast { x ~ normal(0, 1) } else { x ~ uniform(0, 1) }\nreturn x")
    assert names(p) == ["x"]
    assert not nodes(p, "branch")


def test_unused_results_and_operations_are_dropped():
    p = model("b ~ bernoulli(0.5)\nx = 1\nz = 1\nif b { x = 2; y = exp(z); z = 3 } else { y = 1 }\nreturn x")
    (branch,) = nodes(p, "branch")
    assert len(branch.results) == 1
    assert "exp" not in ops(p)


def test_records_are_joined_field_by_field():
    items = "type hit { energy: energy, n: int }"
    p = model("b ~ bernoulli(0.5)\nh = hit(1 GeV, 1)\nif b { h = hit(2 GeV, 2) }\nreturn h", items)
    assert output_types(p) == {"energy": "energy", "n": "int"}


# ---------------------------------------------------------------- expressions that must not run


def test_cheap_sides_become_a_select_and_partial_ones_a_branch():
    before = "x ~ normal(0, 1)\na = [1, 2, 3]\nk ~ poisson(3.0)\n"
    assert nodes(model(before + "return if x > 0 then x else 2 * x"), "select")
    for partial in ("log(x)", "a[k]", "1 / x", "sqrt(x)", "x^0.5"):
        p = model(before + f"return if x > 0 then {partial} else 0")
        assert nodes(p, "branch"), partial
        assert not nodes(p, "select"), partial


def test_logic_does_not_evaluate_an_index_that_the_left_side_guards():
    before = "a = [1, 2, 3]\nk ~ poisson(3.0)\n"
    for text in ("k < 3 and a[k] > 1", "k >= 3 or a[k] > 1"):
        p = model(before + f"return {text}")
        (branch,) = nodes(p, "branch")
        assert any(n.op == "index" for region in branch.regions for n in region.nodes)
        assert "index" not in [n.op for n in p.body.nodes]
    assert not nodes(model(before + "return k < 3 and k > 1"), "branch")


# ---------------------------------------------------------------- loops


def test_for_carries_what_it_rebinds():
    p = model("s = 0\nt = 1\nfor i in 2..5 { s = s + 0.5 * i; u = s }\nreturn s + t")
    (loop,) = nodes(p, "for")
    assert loop.attrs["start"] == 2
    assert loop.attrs["stop"] == 5
    assert [v.type for v in loop.inputs] == [REAL]
    assert constants(p) == {}


def test_the_first_value_of_a_carry_is_promoted():
    p = model("s = 0\nfor i in 0..3 { r = 0; for j in 0..3 { r = r + 0.5 }\n s = s + r }\nreturn s")
    assert all(v.type == REAL for loop in nodes(p, "for") for v in loop.results)


def test_an_array_carry_is_promoted():
    p = model("a = [0, 0]\nfor i in 0..2 { a[i] = 0.5 }\nreturn a")
    assert output_types(p) == {"value": "real[2]"}


def test_unused_carries_are_dropped():
    p = model("s = 0\nt = 0\nfor i in 0..3 { s = s + 1; t = t + s }\nreturn s")
    (loop,) = nodes(p, "for")
    assert len(loop.inputs) == 1
    assert len(nodes(model("s = 0\nt = 0\nfor i in 0..3 { s = s + 1; t = t + s }\nreturn t"), "for")[0].inputs) == 2


def test_while():
    p = model("i = 0\nk ~ poisson(3.0)\nwhile i < k limit 50 { i = i + 1 }\nreturn i")
    (loop,) = nodes(p, "while")
    assert loop.attrs["limit"] == 50
    assert [n.op for n in loop.regions[0].nodes] == ["lt"]


def test_a_loop_over_nothing_leaves_no_trace():
    p = model("s = 1\nfor i in 3..3 { s = s + 1 }\nreturn s")
    assert constants(p) == {"value": 1}


def test_bounds_may_be_data():
    text = """model m {
        data n: int = 4
        data xs: real[n] = fill(4, 1)
        s = 0
        for i in 0..n { s = s + xs[i] }
        return s
    }"""
    p = program(text)
    assert p.sized_by == {"n": 4}
    assert nodes(p, "for")[0].attrs["stop"] == 4
    q = program(text, data={"n": 7, "xs": [1.0] * 7})
    assert q.sized_by == {"n": 7}
    assert output_types(q) == {"value": "real"}
    assert [d.value.type for d in q.data] == [INT, Tensor("real", shape=(7,))]
    assert codes(text, data={"n": 2.5}) == ["E412"]


def test_data_that_size_nothing_are_not_baked_in():
    p = program("model m { data n: int = 4\n return n + 1 }")
    assert p.sized_by == {}
    assert constants(p) == {}


def test_the_length_of_data_comes_from_what_is_given():
    text = "model m { data xs: energy[] = [1 GeV]\n return (s = sum(xs), n = len(xs)) }"
    assert constants(program(text))["n"] == 1
    p = program(text, data={"xs": [1.0, 2.0, 3.0]})
    assert constants(p)["n"] == 3
    assert p.sized_by == {"xs": (3,)}
    assert codes("model m { data xs: real[]\n return sum(xs) }", data={"xs": [1, 2]}) == []


def test_without_data_of_unknown_length_a_program_is_checked_as_far_as_can_be():
    p = program("model m { data xs: real[]\n return sum(xs) + len(xs) }")
    assert p.data[0].default is None
    for fault in ("xs + [1, 2, 3, 4, 5]", "xs[4]", "dot(xs, [1, 2])"):
        text = f"model m {{ data xs: real[]\n y = {fault}\n return [1, 2] + [1, 2, 3] }}"
        assert codes(text) == ["E705", "E209"]
    assert codes("model m { data xs: real[]\n return xs + [1, 2] }", data={"xs": [1, 2, 3]}) == ["E209"]


# ---------------------------------------------------------------- plates


def test_names_bound_in_a_plate_are_arrays_outside():
    p = model("plate i in 0..4 { x ~ normal(i, 1)\n y = x > 0 }\nreturn (x = x, y = y)")
    assert output_types(p) == {"x": "real[4]", "y": "bool[4]"}


def test_an_array_filled_by_a_plate():
    p = model("plate i in 0..4 { x[i] ~ normal(0, 1)\n y[i] = 2 * x[i] }\nreturn x + y")
    assert output_types(p) == {"value": "real[4]"}


def test_observables_in_a_plate():
    p = model("data n: int = 3\nplate i in 0..n { observe k[i] ~ poisson(1.0 + i) }")
    (output,) = p.outputs
    assert (output.name, output.observed, output.value.type) == ("k", True, Tensor("int", shape=(3,)))


def test_nested_plates():
    p = model("plate i in 0..2 { plate j in 0..3 { observe k[i][j] ~ poisson(3.0)\n q[i][j] = k[i][j] } }\nreturn q")
    assert output_types(p) == {"value": "int[2][3]", "k": "int[2][3]"}


def test_a_comprehension_of_random_values_is_a_plate():
    p = model("x ~ normal(0, 1)\nreturn [x^i for i in 0..4]")
    (plate,) = nodes(p, "plate")
    assert plate.attrs["stop"] == 4


# ---------------------------------------------------------------- functions and sub-models


def test_functions_are_inlined_for_the_types_of_each_call():
    items = "fn double(x) = 2 * x\nfn shift(x, step = 1) { y = double(x); return y + step }"
    p = model("e ~ exponential(rate = 1 / 3 GeV)\nk ~ poisson(3.0)\nreturn (a = double(e), b = shift(k))", items)
    assert output_types(p) == {"a": "energy", "b": "int"}


def test_early_returns_become_branches():
    items = """
    fn f(x) {
        if x < 0 { return 0 }
        y = sqrt(x)
        if y > 2 { return 2.5 } else if y > 1 { return y }
        z = y + 1
        return z
    }"""
    p = model("x ~ normal(0, 1)\nreturn f(x)", items)
    verify(p)
    assert output_types(p) == {"value": "real"}
    assert len(nodes(p, "branch")) + len(nodes(p, "select")) == 3
    assert constants(model("return (a = f(-1), b = f(16), c = f(0.25))", items)) == {"a": 0, "b": 2.5, "c": 1.5}


def test_a_process_that_returns_is_drawn_from_like_a_distribution():
    items = """
    process measure(x: energy, resolution = 0.1) {
        y ~ normal(x, resolution * x)
        seen ~ bernoulli(0.9)
        return (value = y, seen = seen)
    }
    process twice(x) {
        first ~ measure(x)
        second ~ measure(x, resolution = 0.2)
        return first.value + second.value
    }"""
    p = model("a ~ measure(3 GeV)\nb ~ twice(2 GeV)\nreturn a.value + b", items)
    assert names(p) == ["a.y", "a.seen", "b.first.y", "b.first.seen", "b.second.y", "b.second.seen"]
    assert [n.attrs["number"] for n in nodes(p, "site")] == [1, 2, 3, 4, 5, 6]


def test_two_sites_of_one_name():
    p = model("x ~ normal(0, 1)\nx ~ normal(x, 1)\nreturn x")
    assert names(p) == ["x", "x#2"]


# ---------------------------------------------------------------- processes


def test_argument_types_of_a_recursive_process_are_widened():
    p = model(
        "h ~ walk(0, 25) limit 4\nreturn sum(h)",
        "process walk(n, x) { if n > 5 { emit x } else { spawn walk(n + 1, x * 0.5) } }",
    )
    (process,) = p.processes.values()
    assert [v.type for v in process.formals] == [INT, REAL]


def test_emitted_kinds_are_joined():
    p = model(
        "h ~ a(1) limit 4\nreturn h",
        "process a(x) { if x > 3 { emit (u = 1, v = true) } else { emit (v = false, u = 0.5); spawn a(x + 1) } }",
    )
    (process,) = p.processes.values()
    assert process.fields == (("u", REAL), ("v", Tensor("bool")))
    verify(p)


def test_names_of_the_model_that_a_process_mentions_become_formals():
    items = """
    process electron(e: energy) {
        step ~ exponential(rate = 1 / X0)
        if e < cut { emit (e = e, d = step) } else { spawn photon(e / 2); spawn photon(e / 2) }
    }
    process photon(e: energy) { spawn electron(shift * e) }"""
    p = model(
        "param X0: length = 6 mm\nconst cut = 10 MeV\nshift ~ uniform(0, 1)\n"
        "h ~ electron(1 GeV) limit 9\nreturn sum(h.d)",
        items,
    )
    assert {k: [v.name for v in q.formals] for k, q in p.processes.items()} == {
        "electron": ["e", "X0", "shift"],
        "photon": ["e", "X0", "shift"],
    }
    (run,) = nodes(p, "process")
    assert len(run.inputs) == 3
    verify(p)


def test_what_a_process_means_does_not_change_with_the_names_of_the_model():
    items = "const cut = 2\nprocess p(x) { if x > cut { emit x / mm } else { spawn p(x + 1) } }"
    p = model("mm = 3\nh ~ p(1) limit 3\nreturn h", items)
    assert list(output_types(p).values()) == ["inverse length"]


def test_runs_of_one_process_share_it_where_the_types_agree():
    items = "process p(x) { y ~ normal(0, 1)\n emit x * y }"
    p = model("a ~ p(1 GeV) limit 2\nb ~ p(2 GeV) limit 2\nc ~ p(1 mm) limit 2\nreturn (a = a, b = b, c = c)", items)
    assert list(p.processes) == ["p", "p_2"]
    assert [n.attrs["process"] for n in nodes(p, "process")] == ["p", "p", "p_2"]
    assert names(p) == ["a", "b", "c", "p.y", "p_2.y"]
    assert sorted(n.attrs["number"] for n in nodes(p, "process", "site")) == [1, 2, 3, 4, 5]


def test_a_process_of_four_vectors():
    items = "process p(v: p4) { if v.pt < 1 GeV { emit v } else { spawn p(v / 2); spawn p(v / 2) } }"
    p = model(
        "h ~ p(p4(e = 9 GeV, px = 8 GeV, py = 0 GeV, pz = 0 GeV)) limit 20\n"
        "return (pt = sum(h.pt), n = count(h.mass > 0 GeV))",
        items,
    )
    (process,) = p.processes.values()
    assert [name for name, _ in process.fields] == ["e", "px", "py", "pz"]
    assert all(t.dim == ENERGY for _, t in process.fields)


# ---------------------------------------------------------------- parameters and numbers


def test_priors_stand_by_themselves_and_are_numbered_last():
    p = model(
        "param a = 1\nz = 2 * a + 1\nparam b ~ log_normal(z, 0.1)\nparam c ~ normal(b, 1)\n"
        "x ~ normal(b, 0.1)\ny ~ normal(x, 1)\nreturn y + c"
    )
    verify(p)
    assert [n.attrs["number"] for n in nodes(p, "site")] == [1, 2]
    priors = [q.prior.nodes[-1].attrs["number"] for q in p.params if q.prior is not None]
    assert priors == [3, 4]
    assert p.params[1].default is None
    bad = "model m { x ~ normal(0, 1)\n param b ~ normal(x, 1)\n return b }"
    assert codes(bad) == ["E401"]


def test_support_and_defaults_in_base_units():
    p = model("param e: energy in [1 GeV, inf) = 2 GeV\nparam w in (0, 1] = [0.5, 1]\nreturn e")
    e, w = p.params
    assert (e.support.low, e.support.high, e.support.low_closed, e.support.high_closed) == (
        1e3,
        float("inf"),
        True,
        False,
    )
    assert e.default == 2e3
    assert w.default == (0.5, 1.0)


def test_the_estimator_that_the_author_names():
    p = model('b ~ bernoulli(0.5) by score(baseline = "loo", k = 2 + 1)\nreturn b')
    (site,) = nodes(p, "site")
    assert (site.attrs["by"].name, site.attrs["by"].options) == ("score", (("baseline", "loo"), ("k", 3)))


def test_second_elaborations_leave_no_gap_in_the_numbers():
    p = model("s = 0\nfor i in 0..3 { x ~ normal(0, 1)\n s = s + x }\ny ~ normal(s, 1)\nreturn y")
    assert [n.attrs["number"] for n in nodes(p, "site")] == [1, 2]
    assert names(p) == ["x", "y"]


def test_the_model_can_be_chosen():
    text = "model a { return 1 }\nmodel b { return 2.5 }"
    assert program(text, model="b").name == "b"
    assert codes(text) == codes(text, model="c") == ["E305"]


def test_errors_of_every_model_are_found():
    assert codes("model a { return undefined_a }\nmodel b { return undefined_b }", model="a") == ["E301", "E301"]
