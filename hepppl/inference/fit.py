"""What a fit gives: `Fit`."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hepppl.io.write import result_format, write_text


@dataclass(frozen=True)
class Interval:
    """From ``low`` to ``high``; None where the parameter's own interval ends first."""

    low: float | None
    high: float | None


@dataclass(frozen=True)
class UpperLimit:
    """``observed``: the upper limit on ``parameter`` at confidence ``level`` by the CLs method; ``expected``: without a
    signal, at -2, -1, 0 (the median), 1 and 2 standard deviations."""

    parameter: str
    level: float
    observed: float
    expected: tuple[float, float, float, float, float]


@dataclass(frozen=True)
class Discovery:
    """``significance``: in standard deviations, of ``parameter`` not being 0; ``p_value``: its one-sided probability;
    ``expected``: the median significance where the parameter has its default (None where that is 0, or there is
    none)."""

    parameter: str
    significance: float
    p_value: float
    expected: float | None


@dataclass(frozen=True, eq=False)
class Fit:
    """The result of ``mle`` or ``map``, in base units.

    ``names``: a parameter or latent draw each, ``w[0]`` for an element; ``values``, ``errors`` (one standard deviation,
    by HESSE) and ``covariance`` follow their order. ``intervals``: name -> the 68 % interval of the profile likelihood.
    ``minus_log``: minus the logarithm of the likelihood (constraint terms included), or of the posterior density.
    ``at_limit``: what ended on an end of its interval: its error means little.
    """

    model: str
    method: str
    names: Sequence[str]
    values: np.ndarray
    errors: np.ndarray
    covariance: np.ndarray
    intervals: Mapping[str, Interval]
    minus_log: float
    units: Mapping[str, str]
    at_limit: Sequence[str] = ()
    limit: UpperLimit | None = None
    discovery: Discovery | None = None

    def __getitem__(self, name: str) -> float:
        """The fitted value."""
        if name not in self.names:
            raise KeyError(f"{name!r} (there is: {', '.join(self.names)})")
        return float(self.values[list(self.names).index(name)])

    def error(self, name: str) -> float:
        """The half-width of the 68 % interval in the normal approximation."""
        return float(self.errors[list(self.names).index(name)])

    def unit(self, name: str) -> str:
        return self.units.get(name.partition("[")[0], "")

    def with_intervals(self, intervals: Mapping[str, Interval], at_limit: Sequence[str]) -> Fit:
        return replace(self, intervals=intervals, at_limit=tuple(at_limit))

    def with_tests(self, limit: UpperLimit | None, discovery: Discovery | None) -> Fit:
        return replace(self, limit=limit, discovery=discovery)

    def to_dict(self) -> dict[str, Any]:
        """The object that ``infer --json`` prints."""

        def plain(x: float | None) -> float | None:
            return None if x is None or not math.isfinite(x) else float(x)

        found = {}
        for i, name in enumerate(self.names):
            interval = self.intervals.get(name, Interval(None, None))
            found[name] = {
                "value": plain(self.values[i]), "error": plain(self.errors[i]), "low": plain(interval.low),
                "high": plain(interval.high), "at_limit": name in self.at_limit, "unit": self.unit(name),
            }  # fmt: skip
        tests: dict[str, Any] = {}
        if self.limit is not None:
            expected = [plain(x) for x in self.limit.expected]
            tests["limit"] = {**vars(self.limit), "observed": plain(self.limit.observed), "expected": expected}
        if self.discovery is not None:
            tests["discovery"] = {k: plain(v) if isinstance(v, float) else v for k, v in vars(self.discovery).items()}
        covariance = [[plain(x) for x in row] for row in self.covariance]
        about = {"model": self.model, "method": self.method, "minus_log": self.minus_log}
        return {**about, "parameters": found, "names": list(self.names), "covariance": covariance, **tests}

    def plot(self, path: str | os.PathLike[str]) -> None:
        """A corner plot of the normal approximation, with the profile-likelihood intervals on its diagonal (extra
        ``plot``): ``.png``, ``.pdf`` or ``.svg``."""
        from hepppl.plotting.posterior import Normal, corner

        ends = {i: (x.low, x.high) for i, name in enumerate(self.names) if (x := self.intervals.get(name)) is not None}
        found = Normal(np.asarray(self.values), np.asarray(self.covariance), ends)
        corner(path, self.names, found, [self.unit(name) for name in self.names], f"{self.model}: {self.method}")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it as JSON. Raises `HepFileError` (E511, E513)."""
        result_format(path, ".json")
        write_text(path, json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n")
