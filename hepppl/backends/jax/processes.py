"""Running a branching process for a batch of events, and again for their alternatives."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from hepppl.backends.jax import reductions
from hepppl.backends.jax.dividing import Parts, divisible, of_part, parted_track, whole_registers
from hepppl.backends.jax.lanes import MOST, gather, run_lanes
from hepppl.backends.jax.lowering import Lowering
from hepppl.backends.jax.machine import MASK, Address, Machine, Registers, Reservoir, empty_reservoir
from hepppl.backends.jax.particles import Choice, Layout, Override, Particle, Particles, strip, undifferentiated
from hepppl.backends.jax.random import MERGE, threefry2x32, uniform
from hepppl.backends.jax.shared import differ, first_of, share_of
from hepppl.backends.jax.stack import Words, blank_stack, columns, particles_of
from hepppl.backends.jax.value import Val, apply, batch, join_trees, select, stable_carry
from hepppl.graph import Node, Tensor, Value


@jax.tree_util.register_dataclass
@dataclass
class Track:
    """A lane's changing state."""

    particle: Particle
    height: Array
    accumulators: list[list[Val]]
    registers: Registers
    choice: Choice | None
    first: Array | None  # still before the first step of an alternative
    floor: Array | None = None  # below it in the stack are other lanes' siblings


@dataclass(frozen=True)
class Run:
    """One process statement: what is the same for its events and for their alternatives.

    The accumulators are those of its reductions, then, where its particles have weights, their product."""

    lowering: Lowering
    node: Node
    layout: Layout
    reduces: tuple[Node, ...]
    weighs: bool

    def dtypes(self, reduce: Node) -> tuple[Any, Any]:
        type_ = reduce.results[0].type
        assert isinstance(type_, Tensor)
        return self.lowering.dtype(type_.kind), self.lowering.settings.dtype

    def empty(self, size: int) -> list[list[Val]]:
        settings = self.lowering.settings
        accumulators = [reductions.empty(r, size, *self.dtypes(r), settings.capacity) for r in self.reduces]
        return [*accumulators, [Val(jnp.ones(size, settings.dtype))]] if self.weighs else accumulators

    def weigh(self, p: Particles, factor: Val) -> None:
        """At the end of a step: the product of what `weight` and `require` multiplied in it."""
        p.accumulators[-1] = [apply(jnp.multiply, (p.accumulators[-1][0], factor), elementwise=True)]
        if p.was_open is not None:
            apart = jnp.where(p.was_open, 1, lax.stop_gradient(factor.p))
            p.outside[-1] = [Val(p.outside[-1][0].p * apart)]


def lower_process(lowering: Lowering, m: Machine, node: Node) -> None:
    reduces = lowering.graph.reduces_of(node.results[0])
    if lowering.settings.gradient:  # an output of varying length has no expectation
        reduces = tuple(r for r in reduces if r.attrs["kind"] != "jagged")
    key = node.attrs["process"]
    run = Run(lowering, node, Layout.of(lowering, key), reduces, lowering.process_weighs(key))
    for reduce in run.reduces:
        for v in reduce.inputs[1:]:
            ensure(lowering, m, v)
    args = [m.env[v] for v in node.inputs]
    captured = {v: m.env[v] for r in run.reduces for v in r.inputs[1:]}
    stream = m.words(node.attrs["number"])
    collect = m.registers.reservoir is not None and lowering.process_offers(key)

    here = m.here if m.wanted is None else m.wanted if m.here is None else m.wanted & m.here
    primal = strip_alternatives(args), {v: strip_alternatives([x])[0] for v, x in captured.items()}
    track = root_track(run, m, primal[0], stream, collect)
    if m.registers.steps is not None:  # earlier runs may have taken all the steps there are
        spent = m.registers.steps >= lowering.settings.max_steps
        m.fault(endless(run), Val(spent))
        here = ~spent if here is None else here & ~spent
        registers = replace(track.registers, fault=m.registers.fault, steps=m.registers.steps)
        track = replace(track, registers=registers)
    uneven = differ(run, args)
    track = follow(run, m, *primal, track, None if m.particles is None else m.particles.override, here, uneven)
    accumulators = [list(acc) for acc in track.accumulators]
    reservoir = m.registers.reservoir
    if m.particles is not None and collect:
        assert reservoir is not None
        assert track.choice is not None
        found = track.registers.reservoir
        assert found is not None
        m.particles.take_inner(track.choice)
        reservoir = found
    registers = replace(track.registers, reservoir=reservoir, weight=m.registers.weight)
    m.registers = registers

    if reservoir is not None and m.particles is None:
        mask = m.mask
        sources = [*args, *captured.values(), *([mask] if mask is not None else [])]
        tainted = any(v.a is not None for v in sources)
        if collect or tainted:
            accumulators = follow_alternatives(run, m, args, captured, stream, track, accumulators, tainted)
    if run.weighs:
        m.multiply_weight(accumulators.pop()[0])
    for reduce, acc in zip(run.reduces, accumulators, strict=True):
        m.env[reduce.results[0]] = reductions.finish(reduce, acc)
        if reduce.attrs["kind"] == "keep":
            number = jnp.maximum(acc[1].p, lowering.layers.most(acc[1].alt))
            m.registers = replace(m.registers, most=jnp.maximum(m.registers.most, number))


