"""`Compiled`: a program compiled once per structure, run batch by batch."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from hepppl.backends.jax import disk, joint, run
from hepppl.backends.jax.gradients import WEIGHT
from hepppl.backends.jax.lowering import FaultKind, Lowering, Settings, held
from hepppl.backends.jax.moments import Moments
from hepppl.backends.jax.results import Derivative, Events, FaultTable, Gradient, Jagged
from hepppl.backends.jax.vectors import compile_options
from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepPlanError
from hepppl.graph import ModelGraph, Tensor
from hepppl.planning.plan import Plan

Progress = Callable[[int, int], None]

#: Events of one batch: loops of random length want many tasks in the queue, loops of static length a tile that stays in
#: the cache, several of which make one call.
TILE, TILES, SMALL = 2048, 32, 256
QUEUES = (SMALL, TILE, 16384, 65536)
#: More parameters than this are differentiated in reverse mode, where the program allows it.
FORWARD = 8
#: Most tangents carried at once in forward mode.
TANGENTS = 16


def compile_program(
    graph: ModelGraph,
    *,
    plan: Plan | None = None,
    precision: int = 32,
    mode: str = "auto",
    lanes: int | None = None,
    batch: int | None = None,
    rounds: int = 13,
    max_steps: int = 1_000_000,
) -> Compiled:
    """Prepare a program for JAX; XLA compiles on first use.

    ``plan`` is needed for gradients only. ``mode``: "forward", "reverse" or "auto". ``lanes`` and ``batch`` change
    speed and memory, never an event. Raises `HepUnsupportedError` for what cannot be lowered, `HepPlanError` for
    reverse mode through loops of random length.
    """
    settings = Settings(precision=precision, rounds=rounds, lanes=lanes, max_steps=max_steps)
    return Compiled(graph, plan, settings, mode, batch)


class Compiled:
    """A program ready to run. All numbers are in base units; see `compile_program`."""

    def __init__(self, graph: ModelGraph, plan: Plan | None, settings: Settings, mode: str, batch: int | None):
        self.graph, self.plan, self.settings, self._batch = graph, plan, settings, batch
        self.random_length = any(node.op in ("while", "process") for node in graph.nodes())
        shapes = {p.name: p.value.type.shape for p in graph.program.params if isinstance(p.value.type, Tensor)}
        names = plan.wrt if plan else ()
        self.wrt = run.Wrt(tuple(names), tuple(shapes[n] for n in names))
        if mode == "auto":
            mode = "reverse" if self.wrt.total > FORWARD and not self.random_length else "forward"
        if mode == "reverse" and self.random_length:
            text = "reverse mode does not go through `while` loops and branching processes; use mode='forward'"
            raise HepPlanError(Diagnostic("E608", text))
        self.mode = mode
        self._executables: dict[Any, tuple[Any, tuple[FaultKind, ...]]] = {}

    # ------------------------------------------------------------ pure functions

    def _tile(self, n: int) -> tuple[int, int]:
        """Events of a tile, and tiles of a call."""
        if self._batch is not None:
            return self._batch, 1
        if self.random_length:
            return next((q for q in QUEUES if n <= q), QUEUES[-1]), 1
        if n <= TILE:
            return (SMALL if n <= SMALL else TILE), 1
        return TILE, TILES if n > TILE * TILES // 4 else TILES // 8

    def function(
        self, what: str, tile: int, tiles: int, wrt: run.Wrt | None = None, points: int = 0
    ) -> tuple[Any, list[FaultKind]]:
        """The pure function of a call, (seed, first event, count, params, data) -> arrays with a trailing event axis,
        and the table of faults that its ``fault`` output counts in (complete once the function has been traced).

        ``what``: "simulate"; "forward" or "reverse" (estimates of derivatives); "score" or "move" (derivatives of each
        event's joint density or outputs); "ratio" (joint ratios to ``points`` other points, one more argument) or
        "bend" (second derivatives along so many directions)."""
        tangents = {"ratio": points, "bend": 1, "reverse": 0}.get(what, 0 if wrt is None else wrt.total)
        settings = replace(
            self.settings,
            tangents=tangents,
            reverse=what == "reverse",
            joint=what in ("score", "ratio"),
            moves=what in ("move", "bend"),
        )
        lowering = Lowering(self.graph, self.plan, settings)
        kinds = {"simulate": run.simulate, "ratio": joint.ratios, "bend": joint.curvatures}
        if what in kinds:
            one = partial(kinds[what], lowering, tile)
        else:
            differentiating = {"forward": run.forward, "reverse": run.reverse}.get(what, joint.derivatives)
            one = partial(differentiating, lowering, tile, wrt)

        def call(seed: Any, first: Any, count: Any, params: Any, data: Any, *points: Any) -> Any:
            def batch(offset: Array) -> Any:
                low = first[0] + offset
                high = first[1] + (low < offset).astype(jnp.uint32)
                numbers = low + jnp.arange(tile, dtype=jnp.uint32)
                carry = (numbers < low).astype(jnp.uint32)
                wanted = offset + jnp.arange(tile, dtype=jnp.uint32) < count
                return one(seed, (numbers, high + carry), params, data, wanted, *points)

            if tiles == 1:
                return batch(jnp.uint32(0))
            stacked = jax.lax.map(batch, jnp.arange(tiles, dtype=jnp.uint32) * jnp.uint32(tile))
            return jax.tree.map(lambda x: jnp.moveaxis(x, 0, -2).reshape(*x.shape[1:-1], -1), stacked)

        return call, lowering.faults

    def arguments(
        self, seed: int, first: int, count: int, params: Mapping[str, Any], data: Mapping[str, Any]
    ) -> tuple[Any, ...]:
        """The arguments of a `function`: words of the seed and of the first event's number, how many events are wanted
        from there on, inputs as arrays."""

        def words(x: int) -> tuple[np.ndarray, np.ndarray]:
            return np.asarray(x & 0xFFFFFFFF, np.uint32), np.asarray(x >> 32 & 0xFFFFFFFF, np.uint32)

        def typed(declared: Any, given: Mapping[str, Any]) -> dict[str, np.ndarray]:
            kinds = {"real": self.settings.dtype, "int": np.int32, "bool": bool}
            return {
                d.name: held(given[d.name], np.dtype(kinds[d.value.type.kind]), f"'{d.name}'", d.span) for d in declared
            }

        program = self.graph.program
        inputs = typed(program.params, params), typed(program.data, data)
        return words(seed), words(first), np.asarray(count, np.uint32), *inputs

    def _precision(self) -> AbstractContextManager[Any]:
        return jax.enable_x64(True) if self.settings.precision == 64 else nullcontext()

    def _executable(self, key: Any, args: tuple[Any, ...]) -> tuple[Any, tuple[FaultKind, ...], float]:
        """The compiled call, its fault table, and the seconds spent compiling now."""
        if key in self._executables:
            return *self._executables[key], 0.0
        began = time.perf_counter()
        call, faults = self.function(*key)
        traced = jax.jit(call).trace(*args)
        with disk.programs():
            compiled = traced.lower().compile(compile_options(traced.jaxpr.jaxpr))
        self._executables[key] = (compiled, tuple(faults))
        return compiled, tuple(faults), time.perf_counter() - began

    def calls(
        self,
        what: str,
        n: int,
        seed: int,
        params: Any,
        data: Any,
        progress: Progress | None,
        wrt: run.Wrt | None,
        points: Mapping[str, np.ndarray] | None = None,
    ) -> Iterator[tuple[int, Any, tuple[FaultKind, ...], float, float]]:
        """Run ``n`` events call by call: number of the first event, arrays cut to the events asked for, fault table,
        seconds of compiling and of running."""
        tile, tiles = self._tile(n)
        expected = what in ("forward", "reverse")  # an output of varying length has no expectation
        jagged = frozenset() if expected else Lowering(self.graph, None, self.settings).jagged
        key = (what, tile, tiles, wrt, 0 if points is None else len(next(iter(points.values()))))
        done = 0
        while done < n:
            with self._precision():
                used = min(tile * tiles, n - done)
                args = self.arguments(seed, done, used, params, data)
                if points is not None:
                    args = (*args, {k: np.asarray(v, self.settings.dtype) for k, v in points.items()})
                executable, faults, compiling = self._executable(key, args)
                began = time.perf_counter()
                out = jax.tree.map(np.asarray, executable(*args))
            kept = out.pop("most", None)
            most = max((int(out["outputs"][k][-1].max()) for k in jagged), default=0)
            most = max(most, 0 if kept is None else int(kept.max()))
            if most > self.settings.capacity:  # longer than any output before: once more, with room
                self.settings = replace(self.settings, capacity=1 << (most - 1).bit_length())
                self._executables.clear()
                continue
            cut = jax.tree.map(lambda x, used=used: x[..., :used], out)
            yield done, cut, faults, compiling, time.perf_counter() - began
            done += used
            if progress:
                progress(done, n)

    # ------------------------------------------------------------ events

    def simulate(
        self,
        n: int,
        seed: int,
        params: Mapping[str, Any],
        data: Mapping[str, Any] | None = None,
        progress: Progress | None = None,
    ) -> Events:
        """Events 0 … n-1 of a seed."""
        return self.events("simulate", n, seed, params, data or {}, progress)[0]

    def events(
        self,
        what: str,
        n: int,
        seed: int,
        params: Mapping[str, Any],
        data: Mapping[str, Any],
        progress: Progress | None = None,
        wrt: run.Wrt | None = None,
        points: Mapping[str, np.ndarray] | None = None,
    ) -> tuple[Events, dict[str, Any]]:
        """Events 0 … n-1 of a seed, and what the function ``what`` says of each beside: trees of arrays (n, …)."""
        parts, compiling, running, table = [], 0.0, 0.0, FaultTable()
        for first, out, faults, compile_seconds, run_seconds in self.calls(
            what, n, seed, params, data, progress, wrt, points
        ):
            compiling, running = compiling + compile_seconds, running + run_seconds
            table.add(first, out["fault"], faults)
            parts.append(out)
        rows = {}
        for k in Lowering(self.graph, None, self.settings).jagged:
            buffers = [part["outputs"].pop(k) for part in parts]
            rows[k] = Jagged.join(buffers)
            if k in parts[0].get("moved", {}):
                rows["moved", k] = Jagged.along([part["moved"].pop(k) for part in parts], buffers)
        joined = jax.tree.map(lambda *xs: np.moveaxis(np.concatenate(xs, -1), -1, 0), *parts)
        for k, row in rows.items():
            (joined["outputs"] if isinstance(k, str) else joined["moved"])[k if isinstance(k, str) else k[1]] = row
        codes, found = table.finish(joined.pop("fault"))
        return Events(joined.pop("outputs"), joined.pop("weight"), codes, found, compiling, running), joined

    def gradient(
        self,
        n: int,
        seed: int,
        params: Mapping[str, Any],
        data: Mapping[str, Any] | None = None,
        progress: Progress | None = None,
    ) -> Gradient:
        """Expectations of the outputs and their derivatives, from events 0 … n-1 of a seed."""
        assert self.plan is not None, "a gradient needs a plan"
        chunks = [self.wrt] if self.mode == "reverse" else list(chunked(self.wrt))
        moments: dict[tuple[str, int], Moments] = {}
        compiling, running, table, offset = 0.0, 0.0, FaultTable(), 0
        for number, wrt in enumerate(chunks):
            last = progress if number == len(chunks) - 1 else None
            for first, out, faults, compile_seconds, run_seconds in self.calls(
                self.mode, n, seed, params, data or {}, last, wrt
            ):
                compiling, running = compiling + compile_seconds, running + run_seconds
                table.add(first, out["fault"], faults, again=number > 0)
                outputs, gradient = out["outputs"], out["gradient"]
                weight, d_weight = outputs.get(WEIGHT), gradient.get(WEIGHT)
                for name, wf in outputs.items():
                    own = name == WEIGHT and weight is not None
                    for i in range(wrt.total):
                        w = 1.0 if own or weight is None else weight
                        d_w = 0.0 if own or d_weight is None else d_weight[i]
                        moments.setdefault((name, offset + i), Moments()).add(gradient[name][i], d_w, wf, w)
            offset += wrt.total
        names = dict.fromkeys(name for name, _ in moments)
        means = {name: moments[name, 0].mean() for name in names}
        return Gradient(
            {k: v[0] for k, v in means.items()},
            {k: v[1] for k, v in means.items()},
            {name: self._derivatives([moments[name, i].derivative() for i in range(offset)]) for name in names},
            n,
            table.finish(None)[1],
            self.mode,
            compiling,
            running,
        )

    def _derivatives(self, flat: list[Derivative]) -> dict[str, Derivative]:
        result, ends = {}, np.cumsum([0, *self.wrt.sizes])
        for name, shape, a, b in zip(self.wrt.names, self.wrt.shapes, ends[:-1], ends[1:], strict=True):

            def shaped(field: str, shape: Any = shape, a: int = a, b: int = b) -> np.ndarray:
                rows = np.stack([getattr(d, field) for d in flat[a:b]], -1)
                return rows.reshape((*rows.shape[:-1], *shape))

            result[name] = Derivative(shaped("value"), shaped("se"), shaped("std"))
        return result

    # ------------------------------------------------------------ for people who write JAX

    def pure_simulate(
        self, key: Any, params: Mapping[str, Any], n: int, data: Mapping[str, Any] | None = None
    ) -> dict[str, Array]:
        """Outputs of ``n`` events, (n, *shape); traceable in ``key`` and ``params``. ``key``: an integer or a JAX key.
        An output of varying length is (n, capacity + 1): its elements, zeros, and last their number."""
        call, _ = self.function("simulate", n, 1)
        out = self._checked(call(*self._traced(key, params, n, data)))
        return {k: jnp.moveaxis(v, -1, 0) for k, v in out["outputs"].items()}

    def pure_value_and_grad(
        self, key: Any, params: Mapping[str, Any], n: int, data: Mapping[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Means of the outputs, and their gradients as ``{output: {param: array}}``; traceable in ``key`` and
        ``params``."""
        call, _ = self.function(self.mode, n, 1, self.wrt)
        out = self._checked(call(*self._traced(key, params, n, data)))
        means = {k: v.mean(-1) for k, v in out["outputs"].items()}
        slopes = {k: v.mean(-1) for k, v in out["gradient"].items()}
        if WEIGHT in means and all(o.name != WEIGHT for o in self.graph.program.outputs):
            w, d_w = means[WEIGHT], slopes[WEIGHT]
            for k in [k for k in means if k != WEIGHT]:
                means[k] = means[k] / w
                spread = d_w.reshape(-1, *([1] * means[k].ndim))
                slopes[k] = (slopes[k] - means[k] * spread) / w
        ends = np.cumsum([0, *self.wrt.sizes])
        split = {
            k: {
                name: jnp.moveaxis(v[a:b], 0, -1).reshape(*means[k].shape, *shape)
                for name, shape, a, b in zip(self.wrt.names, self.wrt.shapes, ends[:-1], ends[1:], strict=True)
            }
            for k, v in slopes.items()
        }
        return means, split

    def _checked(self, out: Any) -> Any:
        """A traced function cannot run again with more room: the events that need it are NaN (integers: the least)."""
        if out.get("most") is None:
            return out
        full = out["most"] > self.settings.capacity

        def marked(x: Array) -> Array:
            if x.dtype == bool:
                return x
            return jnp.where(full, jnp.nan if jnp.issubdtype(x.dtype, jnp.floating) else jnp.iinfo(x.dtype).min, x)

        return {k: jax.tree.map(marked, v) if k in ("outputs", "gradient") else v for k, v in out.items()}

    def _traced(self, key: Any, params: Mapping[str, Any], n: int, data: Mapping[str, Any] | None) -> tuple[Any, ...]:
        defaults = {p.name: p.default for p in self.graph.program.params}
        point = {k: 0 if v is None else v for k, v in defaults.items()}
        _, first, count, typed, data = self.arguments(0, 0, n, point, stand_in(self.graph, data))
        typed = {k: jnp.asarray(params.get(k, v), v.dtype) for k, v in typed.items()}
        if isinstance(key, int):
            seed = (jnp.uint32(key & 0xFFFFFFFF), jnp.uint32(key >> 32 & 0xFFFFFFFF))
        else:
            array = jnp.asarray(key) if not jnp.issubdtype(key.dtype, jax.dtypes.prng_key) else jax.random.key_data(key)
            seed = (array[-1], array[0]) if array.ndim else (array.astype(jnp.uint32), jnp.uint32(0))
        return seed, first, count, typed, data


def stand_in(graph: ModelGraph, data: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The data given, their defaults, or zeros of the right shape."""
    given = data or {}

    def value(item: Any) -> Any:
        return np.zeros(item.value.type.shape) if item.default is None else item.default

    return {item.name: given.get(item.name, value(item)) for item in graph.program.data}


def chunked(wrt: run.Wrt) -> Iterator[run.Wrt]:
    """Parameters in groups of at most `TANGENTS` elements; an array parameter is not divided."""
    names: list[str] = []
    shapes: list[tuple[int, ...]] = []
    for name, shape in zip(wrt.names, wrt.shapes, strict=True):
        if names and run.Wrt((*names, name), (*shapes, shape)).total > TANGENTS:
            yield run.Wrt(tuple(names), tuple(shapes))
            names, shapes = [], []
        names.append(name)
        shapes.append(shape)
    if names:
        yield run.Wrt(tuple(names), tuple(shapes))
