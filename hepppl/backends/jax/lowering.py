"""Static facts about a program for one compilation, and the walk over its regions."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np

from hepppl.backends.jax import integers, relaxed
from hepppl.backends.jax.crossings import reads
from hepppl.backends.jax.externs import extern
from hepppl.backends.jax.kept import with_kept
from hepppl.backends.jax.layers import Layers
from hepppl.backends.jax.machine import Machine
from hepppl.backends.jax.ops import COSTLY, ELEMENTWISE, GENTLE, function, integer_pow
from hepppl.backends.jax.served import Served
from hepppl.backends.jax.settings import Settings
from hepppl.backends.jax.steering import Steering
from hepppl.backends.jax.value import Val, apply, carries_points, cotangents_kept, everywhere, strict_elementwise
from hepppl.diagnostics import Diagnostic, Span
from hepppl.diagnostics.errors import HepValueError
from hepppl.graph import Crossing, ModelGraph, Node, Region, Tensor, Value, places, walk
from hepppl.planning.plan import Plan
from hepppl.plugin.registry import load_estimator

if TYPE_CHECKING:
    from hepppl.backends.jax.single import Single


@dataclass(frozen=True)
class FaultKind:
    """An entry of the fault table: ``kind`` is "truncated", "steps", "invalid", "range", "integer", "unsolved",
    "plugin", "coincident" or "elsewhere" (see `hepppl.trust`)."""

    kind: str
    message: str
    span: Span


@dataclass(frozen=True)
class Group:
    """Sites that one estimator serves with the same options and that influence the same outputs share a state."""

    estimator: str
    options: tuple[tuple[str, Any], ...]
    influences: frozenset[str]


class Lowering:
    """Everything static that lowering asks of the graph and the plan, looked up once."""

    def __init__(self, graph: ModelGraph, plan: Plan | None, settings: Settings):
        program = with_kept(graph.program, settings.capacity)
        self.graph = graph if program is graph.program else ModelGraph(program)
        self.planned, self.program, self.settings = graph, program, settings
        self.plan = plan if settings.gradient or settings.moves else None
        self.faults: list[FaultKind] = []
        self._fault_codes: dict[tuple[str, Any], int] = {}
        self.rows = {row.number: row for row in self.plan.rows} if self.plan else {}
        self.groups: list[Group] = []
        self.group_of: dict[int, int] = {}
        for row in self.rows.values():
            if row.estimator is None:
                continue
            group = Group(row.estimator, tuple(sorted(row.options.items())), row.influences)
            if group not in self.groups:
                self.groups.append(group)
            self.group_of[row.number] = self.groups.index(group)
        self.metadata = [load_estimator(g.estimator).given(dict(g.options)) for g in self.groups]
        self.numerics = [Served(m, dict(g.options)) for m, g in zip(self.metadata, self.groups, strict=True)]
        self.steering, self.layers = Steering(self), Layers.of(self)

    # ------------------------------------------------------------ facts

    @cached_property
    def relaxed(self) -> tuple[int, ...]:
        """The sites whose values are relaxed."""
        return tuple(number for number, group in self.group_of.items() if self.metadata[group].relaxes)

    @cached_property
    def soft(self) -> frozenset[Value]:
        """The integers and truths that are real numbers, made of relaxed values."""
        return frozenset[Value]().union(*(self.graph.relaxation(number).soft for number in self.relaxed))

    @cached_property
    def weights(self) -> frozenset[Value]:
        """Of these, the ones that are weights of all possible values."""
        values = {self.graph.site(number).value for number in self.relaxed}
        return frozenset(v for v in values if v.type.kind == "int")

    @cached_property
    def crossings(self) -> dict[int, tuple[Crossing, ...]]:
        """Where the values of the sites that are stratified are cut, by site number."""
        served = {number: self.metadata[group] for number, group in self.group_of.items()}
        cut = {number for number, metadata in served.items() if metadata.stratifies}
        found: dict[int, list[Crossing]] = {number: [] for number in cut}
        if cut and self.plan is not None:
            pathwise = {number for number, metadata in served.items() if metadata.pathwise}
            flow = self.planned.carries(self.plan.wrt, pathwise, cut, self.relaxed)
            for case in (case for use in flow.nonsmooth for case in self.planned.crossings(use.node)):
                if isinstance(case, Crossing) and case.site in cut and not flow.carrying.isdisjoint(case.leaves):
                    found[case.site].append(case)
        return {number: tuple({c.identity: c for c in crossings}.values()) for number, crossings in found.items()}

    def foreseen(self, node: Node) -> tuple[Value, ...]:
        """What the crossings and the importance of the sites in a node are computed from, though it may not use it
        itself."""
        if not self.crossings and not self.steering.telling:
            return ()
        sites = [n for n in (node, *(n for r in node.regions for n in self.graph.walk(r))) if n.op == "site"]
        numbers = [site.attrs["number"] for site in sites]
        found = [reads(c) for number in numbers for c in self.crossings.get(number, ())]
        found += [frozenset(self.steering.telling.get(number, {}).values()) for number in numbers]
        return tuple(sorted(frozenset().union(*found), key=lambda v: v.id))

    def share_faults(self, other: Lowering) -> None:
        """Note faults where another lowering of the program does."""
        self.faults, self._fault_codes = other.faults, other._fault_codes

    def fault_code(self, kind: str, node: Any, message: str, span: Span | None = None) -> int:
        key = (kind, node)
        if key not in self._fault_codes:
            self.faults.append(FaultKind(kind, message, span or node.span))
            self._fault_codes[key] = len(self.faults)
        return self._fault_codes[key]

    def limit_code(self, node: Node) -> int:
        """That a `while` went on at its limit."""
        return self.fault_code("truncated", node, f"the loop reached its limit of {node.attrs['limit']} turns")

    def room_code(self, node: Node) -> int:
        """That an array of `padded` is too short."""
        size = node.attrs["size"]
        return self.fault_code("truncated", node, f"more than {size} elements for an array of {size}")

    def unsolved_code(self, node: Node) -> int:
        """That `argmin` or `root` found nothing."""
        why = {
            "minimise": "argmin found no minimum",
            "root": "root found no zero: the function has one sign at both ends of the interval, or no value",
        }
        return self.fault_code("unsolved", node, why[node.op])

    def codes_of(self, node: Node) -> set[int]:
        """The codes given so far to faults of a node and of what its regions hold."""
        inside = {node, *(n for region in node.regions for n in walk(region))}
        return {code for (_, at), code in self._fault_codes.items() if at in inside}

    def offering(self, node: Node) -> bool:
        """The site's estimator may make offers."""
        group = self.group_of.get(node.attrs["number"])
        return group is not None and self.metadata[group].offers

    @cached_property
    def _offering_regions(self) -> dict[Region, bool]:
        return {}

    def offers_in(self, region: Region) -> bool:
        """Whether anything inside a region may replace the event's alternative."""
        if region not in self._offering_regions:
            found = False
            for node in region.nodes:
                found |= node.op == "site" and self.offering(node)
                found |= node.op == "process" and self.process_offers(node.attrs["process"])
                found |= any(self.offers_in(inner) for inner in node.regions)
            self._offering_regions[region] = found
        return self._offering_regions[region]

    def process_offers(self, key: str) -> bool:
        return any(self.offers_in(self.program.processes[k].body) for k in self.graph.process_facts(key))

    def process_nodes(self, key: str) -> tuple[Node, ...]:
        """Every node that a run of a process, and the runs inside it, may come by."""
        bodies = [self.program.processes[k].body for k in self.graph.process_facts(key)]
        own = [node for body in bodies for node in self.graph.walk(body)]
        inner = [n for node in own if node.op == "process" for n in self.process_nodes(node.attrs["process"])]
        return (*own, *inner)

    def process_weighs(self, key: str) -> bool:
        """Whether particles of a process, or of those it leads to, multiply the event's weight."""
        return any(node.op in ("weight", "require") for node in self.process_nodes(key))

    @cached_property
    def counts_steps(self) -> bool:
        """Whether an event may run more than one process, so that their particle steps are counted together."""
        runs = [place for place in places(self.program) if place.node.op == "process"]
        return len(runs) > 1 or any(e.is_loop for place in runs for e in place.enclosing)

    @cached_property
    def keeps(self) -> bool:
        """Whether the elements of a collection are kept in arrays."""
        return any(node.attrs.get("kind") == "keep" for node in self.graph.nodes())

    @property
    def offers(self) -> bool:
        return self.offers_in(self.program.body)

    @cached_property
    def owned(self) -> bool:
        """Whether it matters whose offer the event's alternative is."""
        offering = [metadata.offers for metadata in self.metadata]
        return sum(offering) > 1 and any(served.doubles for served in self.numerics)

    @cached_property
    def _dying(self) -> dict[Region, tuple[tuple[Value, ...], ...]]:
        return {}

    def dying(self, region: Region) -> tuple[tuple[Value, ...], ...]:
        """For each node of a region, the region's values that nothing uses after it."""
        if region not in self._dying:
            last: dict[Value, int] = dict.fromkeys(region.params, -1)
            for i, node in enumerate(region.nodes):
                for v in node.results:
                    last[v] = i
                for v in self.uses(node):
                    if v in last:
                        last[v] = i
            kept = set(region.results)
            if region is self.program.body:
                kept |= {o.value for o in self.program.outputs}
            ends: list[list[Value]] = [[] for _ in region.nodes]
            for v, i in last.items():
                if i >= 0 and v not in kept:
                    ends[i].append(v)
            self._dying[region] = tuple(map(tuple, ends))
        return self._dying[region]

    def uses(self, node: Node) -> tuple[Value, ...]:
        """What a node reads: its inputs, what its regions capture, and what the crossings of its sites and the
        reductions of its collection need."""
        used = [*node.inputs, *self.foreseen(node)]
        for region in node.regions:
            used.extend(self.graph.captures(region))
        if node.op == "process":
            for reduce in self.graph.reduces_of(node.results[0]):
                used.extend(reduce.inputs[1:])
        return tuple(used)

    @cached_property
    def jagged(self) -> frozenset[str]:
        """Names of the outputs with a varying number of elements."""
        produced = {o.name: self.producer.get(o.value) for o in self.program.outputs}
        return frozenset(k for k, node in produced.items() if node is not None and node.attrs.get("kind") == "jagged")

    @cached_property
    def producer(self) -> dict[Value, Node]:
        bodies = [self.program.body, *(p.body for p in self.program.processes.values())]
        return {v: node for body in bodies for node in walk(body) for v in node.results}

    @cached_property
    def guarded(self) -> frozenset[Node]:
        """The integer operations whose result may lie beyond 32 bits."""
        return integers.guarded(self.program)

    def dtype(self, kind: str) -> np.dtype:
        return {"real": self.settings.dtype, "int": np.dtype(np.int32), "bool": np.dtype(bool)}[kind]

    # ------------------------------------------------------------ the walk

    def run(self, m: Machine, region: Region, args: Sequence[Val] = ()) -> list[Val]:
        """Run a region on a machine. Values of the region leave the machine when nothing uses them any more."""
        for value, arg in zip(region.params, args, strict=True):
            m.env[value] = arg
        for node, ends in zip(region.nodes, self.dying(region), strict=True):
            self.lower(m, node)
            for v in ends:
                m.env.pop(v, None)
        if region is self.program.body:  # its values stay: the outputs are among them
            return []
        results = [m.env[v] for v in region.results]
        own: set[Hashable] = {*region.params, *(v for n in region.nodes for v in n.results)}
        for v in own & m.env.keys():
            del m.env[v]
        return results

    def lower(self, m: Machine, node: Node) -> None:
        from hepppl.backends.jax import folds, loops, processes, sites, solvers

        structural = {
            "site": sites.lower_site, "branch": loops.lower_branch, "for": loops.lower_for, "plate": loops.lower_plate,
            "while": loops.lower_while, "process": processes.lower_process, "reduce": processes.lower_reduce,
            "spawn": processes.lower_spawn, "emit": processes.lower_emit, "fold": folds.lower_fold,
            "minimise": solvers.lower_solution, "root": solvers.lower_solution,
        }  # fmt: skip
        if node.op in structural:
            structural[node.op](self, m, node)
        elif node.op in ("param", "data"):
            m.env[node.results[0]] = m.env[(node.op, node.attrs["name"])]
        elif node.op == "const":
            m.env[node.results[0]] = self.constant(node)
        elif node.op == "weight":
            m.multiply_weight(m.env[node.inputs[0]])
        elif node.op == "require":
            m.require(m.env[node.inputs[0]])
        else:
            m.env[node.results[0]] = self.pure(m, node)

    def constant(self, node: Node) -> Val:
        type_ = node.results[0].type
        assert isinstance(type_, Tensor)
        return Val(
            jnp.asarray(held(node.attrs["value"], self.dtype(type_.kind), "a constant", node.span)), batched=False
        )

    def cast(self, v: Val, dtype: np.dtype) -> Val:
        same = v.p.dtype == dtype and not getattr(v.p, "weak_type", False)
        return v if same else apply(lambda x: jnp.asarray(x, dtype), (v,), elementwise=True)

    def pure(self, m: Machine | Single, node: Node) -> Val:
        if node.op in ("index", "set_index") and self.soft.isdisjoint(node.inputs):
            self.check_indices(m, node)
        inputs = [m.env[v] for v in node.inputs]
        if carries_points() and node.results[0].type.kind != "real":
            self.check_decision(m, node, inputs)
        # what is solved is differentiated twice, which strict operations cannot be
        result = self.operation(node, inputs, self.settings.reverse and isinstance(m, Machine))
        if node in self.guarded and self.soft.isdisjoint(node.inputs):
            code = self.fault_code("integer", node, "an integer is beyond 32 bits")
            looked = apply(lambda y, *xs: integers.overflows(node.op, xs, y), (result, *inputs))
            m.fault(code, looked)
        return result

    def operation(self, node: Node, inputs: list[Val], strict: bool = False) -> Val:
        """A pure operation (or a constant) on given operands."""
        if node.op == "const":
            return self.constant(node)
        if not self.soft.isdisjoint(node.inputs):
            return relaxed.operation(self, node, inputs)
        dtype = self.dtype(node.results[0].type.kind)
        if node.op == "extern":
            return self.cast(apply(extern(node), inputs), dtype)
        if node.op == "pow":
            exponent = self.producer.get(node.inputs[1])
            if exponent is not None and exponent.op == "const" and np.ndim(exponent.attrs["value"]) == 0:
                whole = float(exponent.attrs["value"])
                if whole.is_integer() and abs(whole) <= 64:
                    power = integer_pow(int(whole))
                    power = strict_elementwise(power) if strict and not self.gentle(node) else power
                    return self.cast(apply(power, inputs[:1], elementwise=True), dtype)
        if node.op in ("div", "mean") or (node.op == "pow" and dtype.kind == "f"):
            inputs = [self.cast(v, dtype) for v in inputs]
        fn = function(node.op, node.attrs)
        if strict and node.op in ELEMENTWISE - GENTLE and not self.gentle(node):
            fn = strict_elementwise(fn)
        if strict and node.op in COSTLY and not node.results[0].type.shape:  # matrix products keep them anyway
            fn = cotangents_kept(fn)
        return self.cast(apply(fn, inputs, elementwise=node.op in ELEMENTWISE), dtype)

    def gentle(self, node: Node) -> bool:
        """Whether an operation's slope is finite wherever it is computed, as that of a product of finite factors."""
        return node.op in ("mul", "div", "square", "pow") and self.graph.finite((*node.inputs, *node.results))

    def check_decision(self, m: Machine | Single, node: Node, inputs: list[Val]) -> None:
        """That a comparison has the event's outcome at all points: else the event could not run there as it did."""
        here, there = everywhere(function(node.op, node.attrs) if node.op != "extern" else extern(node), inputs)
        if there is not None:
            differs = (there != here).any(0)
            extra = tuple(range(differs.ndim - any(v.batched for v in inputs)))
            code = self.fault_code("elsewhere", node, "the outcome is another one at one of the parameter points")
            m.fault(code, Val(differs.any(extra), batched=any(v.batched for v in inputs)))

    def check_indices(self, m: Machine | Single, node: Node) -> None:
        """An index out of range at run time is a fault; JAX would clamp it without a word."""
        first = 1 if node.op == "index" else 2
        array = node.inputs[0].type
        assert isinstance(array, Tensor)
        for size, index in zip(array.shape, node.inputs[first:], strict=False):
            producer = self.producer.get(index)
            if producer is not None and producer.op == "const":
                continue  # checked when the program was
            code = self.fault_code("range", node, f"index out of range of an array of {size}")
            outside = apply(lambda i, n=size: (i < 0) | (i >= n), (m.env[index],), elementwise=True)
            m.fault(code, outside)


