"""What a check is, what it finds, and the table of all of them."""

from __future__ import annotations

import unittest
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from hepppl.diagnostics.errors import HepError
from hepppl.verification import ROUNDING, largest


class CheckFailed(AssertionError):
    """The plugin does not conform; the text says how."""


class NotApplicable(unittest.SkipTest):
    """There is nothing of this kind to check in the plugin."""


@dataclass(frozen=True)
class NamedCheck:
    """One check of one plugin, to be called."""

    plugin: str
    name: str
    function: Callable[[], str]

    def __call__(self) -> None:
        self.function()

    def __str__(self) -> str:
        return f"{self.plugin}: {self.name}"


@dataclass(frozen=True)
class Check:
    """What one check found. ``status``: "passed", "failed" or "skipped"; ``detail``: in words."""

    name: str
    status: str
    detail: str


@dataclass(frozen=True)
class Report:
    """What all checks of a plugin found. ``kind``: "estimator", "distribution" or "function"; ``package``: name and
    version of the one that registers it."""

    kind: str
    name: str
    package: str
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        return not self.failed

    @property
    def failed(self) -> tuple[Check, ...]:
        return tuple(c for c in self.checks if c.status == "failed")

    def to_dict(self) -> dict[str, Any]:
        """The object that ``plugins check --json`` prints."""
        rows = [{"check": c.name, "status": c.status, "detail": c.detail} for c in self.checks]
        return {"kind": self.kind, "name": self.name, "package": self.package, "ok": self.ok, "checks": rows}


def ran(checks: Iterable[NamedCheck], told: Callable[[Check], None] | None = None) -> tuple[Check, ...]:
    """Run checks one after another, whatever they raise. ``told`` hears of each as it ends."""
    found = []
    for check in checks:
        result = _ran(check)
        found.append(result)
        if told is not None:
            told(result)
    return tuple(found)


def _ran(check: NamedCheck) -> Check:
    try:
        return Check(check.name, "passed", check.function())
    except NotApplicable as reason:
        return Check(check.name, "skipped", str(reason))
    except CheckFailed as reason:
        return Check(check.name, "failed", str(reason))
    except HepError as error:
        return Check(check.name, "failed", "; ".join(f"{d.message} [{d.code}]" for d in error.diagnostics))
    except Exception as error:  # a plugin may fail in any way
        return Check(check.name, "failed", f"{type(error).__name__}: {error}")


def require(true: Any, message: str) -> None:
    if not true:
        raise CheckFailed(message)


@dataclass(frozen=True)
class Measured:
    """An estimate and what it should be."""

    what: str
    value: float
    se: float
    exact: float

    @property
    def z(self) -> float:
        error = (self.se**2 + (ROUNDING * max(abs(self.exact), 1.0)) ** 2) ** 0.5  # single precision
        return (self.value - self.exact) / error

    def __str__(self) -> str:
        return f"{self.what} = {self.value:.5g} ± {self.se:.2g}, exact {self.exact:.5g} (z = {self.z:.1f})"


def within(found: Sequence[Measured], rate: float) -> str:
    """That estimates agree with what they should be, and that an error of half of it would be seen."""
    most = largest(rate, len(found))
    off = [m for m in found if not abs(m.z) <= most]
    require(not off, "; ".join(map(str, off)) + f"; |z| may be {most:.1f}")
    blind = [m for m in found if most * m.se > 0.5 * max(abs(m.exact), 1.0)]
    require(not blind, "too much noise to tell: " + "; ".join(map(str, blind)) + " (raise the number of events)")
    worst = max(abs(m.z) for m in found)
    return f"{len(found)} derivatives, largest |z| {worst:.2f} of {most:.2f} (false alarms: {rate:.1g})"
