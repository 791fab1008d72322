"""A region as a function of one event: for what is solved, where a batch, its derivatives and its alternative are put
around the whole (`hepppl.backends.jax.value.apply`).

Only what has no effect stands in such a region: operations, branches, loops, reductions of collections, and further
solutions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from hepppl.backends.jax import reductions
from hepppl.backends.jax.lowering import Lowering
from hepppl.backends.jax.value import Val
from hepppl.graph import Node, Region, Value


class Single:
    """One event inside a region. ``code`` is its first fault, 0 where there is none."""

    def __init__(self, lowering: Lowering, env: Mapping[Value, Any], code: Any = 0):
        self.lowering, self.env = lowering, dict(env)
        self.code = jnp.int32(code)

    def fault(self, code: int, where: Val) -> None:
        self.code = jnp.where((self.code == 0) & where.p, jnp.int32(code), self.code)

    def run(self, region: Region, args: Sequence[Any]) -> list[Any]:
        self.env.update(zip(region.params, (Val(x, batched=False) for x in args), strict=True))
        for node in region.nodes:
            self._run_node(node)
        return [self.env[v].p for v in region.results]

    def _inside(self, region: Region, args: Sequence[Any], code: Any) -> tuple[list[Any], Array]:
        """The results of a region further in, and the fault after it, as a function without effects."""
        inner = Single(self.lowering, self.env, code)
        return inner.run(region, args), inner.code

    def _run_node(self, node: Node) -> None:
        structural = {
            "branch": self._branch, "for": self._for, "plate": self._plate, "while": self._while,
            "minimise": self._solution, "root": self._solution, "fold": self._fold,
        }  # fmt: skip
        if node.op == "const":
            self.env[node.results[0]] = self.lowering.constant(node)
        elif node.op in structural:
            values = structural[node.op](node, [self.env[v].p for v in node.inputs])
            for result, x in zip(node.results, values, strict=True):
                self.env[result] = Val(jnp.asarray(x, self.lowering.dtype(result.type.kind)), batched=False)
        else:
            self.env[node.results[0]] = self.lowering.pure(self, node)

    def _branch(self, node: Node, inputs: list[Any]) -> list[Any]:
        (cond,) = inputs
        (yes, code), (no, other) = (self._inside(region, (), self.code) for region in node.regions)
        self.code = jnp.where(cond, code, other)
        return [jnp.where(cond, x, y) for x, y in zip(yes, no, strict=True)]

    def _typed(self, values: Sequence[Any], like: Sequence[Value]) -> tuple[Array, ...]:
        return tuple(jnp.asarray(x, self.lowering.dtype(v.type.kind)) for x, v in zip(values, like, strict=True))

    def _for(self, node: Node, inputs: list[Any]) -> list[Any]:
        (body,) = node.regions

        def turn(carry: Any, i: Array) -> Any:
            values, code = self._inside(body, (i, *carry[0]), carry[1])
            return (self._typed(values, node.results), code), None

        indices = jnp.arange(node.attrs["start"], node.attrs["stop"], dtype=jnp.int32)
        (values, self.code), _ = lax.scan(turn, (self._typed(inputs, node.results), self.code), indices)
        return list(values)

    def _plate(self, node: Node, inputs: list[Any]) -> list[Any]:
        indices = jnp.arange(node.attrs["start"], node.attrs["stop"], dtype=jnp.int32)
        values, codes = jax.vmap(lambda i: self._inside(node.regions[0], (i,), 0))(indices)
        self.code = jnp.where(self.code == 0, jnp.max(codes), self.code)
        return values

    def _while(self, node: Node, inputs: list[Any]) -> list[Any]:
        cond, body = node.regions
        limit = node.attrs["limit"]

        def goes_on(carry: Any) -> Array:
            return self._inside(cond, carry[0], 0)[0][0]

        def turn(carry: Any) -> Any:
            values, code = self._inside(body, carry[0], carry[1])
            return self._typed(values, node.results), code, carry[2] + 1

        start = (self._typed(inputs, node.results), self.code, jnp.int32(0))
        end = lax.while_loop(lambda c: goes_on(c) & (c[2] < limit), turn, start)
        self.code = end[1]
        self.fault(self.lowering.limit_code(node), Val(goes_on(end), batched=False))
        return list(end[0])

    def _fold(self, node: Node, inputs: list[Any]) -> list[Any]:
        """The elements one after another, all that there is room for: what is solved is differentiated both ways, so
        its loops have a fixed length. Nothing comes from the room that is left, and no derivative goes to it."""
        fields, (region,) = node.attrs["fields"], node.regions
        (result,), settings = node.results, self.lowering.settings
        count, arrays, captured = inputs[0], inputs[1 : 1 + fields], inputs[1 + fields :]
        edges = Val(captured[-1], batched=False) if node.attrs["kind"] == "hist" else None
        start = reductions.empty(node, None, self.lowering.dtype(result.type.kind), settings.dtype, settings.capacity)

        def turn(carry: Any, element: Any) -> Any:
            (before, code), (i, *xs) = carry, element
            here = i < count
            xs = [jnp.where(here, x, lax.stop_gradient(x)) for x in (*xs, *captured)]
            found, fault = self._inside(region, xs, code)
            acc, values = ([Val(x, batched=False) for x in vs] for vs in (before, found))
            acc = reductions.add(node, acc, values, edges, Val(here, batched=False), None)
            return ([v.p for v in acc], jnp.where(here, fault, code)), None

        room = jnp.arange(settings.capacity, dtype=jnp.int32)
        (end, self.code), _ = lax.scan(turn, ([v.p for v in start], self.code), (room, *arrays))
        acc = [Val(x, batched=False) for x in end]
        full = reductions.overflows(node, acc)
        if full is not None:
            self.fault(self.lowering.room_code(node), full)
        return [reductions.finish(node, acc).p]

    def _solution(self, node: Node, inputs: list[Any]) -> list[Any]:
        from hepppl.backends.jax.solvers import Solver

        captured = self.lowering.graph.captures(node.regions[0])
        xs = [*inputs, *(self.env[v].p for v in captured)]
        solver = Solver(self.lowering, node, captured)
        x, code = solver.solve(*map(lax.stop_gradient, xs))
        self.code = jnp.where(self.code == 0, code, self.code)
        return list(solver.settle(x, *xs[len(inputs) :]))
