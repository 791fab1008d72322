"""Programs as text to typed programs, and small questions to ask of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hepppl.diagnostics import Source
from hepppl.diagnostics.errors import HepError
from hepppl.semantics import check
from hepppl.semantics.ir import Node, Program, Region, walk
from hepppl.semantics.values import describe_type
from hepppl.syntax import parse

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.hep"))
EVERYTHING = ROOT / "tests" / "corpus" / "good" / "probes" / "everything.hep"


def program(text: str, **options: Any) -> Program:
    return check(parse(Source("test.hep", text)), **options)


def model(body: str, items: str = "", **options: Any) -> Program:
    """The program of one model with this body, after these items."""
    return program(f"{items}\nmodel m {{\n{body}\n}}\n", **options)


def codes(text: str, **options: Any) -> list[str]:
    """The codes of a program's diagnostics, [] where it has none."""
    try:
        program(text, **options)
    except HepError as error:
        return [d.code for d in error.diagnostics]
    return []


def nodes(p: Program, *ops: str) -> list[Node]:
    return [n for region in regions(p) for n in walk(region) if n.op in ops]


def regions(p: Program) -> Iterator[Region]:
    yield p.body
    for process in p.processes.values():
        yield process.body


def constants(p: Program) -> Mapping[str, Any]:
    """The outputs that are known at compile time, by name."""
    known = {n.results[0]: n.attrs["value"] for n in walk(p.body) if n.op == "const"}
    return {o.name: known[o.value] for o in p.outputs if o.value in known}


def constant(expression: str, items: str = "") -> Any:
    """The value of a constant expression."""
    return constants(model(f"return {expression}", items))["value"]


def output_types(p: Program) -> dict[str, str]:
    return {o.name: describe_type(o.value.type) for o in p.outputs}


def type_of(expression: str, before: str = "", items: str = "") -> str:
    """The type of an expression, as labels in diagnostics show it."""
    return output_types(model(f"{before}\nreturn {expression}", items))["value"]
