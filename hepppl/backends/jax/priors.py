"""Prior draws, densities and cumulative probabilities of a model's parameters, for a batch.

A prior is a random site that stands outside the event. Its address is its own number (priors are numbered after all
sites of the events, in the order of their declarations) and, in an array of parameters, the element's place as the
loop index, under the key of the draw's number: draw i of a seed shares its key with event i and no counter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from hepppl.backends.jax import disk
from hepppl.backends.jax.law import bound_law
from hepppl.backends.jax.lowering import Lowering
from hepppl.backends.jax.random import event_keys, threefry2x32, uniform
from hepppl.backends.jax.run import Numbers, Seed
from hepppl.backends.jax.settings import Settings
from hepppl.backends.jax.value import Val
from hepppl.distributions.numerics import combinators
from hepppl.graph import ModelGraph, Param, Value

Point = Mapping[str, Any]


@dataclass(frozen=True)
class Priors:
    """The priors of a program's parameters, one draw at a time; everything is traceable, `jax.vmap` makes batches.

    A prior is its law given the parameter's support; an array of parameters has independent elements. A law may depend
    on parameters declared before. ``params`` and ``data`` are points: name -> value in base units.
    """

    lowering: Lowering

    @property
    def latent(self) -> tuple[Param, ...]:
        return tuple(p for p in self.lowering.program.params if p.prior is not None)

    def law(self, param: Param, params: Point, data: Point) -> combinators.Law:
        assert param.prior is not None
        env: dict[Value, Val] = {}
        given = {"param": params, "data": data}
        known = {p.value: p.name for p in self.lowering.program.params}
        inputs = {d.value: d.name for d in self.lowering.program.data}

        def value(v: Value) -> Val:
            if v in env:
                return env[v]
            kind, name = ("param", known[v]) if v in known else ("data", inputs[v])
            return Val(jnp.asarray(given[kind][name], self.lowering.dtype(v.type.kind)), batched=False)

        *computed, site = param.prior.nodes
        for node in computed:
            env[node.results[0]] = self.lowering.operation(node, [value(v) for v in node.inputs])
        law = bound_law(site.attrs["dist"], tuple(value(v).p for v in site.inputs))
        support = param.support
        return law if support is None else combinators.truncated(law, support.low, support.high)

    def _each(self, fn: Callable[[combinators.Law, Param, Any], Any], given: Point, fixed: Point, data: Point) -> Any:
        """``fn`` of every parameter that has a prior, its law at the values given, and its own."""
        return {p.name: fn(self.law(p, {**fixed, **given}, data), p, given[p.name]) for p in self.latent}

    def _from(self, quantile: Callable[[combinators.Law, Param], Any], fixed: Point, data: Point) -> dict[str, Array]:
        found: dict[str, Array] = {}
        for param in self.latent:
            found[param.name] = quantile(self.law(param, {**fixed, **found}, data), param)
        return found

    def draw(self, seed: Seed, number: Numbers, fixed: Point, data: Point) -> tuple[dict[str, Array], Array]:
        """Draw ``number`` of a seed, and whether every law's arguments were in their range."""
        key = event_keys(seed, number, self.lowering.settings.rounds)
        valid = []

        def one(law: combinators.Law, param: Param) -> Array:
            assert param.prior is not None
            shape = param.value.type.shape
            index = jnp.arange(max(param_size(param), 1), dtype=jnp.uint32)
            word, _ = threefry2x32(*key, param.prior.nodes[-1].attrs["number"], index, self.lowering.settings.rounds)
            valid.append(jnp.all(law.valid()))
            return jax.vmap(law.sample)(uniform(word, self.lowering.settings.dtype)).reshape(shape)

        return self._from(one, fixed, data), jnp.stack(valid).all()

    def log_densities(self, given: Point, fixed: Point, data: Point) -> dict[str, Array]:
        """Log density of every element of every parameter ``given``, given those declared before; minus infinity
        outside the support."""

        def one(law: combinators.Law, param: Param, x: Any) -> Array:
            x = jnp.asarray(x, self.lowering.settings.dtype)
            inside = True if param.support is None else (x >= param.support.low) & (x <= param.support.high)
            return jnp.where(inside, jax.vmap(law.log_prob)(x.ravel()).reshape(x.shape), -jnp.inf)

        return self._each(one, given, fixed, data)

    def tails(self, given: Point, fixed: Point, data: Point) -> tuple[dict[str, Array], dict[str, Array]]:
        """Of every parameter, the prior probability below its value and above it, given those declared before."""

        def one(law: combinators.Law, _: Param, x: Any) -> Any:
            x = jnp.asarray(x, self.lowering.settings.dtype)
            below, above = jax.vmap(law.tails)(x.ravel())
            return below.reshape(x.shape), above.reshape(x.shape)

        both = self._each(one, given, fixed, data)
        return {k: v[0] for k, v in both.items()}, {k: v[1] for k, v in both.items()}

    def quantile(self, below: Point, above: Point, fixed: Point, data: Point) -> dict[str, Array]:
        """The parameters at which `tails` are ``below`` and ``above`` (their sum is 1)."""

        def one(law: combinators.Law, param: Param) -> Array:
            p, q = jnp.ravel(below[param.name]), jnp.ravel(above[param.name])
            return jax.vmap(law.quantile)(p, q).reshape(param.value.type.shape)

        return self._from(one, fixed, data)


def param_size(param: Param) -> int:
    size = 1
    for length in param.value.type.shape:
        size *= length
    return size


class PriorFunctions:
    """`Priors` for many points at once, NumPy in and out, in double precision. ``fixed``: the parameters without a
    prior; points are mappings of name -> (n, *shape)."""

    def __init__(self, graph: ModelGraph, fixed: Point, data: Point, rounds: int = 13):
        self.priors = Priors(Lowering(graph, None, Settings(precision=64, rounds=rounds)))
        self.fixed = {k: np.asarray(v) for k, v in fixed.items()}
        self.data = {k: np.asarray(v) for k, v in data.items()}
        self._compiled: dict[str, Any] = {}

    def _run(self, name: str, fn: Callable[..., Any], *args: Any) -> Any:
        with jax.enable_x64(True), disk.programs():
            if name not in self._compiled:
                self._compiled[name] = jax.jit(jax.vmap(fn, in_axes=(*[0] * len(args), None, None)))
            typed = jax.tree.map(lambda x: x if x.dtype == np.uint32 else np.asarray(x, float), args)
            return jax.tree.map(np.asarray, self._compiled[name](*typed, self.fixed, self.data))

    def draw(self, n: int, seed: int, first: int = 0) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Draws ``first`` … ``first + n - 1`` of a seed, and whether the laws' arguments were in range, (n,)."""
        numbers = np.arange(first, first + n, dtype=np.uint64)
        words = (numbers & 0xFFFFFFFF).astype(np.uint32), (numbers >> np.uint64(32)).astype(np.uint32)
        seeds = tuple(np.full(n, x, np.uint32) for x in (seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF))
        return self._run("draw", self.priors.draw, seeds, words)

    def log_densities(self, given: Point) -> dict[str, np.ndarray]:
        return self._run("log_densities", self.priors.log_densities, dict(given))

    def tails(self, given: Point) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        return self._run("tails", self.priors.tails, dict(given))

    def quantile(self, below: Point, above: Point) -> dict[str, np.ndarray]:
        return self._run("quantile", self.priors.quantile, dict(below), dict(above))