def endless(run: Run) -> int:
    most = run.lowering.settings.max_steps
    return run.lowering.fault_code("steps", run.node, f"still going on after {most} particle steps")


def ensure(lowering: Lowering, m: Machine, value: Value) -> None:
    """A reduction may use values that the text computes after the process: compute them now where they do not depend
    on what it emits."""
    if value in m.env:
        return
    producer = lowering.producer[value]
    for v in producer.inputs:
        ensure(lowering, m, v)
    lowering.lower(m, producer)


def strip_alternatives(vals: list[Val]) -> list[Val]:
    return [Val(v.p, v.t, None, v.batched) for v in vals]


def root_particle(run: Run, m: Machine, args: list[Val], key: tuple[Array, Array]) -> Particle:
    slots = run.layout.blank(run.lowering, m.size)
    root = run.lowering.program.processes[run.node.attrs["process"]]
    for formal, arg in zip(root.formals, args, strict=True):
        if formal in run.layout.place:
            slots[run.layout.place[formal]] = batch(arg, m.size)
    zero = jnp.zeros(m.size, jnp.int32)
    kind = zero if len(run.layout.keys) > 1 else None
    return Particle(slots, kind, (*key, zero.astype(jnp.uint32)))


def root_track(run: Run, m: Machine, args: list[Val], key: tuple[Array, Array], collect: bool) -> Track:
    size = m.size
    particle = root_particle(run, m, args, key)
    zero = jnp.zeros(size, jnp.int32)
    reservoir, choice = None, None
    if collect and m.particles is not None:
        reservoir, choice = m.registers.reservoir, m.particles.inner_choice()
    elif collect:
        reservoir = empty_reservoir(run.lowering, key, size, False)
        nodes = run.lowering.process_nodes(run.node.attrs["process"])
        sites = [n for n in nodes if n.op == "site" and run.lowering.offering(n)]
        number = zero if len(sites) > 1 else None
        index = zero.astype(jnp.uint32) if any(n.op in ("for", "plate", "while") for n in nodes) else None
        kinds = sorted({n.results[0].type.kind for n in sites})
        value = {kind: jnp.zeros(size, run.lowering.dtype(kind)) for kind in kinds}
        candidate = columns(undifferentiated(particle), run.lowering.settings.reverse)
        inner = any(n.op == "process" and run.lowering.process_offers(n.attrs["process"]) for n in nodes)
        stream = particle.stream if inner else None
        choice = Choice(candidate, number, index, value, run.empty(size), zero, jnp.zeros(size, bool), stream)
        choice = run.lowering.layers.spread(choice)
    steps = None if m.registers.steps is None else zero
    registers = replace(m.registers, reservoir=reservoir, weight=None, steps=steps, turns=None)
    return Track(particle, zero, run.empty(size), registers, choice, None)


