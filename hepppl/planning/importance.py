"""Which candidate of an event is kept: the importance of a site's candidates, as a plan has it.

It is a positive function of what is known when the site draws, and multiplies the weights with which candidates are
chosen: a product of functions of a few features, times a level of the site. `hepppl.planning.learning` makes step
functions of them. Without a pilot run, a particle that shares its energy among those that it spawns is as important as
its part of the energy of the first one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hepppl.graph import ModelGraph, Tensor

MOST = 24  # features of a site that are looked at: the first half are what a particle or a loop carries, as a rule


@dataclass(frozen=True)
class Feature:
    """A number known when a site draws. ``kind``: "value" (of the program, with ``number`` its id), "part" (what the
    particle has of a value that is shared, relative to the first particle), "siblings" (particles that wait), "steps"
    (of the particle's own stream). ``text``: what it is called."""

    kind: str
    number: int
    text: str


@dataclass(frozen=True)
class Factor:
    """A step function: ``heights[k]`` where k of the ``edges``, in rising order, lie below the feature; times the
    feature itself where it is ``linear``."""

    feature: Feature
    edges: tuple[float, ...]
    heights: tuple[float, ...]
    linear: bool = False


@dataclass(frozen=True)
class Importance:
    """``level`` times the product of the ``factors``. ``guessed``: it goes with base weights made without derivatives
    (reverse mode); in the other mode it is not used. None: it goes with both."""

    level: float
    factors: tuple[Factor, ...] = ()
    guessed: bool | None = False

    def unknown(self, known: Sequence[Feature]) -> list[Feature]:
        """Features that are not among these."""
        return [factor.feature for factor in self.factors if factor.feature not in known]

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Importance:
        """From plain data, as `dataclasses.asdict` gives it. Raises KeyError, TypeError or ValueError where it is not
        that of one."""
        factors = [
            Factor(
                Feature(**f["feature"]),
                tuple(map(float, f["edges"])),
                tuple(map(float, f["heights"])),
                bool(f.get("linear", False)),
            )
            for f in data["factors"]
        ]
        heights = [data["level"], *(h for factor in factors for h in factor.heights)]
        if not all(math.isfinite(h) and h > 0 for h in heights):
            raise ValueError("an importance that is not positive")
        if any(len(f.heights) != len(f.edges) + 1 or list(f.edges) != sorted(f.edges) for f in factors):
            raise ValueError("an importance whose steps do not fit")
        guessed = data["guessed"]
        return cls(float(data["level"]), tuple(factors), None if guessed is None else bool(guessed))

    @property
    def why(self) -> str:
        names = " and ".join(factor.feature.text for factor in self.factors)
        if self.guessed is None:
            return f"a candidate is as important as {names}"
        return f"importance learned from {names}" if names else "importance learned"


def features(graph: ModelGraph, number: int) -> tuple[Feature, ...]:
    """What may tell how much a candidate of a site matters: the numbers with a name, or that the site's law holds, and
    in a process how many particles wait and how many steps this one has taken."""
    site, own = graph.site(number), set(graph.site(number).node.inputs)
    found = []
    for value in graph.known_at(number):
        scalar = isinstance(value.type, Tensor) and value.type.shape == () and value.type.kind in ("real", "int")
        if scalar and (value.name or value in own):
            found.append(Feature("value", value.id, value.name or f"an argument of {site.name}"))
    if site.process is not None:
        part = part_of(graph, number)
        found += [] if part is None else [part]
        found += [Feature("siblings", 0, "particles that wait"), Feature("steps", 0, "steps")]
    return tuple(found if len(found) <= MOST else found[: MOST // 2] + found[-MOST // 2 :])


def part_of(graph: ModelGraph, number: int) -> Feature | None:
    """What the particle has, as it draws, of the energy of the first one, or of another value that is shared."""
    formal = graph.shared_at(number)
    return None if formal is None else Feature("part", formal.id, f"the particle's part of {formal.name}")


def natural(graph: ModelGraph, number: int) -> Importance | None:
    """The importance that needs no pilot run: of a particle that shares something, its part."""
    part = part_of(graph, number)
    return None if part is None else Importance(1.0, (Factor(part, (), (1.0,), linear=True),), guessed=None)
