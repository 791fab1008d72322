"""The cases by name: each measures hepppl and its rivals in turn and gives its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from . import cores, growth, showers, static, walks
from .front import front
from .report import Row

CASES: dict[str, Callable[[float, int], Iterator[Row]]] = {
    "absorbers": showers.absorbers,
    "tuned": showers.tuned,
    "cascades": showers.cascades,
    "veto": showers.veto,
    "walks": walks.walks,
    "reverse": walks.reverse,
    "poisson": static.poisson,
    "normal": static.normal,
    "fit": static.fit,
    "net": static.net,
    "events": growth.events,
    "sizes": growth.sizes,
    "learned": growth.learned,
    "cores": cores.cores,
    "start": cores.start,
    "front": front,
}
