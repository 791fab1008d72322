"""Looking a distribution up by its name in a program."""

from __future__ import annotations

from functools import cache
from typing import Any

from hepppl.distributions.laws import BUILTINS
from hepppl.plugin import registry
from hepppl.plugin.distribution import Distribution
from hepppl.plugin.loading import Contained

GROUP = "hepppl.distributions"
#: Names of the language that no distribution can take.
COMBINATORS = frozenset({"affine", "mixture", "truncated"})


@cache
def _table() -> dict[str, Distribution]:
    table = {law.name: law for law in BUILTINS}
    return table | {alias: law for law in BUILTINS for alias in law.aliases}


def get(name: str) -> Distribution:
    """The distribution of that name or alias: a built-in, or else one that a package registers.

    Raises KeyError where there is none, and `HepPluginError` where a registered one cannot be used (E802 to E804).
    """
    if name not in _table() and name in known():
        return registry.load(GROUP, name)
    return _table()[name]


def implementation(law: Distribution) -> Any:
    """The `Numerics` of a distribution. Failures of a package's own are `HepPluginError`s (E805) that name it."""
    if law.name in _table():
        return law.load()
    return Contained(law.load(), f"distribution '{law.name}' of package {registry.find(GROUP, law.name)}")


def names() -> tuple[str, ...]:
    """The names of the built-in distributions, sorted, without aliases."""
    return tuple(sorted({law.name for law in _table().values()}))


def known() -> frozenset[str]:
    """Every name that a program can use: built-ins, their aliases, and what packages register."""
    return frozenset(_table()) | frozenset(registry.names(GROUP)) - COMBINATORS


def built_in() -> frozenset[str]:
    """The names that no package can take."""
    return frozenset(_table()) | COMBINATORS


def all() -> tuple[Distribution, ...]:
    """The built-in distributions, sorted by name."""
    return tuple(get(name) for name in names())