def held(value: Any, dtype: np.dtype, what: str, span: Span) -> np.ndarray:
    """A value given as an array of the run's precision. Raises `HepValueError` (E464) where it would become 0 or
    infinite (a luminosity of 139/fb is 1.4e39 in base units), and E411 for an integer beyond 32 bits."""
    exact = np.asarray(value)
    if dtype == np.float32 and exact.dtype.kind == "f":
        limits, size = np.finfo(np.float32), np.abs(exact[np.isfinite(exact) & (exact != 0)])
        for bad in size[(size > limits.max) | (size < limits.tiny)][:1]:
            message = f"{what} is {bad:.4g} in base units, which single precision cannot hold (1.2e-38 to 3.4e38)"
            hints = (
                "run with --precision 64 (precision=64 in Python)",
                "or use a number without dimension: 139 for 139 fb^-1",
            )
            raise HepValueError(Diagnostic("E464", message, span, hints=hints))
    if dtype == np.int32 and exact.size and (exact.min() < integers.LOWEST or exact.max() > integers.HIGHEST):
        worst = max(exact.min(), exact.max(), key=abs)
        message = f"{what} holds the integer {worst:.6g}, which does not fit in 32 bits"
        raise HepValueError(Diagnostic("E411", message, span, hints=("declare it real",)))
    return exact.astype(dtype)
