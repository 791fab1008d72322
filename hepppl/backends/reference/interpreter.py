"""The executable meaning of the language: one event at a time, in the order of the text, one number after another.

Slow and plain on purpose. The other back ends are checked against it, event by event: random bits are addressed
(`hepppl.backends.reference.threefry`), so two back ends that draw at the same address draw the same number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hepppl.backends.reference import laws, solvers
from hepppl.backends.reference.operations import Numbers, RangeFault
from hepppl.backends.reference.reductions import reduce
from hepppl.backends.reference.threefry import Words, child_key, threefry2x32, uniform
from hepppl.graph import Node, Process, Program, Region, Tensor, Value
from hepppl.plugin.registry import call_function

Env = dict[Value, Any]


@dataclass(frozen=True)
class Draw:
    """One random number of an event: where it was drawn, from what, and what came of it (see `trace`)."""

    site: str
    number: int
    key: Words
    counter: int
    u: float
    law: str
    args: tuple[Any, ...]
    value: Any


@dataclass(frozen=True)
class Particle:
    """A particle waiting to be followed: its process, the values of its formals, and its address."""

    process: Process
    args: tuple[Any, ...]
    key: Words
    step: int


@dataclass
class Scope:
    """Where a site's address counts from: the event, or one step of a particle.

    ``loops`` holds (turn, extent) of the loops around the present statement, outermost first; a step of a particle
    also gathers what it spawns and emits.
    """

    key: Words
    step: int = 0
    loops: list[tuple[int, int]] = field(default_factory=list)
    children: list[Particle] = field(default_factory=list)
    emitted: list[tuple[Any, ...]] = field(default_factory=list)

    @property
    def counter(self) -> int:
        """step * M + l: l the mixed-radix index of the loops, M the product of their extents (mod 2**32)."""
        index, product = 0, 1
        for turn, extent in self.loops:
            index, product = index * extent + turn, product * extent
        return (self.step * product + index) & 0xFFFFFFFF


Fault = tuple[str, Node]


def tensor(value: Value) -> Tensor:
    """The type of a value that is not a collection."""
    assert isinstance(value.type, Tensor)
    return value.type


class Event:
    """One run of the model. ``fault`` is the first thing that went wrong, as its kind and its node:

    ``truncated`` (a limit was reached, or more elements than `padded` holds), ``steps`` (`max_steps` particle steps),
    ``invalid`` (a distribution's arguments; the site yields NaN or 0), ``range`` (an index; moved to the nearest
    element, or for an assignment ignored), ``integer`` (one beyond 32 bits), ``unsolved`` (`argmin` or `root`). The
    event goes on after each. What is drawn is appended to ``draws``.
    """

    def __init__(
        self,
        program: Program,
        key: Words,
        inputs: Mapping[str, Any],
        observed: Mapping[str, Any],
        rounds: int,
        numbers: Numbers,
        max_steps: int,
        draws: list[Draw] | None = None,
    ):
        self.program, self.inputs, self.observed = program, inputs, observed
        self.rounds, self.numbers, self.max_steps = rounds, numbers, max_steps
        self.scope = Scope(key)
        self.weight = numbers.real(1)
        self.fault: Fault | None = None
        self.steps = 0
        self.draws = draws

    def run(self) -> dict[str, Any]:
        """The outputs by name."""
        env: Env = {}
        with np.errstate(all="ignore"):
            self.region(self.program.body, (), env)
        return {output.name: env[output.value] for output in self.program.outputs}

    def region(self, region: Region, args: Sequence[Any], env: Env) -> list[Any]:
        """Execute a region. ``env`` holds the values of the regions around it, and gets its own."""
        env.update(zip(region.params, args, strict=True))
        for node in region.nodes:
            execute = STRUCTURAL.get(node.op, Event.pure)
            env.update(zip(node.results, execute(self, node, env), strict=True))
        return [env[value] for value in region.results]

    def fail(self, kind: str, node: Node) -> None:
        self.fault = self.fault or (kind, node)

    # Values

    def pure(self, node: Node, env: Env) -> list[Any]:
        inputs = [env[value] for value in node.inputs]
        kind = tensor(node.results[0]).kind
        if node.op == "extern":
            shape = tensor(node.results[0]).shape
            value = call_function(node.attrs["function"], np, tuple(inputs), shape, node.span)
            return [self.numbers.of(kind, value)]
        try:
            return [self.numbers.apply(node.op, inputs, kind, node.attrs)]
        except RangeFault as fault:
            self.fail(fault.kind, node)
            return [self.numbers.of(kind, fault.value)]

    def const(self, node: Node, env: Env) -> list[Any]:
        return [self.numbers.of(tensor(node.results[0]).kind, node.attrs["value"])]

    def input(self, node: Node, env: Env) -> list[Any]:
        return [self.numbers.of(tensor(node.results[0]).kind, self.inputs[node.attrs["name"]])]

    # Random sites

    def words(self, number: int) -> Words:
        """The two random words of the site or process of that number, here and now."""
        return threefry2x32(*self.scope.key, number, self.scope.counter, self.rounds)

    def site(self, node: Node, env: Env) -> list[Any]:
        kind, name = tensor(node.results[0]).kind, node.attrs["name"]
        args = [env[value] for value in node.inputs]
        law = laws.build(node.attrs["dist"], args)
        if not law.valid:
            self.fail("invalid", node)
            return [self.numbers.of(kind, np.nan if kind == "real" else 0)]
        if node.attrs["observed"] and name in self.observed:
            value = np.asarray(self.observed[name])[tuple(turn for turn, _ in self.scope.loops)]
            self.weight *= self.numbers.real(np.exp(law.log_prob(float(value))))
            return [self.numbers.of(kind, value)]
        u = float(uniform(self.words(node.attrs["number"])[0]))
        value = self.numbers.of(kind, law.draw(u))
        if self.draws is not None:
            address = node.attrs["number"], self.scope.key, self.scope.counter
            self.draws.append(Draw(name, *address, u, node.attrs["dist"].name, tuple(args), value))
        return [value]

    # Control flow

    def branch(self, node: Node, env: Env) -> list[Any]:
        then, otherwise = node.regions
        return self.region(then if env[node.inputs[0]] else otherwise, (), env)

    def turn(self, index: int, extent: int, region: Region, args: Sequence[Any], env: Env) -> list[Any]:
        """One turn of a loop."""
        self.scope.loops.append((index, extent))
        results = self.region(region, args, env)
        self.scope.loops.pop()
        return results

    def for_(self, node: Node, env: Env) -> list[Any]:
        start, stop = node.attrs["start"], node.attrs["stop"]
        carried = [env[value] for value in node.inputs]
        for i in range(start, stop):
            carried = self.turn(i - start, stop - start, node.regions[0], (self.numbers.int(i), *carried), env)
        return carried

    def while_(self, node: Node, env: Env) -> list[Any]:
        condition, body = node.regions
        limit = node.attrs["limit"]
        carried = [env[value] for value in node.inputs]
        for i in range(limit):
            if not self.region(condition, carried, env)[0]:
                return carried
            carried = self.turn(i, limit, body, carried, env)
        if self.region(condition, carried, env)[0]:
            self.fail("truncated", node)
        return carried

    def plate(self, node: Node, env: Env) -> list[Any]:
        start, stop = node.attrs["start"], node.attrs["stop"]
        rows = [
            self.turn(i - start, stop - start, node.regions[0], (self.numbers.int(i),), env) for i in range(start, stop)
        ]
        columns = zip(*rows, strict=True) if rows else [()] * len(node.results)
        return [
            self.numbers.of(result.type.kind, column).reshape(result.type.shape)
            if isinstance(result.type, Tensor)
            else list(column)
            for result, column in zip(node.results, columns, strict=True)
        ]

    def element(self, node: Node, env: Env) -> list[Any]:
        """One of an array of collections."""
        found, *indices = (env[value] for value in node.inputs)
        for i in indices:
            if not 0 <= i < len(found):
                self.fail("range", node)
            found = found[min(max(int(i), 0), len(found) - 1)]
        return [found]

    # Processes

    def process(self, node: Node, env: Env) -> list[Any]:
        """Follow the first particle and all that come of it, depth first. The result lists the tuples emitted."""
        args = tuple(env[value] for value in node.inputs)
        first = self.program.processes[node.attrs["process"]]
        collection: list[tuple[Any, ...]] = []
        current: Particle | None = Particle(first, args, self.words(node.attrs["number"]), 0)
        stack: list[Particle] = []
        while current is not None:
            if self.steps == self.max_steps:
                self.fail("steps", node)
                break
            self.steps += 1
            step = self.follow(current)
            collection += step.emitted
            others = step.children[1:]
            room = node.attrs["limit"] - len(stack) - 1
            if len(others) > room:
                self.fail("truncated", node)
            stack += others[:room]
            current = step.children[0] if step.children else stack.pop() if stack else None
        return [collection]

    def follow(self, particle: Particle) -> Scope:
        """One step of a particle: its process's body."""
        outer, self.scope = self.scope, Scope(particle.key, particle.step)
        env: Env = dict(zip(particle.process.formals, particle.args, strict=True))
        self.region(particle.process.body, (), env)
        step, self.scope = self.scope, outer
        return step

    def spawn(self, node: Node, env: Env) -> list[Any]:
        """The first child goes on with its parent's stream, each further one has a stream of its own."""
        step, k = self.scope, len(self.scope.children)
        process = self.program.processes[node.attrs["process"]]
        args = tuple(env[value] for value in node.inputs)
        if k == 0:
            child = Particle(process, args, step.key, step.step + 1)
        else:
            child = Particle(process, args, child_key(step.key, step.step, k), 0)
        step.children.append(child)
        return []

    def emit(self, node: Node, env: Env) -> list[Any]:
        self.scope.emitted.append(tuple(env[value] for value in node.inputs))
        return []

    def reduce(self, node: Node, env: Env) -> list[Any]:
        collection, *captured = (env[value] for value in node.inputs)
        region = node.regions[0]
        rows = [self.region(region, (*element, *captured), env) for element in collection]
        kind = tensor(node.results[0]).kind
        value, overflow = reduce(node.attrs, tensor(region.results[0]), rows, captured, self.numbers)
        if overflow:
            self.fail("truncated", node)
        return [self.numbers.of(kind, value)]

    # Solutions

    def solution(self, node: Node, env: Env) -> list[Any]:
        """`argmin` and `root`, in 64 bits. What goes wrong on the way does not count, what does at the end does."""
        (region,) = node.regions
        shapes = [tensor(value).shape for value in node.results]
        ends = np.cumsum([0, *(int(np.prod(shape, dtype=int)) for shape in shapes)])
        outer, self.numbers = self.numbers, Numbers(64)
        inputs = [self.numbers.of("real", env[value]) for value in node.inputs]

        def apart(x: np.ndarray) -> list[Any]:
            parts = zip(ends[:-1], ends[1:], shapes, strict=True)
            return [self.numbers.of("real", x[a:b].reshape(shape)) for a, b, shape in parts]

        def function(x: np.ndarray) -> float:
            return float(self.region(region, apart(x), env)[0])

        before = self.fault
        if node.op == "root":
            zero, found = solvers.find_root(lambda u: function(np.array([u])), *map(float, inputs))
            x = np.array([zero])
        else:
            x, found = solvers.minimise(function, np.concatenate([np.ravel(v) for v in inputs]))
        self.fault = before
        function(x)
        if not found:
            self.fault = before
            self.fail("unsolved", node)
        self.numbers = outer
        return [self.numbers.of("real", part) for part in apart(x)]

    # The event's weight

    def weight_(self, node: Node, env: Env) -> list[Any]:
        self.weight *= self.numbers.real(env[node.inputs[0]])
        return []

    def require(self, node: Node, env: Env) -> list[Any]:
        if not env[node.inputs[0]]:
            self.weight = self.numbers.real(0)
        return []


STRUCTURAL: Mapping[str, Callable[[Event, Node, Env], list[Any]]] = {
    "param": Event.input, "data": Event.input, "const": Event.const, "site": Event.site, "branch": Event.branch,
    "for": Event.for_, "while": Event.while_, "plate": Event.plate, "element": Event.element,
    "minimise": Event.solution, "root": Event.solution,
    "process": Event.process, "spawn": Event.spawn, "emit": Event.emit, "reduce": Event.reduce,
    "weight": Event.weight_, "require": Event.require,
}  # fmt: skip
