"""The rows that a benchmark gives, the bars they are held to, and how both are written down."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

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
class Growth:
    """What one size of a program costs: ``axis`` is what grows ("events", "steps", "particles", "parameters")."""

    case: str
    axis: str
    size: float
    simulate_us: float | None
    grad_us: float | None
    simulate_mb: float | None
    grad_mb: float | None
    compile_s: float | None = None  # of the gradient


Row = Speed | Ratio | Growth
KINDS: dict[str, type[Any]] = {"speeds": Speed, "ratios": Ratio, "growth": Growth}


@dataclass(frozen=True)
class Results:
    """The rows of each case, by the case's name."""

    conditions: Mapping[str, str]
    cases: Mapping[str, Sequence[Row]]

    def of(self, kind: type[Any]) -> list[Any]:
        return [row for rows in self.cases.values() for row in rows if isinstance(row, kind)]

    @property
    def missed(self) -> list[Ratio]:
        return [ratio for ratio in self.of(Ratio) if ratio.passes is False]

    def within(self, before: Results | None, order: Sequence[str]) -> Results:
        """These results, and those of other cases of an earlier run."""
        cases = {**({} if before is None else before.cases), **self.cases}
        return Results(self.conditions, {name: cases[name] for name in order if name in cases})

    # ------------------------------------------------------------ files

    def write(self, folder: Path = HERE) -> None:
        (folder / "results.md").write_text(self.markdown(), "utf-8")
        (folder / "results.json").write_text(self.json(), "utf-8")

    @classmethod
    def read(cls, folder: Path = HERE) -> Results | None:
        """What `write` wrote; None where there is nothing."""
        try:
            found = json.loads((folder / "results.json").read_text("utf-8"))
        except FileNotFoundError:
            return None
        cases = {
            name: [
                kind(**{field.name: row[field.name] for field in fields(kind)})
                for key, kind in KINDS.items()
                for row in rows[key]
            ]
            for name, rows in found["cases"].items()
        }
        return cls(found["conditions"], cases)

    def json(self) -> str:
        def plain(row: Row) -> dict[str, Any]:
            more = {"variance_times_us": row.effort} if isinstance(row, Speed) else {}
            more |= {"passes": row.passes} if isinstance(row, Ratio) else {}
            return {**asdict(row), **more}

        cases = {
            name: {key: [plain(row) for row in rows if isinstance(row, kind)] for key, kind in KINDS.items()}
            for name, rows in self.cases.items()
        }
        return json.dumps({"conditions": dict(self.conditions), "cases": cases}, indent=1) + "\n"

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
        for ratio in self.of(Ratio):
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
        for speed in self.of(Speed):
            std, effort = shown(speed.std), shown(speed.effort)
            lines.append(f"| {speed.case} | {speed.name} | {speed.us:.3g} | {1e6 / speed.us:,.0f} | {std} | {effort} |")
        growth = self.of(Growth)
        if growth:
            lines += [
                "",
                "How time and peak memory grow, each row in a process of its own, after compiling.",
                "",
                "| program | | simulate: µs per event | MB | grad: µs per event | MB | seconds of compiling grad |",
                "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
            ]
        for row in growth:
            figures = (row.simulate_us, row.simulate_mb, row.grad_us, row.grad_mb, row.compile_s)
            lines.append(f"| {row.case} | {row.size:,.0f} {row.axis} | {' | '.join(map(shown, figures))} |")
        return "\n".join(lines) + "\n"


def shown(x: float | None) -> str:
    return "" if x is None else f"{x:.3g}" if x < 1000 else f"{x:,.0f}"
