"""`mass`, `width`, `charge` of a particle by its PDG (EvtGen) name."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

from hepppl.diagnostics import Span
from hepppl.semantics.arithmetic import Operand
from hepppl.semantics.context import Context
from hepppl.semantics.functions import Function
from hepppl.semantics.types import CHARGE, ENERGY, Tensor
from hepppl.semantics.values import Num, Poison, Structured
from hepppl.syntax import ast


@cache
def _particles() -> dict[str, tuple[float | None, float | None, float | None]]:
    """Name -> mass and width in MeV, charge in e+, from the `particle` package's copy of the PDG's table."""
    from particle import Particle
    from particle.exceptions import MatchingIDNotFound

    table: dict[str, tuple[float | None, float | None, float | None]] = {}
    particles = Particle.all()
    for p in particles:
        try:
            table.setdefault(p.evtgen_name, _row(p))
        except MatchingIDNotFound:  # the PDG's name alone
            continue
    for p in particles:
        table.setdefault(p.name, _row(p))
    return table


def _row(p: Any) -> tuple[float | None, float | None, float | None]:
    return p.mass, p.width, None if p.charge is None else float(p.charge)


def property_of(which: str, cx: Context, name: ast.Expr | Operand, span: Span) -> Structured:
    """The constant that ``mass("Z0")`` stands for."""
    if isinstance(name, Operand) or not isinstance(name, ast.String):
        where = name.span
        hint = f'{which}("Z0")'
        return (
            Poison()
            if isinstance(name, Operand) and isinstance(name.value, Poison)
            else cx.error("E201", f"'{which}' takes the name of a particle in quotes", where, hints=(hint,))
        )
    table = _particles()
    row = table.get(name.value)
    if row is None:
        return cx.error("E313", f"the PDG lists no particle '{name.value}'", name.span, hints=(_meant(cx, name.value),))
    value = row[("mass", "width", "charge").index(which)]
    if value is None:
        return cx.error("E313", f"the PDG gives no {which} for '{name.value}'", name.span)
    return Num(Tensor("real", CHARGE if which == "charge" else ENERGY), None, float(value))


#: Particles by the names that people say.
_SPOKEN = {
    "electron": "e-", "positron": "e+", "muon": "mu-", "tau": "tau-", "tauon": "tau-", "photon": "gamma", "pion": "pi+",
    "kaon": "K+", "proton": "p+", "neutron": "n0", "higgs": "H0", "z boson": "Z0", "zboson": "Z0", "w boson": "W+",
    "wboson": "W+", "w": "W+", "top": "t", "deuteron": "deuteron",
}  # fmt: skip


def _meant(cx: Context, name: str) -> str | None:
    """The name without its charge, or the one that people say, or else the nearest."""
    charged = next((name + end for end in ("0", "+", "-") if name + end in _particles()), None)
    spoken = _SPOKEN.get(name.lower().replace("_", " "), charged)
    return f"did you mean '{spoken}'?" if spoken in _particles() else cx.close_to(name, _particles())


def _rule(which: str, cx: Context, args: list[Operand | None], span: Span) -> Structured:
    assert args[0] is not None
    return property_of(which, cx, args[0], span)


FUNCTIONS = {name: Function(("particle",), 1, partial(_rule, name)) for name in ("mass", "width", "charge")}
