"""`Compiled`: a program compiled once per structure, run batch by batch."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from hepppl.backends.jax import devices as local_devices
from hepppl.backends.jax import disk, joint, run, second
from hepppl.backends.jax.compile_options import compile_options
from hepppl.backends.jax.faults import FaultTable, narrowed
from hepppl.backends.jax.lowering import FaultKind, Lowering, held
from hepppl.backends.jax.modes import TANGENTS, chunked, elements, irreversible
from hepppl.backends.jax.moments import Sums
from hepppl.backends.jax.outside import outside
from hepppl.backends.jax.results import Events, Gradient, Jagged
from hepppl.backends.jax.settings import Settings
from hepppl.backends.jax.tape import SLOTS
from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepPlanError
from hepppl.graph import ModelGraph, Tensor
from hepppl.planning.plan import Plan
from hepppl.planning.situation import FORWARD

Progress = Callable[[int, int], None]
#: Events of a run: the number of the first one, and how many.
Part = tuple[int, int]

#: Events of one batch: loops of random length want many tasks in the queue, loops of static length a tile that stays in
#: the cache, several of which make one call. A tile is larger where an event is a few numbers.
TILE, LARGE, SMALL = 2048, 8192, 256
CALLS = (16384, 131_072)
QUEUES = (SMALL, TILE, 16384, 65536)
#: Events whose matrix products are made at once: of few events, or in a loop over tiles, they take twice the time.
PRODUCTS = (SMALL, TILE, 4096, 16384)
#: What is made of batches that baselines are taken over: they stay whole.
WHOLE = frozenset("forward reverse taped outside second pilot guessed".split())
#: More parameters than this are differentiated for whole tiles of events, where nothing needs each event's gradient.
SINGLE = 64


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
    devices: int | None = None,
    origin: str | None = None,
) -> Compiled:
    """Prepare a program for JAX; XLA compiles on first use.

    ``plan`` is needed for gradients only. ``mode``: "forward", "reverse" or "auto". ``lanes`` and ``batch`` change
    speed and memory, never an event. Raises `HepUnsupportedError` for what cannot be lowered, `HepPlanError` for
    reverse mode through loops of random length. ``devices``: how many of this process's share the work (None: one; 0:
    all of them); the events are the same. ``origin`` identifies the texts that the graph was made of: what is compiled
    is then found again by later processes without being traced. Raises `HepValueError` (E465) where there are not as
    many devices.
    """
    settings = Settings(precision=precision, rounds=rounds, lanes=lanes, max_steps=max_steps)
    return Compiled(graph, plan, settings, mode, batch, local_devices.chosen(devices), origin)


class Compiled:
    """A program ready to run. All numbers are in base units; see `compile_program`."""

    def __init__(
        self,
        graph: ModelGraph,
        plan: Plan | None,
        settings: Settings,
        mode: str,
        batch: int | None,
        devices: tuple[Any, ...] = (),
        origin: str | None = None,
    ):
        self.graph, self.plan, self.settings, self._batch = graph, plan, settings, batch
        self.devices = devices  # that share the work; none: the default one does it
        self.origin = origin
        self.random_length = any(node.op in ("while", "process") for node in graph.nodes())
        self.multiplies = any(node.op == "dot" for node in graph.nodes())
        self.narrow = not any(getattr(v.type, "shape", ()) for node in graph.nodes() for v in node.results)
        shapes = {p.name: p.value.type.shape for p in graph.program.params if isinstance(p.value.type, Tensor)}
        names = plan.wrt if plan else ()
        self.wrt = run.Wrt(tuple(names), tuple(shapes[n] for n in names))
        if plan is not None and plan.whole is not None:
            mode = "outside"
        elif mode == "auto":
            backward = self.wrt.total > max(FORWARD, elements(graph)) and not irreversible(graph)
            mode = "reverse" if backward else "forward"
        if mode == "reverse" and irreversible(graph):
            raise HepPlanError(Diagnostic("E608", irreversible(graph)))
        self.mode = mode
        many = self.wrt.total > SINGLE and mode == "reverse" and run.adds_up(self._lowering(reverse=True))
        self.way = "taped" if mode == "reverse" and (self.random_length or many) else mode
        self.turns = SLOTS  # that a tape has room for
        self.traced: dict[Any, Any] = {}  # what callers have jitted of it, to be traced once
        self._executables: dict[Any, tuple[Any, tuple[FaultKind, ...]]] = {}

    # ------------------------------------------------------------ pure functions

    @cached_property
    def jagged(self) -> frozenset[str]:
        """The outputs of varying length."""
        return Lowering(self.graph, None, self.settings).jagged

    def _lowering(self, **changes: Any) -> Lowering:
        return Lowering(self.graph, self.plan, replace(self.settings, **changes))

    def _tile(self, n: int, what: str) -> tuple[int, int]:
        """Events of a tile, and tiles of a call."""
        if self._batch is not None:
            return self._batch, 1
        if what == "taped":  # each call gives one sum: errors are read off some sixteen of them
            most = TILE if self.random_length else LARGE
            return next((t for t in (LARGE, 4096, 2048, 1024, 512, 256) if t <= most and n >= 16 * t), 64), 1
        if self.random_length:
            return next((q for q in QUEUES if n <= q), QUEUES[-1]), 1
        if self.multiplies:
            return next((q for q in PRODUCTS if n <= q), PRODUCTS[-1]), 1
        if n <= TILE:
            return SMALL if n <= SMALL else TILE, 1
        tile = LARGE if self.narrow and self.wrt.total <= 4 else TILE
        return tile, CALLS[n > CALLS[-1] // 2] // tile

    def stride(self, n: int, what: str | None = None) -> int:
        """The events of a call in a run of ``n``: a part of a gradient starts at a multiple of it, so that the batches
        over which estimators take their baselines are those of the whole run."""
        tile, tiles = self._tile(n, what or self.way)
        return tile * tiles * max(len(self.devices), 1)

    def function(
        self, what: str, tile: int, tiles: int, wrt: run.Wrt | None = None, points: int = 0, own: tuple[str, ...] = ()
    ) -> tuple[Any, list[FaultKind]]:
        """The pure function of a call, (seed, first event, count, params, data) -> arrays with a trailing event axis,
        and the table of faults that its ``fault`` output counts in (complete once the function has been traced).

        ``what``: "simulate"; "forward", "reverse", "taped" or "outside" (estimates of derivatives); "score" or "move"
        (derivatives of each event's joint density or outputs); "pilot" or "guessed" (the candidates that are kept, by
        weights as in forward or reverse mode); "ratio" (joint ratios to ``points`` other points, one more argument),
        "bend" (second derivatives of each event's outputs along so many directions) or "second" (estimates of those of
        expected outputs, by parameter along so many directions). ``own``: the parameters of which every event has its
        own value, (*shape, events); so have the points then (not for the estimates)."""
        still, pilot = wrt is None or what in ("reverse", "taped", "outside"), what in ("pilot", "guessed")
        tangents = {"ratio": points, "bend": 1}.get(what, 0 if still else wrt.total)
        tangents = 1 if pilot and tangents > TANGENTS else tangents
        lowering = self._lowering(
            tangents=tangents,
            reverse=what in ("reverse", "taped"),
            tape=self.turns if what == "taped" else 0,
            joint=what in ("score", "ratio"),
            moves=what in ("move", "bend"),
            pilot=pilot,
            guessed=what == "guessed",
        )
        kinds = {"simulate": run.simulate, "ratio": joint.ratios, "bend": joint.curvatures}
        if what in kinds:
            one = partial(kinds[what], lowering, tile)
        else:
            ways = {
                "forward": run.forward,
                "reverse": run.reverse,
                "taped": run.taped,
                "pilot": run.pilot,
                "guessed": run.pilot,
                "second": second.estimates,
            }
            if self.plan is not None and self.plan.whole is not None:
                ways["outside"] = partial(outside, self.plan.whole)
            one = partial(ways.get(what, joint.derivatives), lowering, tile, wrt)
        one = partial(one, own=own) if own else one

        def call(seed: Any, first: Any, count: Any, params: Any, data: Any, *points: Any) -> Any:
            def batch(offset: Array) -> Any:
                low = first[0] + offset
                high = first[1] + (low < offset).astype(jnp.uint32)
                numbers = low + jnp.arange(tile, dtype=jnp.uint32)
                carry = (numbers < low).astype(jnp.uint32)
                wanted = offset + jnp.arange(tile, dtype=jnp.uint32) < count
                here = ({**x, **{k: jax.lax.dynamic_slice_in_dim(x[k], offset, tile, -1) for k in own}} for x in points)
                mine = {**params, **{k: jax.lax.dynamic_slice_in_dim(params[k], offset, tile, -1) for k in own}}
                return narrowed(one(seed, (numbers, high + carry), mine, data, wanted, *here), lowering.faults)

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
        return *counters(seed, first, count), *self.inputs(params, data)

    def inputs(self, params: Mapping[str, Any], data: Mapping[str, Any]) -> tuple[dict[str, np.ndarray], ...]:
        """Parameters and data as arrays of the run's precision."""

        def typed(declared: Any, given: Mapping[str, Any]) -> dict[str, np.ndarray]:
            kinds = {"real": self.settings.dtype, "int": np.int32, "bool": bool}
            return {
                d.name: held(given[d.name], np.dtype(kinds[d.value.type.kind]), f"'{d.name}'", d.span) for d in declared
            }

        program = self.graph.program
        return typed(program.params, params), typed(program.data, data)

    def _precision(self) -> AbstractContextManager[Any]:
        return jax.enable_x64(True) if self.settings.precision == 64 else nullcontext()

    def _executable(self, key: Any, args: tuple[Any, ...]) -> tuple[Any, tuple[FaultKind, ...], float]:
        """The compiled call, its fault table, and the seconds spent compiling now."""
        if key in self._executables:
            return *self._executables[key], 0.0
        began = time.perf_counter()
        devices = self.devices or jax.local_devices()[:1]
        settings = replace(self.settings, tape=self.turns)
        name = disk.name_of(self.origin, self.graph, self.plan, settings, key, args, len(self.devices))
        found = disk.load(name, devices)
        if found is None:
            call, faults = self.function(*key)
            if self.devices:
                call = local_devices.spread(call, self.devices)
            traced = jax.jit(call).trace(*args)
            table, options = tuple(faults), compile_options(traced.jaxpr.jaxpr)
            found = disk.compiled(traced, options, name, table, devices, began), table
        self._executables[key] = found
        return *found, time.perf_counter() - began

    def calls(
        self,
        what: str,
        n: int,
        seed: int,
        params: Any,
        data: Any,
        progress: Progress | None,
        wrt: run.Wrt | None,
        part: Part | None = None,
        points: Mapping[str, np.ndarray] | None = None,
        own: Mapping[str, np.ndarray] | None = None,
    ) -> Iterator[tuple[int, Any, tuple[FaultKind, ...], float, float]]:
        """Run ``n`` events, or a part of them, call by call: number of the first event, arrays cut to the events asked
        for, fault table, seconds of compiling and of running."""
        tile, tiles = self._tile(n, what)
        start, count = part or (0, n)
        whole = what in WHOLE
        jagged, own = frozenset() if whole else self.jagged, own or {}
        number = 0 if points is None else next(v.shape[k in own] for k, v in points.items())
        key = (what, tile, tiles, wrt, number, tuple(own))
        done, inputs = 0, None
        while done < count:
            with self._precision():
                used = min(self.stride(n, what), count - done)
                rows = partial(run.rows_of, first=done, used=used, size=tile * tiles)
                if own or inputs is None:
                    inputs = self.inputs({**params, **{k: rows(v) for k, v in own.items()}}, data)
                    if not self.devices and used < count:
                        inputs = jax.device_put(inputs)  # once for all calls
                args = (*counters(seed, start + done, used), *inputs)
                if points is not None:
                    there = {k: rows(v) if k in own else v for k, v in points.items()}
                    args = (*args, {k: np.asarray(v, self.settings.dtype) for k, v in there.items()})
                if self.devices:  # events do not mind whose they are
                    share = tile * tiles if whole else -(-used // len(self.devices))
                    args = (*args[:2], np.asarray(share, np.uint32), *args[2:])
                executable, faults, compiling = self._executable(key, args)
                began = time.perf_counter()
                out = executable(*args)
                out = local_devices.joined(out, share) if self.devices else jax.tree.map(np.asarray, out)
            kept = out.pop("most", None)
            most = max((int(out["outputs"][k][-1].max()) for k in jagged), default=0)
            most = max(most, 0 if kept is None else int(kept.max()))
            if most > self.settings.capacity:  # longer than any output before: once more, with room
                self.settings = replace(self.settings, capacity=1 << (most - 1).bit_length())
                self._executables.clear()
                continue
            turns = int(out.pop("turns").max()) if "turns" in out else 0
            if turns > self.turns:  # longer than the tape
                self.turns = 1 << (turns - 1).bit_length()
                self._executables.clear()
                continue
            cut = jax.tree.map(lambda x, used=used: x[..., :used], out)
            yield start + done, cut, faults, compiling, time.perf_counter() - began
            done += used
            if progress:
                progress(done, count)

    # ------------------------------------------------------------ events

    def simulate(
        self,
        n: int,
        seed: int,
        params: Mapping[str, Any],
        data: Mapping[str, Any] | None = None,
        progress: Progress | None = None,
        part: Part | None = None,
        own: Mapping[str, np.ndarray] | None = None,
    ) -> Events:
        """Events 0 … n-1 of a seed, or a part of them. ``own``: (n, *shape), the parameters of which every event has
        its own value."""
        return self.events("simulate", n, seed, params, data or {}, progress, part=part, own=own)[0]

    def events(
        self,
        what: str,
        n: int,
        seed: int,
        params: Mapping[str, Any],
        data: Mapping[str, Any],
        progress: Progress | None = None,
        wrt: run.Wrt | None = None,
        part: Part | None = None,
        points: Mapping[str, np.ndarray] | None = None,
        own: Mapping[str, np.ndarray] | None = None,
    ) -> tuple[Events, dict[str, Any]]:
        """Events 0 … n-1 of a seed, and what the function ``what`` says of each beside: trees of arrays (n, …).
        ``own``: (n, *shape), the parameters of which every event has its own value; the ``points`` of these are
        (n, points, *shape), those of the others (points, *shape)."""
        parts, compiling, running, table = [], 0.0, 0.0, FaultTable()
        for first, out, faults, compile_seconds, run_seconds in self.calls(
            what, n, seed, params, data, progress, wrt, part, points, own
        ):
            compiling, running = compiling + compile_seconds, running + run_seconds
            table.add(first, out.pop("fault"), faults)
            parts.append(out)
        rows = {}
        for k in self.jagged:
            buffers = [part["outputs"].pop(k) for part in parts]
            rows[k] = Jagged.join(buffers)
            if k in parts[0].get("moved", {}):
                rows["moved", k] = Jagged.along([part["moved"].pop(k) for part in parts], buffers)
        joined = jax.tree.map(lambda *xs: np.moveaxis(np.concatenate(xs, -1), -1, 0), *parts)
        for k, row in rows.items():
            (joined["outputs"] if isinstance(k, str) else joined["moved"])[k if isinstance(k, str) else k[1]] = row
        codes, found = table.finish()
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
        return self.sums(n, seed, params, data, progress).gradient(self.wrt, self.mode)

    def sums(
        self,
        n: int,
        seed: int,
        params: Mapping[str, Any],
        data: Mapping[str, Any] | None = None,
        progress: Progress | None = None,
        part: Part | None = None,
    ) -> Sums:
        """What `gradient` adds up, over all events or over a part of them that starts at a multiple of `stride`."""
        assert self.plan is not None, "a gradient needs a plan"
        chunks = list(chunked(self.wrt)) if self.mode == "forward" else [self.wrt]
        total, offset = Sums(events=n if part is None else part[1]), 0
        for number, wrt in enumerate(chunks):
            last = progress if number == len(chunks) - 1 else None
            for first, out, faults, compile_seconds, run_seconds in self.calls(
                self.way, n, seed, params, data or {}, last, wrt, part
            ):
                total.compiling, total.running = total.compiling + compile_seconds, total.running + run_seconds
                total.faults.add(first, out["fault"], faults, again=number > 0)
                if self.way == "taped":
                    total.add_sums(len(out["fault"]), out["outputs"], out["gradient"])
                else:
                    total.add(offset, wrt.total, out["outputs"], out["gradient"])
            offset += wrt.total
        return total


def counters(seed: int, first: int, count: int) -> tuple[Any, ...]:
    """Words of the seed and of the first event's number, and how many events are wanted, as a call takes them."""

    def words(x: int) -> tuple[np.ndarray, np.ndarray]:
        return np.asarray(x & 0xFFFFFFFF, np.uint32), np.asarray(x >> 32 & 0xFFFFFFFF, np.uint32)

    return words(seed), words(first), np.asarray(count, np.uint32)
