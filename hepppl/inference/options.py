"""Options of inference methods: checked, with one message for all."""

from __future__ import annotations

from typing import Any

from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepValueError


def whole(name: str, value: Any, least: int = 1) -> int:
    """An integer that is not below ``least``. Raises `HepValueError` (E457)."""
    if isinstance(value, bool) or not hasattr(value, "__index__") or value.__index__() < least:
        raise HepValueError(Diagnostic("E457", f"{name} must be an integer of at least {least}, found {value!r}"))
    return int(value.__index__())


def fraction(name: str, value: Any) -> float:
    """A number between 0 and 1, both excluded. Raises `HepValueError` (E457)."""
    if not isinstance(value, int | float) or not 0 < value < 1:
        raise HepValueError(Diagnostic("E457", f"{name} must lie between 0 and 1, found {value!r}"))
    return float(value)


def positive(name: str, value: Any) -> float:
    """A number above 0. Raises `HepValueError` (E457)."""
    if not isinstance(value, int | float) or not value > 0:
        raise HepValueError(Diagnostic("E457", f"{name} must be positive, found {value!r}"))
    return float(value)
