"""The walk over a program that turns its random sites into NumPyro's.

Operations, branches and loops without draws are those of the JAX back end, in its order and with its numerics; laws
have the log-densities of `hepppl.distributions`. What differs is the sites: a value is asked of NumPyro, conditioned
on, or summed over, as `Survey` says.

A plate is one step for all its repetitions, and so is a loop that only observes. Other loops with draws are written out
turn by turn. Inside a branch both sides are followed: what is observed on the side not taken counts for nothing, and
what is drawn there follows a law that takes harmless arguments, so that it integrates to one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro
from jax import Array

from hepppl.backends.jax.lowering import Lowering, held
from hepppl.backends.jax.settings import Settings
from hepppl.backends.jax.value import Val, apply, spread
from hepppl.backends.numpyro import laws, support
from hepppl.backends.numpyro.lanes import Axis, Lanes
from hepppl.backends.numpyro.survey import Survey, discrete, draws
from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepUnsupportedError
from hepppl.graph import Dist, ModelGraph, Node, Tensor, Value, walk


class Density(Lowering):
    """``given``: the values of the observables that are conditioned on."""

    def __init__(self, graph: ModelGraph, survey: Survey, precision: int, given: Mapping[str, Any]):
        super().__init__(graph, None, Settings(precision=precision))
        self.survey, self.given = survey, given

    @cached_property
    def producer(self) -> dict[Value, Node]:
        priors = [p.prior for p in self.program.params if p.prior is not None]
        return {v: n for body in (self.program.body, *priors) for n in walk(body) for v in n.results}

    # ------------------------------------------------------------ the walk

    def trace(self, params: Mapping[str, Any], data: Mapping[str, Any]) -> Lanes:
        """Follow one event. ``params``: the values of the parameters that are not sampled."""
        m = Lanes(self, (), {}, {})
        for item in self.program.data:
            m.env["data", item.name] = m.env[item.value] = self._input(item, data[item.name])
        for param in self.program.params:
            fixed = param.name in params
            value = self._input(param, params[param.name]) if fixed else self._sampled_param(m, param)
            m.env["param", param.name] = m.env[param.value] = value  # priors name the value itself
        self.run(m, self.program.body)
        density = m.summed(0)
        if density is not None:
            numpyro.factor("summed over", density)
        wrong = m.registers.fault != 0
        if self.faults and self.survey.given is not None:
            numpyro.factor("valid", jnp.where(wrong.any(), -jnp.inf, 0.0))
        return m

    def _input(self, declared: Any, value: Any) -> Val:
        dtype = self.dtype(declared.value.type.kind)
        if not isinstance(value, Array):
            value = held(value, dtype, f"'{declared.name}'", declared.span)
        return Val(jnp.asarray(value, dtype), batched=False)

    def _sampled_param(self, m: Lanes, param: Any) -> Val:
        """A parameter: its prior restricted to its interval, flat on the interval without a prior."""
        limits, shape = param.support, param.value.type.shape
        allowed = support.Interval(float(limits.low), float(limits.high)) if limits else support.Interval()
        if param.prior is None:
            return Val(numpyro.sample(param.name, laws.Flat(allowed, shape).to_event(len(shape))), batched=False)
        *nodes, site = param.prior.nodes
        for node in nodes:
            self.lower(m, node)
        inputs = [m.env[v] for v in site.inputs]
        bounds = support.interval(site.attrs["dist"], self._lookup(m, site, [v.p for v in inputs]))
        cut = bounds.meet(allowed)
        narrower = None if bounds.static and cut == bounds else cut
        law = laws.SiteLaw(site.attrs["dist"], inputs, (), cut, narrower, self.settings.dtype)
        value = numpyro.sample(param.name, law.expand(shape).to_event(len(shape)) if shape else law)
        return Val(value, batched=False)

    def lower(self, m: Lanes, node: Node) -> None:
        if node.op == "site":
            self._site(m, node)
        elif node.op == "plate":
            self._plate(m, node, node.regions[0].results)
        elif node.op == "for" and draws(node.regions[0]):
            gathered = self.survey.gathered(node)
            if gathered is None:
                self._written_out(m, node)
            else:
                self._plate(m, node, gathered)
        elif node.op in ("weight", "require"):
            self._factor(m, node)
        else:
            super().lower(m, node)

    def _written_out(self, m: Lanes, node: Node) -> None:
        (body,) = node.regions
        values = [m.env[v] for v in node.inputs]
        for turn in range(node.attrs["start"], node.attrs["stop"]):
            m.turns[node] = turn
            values = self.run(m, body, [Val(jnp.int32(turn), batched=False), *values])
        m.turns.pop(node, None)
        m.env.update(zip(node.results, values, strict=True))

    def _plate(self, m: Lanes, node: Node, bound: Sequence[Value]) -> None:
        """All repetitions side by side; ``bound``: the values of each that are the elements of what it binds."""
        (body,) = node.regions
        start, extent = node.attrs["start"], node.attrs["stop"] - node.attrs["start"]
        outer = len(m.axes)

        def inside(v: Val) -> Val:
            return Val(jnp.repeat(v.p, extent, axis=-1)) if v.batched else v

        needed = {*self.graph.captures(body), m.mask_key}
        env = {k: inside(v) for k, v in m.env.items() if k in needed or (isinstance(k, tuple) and k[0] != "waiting")}
        p = Lanes(self, (*m.axes, Axis(node, extent)), m.turns, env)
        p.mask_key, p.mask_depth = m.mask_key, m.mask_depth
        index = Val(jnp.tile(jnp.arange(start, start + extent, dtype=jnp.int32), m.size))
        results = self.run(p, replace(body, results=bound), [index, *(inside(m.env[v]) for v in node.inputs)])
        density = p.summed(outer + 1)
        if density is not None:
            m.add(density.sum(-1).reshape(m.size))
        wrong = p.registers.fault.reshape(m.size, -1)
        code = wrong.max(-1)
        m.registers = replace(m.registers, fault=jnp.where(m.registers.fault == 0, code, m.registers.fault))
        for result, v in zip(node.results, results, strict=True):
            m.env[result] = self._stacked(p, v, outer, extent, m.size)

    def _stacked(self, p: Lanes, v: Val, outer: int, extent: int, size: int) -> Val:
        """What a plate binds, along a new leading axis."""
        if not v.batched:
            return Val(jnp.broadcast_to(v.p, (extent, *jnp.shape(v.p))), batched=False)
        shape = v.p.shape[:-1]
        whole = jnp.moveaxis(p.without(v, outer + 1).reshape(*shape, size, extent), -1, 0)
        return Val(whole) if outer else Val(whole[..., 0], batched=False)

    def _factor(self, m: Lanes, node: Node) -> None:
        """`weight` and `require`, of what is not random (`Survey` refuses the others)."""
        if self.survey.given is None:
            return
        v = m.env[node.inputs[0]]
        p = jnp.where(v.p, 0.0, -jnp.inf) if node.op == "require" else jnp.log(v.p)
        if m.here is not None:
            p = jnp.where(m.here, p, 0.0)
        place = f"{node.op} at {node.span.line}:{node.span.column}"
        numpyro.factor(self._name(m, place), jnp.sum(m.once(p)))

    # ------------------------------------------------------------ sites

    def _name(self, m: Lanes, name: str) -> str:
        return name + "".join(f"[{turn}]" for turn in m.turns.values())

    def _lookup(self, m: Lanes, node: Node, now: list[Any]) -> support.Lookup:
        """The i-th input: a float (an array of them) where it is a constant, else its traced value."""

        def look(i: int) -> Any:
            constant = None if self._replaced(m, node) else self.fixed(node, i)
            return now[i] if constant is None else constant

        return look

    def fixed(self, node: Node, i: int) -> Any:
        producer = self.producer.get(node.inputs[i])
        if producer is None or producer.op != "const":
            return None
        value = np.asarray(producer.attrs["value"], float)
        return value if value.ndim else float(value)

    def values(self, node: Node) -> np.ndarray | None:
        """All values of a discrete site, None where they are not known before the run."""

        def length(i: int) -> int:
            kind = node.inputs[i].type
            assert isinstance(kind, Tensor)
            return kind.shape[0]

        return support.values(node.attrs["dist"], lambda i: self.fixed(node, i), length)

    def _site(self, m: Lanes, node: Node) -> None:
        dist: Dist = node.attrs["dist"]
        inputs = [m.env[v] for v in node.inputs]
        here = m.here
        if here is not None and self._replaced(m, node):
            inputs = self._harmless(dist, inputs, here)
        dtype = self.dtype(node.results[0].type.kind)
        if node in self.survey.conditioned:
            value = self._conditioned(m, node, dist, inputs)
        elif node in self.survey.summed:
            value = self._summed(m, node, dist, inputs)
        elif node in self.survey.latent:
            value = self._latent(m, node, dist, inputs)
        else:  # nothing that counts depends on it
            value = apply(lambda *xs: laws.bound(dist, xs).sample(jnp.asarray(0.5, self.settings.dtype)), inputs)
        if node in self.survey.conditioned:  # expected data need not be whole
            m.env[node.results[0]] = value
        else:
            m.env[node.results[0]] = self.cast(value, dtype)

    def _conditioned(self, m: Lanes, node: Node, dist: Dist, inputs: list[Val]) -> Val:
        name = node.attrs["name"]
        data = jnp.asarray(self.given[name])
        # The loops around index the data from the left, the plates' axes stay.
        order = [axis.node for axis in m.axes if not axis.summed]
        for position, loop in reversed(list(enumerate(self._loops(node)))):
            if loop in m.turns:
                data = jnp.take(data, m.turns[loop] - loop.attrs["start"], axis=position)
        assert data.ndim == len(order)
        value = Val(m.spread(data)) if m.axes else Val(data, batched=False)
        if node.results[0] in self.survey.under_sums:
            m.add(self._log_prob(dist, value, inputs))
            return value
        with self._plates(m):
            numpyro.sample(self._name(m, name), self._law(m, node, inputs), obs=data)
        return value

    def _loops(self, node: Node) -> list[Node]:
        return [e.node for e in self.survey.graph.site(node.attrs["number"]).enclosing if e.is_loop]

    def _summed(self, m: Lanes, node: Node, dist: Dist, inputs: list[Val]) -> Val:
        values = self.values(node)
        assert values is not None
        count = len(values)
        keys = [("input", i) for i in range(len(inputs))]
        m.env.update(zip(keys, inputs, strict=True))
        value = m.split(node, jnp.asarray(values))
        inputs = [m.env.pop(key) for key in keys]
        density = self._log_prob(dist, value, inputs)
        mask = m.here
        if mask is not None:  # on the side not taken every value counts alike
            density = jnp.where(mask, density, -jnp.log(float(count)))
        m.add(density)
        return value

    def _latent(self, m: Lanes, node: Node, dist: Dist, inputs: list[Val]) -> Val:
        name = self._name(m, node.attrs["name"])
        if node.results[0] in self.survey.under_sums:
            bounds = support.interval(dist, self._lookup(m, node, [v.p for v in inputs]))
            if not bounds.static:
                text = f"the interval of '{name}' is known only while running, and its law has to do with a sum"
                hint = "give the law constant ends, or another that needs none"
                raise HepUnsupportedError(Diagnostic("E714", text, node.span, hints=(hint,)))
            free = laws.Flat(bounds, tuple(a.size for a in m.axes if not a.summed))
            with self._plates(m):
                drawn = numpyro.sample(name, free)
            value = Val(m.spread(drawn)) if m.axes else Val(drawn, batched=False)
            m.add(self._log_prob(dist, value, inputs))
            return value
        law = self._law(m, node, inputs)
        with self._plates(m):
            drawn = numpyro.sample(name, law)
        return Val(m.spread(drawn)) if m.axes else Val(drawn, batched=False)

    def _plates(self, m: Lanes) -> ExitStack:
        """NumPyro's plates around a site, the innermost last."""
        stack = ExitStack()
        around = [axis for axis in m.axes if not axis.summed]
        for depth, axis in enumerate(around):
            name = f"plate {axis.node.regions[0].params[0].name} in line {axis.node.span.line}"
            stack.enter_context(numpyro.plate(name, axis.size, dim=depth - len(around)))
        return stack

    def _law(self, m: Lanes, node: Node, inputs: list[Val]) -> laws.SiteLaw:
        """The law of a site over the plates around it, on which nothing that is summed over has a bearing."""
        dist: Dist = node.attrs["dist"]
        shape = tuple(axis.size for axis in m.axes if not axis.summed)
        kept = [m.without(v, 0) if v.batched else v.p for v in inputs]  # (*shape of the argument, *plates)
        bounds = support.Interval()
        if node in self.survey.latent and not discrete(dist):
            bounds = support.interval(dist, self._lookup(m, node, kept))
        flat = [
            Val(x.reshape(*v.p.shape[:-1], -1)) if v.batched and shape else Val(x, batched=False)
            for v, x in zip(inputs, kept, strict=True)
        ]
        return laws.SiteLaw(dist, flat, shape, bounds, None, self.settings.dtype)

    def _log_prob(self, dist: Dist, value: Val, inputs: list[Val]) -> Array:
        """The log-density of a value in each lane (or one for all)."""
        return apply(lambda x, *xs: laws.log_prob(dist, x, xs), (value, *inputs)).p

    def _replaced(self, m: Lanes, node: Node) -> bool:
        """Whether a law in a branch takes arguments that may be out of range on the other side."""
        return m.mask is not None and any(self.fixed(node, i) is None for i in range(len(node.inputs)))

    def _harmless(self, dist: Dist, inputs: list[Val], here: Array) -> list[Val]:
        """The arguments of a law, with harmless ones in the lanes that do not come by."""
        safe = dict(laws.harmless(dist))
        found = []
        for i, v in enumerate(inputs):
            if i not in safe:
                found.append(v)
                continue
            p = v.p if v.batched else spread(v.p, len(here))
            value = jnp.asarray(safe[i], p.dtype) if safe[i] is not None else 1 / p.shape[0]
            found.append(Val(jnp.where(here, p, value)))
        return found
