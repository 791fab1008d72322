"""What the planner must know of a site's distribution expression, nested ones included."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from hepppl import distributions
from hepppl.distributions import Distribution
from hepppl.graph import Dist, Node, Tensor

#: Parameters that move the set of values a law can give, by distribution; ``interval`` laws are bounded by what is
#: named here or, failing that, by every parameter of the value's dimension.
_BOUNDS = {"delta": ("v",), "pareto": ("scale",)}
_BOUND_NAMES = ("low", "high", "lower", "upper", "edges")
_FIXED = ("real", "positive", "unit_interval", "boolean", "nonnegative_int")


@dataclass(frozen=True)
class Law:
    """``text``: the expression's names (``truncated(normal)``). ``bounds``: positions of the site's inputs that move
    the support. ``support_size``: the number of values where it is known, else None. ``arguments``: positions of the
    inputs by the names of the arguments, of a law that is no combinator. ``kinks``: positions of the inputs that may
    move a kink of the density; ``jumps``: the density jumps (`hepppl.plugin.Distribution`). ``rescaled``: a law of
    positive values that has no parameter but its scale."""

    text: str
    discrete: bool
    pathwise: str | None
    support_size: int | None
    bounds: frozenset[int]
    arguments: Mapping[str, int] = field(default_factory=dict)
    kinks: frozenset[int] = frozenset()
    jumps: bool = False
    rescaled: bool = False


def law(site: Node) -> Law:
    """The law of a site's distribution expression."""
    return _law(site.attrs["dist"], site)


def nested(dist: Dist) -> tuple[Dist, ...]:
    """The distributions that are arguments of a distribution."""
    found: list[Dist] = []
    for _, argument in dist.args:
        if isinstance(argument, Dist):
            found.append(argument)
        elif isinstance(argument, tuple):
            found.extend(argument)
    return tuple(found)


def _law(dist: Dist, site: Node) -> Law:
    inner = nested(dist)
    if not inner:
        return _plain(dist, distributions.get(dist.name), site)
    laws = [_law(d, site) for d in inner]
    text = f"{dist.name}({', '.join(item.text for item in laws)})"
    bounds = frozenset().union(*(item.bounds for item in laws), _outer_bounds(dist, inner))
    discrete = laws[0].discrete
    pathwise = _metadata_pathwise(dist, laws)
    kinked = any(item.kinks for item in laws)  # it may be moved by what moves the value
    kinks = frozenset(range(len(site.inputs))) if kinked else frozenset[int]()
    jumps = any(item.jumps for item in laws)
    return Law(text, discrete, None if discrete else pathwise, None, bounds, kinks=kinks, jumps=jumps)


def _plain(dist: Dist, known: Distribution, site: Node) -> Law:
    size = known.support_size
    if isinstance(size, str):
        kind = site.inputs[_positions(dist)[size]].type
        size = kind.shape[0] if isinstance(kind, Tensor) and kind.shape else None
    moving = [position for name, position in _positions(dist).items() if name in _bounding(known)]
    at = _positions(dist)
    kinks = frozenset(at[name] for name in known.kinks if name in at)
    scaled = known.support == "positive" and all(p.dim in ("value", "inverse") for p in known.parameters)
    rescaled = scaled and not _bounding(known)
    return Law(dist.name, known.discrete, known.pathwise, size, frozenset(moving), at, kinks, known.jumps, rescaled)


def _positions(dist: Dist) -> dict[str, int]:
    """The plain arguments of a distribution: name -> position among the site's inputs."""
    return {name: argument for name, argument in dist.args if isinstance(argument, int)}


def _bounding(known: Distribution) -> tuple[str, ...]:
    if known.name in _BOUNDS:
        return _BOUNDS[known.name]
    named = tuple(p.name for p in known.parameters if p.name in _BOUND_NAMES)
    if named or known.support in _FIXED:
        return named
    return tuple(p.name for p in known.parameters if p.dim == "value")


def _outer_bounds(dist: Dist, inner: tuple[Dist, ...]) -> Iterator[int]:
    """The combinator's own arguments that move the support: limits always, a shift or scale unless all reals stay."""
    everywhere = all(_everywhere(d) for d in inner)
    for name, position in _positions(dist).items():
        if name in _BOUND_NAMES or (name in ("loc", "scale") and not everywhere):
            yield position


def _everywhere(dist: Dist) -> bool:
    inner = nested(dist)
    if not inner:
        return distributions.get(dist.name).support == "real"
    return dist.name != "truncated" and all(_everywhere(d) for d in inner)


def _metadata_pathwise(dist: Dist, laws: list[Law]) -> str | None:
    """A combinator's own word where it has one; a single inner law's draws stay differentiable under it."""
    try:
        declared = distributions.get(dist.name).pathwise
    except KeyError:
        declared = laws[0].pathwise if len(laws) == 1 else None
    return declared if all(item.pathwise for item in laws) else None