def follow(
    run: Run,
    m: Machine,
    args: list[Val],
    captured: dict[Value, Val],
    track: Track,
    override: Override | None,
    active: Array | None,
    uneven: bool,
) -> Track:
    """Follow the tasks of a batch to their ends. ``uneven``: events' first particles differ in what they share."""
    lowering, settings, root = run.lowering, run.lowering.settings, run.node
    capacity, inner = root.attrs["limit"] - 1, m.particles is not None
    plain = override is not None
    divides = uneven and capacity > 0 and not inner and (plain or not settings.tape) and divisible(run, track)
    lanes = m.size if inner else settings.width(m.size, uneven, plain, divides)
    lanes = min(lanes, MOST) if divides else lanes
    overflow = lowering.fault_code("truncated", root, f"more than {root.attrs['limit']} particles alive at once")
    late_code = endless(run)
    keys = list(captured)
    before = track.registers
    if divides:
        track = parted_track(track)

    @partial(jax.jit, inline=True)  # traced once for its structure, and found again by the loop
    def step(loaded: Any, state: Track, stack: Words, busy: Array, age: Array) -> tuple[Track, Words, Array]:
        args, given, override = loaded
        if override is not None and state.first is not None:
            override = replace(override, flag=override.flag & state.first)
        k0, k1, count = state.particle.stream
        one = Val(jnp.ones(lanes, settings.dtype)) if run.weighs else None
        steps = None if state.registers.steps is None else state.registers.steps + busy
        registers = replace(state.registers, weight=one, steps=steps)
        if state.floor is not None:  # parts have no first fault in common
            registers = replace(registers, fault=jnp.zeros(lanes, jnp.int32))
        w = Machine(lowering, lanes, Address((k0, k1), 0, 1, count), registers, {MASK: Val(busy)})
        p = Particles(
            lowering, run.layout, run.reduces, dict(zip(keys, given, strict=True)), state.particle, state.height, stack,
            capacity, [list(a) for a in state.accumulators], overflow, state.choice, override, inner,
            floor=state.floor, firsts=first_of(run, args, lanes),
        )  # fmt: skip
        p.outside = [list(a) for a in p.outside]
        w.particles = p
        for i, key in enumerate(run.layout.keys):
            process = lowering.program.processes[key]
            kind = state.particle.kind
            outer = None if kind is None else w.push_mask(Val(kind == i))
            p.count = type(p.count)(0, 0)  # a particle is of one kind: the others' bodies spawn nothing for it
            for formal in process.formals:
                place = run.layout.place.get(formal)
                w.env[formal] = args[run.layout.invariant[formal]] if place is None else state.particle.slots[place]
            lowering.run(w, process.body)
            if kind is not None:
                w.pop_mask(outer)
        if w.registers.weight is not None:
            run.weigh(p, w.registers.weight)
            w.registers = replace(w.registers, weight=None)
        following, height, empty = p.end(state.height, state.accumulators)
        steps = age + 1 if w.registers.steps is None else w.registers.steps
        late = busy & ~empty & (steps >= settings.max_steps)
        if state.floor is None:
            w.fault(late_code, Val(late))
        else:
            w.registers = of_part(w.registers, state.registers, late)
        first = None if state.first is None else jnp.zeros_like(state.first)
        out = Track(following, height, p.accumulators, w.registers, p.choice, first, state.floor)
        return out, p.stack, empty | late

    size_args = [strip([a])[0] if plain else a for a in args]
    load = (size_args, [captured[k] for k in keys], override)
    here = jnp.zeros(lanes, jnp.int32)
    lane_load = gather(load, here)

    def abstract(state: Track) -> Track:
        stack = blank_stack(state.particle, capacity, settings.reverse)
        return step(lane_load, state, stack, jnp.ones(lanes, bool), here)[0]

    state = stable_carry(abstract, gather(track, here), lanes, settings.tangents)
    track = join_trees(track, state, m.size, settings.tangents)
    stack = blank_stack(state.particle, capacity, settings.reverse)

    def go(loaded: Any, state: Track, stack: Words, busy: Array, age: Array) -> Any:
        after, stack_after, finished = step(loaded, state, stack, busy, age)
        after = join_trees(after, state, lanes, settings.tangents)
        return after, stack_after, finished

    def result(state: Track) -> Any:
        return state.accumulators, state.registers, state.choice

    if inner:  # in step with the lanes of the process around
        busy = jnp.ones(lanes, bool) if active is None else active

        def turn(carry: Any) -> Any:
            state, stack, busy = carry
            state, stack, finished = go(load, state, stack, busy, jnp.zeros(lanes, jnp.int32))
            return state, stack, busy & ~finished

        out = result(lax.while_loop(lambda c: c[2].any(), turn, (track, stack, busy))[0])
    else:
        tape = 0 if plain else settings.tape
        length = share_of(run, track.particle) if (plain or uneven) and not divides else None
        parts = Parts(run, capacity, lanes) if divides else None
        blank = parts.blank(result(track), m.size, active) if parts else result(track)
        leading = active is m.wanted  # the events that were asked for are a batch's first
        out, turns = run_lanes(
            go, load, track, stack, blank, result, active, m.size, lanes, tape, length, parts, leading
        )
        m.count_turns(turns)
    registers = replace(out[1], turns=m.registers.turns)
    if divides:
        registers = whole_registers(registers, before, late_code, settings.max_steps)
    return replace(track, accumulators=out[0], registers=registers, choice=out[2])


