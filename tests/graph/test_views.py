"""The graph for networkx, for people and for other tools."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ET

import networkx as nx
import pytest

from .load import NAMES, graph_of, program

KINDS = set("param data site value observe weight require output branch loop plate process reduce spawn emit".split())
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("name", NAMES)
def test_network(name: str) -> None:
    graph = program(name)
    found = graph.nx
    assert isinstance(found, nx.DiGraph)
    assert found is graph.nx
    for _, node in found.nodes(data=True):
        assert node["kind"] in KINDS
        assert set(node) == {"kind", "op", "name", "label", "line", "region"}
        assert node["line"] >= 1
    assert {kind for _, _, kind in found.edges(data="kind")} <= {"data", "control"}
    for param in graph.program.params:
        reached = {found.nodes[n]["kind"] for n in nx.descendants(found, f"param:{param.name}")}
        assert reached & {"site", "observe", "output", "weight"}
    sites = [data["name"] for _, data in found.nodes(data=True) if data["kind"] in ("site", "observe")]
    assert sites == [site.name for site in graph.sites()]


def test_edges_of_the_cut() -> None:
    found = program("cut").nx
    pt = next(n for n, d in found.nodes(data=True) if d["name"] == "pt")
    assert nx.has_path(found, "param:scale", pt)
    assert nx.has_path(found, pt, "output:acceptance")
    assert not nx.has_path(found, pt, "param:scale")


@pytest.mark.parametrize("name", NAMES)
def test_text_names_every_site_and_line(name: str) -> None:
    graph = program(name)
    lines = graph.to_text().splitlines()
    assert lines[0] == f"model {graph.program.name}"
    for site in graph.sites():
        assert any(f"{site.name} ~ " in line and f" {site.node.span.line}" in line for line in lines)
    for output in graph.outputs:
        assert any(f"output {output}" in line for line in lines)


def test_text_says_what_depends_on_what() -> None:
    lines = program("absorber").to_text().splitlines()
    interacts = next(line for line in lines if "shower.interacts ~" in line)
    assert interacts.split("<-")[1].split("?-")[0].split(",")[0].strip() == "theta"
    spawn = next(line for line in lines if "spawn" in line)
    assert "shower.interacts" in spawn.split("?-")[1]


@pytest.mark.parametrize("name", NAMES)
def test_svg_is_well_formed_and_boxes_do_not_overlap(name: str) -> None:
    graph = program(name)
    root = ET.fromstring(graph.to_svg())
    texts = [element.text for element in root.iter(f"{SVG}text")]
    for site in graph.sites():
        assert any(f"{site.name} ~ " in text for text in texts)
    boxes = []
    for rect in root.iter(f"{SVG}rect"):
        if rect.get("class") == "box":
            x, y, w, h = (float(rect.get(k)) for k in ("x", "y", "width", "height"))
            assert x >= 0
            assert y >= 0
            assert x + w <= float(root.get("width"))
            assert y + h <= float(root.get("height"))
            boxes.append((x, y, x + w, y + h))
    for i, a in enumerate(boxes):
        for b in boxes[i + 1 :]:
            assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]


@pytest.mark.parametrize("name", NAMES)
def test_dot(name: str) -> None:
    text = program(name).to_dot()
    assert text.startswith(f'digraph "{program(name).program.name}" {{')
    assert text.count("{") == text.count("}")
    for site in program(name).sites():
        assert f'label="{site.name} ~ ' in text or f'label="observe {site.name} ~ ' in text


def test_names_are_escaped() -> None:
    graph = graph_of("model m { a ~ normal(0, 1); b ~ normal(0, 1); weight if a < b then 1 else 2; return a }")
    ET.fromstring(graph.to_svg())
    assert "&lt;" in graph.to_svg()


@pytest.mark.parametrize("name", NAMES)
def test_json(name: str) -> None:
    graph = program(name)
    data = json.loads(graph.to_json())
    assert data["format"] == "hepppl graph"
    assert data["version"] == 1
    assert set(data) == {"format", "version", "model", "nodes", "edges", "sites", "processes", "outputs"}
    ids = {node["id"] for node in data["nodes"]}
    assert len(ids) == len(data["nodes"]) == graph.nx.number_of_nodes()
    assert all(edge["source"] in ids and edge["target"] in ids for edge in data["edges"])
    assert all(site["id"] in ids for site in data["sites"])
    assert [output["name"] for output in data["outputs"]] == list(graph.outputs)


def test_json_of_processes() -> None:
    (shower,) = json.loads(program("absorber").to_json())["processes"]
    assert shower["max_spawns"] == 2
    assert shower["invariant"].count(True) == 1
    assert shower["fields"] == ["r"]


def test_these_rooms_never_import_jax() -> None:
    script = (
        "import sys, hepppl.graph, hepppl.planning, hepppl.plugin.registry as r\n"
        "assert r.own_estimators()\n"
        "r.listing('hepppl.estimators')\n"
        "assert 'jax' not in sys.modules and 'numpy' not in sys.modules, 'imported'\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
