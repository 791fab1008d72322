"""One step of the particles of a branching process: spawning, emitting, and choosing the event's alternative.

Each lane follows one event depth first: the particle it is at, and a small stack of its siblings. The first particle
that a step spawns takes its parent's place and its stream of random numbers; the others are pushed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from hepppl.backends.jax import reductions
from hepppl.backends.jax.random import child_key
from hepppl.backends.jax.stack import Words, columns, popped, pushed, stacked
from hepppl.backends.jax.value import Val, aligned, batch, decided, join_trees, select, structure
from hepppl.graph import Node, Tensor, Value

if TYPE_CHECKING:
    from hepppl.backends.jax.lowering import Lowering
    from hepppl.backends.jax.machine import Machine

Stream = tuple[Array, ...]  # key words and step


class Count(NamedTuple):
    """How many particles this step has spawned so far, as far as the text tells."""

    low: int
    high: int

    def either(self, other: Count) -> Count:
        return Count(min(self.low, other.low), max(self.high, other.high))


@jax.tree_util.register_dataclass
@dataclass
class Particle:
    """The state of one particle a lane: values in slots that the kinds share, its kind and its random stream."""

    slots: list[Val]
    kind: Array | None  # None where there is only one kind
    stream: Stream


@jax.tree_util.register_dataclass
@dataclass
class Choice:
    """The kept candidate: the particle at the start of the step (its `columns`), where in the step it decides (site
    number and loop index, None where there is only one), and its alternative.
    ``outside`` accumulates what the event emits outside the particle's subtree, while ``level`` siblings lie below.
    ``stream``: where processes run inside the step, the stream of the particle that decides, be it theirs; theirs is
    kept apart until the run ends, and ``open`` says whether there is one."""

    particle: Words
    number: Array | None
    index: Array | None
    value: dict[str, Array]
    outside: list[list[Val]]
    level: Array
    open: Array
    stream: Stream | None = None


@jax.tree_util.register_dataclass
@dataclass
class Override:
    """In the step where ``flag`` holds, the site ``number`` at loop index ``index`` (of the particle with that
    ``stream``) has the alternative value. None: there is only one."""

    flag: Array
    number: Array | None
    index: Array | None
    value: dict[str, Array]
    stream: Stream | None = None

    def at(self, m: Machine, node: Node, value: Val) -> Val:
        kind = node.results[0].type.kind
        if kind not in self.value:
            return value
        if not m.lowering.offering(node):
            return value
        hit = self.flag if self.number is None else self.flag & (self.number == node.attrs["number"])
        if self.index is not None and m.address.extent > 1:
            hit = hit & (self.index == jnp.asarray(m.address.index, jnp.uint32))
        if self.stream is not None:
            assert m.address.step is not None
            here = (*m.address.key, m.address.step)
            hit = hit & jnp.stack([a == b for a, b in zip(self.stream, here, strict=True)]).all(0)
        return Val(jnp.where(hit, self.value[kind], batch(value, m.size).p))


@dataclass
class Layout:
    """Which slot holds which formal of which kind; formals that never change are not stored."""

    keys: tuple[str, ...]
    slots: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)  # (dtype kind, shape)
    place: dict[Value, int] = field(default_factory=dict)
    invariant: dict[Value, int] = field(default_factory=dict)  # formal -> position among the root's arguments

    @classmethod
    def of(cls, lowering: Lowering, root: str) -> Layout:
        facts = lowering.graph.process_facts(root)
        layout = cls(tuple(facts))
        for key, fact in facts.items():
            free = list(range(len(layout.slots)))
            for formal, origin in zip(lowering.program.processes[key].formals, fact.invariant, strict=True):
                if origin is not None:
                    layout.invariant[formal] = origin
                    continue
                assert isinstance(formal.type, Tensor)
                want = (formal.type.kind, formal.type.shape)
                slot = next((i for i in free if layout.slots[i] == want), None)
                if slot is None:
                    slot = len(layout.slots)
                    layout.slots.append(want)
                else:
                    free.remove(slot)
                layout.place[formal] = slot
        return layout

    def blank(self, lowering: Lowering, size: int) -> list[Val]:
        return [Val(jnp.zeros((*shape, size), lowering.dtype(kind))) for kind, shape in self.slots]


@dataclass
class Particles:
    """What a step does to its lanes beside computing values. One is made for every step; loops inside it carry
    `state`."""

    lowering: Lowering
    layout: Layout
    reduces: tuple[Node, ...]
    captured: dict[Value, Val]
    current: Particle
    height: Array
    stack: Words
    capacity: int
    accumulators: list[list[Val]]
    overflow: int  # fault code
    choice: Choice | None = None
    override: Override | None = None
    inner: bool = False  # of a process that runs inside a step of another one, whose subtree is what runs again
    floor: Array | None = None  # siblings below are other lanes' (`hepppl.backends.jax.dividing`)
    firsts: dict[int, Array] = field(default_factory=dict)  # what the first particle has, by id of what is shared
    count: Count = field(default_factory=lambda: Count(0, 0))

    def __post_init__(self) -> None:
        self.next = Particle(
            list(self.current.slots), self.current.kind, (*self.current.stream[:2], self.current.stream[2] + 1)
        )
        self.spawned = jnp.zeros_like(self.height)
        self.outside = self.choice.outside if self.choice else []
        self.was_open = self.choice.open if self.choice and not self.inner else None
        self.taken = jnp.zeros((*self.lowering.layers.shape, *self.height.shape), bool)

    # ------------------------------------------------------------ inside loops

    def state(self) -> Any:
        return (
            self.next, self.spawned, self.height, self.stack, self.accumulators, self.outside, self.choice, self.taken,
        )  # fmt: skip

    def resume(self, state: Any) -> None:
        (
            self.next, self.spawned, self.height, self.stack, self.accumulators, self.outside, self.choice, self.taken,
        ) = state  # fmt: skip

    def loosen(self) -> Count:
        """Inside a loop nothing is known of the turns before."""
        self.count = Count(self.count.low, 2**31)
        return Count(0, 2**31) if self.count.low == 0 else self.count

    # ------------------------------------------------------------ spawn and emit

    def arguments(self, m: Machine, node: Node) -> Particle:
        key = node.attrs["process"]
        slots = list(self.next.slots)
        for formal, given in zip(self.lowering.program.processes[key].formals, node.inputs, strict=True):
            if formal in self.layout.place:
                slots[self.layout.place[formal]] = batch(m.env[given], m.size)
        kind = self.current.kind
        if kind is not None:
            kind = jnp.full_like(kind, self.layout.keys.index(key))
        return Particle(slots, kind, self.next.stream)

    def spawn(self, m: Machine, node: Node) -> None:
        here = m.here
        assert here is not None
        child = self.arguments(m, node)
        if self.count.low == 0:
            first = here if self.count.high == 0 else here & (self.spawned == 0)
            self.next = merge(first, child, self.next)
        if self.count.high > 0:
            later = here if self.count.low > 0 else here & (self.spawned > 0)
            k0, k1, step = self.current.stream
            exact = self.count.low == self.count.high
            number = jnp.uint32(self.count.low) if exact else self.spawned.astype(jnp.uint32)
            child = Particle(child.slots, child.kind, (*child_key(k0, k1, step, number), jnp.zeros_like(step)))
            room = self.height < self.capacity
            m.fault(self.overflow, Val(~room & later))
            self.push(later & room, child, m.lowering.settings.tangents)
        self.spawned = self.spawned + here
        self.count = Count(self.count.low + 1, self.count.high + 1)

    def push(self, where: Array, child: Particle, tangents: int) -> None:
        lanes = where.shape[0]
        child = join_trees(child, self.current, lanes, tangents)
        if structure(child) != structure(self.current):
            # the structure of the state is being found, for which the stack has no room yet: what is pushed is popped
            self.next = merge(jnp.zeros_like(where), child, self.next)
        else:
            place = jnp.arange(lanes) * (self.capacity + 1) + jnp.where(where, self.height, self.capacity)
            reverse = self.lowering.settings.reverse
            self.stack = jax.tree.map(
                lambda s, x: s.at[place].set(x, mode="promise_in_bounds", unique_indices=True),
                self.stack,
                stacked(pushed(child), reverse),
            )
        self.height = self.height + where

    def emit(self, m: Machine, node: Node) -> None:
        active = m.mask
        assert active is not None
        fields = [m.env[v] for v in node.inputs]
        for i, reduce in enumerate(self.reduces):
            region = reduce.regions[0]
            captured = [self.captured[v] for v in reduce.inputs[1:]]
            element = self.lowering.run(m, region, [*fields, *captured])
            edges = captured[-1] if reduce.attrs["kind"] == "hist" else None
            self.accumulators[i] = reductions.add(reduce, self.accumulators[i], element, edges, active, m.size)
            full = reductions.overflows(reduce, self.accumulators[i])
            if full is not None:
                m.fault(self.lowering.room_code(reduce), full)
            if self.was_open is not None:
                primal = [Val(v.p, batched=v.batched) for v in element]
                self.outside[i] = self.beside(reduce, self.outside[i], primal, edges, batch(active, m.size).p)

    def beside(self, reduce: Node, outside: list[Val], element: list[Val], edges: Val | None, here: Array) -> list[Val]:
        """What is accumulated outside the chosen particle's subtree, after one more element."""

        def add(outside: list[Val], was_open: Array) -> list[Val]:
            return reductions.add(reduce, outside, element, edges, Val(here & ~was_open), here.shape[-1])

        return self.lowering.layers.each(add)(outside, self.was_open)

    # ------------------------------------------------------------ the alternative

    def choose(self, m: Machine, node: Node, take: Array, alternative: Array) -> None:
        """Remember where this step's candidate decides; the particle itself is remembered at the end of the step."""
        assert self.choice is not None
        kind = node.results[0].type.kind
        choice = self.choice
        number, index = choice.number, choice.index
        if number is not None:
            number = jnp.where(take, node.attrs["number"], number)
        if index is not None:
            index = jnp.where(take, jnp.asarray(m.address.index, jnp.uint32), index)
        value = dict(choice.value)
        value[kind] = jnp.where(take, alternative, value[kind])
        stream = choice.stream
        if stream is not None:
            stream = jax.tree.map(lambda c, s: jnp.where(take, c, s), self.current.stream, stream)
        self.choice = replace(choice, number=number, index=index, value=value, stream=stream)
        self.taken = self.taken | take

    def inner_choice(self) -> Choice | None:
        """The choice as a process that runs inside this step may change it."""
        if self.choice is None:
            return None
        return replace(self.choice, particle={}, outside=[], open=jnp.zeros_like(self.taken))

    def take_inner(self, choice: Choice) -> None:
        """Go on with the choice of a process that ran inside this step."""
        assert self.choice is not None
        self.choice = replace(
            self.choice, number=choice.number, index=choice.index, value=choice.value, stream=choice.stream
        )
        self.taken = self.taken | choice.open

    def end(self, start_height: Array, start_accumulators: list[list[Val]]) -> tuple[Particle, Array, Array]:
        """After a step: who is next, how many siblings lie below, and which lanes are empty."""
        died = decided(self.spawned == 0)
        if self.choice and self.inner:
            self.choice = replace(self.choice, open=self.choice.open | self.taken)
        elif self.choice:
            took, choice = self.taken, self.choice
            outside = jax.tree.map(
                lambda before, after: jnp.where(aligned(took, after), before, after),
                strip(start_accumulators),
                self.outside,
            )
            level = jnp.where(took, start_height, choice.level)
            opened = (choice.open | took) & ~(died & (self.height <= level))
            current = columns(undifferentiated(self.current), self.lowering.settings.reverse)
            particle = {
                kind: jnp.where(took[..., None, :], current[kind], old) for kind, old in choice.particle.items()
            }
            self.choice = replace(choice, particle=particle, outside=outside, level=level, open=opened)
        pop = died & (self.height > (0 if self.floor is None else self.floor))
        height = self.height - pop
        following = self.next
        if self.capacity > 0:
            place = jnp.arange(height.shape[0]) * (self.capacity + 1) + height
            sibling = popped(self.stack, place, self.current, self.lowering.settings.reverse)
            following = merge(died, sibling, following)
        return following, height, died & ~pop


def strip(tree: Any) -> Any:
    """Values without derivatives."""
    return jax.tree.map(lambda v: Val(v.p, batched=v.batched), tree, is_leaf=lambda x: isinstance(x, Val))


def undifferentiated(particle: Particle) -> Particle:
    """A particle without derivatives."""
    return replace(particle, slots=strip(particle.slots))


def merge(where: Array, new: Particle, old: Particle) -> Particle:
    slots = [select(Val(where), n, o) for n, o in zip(new.slots, old.slots, strict=True)]
    kind, stream = jax.tree.map(lambda n, o: jnp.where(where, n, o), (new.kind, new.stream), (old.kind, old.stream))
    return Particle(slots, kind, stream)
