"""Where a comparison flips, as a value of the last noise that decides it.

A comparison (or a bin, a sign) whose operands depend on random values is traced back through the program: through
operations, branches, turns of loops, spawned particles and emitted elements, until the last continuous site x on that
way. All else that the compared values are made of is known when x is drawn; so the comparison flips where x takes a
value that can be solved for. One use may be reached on several ways; each is one `Crossing`, or one `Obstacle` that
says why it cannot be solved. A way that meets no continuous site is neither: nothing can jump there.

Ways are taken whatever the conditions that choose between them. What a condition says is kept as a guard where it is
known when x is drawn; a crossing without its guards is only one more place where x may be cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from hepppl.graph.expressions import Expr, Pool, polynomial
from hepppl.graph.scope import turns
from hepppl.graph.survey import Map
from hepppl.graph.wires import Point
from hepppl.semantics.ir import OPS, Node, Region, Value
from hepppl.semantics.types import Tensor

#: Operations that can be undone, and at which operands.
INVERTIBLE: Mapping[str, tuple[int, ...]] = {
    **dict.fromkeys(("add", "sub", "mul", "div", "pow", "hypot"), (0, 1)),
    **dict.fromkeys((
        "neg", "to_real", "sqrt", "cbrt", "square", "abs", "exp", "expm1", "exp2", "log", "log1p", "log2", "log10",
        "sinh", "cosh", "tanh", "arcsinh", "arctan", "arctanh", "sigmoid", "softplus",
    ), (0,)),
}  # fmt: skip
_COMPARISONS = ("lt", "le", "gt", "ge", "eq", "ne")
MOST_WAYS = 128  # of one use; further ones make it unsolvable
MOST_STEPS = 2048
DEEPEST = 200

Guard = tuple[Expr, bool]


@dataclass(frozen=True, eq=False)
class Step:
    """Undo ``op``, of which the operand at ``position`` is unknown; ``others``: its other operands."""

    op: str
    position: int
    others: tuple[Expr, ...]
    node: Node | None


@dataclass(frozen=True, eq=False)
class Crossing:
    """The use flips where x, the value of site ``site``, has a value found from ``target`` by ``steps``, in order, and
    then as a root of the polynomial with ``coefficients`` (x^0 first) less what the steps give. Only where all
    ``guards`` hold. ``leaves``: the values it is made of, x among them."""

    use: Node
    site: int
    target: Expr
    steps: tuple[Step, ...]
    coefficients: tuple[Expr, ...]
    guards: tuple[Guard, ...]
    leaves: frozenset[Value]

    @property
    def identity(self) -> object:
        """Equal for crossings that are the same values under the same guards."""
        steps = tuple((step.op, step.position, step.others) for step in self.steps)
        return (self.site, self.target, steps, self.coefficients, frozenset(self.guards))


@dataclass(frozen=True, eq=False)
class Obstacle:
    """A way back from ``use`` that cannot be solved, with the reason in words. ``leaves``: what it is made of."""

    use: Node
    reason: str
    leaves: frozenset[Value]


Case = Crossing | Obstacle


@dataclass(frozen=True, eq=False)
class State:
    """Operands and guards in terms of values of ``region`` and those around it. ``closed``: values that are not looked
    through, with what they are."""

    region: Region
    operands: tuple[Expr, ...]
    guards: tuple[Guard, ...] = ()
    closed: Mapping[Value, str] = field(default_factory=dict)

    @property
    def leaves(self) -> frozenset[Value]:
        return frozenset().union(*(e.leaves for e in self.operands))

    @property
    def guarded(self) -> frozenset[Value]:
        return frozenset().union(*(e.leaves for e, _ in self.guards))


class Tracer:
    def __init__(self, places: Map, diffuse: frozenset[Point], pool: Pool):
        self.map, self.diffuse, self.pool = places, diffuse, pool
        self._replaced: dict[object, dict[Expr, Expr]] = {}  # ways that meet take the same steps

    def cases(self, use: Node) -> tuple[Case, ...]:
        """Every way back from a rough use."""
        start = self._start(use)
        if isinstance(start, str):
            return (Obstacle(use, start, frozenset((*use.inputs, *(v for r in use.regions for v in r.results)))),)
        found: dict[object, Case] = {}
        pending, seen, steps = [start], set[object](), 0
        while pending:
            state = pending.pop()
            if not any(value in self.diffuse for value in state.leaves):
                continue  # nothing random left on this way
            steps += 1
            deep = max(e.depth for e in state.operands) > DEEPEST
            if deep or steps > MOST_STEPS or len(found) + len(pending) > MOST_WAYS:
                reason = "there are too many ways to it, through earlier turns or particles, to look at them all"
                return (Obstacle(use, reason, state.leaves),)
            out = self._back(use, state, seen)
            if isinstance(out, Crossing | Obstacle):
                found.setdefault(_identity(out), out)
            else:
                pending.extend(out)
        return tuple(found.values())

    def _start(self, use: Node) -> State | str:
        leaf, zero = self.pool.leaf, self.pool.number(0.0)
        if use.op == "reduce" and use.attrs["kind"] == "hist":
            (region,) = use.regions
            return State(region, (leaf(region.results[0]), leaf(region.params[-1])))
        region = self.map.around[use][0]
        if use.op in _COMPARISONS:
            return State(region, (leaf(use.inputs[0]), leaf(use.inputs[1])))
        if use.op == "sign":
            return State(region, (leaf(use.inputs[0]), zero))
        if use.op == "searchsorted":
            return State(region, (leaf(use.inputs[1]), leaf(use.inputs[0])))
        return "it jumps at values that are not known" if use.op == "extern" else "it jumps at more than one value"

    # One step back

    def _back(self, use: Node, state: State, seen: set[object]) -> Case | list[State]:
        """The states before a state, or what its way has come to."""
        here = [
            (position, value)
            for value in state.leaves | state.guarded
            if value not in state.closed
            for region, position in (self.map.defined[value],)
            if region is state.region and position >= 0
        ]
        if not here:
            return self._leave(use, state, seen)
        position, value = max(here, key=lambda item: (item[0], item[1].id))
        node = state.region.nodes[position]
        needed = any(result in state.leaves for result in node.results)
        if not needed and (node.regions or node.op in ("site", "process")):
            return [self._without(state, node.results)]
        match node.op:
            case "param" | "data":
                return [self._closed(state, value, "a parameter")]
            case "site":
                if isinstance(value.type, Tensor) and value.type.kind == "real":
                    return self._solve(use, state, node)
                return [self._closed(state, value, f"'{node.attrs['name']}'")]
            case "branch":
                return [self._into(state, node, region, region.results) for region in node.regions]
            case "for" if turns(node) > 0:
                (body,) = node.regions
                last = self.pool.apply("eq", (self.pool.leaf(body.params[0]), self.pool.number(node.attrs["stop"] - 1)))
                inside = self._into(state, node, body, body.results)
                return [State(body, inside.operands, (*inside.guards, (last, True)), state.closed)]
            case "for":
                return [self._into(state, node, state.region, node.inputs)]
            case "while":
                body = node.regions[1]
                none = self._into(state, node, state.region, node.inputs)
                return [none, self._into(state, node, body, body.results)]
            case "plate":
                return [self._closed(state, value, "values of a plate")]
            case "process" | "reduce":
                return [self._closed(state, value, "what a branching process emits")]
            case "minimise" | "root":
                return [self._closed(state, value, "what a search finds")]
            case "select" | "min" | "max" if needed and value in self.diffuse:
                cut = self._without(state, node.results) if value in state.guarded else state
                ways = [self._with(cut, {value: self.pool.leaf(chosen)}) for chosen in node.inputs[-2:]]
                if node.op != "select" or getattr(node.inputs[0].type, "shape", None) != ():
                    return ways
                holds = self.pool.leaf(node.inputs[0])
                return [State(w.region, w.operands, (*w.guards, (holds, i == 0)), w.closed) for i, w in enumerate(ways)]
            case "stack" if _alone(state, value):  # compared element by element with one number
                return [self._with(state, {value: self.pool.leaf(element)}) for element in node.inputs]
        if node.op not in OPS and node.op != "const":
            return [self._closed(state, value, "values that are kept")]
        return [self._with(state, {value: self.pool.operation(node)})]

    def _with(self, state: State, by: Mapping[Value, Expr], region: Region | None = None) -> State:
        done = self._replaced.setdefault(tuple(by.items()), {})
        operands = tuple(self.pool.replace(e, by, done) for e in state.operands)
        guards = tuple((self.pool.replace(e, by, done), holds) for e, holds in state.guards)
        return State(region or state.region, operands, guards, state.closed)

    def _into(self, state: State, node: Node, region: Region, values: Iterable[Value]) -> State:
        by = {result: self.pool.leaf(value) for result, value in zip(node.results, values, strict=True)}
        return self._with(state, by, region)

    def _closed(self, state: State, value: Value, what: str) -> State:
        """Leave a value as it is. Guards that use it are not known earlier, unless it is a parameter."""
        kept = state if what == "a parameter" else self._without(state, (value,))
        return State(state.region, state.operands, kept.guards, {**state.closed, value: what})

    def _without(self, state: State, values: Iterable[Value]) -> State:
        gone = frozenset(values)
        guards = tuple((e, holds) for e, holds in state.guards if not e.leaves & gone)
        return State(state.region, state.operands, guards, state.closed)

    # Out of a region

    def _leave(self, use: Node, state: State, seen: set[object]) -> Case | list[State]:
        """From the start of a region to what comes before it."""
        region, leaf, number = state.region, self.pool.leaf, self.pool.number
        process = self.map.process_of.get(region)
        if process is not None:
            return self._before_particle(state, process, seen)
        if region not in self.map.outside:  # the start of the program
            hidden = [what for value, what in state.closed.items() if value in state.leaves and value in self.diffuse]
            return Obstacle(use, f"it is decided by {hidden[0]}", state.leaves) if hidden else []
        node, parent = self.map.outside[region]
        outer = State(parent, state.operands, state.guards, state.closed)
        if node.op == "branch":
            guard = (leaf(node.inputs[0]), region is node.regions[0])
            return [State(parent, state.operands, (*state.guards, guard), state.closed)]
        if node.op == "reduce":
            return self._before_emission(use, state, node)
        if node.op in ("minimise", "root"):
            return Obstacle(use, "it is part of a function that is searched", state.leaves)
        index, carried = (None, region.params) if node.op == "while" else (region.params[0], region.params[1:])
        if not any(value in state.leaves for value in carried):
            outer = self._without(outer, carried)
            if index is None or index not in state.leaves:
                return [outer if index is None else self._without(outer, (index,))]
            start = node.attrs["start"]
            return [self._with(outer, {index: number(start + i)}) for i in range(turns(node))]
        first = dict(zip(carried, map(leaf, node.inputs), strict=True))
        if index is not None:
            first[index] = number(node.attrs["start"])
        before = [self._with(outer, first)]
        body = node.regions[-1]
        again = {p: leaf(r) for p, r in zip(carried, body.results, strict=True)}
        if index is not None:
            again[index] = self.pool.apply("add", (leaf(index), number(1)))
        earlier = self._with(State(body, state.operands, (), state.closed), again)
        return before + self._unseen(node, earlier, seen)

    def _unseen(self, at: object, state: State, seen: set[object]) -> list[State]:
        """The state, unless the same has been asked before at this place."""
        key = (at, state.region, state.operands)
        new = key not in seen
        seen.add(key)
        return [state] if new else []

    def _before_particle(self, state: State, process: str, seen: set[object]) -> list[State]:
        formals = self.map.program.processes[process].formals
        found = []
        for node, region in (*self.map.roots[process], *self.map.spawns[process]):
            by = {formal: self.pool.leaf(given) for formal, given in zip(formals, node.inputs, strict=True)}
            unguarded = State(region, state.operands, (), state.closed)
            found.extend(self._unseen(node, self._with(unguarded, by), seen))
        return found

    def _before_emission(self, use: Node, state: State, node: Node) -> Case | list[State]:
        (region,) = node.regions
        captured = node.inputs[1:]
        fields = len(region.params) - len(captured)
        outer = {p: self.pool.leaf(v) for p, v in zip(region.params[fields:], captured, strict=True)}
        found, emissions = [], self.map.emissions(node)
        if emissions is None:
            return Obstacle(use, "it looks at elements after their process has run", state.leaves)
        for emit, place in emissions:
            by = {p: self.pool.leaf(v) for p, v in zip(region.params[:fields], emit.inputs, strict=True)}
            found.append(self._with(state, by | outer, place))
        return found

    # Solving

    def _solve(self, use: Node, state: State, site: Node) -> Case:
        x, name, leaves = site.results[0], site.attrs["name"], state.leaves
        later = [what for value, what in state.closed.items() if value in leaves and what != "a parameter"]
        if later:
            return Obstacle(use, f"it depends on {later[0]} too, which is drawn after '{name}'", leaves)
        left, right = state.operands
        e, target = (left, right) if x in left.leaves else (right, left)
        if x in target.leaves:
            e, target = self.pool.minus(left, right), self.pool.number(0.0)
        steps: list[Step] = []
        while e.value is not x:
            places = [i for i, arg in enumerate(e.args) if x in arg.leaves]
            if len(places) > 1 or e.op not in INVERTIBLE or places[0] not in INVERTIBLE[e.op] or not e.scalar:
                break
            steps.append(Step(e.op, places[0], tuple(a for a in e.args if x not in a.leaves), e.node))
            e = e.args[places[0]]
        coefficients = polynomial(self.pool, e, x)
        if coefficients is None:
            return Obstacle(use, f"it cannot be solved for '{name}' ({_trouble(e, x)})", leaves)
        guards = tuple(dict.fromkeys((g, holds) for g, holds in state.guards if x not in g.leaves))
        return Crossing(use, site.attrs["number"], target, tuple(steps), coefficients, guards, leaves)


def _alone(state: State, array: Value) -> bool:
    """Whether the array, of one axis, is one operand just as it is, and the other operand a number."""
    numbers = [e for e in state.operands if e.value is not array]
    flat = all(e.scalar if e.value is None else getattr(e.value.type, "shape", None) == () for e in numbers)
    return flat and len(numbers) == 1 and len(getattr(array.type, "shape", ())) == 1


def _trouble(e: Expr, x: Value) -> str:
    if sum(x in arg.leaves for arg in e.args) > 1:
        return "it enters more than once"
    return f"'{e.op}' is not undone" if e.scalar else "it is an element of an array"


def _identity(case: Case) -> object:
    return case.identity if isinstance(case, Crossing) else case.reason
