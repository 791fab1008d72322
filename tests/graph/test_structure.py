"""Where sites are, what regions capture, what is known of processes."""

from __future__ import annotations

from hepppl.graph import ModelGraph

from .load import graph_of, program

MUTUAL = """
process photon(e: real, t: real, z: real) {
    if e < 1 {
        emit e
    } else {
        split ~ bernoulli(t)
        if split {
            spawn electron(z, t, e / 2)
            spawn electron(z, t, e / 2)
        } else {
            spawn photon(e - 1, t, z)
        }
    }
}
process electron(z: real, t: real, e: real) {
    if e < 1 {
        emit e
        emit 2 * e
    } else {
        for i in 0..3 {
            spawn photon(e / 4, t, z)
        }
    }
}
model m {
    param t: real = 0.5
    h ~ photon(10.0, t, 2.0) limit 64
    return count(h)
}
"""

NESTED = """
model m {
    param t: real = 0.5
    scale = 2 * t
    x = 0.0
    for i in 1..4 {
        k = 0
        while x > 1 limit 7 {
            b ~ bernoulli(sigmoid(x * scale))
            if b {
                e ~ exponential(1)
                x = x - e
            } else {
                x = x + 0.1
            }
        }
        x = x + 1
    }
    plate j in 0..5 {
        y ~ normal(x, scale)
    }
    return sum(y)
}
"""


def sites(graph: ModelGraph):
    return {site.name: site for site in graph.sites()}


def test_surroundings_of_sites() -> None:
    found = sites(graph_of(NESTED))
    assert [(e.kind, e.name, e.start, e.extent) for e in found["e"].enclosing] == [
        ("for", "body", 1, 3),
        ("while", "body", 0, 7),
        ("branch", "then", 0, 1),
    ]
    assert [loop.kind for loop in found["e"].loops] == ["for", "while"]
    assert found["e"].instances == 21
    assert found["y"].instances == 5
    assert found["y"].process is None
    assert [s.number for s in graph_of(NESTED).sites()] == sorted(s.number for s in graph_of(NESTED).sites())


def test_site_by_number() -> None:
    graph = graph_of(NESTED)
    for site in graph.sites():
        assert graph.site(site.number) is site


def test_sites_of_processes() -> None:
    (split,) = graph_of(MUTUAL).sites()
    assert split.name == "photon.split"
    assert graph_of(MUTUAL).program.processes[split.process].body is not None
    assert [e.name for e in split.enclosing] == ["else"]


def test_captures() -> None:
    graph = graph_of(NESTED)
    loop = next(node for node in graph.nodes() if node.op == "for")
    plate = next(node for node in graph.nodes() if node.op == "plate")
    made = {value for node in graph.program.body.nodes for value in node.results}
    made |= {param.value for param in graph.program.params}
    for node in (loop, plate):
        found = graph.captures(node.regions[0])
        assert len(set(found)) == len(found)
        assert set(found) <= made
    assert any(value in loop.results for value in graph.captures(plate.regions[0]))
    body = loop.regions[0]
    assert not set(body.params) & set(graph.captures(body))


def test_a_process_captures_nothing_but_its_formals() -> None:
    graph = program("absorber")
    for process in graph.program.processes.values():
        assert set(graph.captures(process.body)) <= set(process.formals)


def test_facts_of_the_shower() -> None:
    graph = program("absorber")
    (key,) = graph.program.processes
    facts = graph.process_facts(key)[key]
    formals = graph.program.processes[key].formals
    names = [formal.name for formal in formals]
    assert facts.spawns
    assert facts.max_spawns == 2
    assert facts.max_emits == 1
    assert facts.targets == (key,)
    fixed = [i for i, origin in enumerate(facts.invariant) if origin is not None]
    assert all(facts.invariant[i] == i for i in fixed)
    assert [formals[i] for i in fixed] == [formals[-1]], names
    assert set(facts.varying) == set(range(len(formals))) - set(fixed)


def test_facts_of_processes_that_spawn_one_another() -> None:
    graph = graph_of(MUTUAL)
    keys = {key.split("(")[0].split("#")[0].split("@")[0]: key for key in graph.program.processes}
    photon = next(k for n, k in keys.items() if n.startswith("photon"))
    electron = next(k for n, k in keys.items() if n.startswith("electron"))
    facts = graph.process_facts(photon)
    assert facts[photon].invariant[:3] == (None, 1, 2)
    assert facts[electron].invariant[:3] == (2, 1, None)
    assert facts[photon].max_spawns == 2
    assert facts[electron].max_spawns == 3
    assert facts[electron].max_emits == 2
    assert set(facts[photon].targets) == {photon, electron}
    assert facts[electron].targets == (photon,)


def test_reductions_of_a_collection() -> None:
    graph = program("discrete_qcd")
    (run,) = (node for node in graph.nodes() if node.op == "process")
    found = graph.reduces_of(run.results[0])
    assert sorted(node.attrs["kind"] for node in found).count("count") >= 1
    assert {"max", "padded"} <= {node.attrs["kind"] for node in found}
    assert all(node.inputs[0] is run.results[0] for node in found)
