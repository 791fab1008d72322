"""What a particle shares among those that it spawns: energy, as a rule.

A particle that has twice as much of it has twice as many descendants, and a change of what it does changes twice as
much of the event.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product

from hepppl.graph.expressions import Expr, Pool, constant, polynomial
from hepppl.graph.processes import group
from hepppl.graph.scope import turns
from hepppl.semantics.ir import Node, Process, Program, Region, Value, walk
from hepppl.semantics.types import Tensor

WAYS = 64  # through a step of a particle, at most
DEPTH = 64  # of what is written out
ALGEBRA = ("add", "sub", "mul", "div", "neg", "square", "pow", "to_real")  # other operations stay as they are


def shared(program: Program) -> Mapping[str, Value]:
    """By process, the formal that holds it: a real number of one name in all processes of a group, of which, on every
    way through a step with more than one spawn, those that are spawned have as much together as the particle itself,
    but for what is lost on the way (their sum is the particle's own number, plus something that is no multiple of it).
    """
    roots = {n.attrs["process"] for n in _nodes(program) if n.op == "process"}
    found: dict[str, list[Value | None]] = {}
    for root in roots:
        members = {key: program.processes[key] for key in group(program, root)}
        formals = _of_group(members, root)
        for key in members:
            found.setdefault(key, []).append(formals.get(key))
    return {key: v for key, values in found.items() for v in values[:1] if v is not None and set(values) == {v}}


def _nodes(program: Program) -> Iterator[Node]:
    for region in (program.body, *(process.body for process in program.processes.values())):
        yield from walk(region)


def _of_group(members: Mapping[str, Process], root: str) -> Mapping[str, Value]:
    ways = {key: _ways(process.body) for key, process in members.items()}
    if not all(ways.values()) or not any(len(way) > 1 for found in ways.values() for way in found):
        return {}
    for formal in members[root].formals:
        named = {key: _named(process, formal.name) for key, process in members.items()}
        alike = {key: value for key, value in named.items() if value is not None}
        if len(alike) == len(members) and all(
            len(way) < 2 or _conserved(members, alike, key, way) for key, found in ways.items() for way in found
        ):
            return alike
    return {}


def _named(process: Process, name: str | None) -> Value | None:
    """The formal of that name, where it is one real number."""
    scalars = (f for f in process.formals if isinstance(f.type, Tensor) and (f.type.kind, f.type.shape) == ("real", ()))
    return next((formal for formal in scalars if name and formal.name == name), None)


def _ways(region: Region) -> list[tuple[Node, ...]]:
    """The spawns of every way through a region; none where they cannot be listed."""
    ways: list[tuple[Node, ...]] = [()]
    for node in region.nodes:
        if node.op == "spawn":
            ways = [(*way, node) for way in ways]
        elif node.op == "branch":
            sides = [_ways(inner) for inner in node.regions]
            if not all(sides):
                return []
            further = list(dict.fromkeys(way for side in sides for way in side))
            ways = [(*before, *way) for before, way in product(ways, further)]
        elif turns(node) and any(inner.op == "spawn" for own in node.regions for inner in walk(own)):
            return []
        if len(ways) > WAYS:
            return []
    return ways


def _conserved(members: Mapping[str, Process], formals: Mapping[str, Value], key: str, way: tuple[Node, ...]) -> bool:
    pool, own = Pool(), formals[key]
    written = _written(pool, members[key])
    total = pool.number(0.0)
    for spawn in way:
        target = spawn.attrs["process"]
        given = spawn.inputs[members[target].formals.index(formals[target])]
        total = pool.plus(total, written.get(given) or pool.leaf(given))
    coefficients = polynomial(pool, total, own)
    if coefficients is None or len(coefficients) < 2:
        return False
    slope, rest = coefficients[1], coefficients[2:]
    return _vanishes(pool, pool.minus(slope, pool.number(1.0))) and all(_vanishes(pool, c) for c in rest)


def _written(pool: Pool, process: Process) -> dict[Value, Expr]:
    """The values of a process written out as far as their algebra goes."""
    found: dict[Value, Expr] = {}
    for node in walk(process.body):
        if node.op == "const":
            found[node.results[0]] = pool.operation(node)
        elif node.op in ALGEBRA:
            args = tuple(found.get(value) or pool.leaf(value) for value in node.inputs)
            algebraic = node.op != "pow" or constant(args[1]) == 2
            if algebraic and max(arg.depth for arg in args) < DEPTH:
                found[node.results[0]] = pool.apply(node.op, args, node)
    return found


def _vanishes(pool: Pool, e: Expr) -> bool:
    """Whether an expression is 0 as a polynomial, whatever its leaves are."""
    if not e.leaves:
        number = _number(e)
        return number is not None and abs(number) < 1e-9
    coefficients = polynomial(pool, e, min(e.leaves, key=lambda v: v.id))
    return coefficients is not None and all(_vanishes(pool, c) for c in coefficients)


def _number(e: Expr) -> float | None:
    """The value of arithmetic with written numbers."""
    if not e.args:
        return constant(e)
    args = [_number(arg) for arg in e.args]
    if any(arg is None for arg in args):
        return None
    a, b = args[0], args[-1]
    assert a is not None and b is not None  # noqa: PT018
    match e.op:
        case "add":
            return a + b
        case "sub":
            return a - b
        case "mul":
            return a * b
        case "div" if b:
            return a / b
        case "neg":
            return -a
        case "to_real":
            return a
    return None
