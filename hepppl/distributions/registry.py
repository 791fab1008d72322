"""Looking a distribution up by its name in a program."""

from __future__ import annotations

from functools import cache

from hepppl.distributions.base import Distribution
from hepppl.distributions.laws import BUILTINS


@cache
def _table() -> dict[str, Distribution]:
    table = {law.name: law for law in BUILTINS}
    return table | {alias: law for law in BUILTINS for alias in law.aliases}


def get(name: str) -> Distribution:
    """The distribution of that name or alias. Raises KeyError where there is none."""
    return _table()[name]


def names() -> tuple[str, ...]:
    """The names of all distributions, sorted, without aliases."""
    return tuple(sorted({law.name for law in _table().values()}))


def all() -> tuple[Distribution, ...]:
    """All distributions, sorted by name."""
    return tuple(get(name) for name in names())