def follow_alternatives(
    run: Run,
    m: Machine,
    args: list[Val],
    captured: dict[Value, Val],
    key: tuple[Array, Array],
    track: Track,
    accumulators: list[list[Val]],
    tainted: bool,
) -> list[list[Val]]:
    """Decide between the process's candidate and the event's earlier one, and run what the alternative changes: the
    chosen particle's subtree, or the whole process where an earlier candidate reaches its arguments."""
    lowering, size, layers = run.lowering, m.size, run.lowering.layers
    outer = m.registers.reservoir
    assert outer is not None
    inner = track.registers.reservoir
    choice = track.choice
    if inner is not None:
        total = outer.total + inner.total
        word, _ = threefry2x32(*key, MERGE, layers.numbers, lowering.settings.rounds)
        take = uniform(word, lowering.settings.dtype) * total < inner.total
        chosen = select(Val(take), inner.chosen, outer.chosen)
        takes = None if outer.takes is None else outer.takes + take.astype(jnp.int32)
        owner = None if outer.owner is None else jnp.where(take, inner.owner, outer.owner)
        noted = None if outer.noted is None else jnp.where(take, inner.noted, outer.noted)
        m.registers = replace(m.registers, reservoir=Reservoir(total, chosen, takes, outer.draw, owner, noted))
        m.restart_alternative(take)
    else:
        take, total = jnp.zeros(outer.total.shape, bool), outer.total
    mask = m.mask
    present = jnp.ones(size, bool) if mask is None else batch(mask, size).alt
    whole = (total > 0) & ~take & present if tainted else jnp.zeros(total.shape, bool)
    active = take | whole
    if m.wanted is not None:
        active = active & m.wanted

    # what does not run: an event without a candidate is its own alternative, an absent process emits nothing
    absent = (total > 0) & ~take & ~present
    # values restarted by `take` are read again
    alt_args = layers.of_each([m.env[v] for v in run.node.inputs], size)
    alt_captured = layers.of_each([m.env[v] for v in captured], size)
    unchanged = jax.tree.map(lax.stop_gradient, strip(accumulators))

    def one(
        alt_args: list[Val], given: list[Val], choice: Choice | None, take: Array, active: Array, absent: Array
    ) -> tuple[list[list[Val]], Array]:
        root = root_particle(run, m, alt_args, key)
        start = root_track(run, m, alt_args, key, False)
        override = Override(jnp.zeros(size, bool), None, None, {})
        if choice is not None:
            chosen = particles_of(choice.particle, undifferentiated(root), lowering.settings.reverse)
            particle = Particle(
                [select(Val(take), c, r) for c, r in zip(chosen.slots, root.slots, strict=True)],
                *jax.tree.map(
                    lambda c, r: jnp.where(take, c, r), (chosen.kind, chosen.stream), (root.kind, root.stream)
                ),
            )
            initial = jax.tree.map(lambda o, e: jnp.where(take, o, e), choice.outside, run.empty(size))
            override = Override(take, choice.number, choice.index, choice.value, choice.stream)
            start = replace(start, particle=particle, accumulators=initial)
        registers = replace(start.registers, estimators=())
        start = replace(start, registers=registers, first=jnp.ones(size, bool))
        captured_now = dict(zip(captured, given, strict=True))
        alone = jax.tree.map(lax.stop_gradient, (alt_args, captured_now, start, override))  # nothing to go back through
        found = follow(run, m, *alone, active, differ(run, args))
        still = jax.tree.map(lambda e, p: jnp.where(absent, e, p), run.empty(size), unchanged)
        merged = jax.tree.map(lambda a, u: jnp.where(active, a, u), found.accumulators, still)
        return merged, jnp.where(active, found.registers.fault, 0)

    merged, faults = layers.in_turn(one, alt_args, alt_captured, choice, take, active, absent)
    fault = jnp.where(m.registers.fault == 0, layers.most(faults), m.registers.fault)
    m.registers = replace(m.registers, fault=fault)
    return [
        [Val(p.p, p.t, a.p) for p, a in zip(ps, as_, strict=True)] for ps, as_ in zip(accumulators, merged, strict=True)
    ]


def lower_reduce(lowering: Lowering, m: Machine, node: Node) -> None:
    """The value was accumulated while the process ran (`lower_process` has put it in place)."""
    assert node.results[0] in m.env or node.attrs["kind"] == "jagged"


def lower_spawn(lowering: Lowering, m: Machine, node: Node) -> None:
    assert m.particles is not None
    m.particles.spawn(m, node)


def lower_emit(lowering: Lowering, m: Machine, node: Node) -> None:
    assert m.particles is not None
    m.particles.emit(m, node)
