"""The rows that a benchmark gives, the bars they are held to, and how both are written down."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Speed:
    """One contestant in one case: ``name`` is how it was written, ``us`` the microseconds per event (median)."""

    case: str
    name: str
    us: float
    std: float | None = None  # of one event's gradient

    @property
    def effort(self) -> float | None:
        """Variance times microseconds: what an error costs. Lower is better."""
        return None if self.std is None else self.std**2 * self.us


@dataclass(frozen=True)
class Ratio:
    """A measured figure: passes when it is at least (or at most) ``bar``, and is only reported where that is None."""

    what: str
    value: float
    bar: float | None = None
    at_least: bool = True

    @property
    def passes(self) -> bool | None:
        if self.bar is None:
            return None
        return self.value >= self.bar if self.at_least else self.value <= self.bar


@dataclass(frozen=True)
class Results:
    conditions: Mapping[str, str]
    speeds: Sequence[Speed]
    ratios: Sequence[Ratio]

    @property
    def missed(self) -> list[Ratio]:
        return [ratio for ratio in self.ratios if ratio.passes is False]

    def write(self, folder: Path = HERE) -> None:
        (folder / "results.md").write_text(self.markdown(), "utf-8")
        (folder / "results.json").write_text(self.json(), "utf-8")

    def json(self) -> str:
        speeds = [{**asdict(speed), "variance_times_us": speed.effort} for speed in self.speeds]
        ratios = [{**asdict(ratio), "passes": ratio.passes} for ratio in self.ratios]
        return json.dumps({"conditions": dict(self.conditions), "speeds": speeds, "ratios": ratios}, indent=1) + "\n"

    def markdown(self) -> str:
        lines = [
            "# Benchmarks",
            "",
            "Written by `python -m benchmarks`; do not edit. Medians of CPU time; contestants run in turn on "
            + ", ".join(f"{value}" if key == "cores" else f"{key} {value}" for key, value in self.conditions.items())
            + ".",
            "Ratios hold, times do not: another machine, or a busy one, gives other times. Rivals are in `rivals/`.",
            "",
            "| what | measured | bar | |",
            "| --- | ---: | ---: | --- |",
        ]
        for ratio in self.ratios:
            bar = "" if ratio.bar is None else f"{'≥' if ratio.at_least else '≤'} {ratio.bar:g}"
            verdict = {True: "met", False: "**missed**", None: ""}[ratio.passes]
            lines.append(f"| {ratio.what} | {ratio.value:.3g} | {bar} | {verdict} |")
        lines += [
            "",
            "`std` is the standard deviation of one event's gradient; variance × time is what an error costs.",
            "",
            "| program | written in | µs per event | events per second | std | variance × µs |",
            "| --- | --- | ---: | ---: | ---: | ---: |",
        ]
        for speed in self.speeds:
            std = "" if speed.std is None else f"{speed.std:.3g}"
            effort = "" if speed.effort is None else f"{speed.effort:.3g}"
            lines.append(f"| {speed.case} | {speed.name} | {speed.us:.3g} | {1e6 / speed.us:,.0f} | {std} | {effort} |")
        return "\n".join(lines) + "\n"
