"""What the table of estimators says: its rows, the bars they are held to, and how both are written down."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hepppl.planning.tune import FLOOR
from hepppl.verification import largest

from .references import cases

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "estimator-table.md"
DATA = HERE / "estimators.json"
#: The probability that a table without fault shows an unbiased row as off.
FALSE_ALARM = 1e-3
DEFAULT_BAR, TUNED_BAR = 3.0, 1.3


@dataclass(frozen=True)
class Row:
    """A plan for one program. ``name``: in the table; ``plan``: its estimators. ``z``: the largest of ``comparisons``,
    in size, of the derivatives against their exact values. ``std``: of one event's derivative; the geometric mean,
    where there are several. ``cost``: CPU time over that of the simulation. ``us``: microseconds an event.
    ``relative``: variance × time over that of the planner's choice."""

    name: str
    plan: str
    unbiased: bool
    z: float
    comparisons: int
    std: float
    cost: float
    us: float
    relative: float


@dataclass(frozen=True)
class Measurement:
    """A program's rows. ``simulate``: microseconds an event. ``events``: of each row. ``default``: the name of the row
    that the planner chooses."""

    program: str
    simulate: float
    events: int
    default: str
    rows: tuple[Row, ...]

    def __getitem__(self, name: str) -> Row:
        return next(row for row in self.rows if row.name == name)

    @property
    def best(self) -> Row:
        return min((row for row in self.rows if row.unbiased), key=lambda row: row.relative)

    def over_best(self, name: str) -> float:
        """Variance × time of a row over that of the best unbiased one."""
        return self[name].relative / self.best.relative


@dataclass(frozen=True)
class Table:
    """``conditions``: what was measured on, by program."""

    conditions: Mapping[str, Mapping[str, str]]
    programs: Mapping[str, Measurement]

    @classmethod
    def read(cls, path: Path = DATA) -> Table:
        found: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
        programs = {
            name: Measurement(**{**entry["measured"], "rows": tuple(Row(**row) for row in entry["measured"]["rows"])})
            for name, entry in found.items()
        }
        return cls({name: entry["conditions"] for name, entry in found.items()}, programs)

    def including(self, found: Measurement, conditions: Mapping[str, str]) -> Table:
        programs = {**self.programs, found.program: found}
        order = [name for name in cases() if name in programs]
        return Table({**self.conditions, found.program: conditions}, {name: programs[name] for name in order})

    def write(self) -> None:
        entries = {
            name: {"conditions": dict(self.conditions[name]), "measured": asdict(found)}
            for name, found in self.programs.items()
        }
        DATA.write_text(json.dumps(entries, indent=1) + "\n", "utf-8")
        PAGE.write_text(self.markdown(), "utf-8")

    # The bars

    @property
    def threshold(self) -> float:
        """The largest |z| of an unbiased row that passes."""
        rows = [row for found in self.programs.values() for row in found.rows if row.unbiased]
        return largest(FALSE_ALARM, sum(row.comparisons for row in rows))

    def missed(self) -> list[str]:
        return list(self._missed())

    def _missed(self) -> Iterator[str]:
        for name, found in self.programs.items():
            for row in found.rows:
                if row.unbiased and not abs(row.z) <= self.threshold:
                    yield f"{name}: {row.name} is {row.z:.1f} errors off, at most {self.threshold:.1f}"
            for which, ratio, bar in self.choices(found):
                if not ratio <= bar:
                    yield f"{name}: the {which} choice has {ratio:.3g} times the best variance × time, bar {bar:g}"

    @staticmethod
    def choices(found: Measurement) -> Iterator[tuple[str, float, float]]:
        """The planner's choice and the tuned one: variance × time over that of the best row, and the bar."""
        yield "default", found.over_best(found.default), DEFAULT_BAR
        if any(row.name == "tuned" for row in found.rows):
            yield "tuned", found.over_best("tuned"), TUNED_BAR

    # The page

    def markdown(self) -> str:
        lines = [
            INTRO.format(floor=FLOOR, threshold=self.threshold, alarm=FALSE_ALARM, tuned=TUNED_BAR, default=DEFAULT_BAR)
        ]
        lines += ["| program | default | ≤ 3 | tuned | ≤ 1.3 |", "| --- | --- | ---: | --- | ---: |"]
        for name, found in self.programs.items():
            cells = []
            for which, ratio, bar in self.choices(found):
                row = found[found.default if which == "default" else which]
                cells += [f"`{row.plan}`", f"{ratio:.2f}" if ratio <= bar else f"**{ratio:.2f}**, missed"]
            lines.append(f"| [{name}](#{_anchor(name)}) | {' | '.join(cells)} |")
        left = [name for name in cases() if name not in self.programs]
        if left:
            lines += ["", f"Not measured yet (`--only PROGRAM` adds one): {'; '.join(left)}."]
        for name, found in self.programs.items():
            lines += ["", *_section(found, self.conditions[name], self.threshold)]
        return "\n".join(lines) + "\n"


INTRO = """# The table of estimators

Written by `python -m benchmarks.estimators`; do not edit. Every program is differentiated with every estimator that
is sound there, and with those that are biased and say so. All rows of a program are run in turn on one core, so that
ratios hold where times do not.

- **z**: the estimate less the exact value, over its standard error; of several derivatives the largest. {threshold:.1f}
  is the largest that an unbiased row may have: by chance a table exceeds it with a probability of {alarm:g}.
- **std**: the standard deviation of one event's derivative; of several derivatives their geometric mean.
- **cost**: CPU time, in simulations of the same events.
- **variance × time** is what a given error costs, relative to the best unbiased row. {floor:g} of the squared
  derivative is added to every variance: where one event tells it to 0.3 %, what is left is the time.

The planner's own choice ("default", whatever the program asks for) is held to {default:g} times the best row, the one
of `plan --tune` to {tuned:g} times.
"""


def _anchor(name: str) -> str:
    return "".join(c for c in name.lower().replace(" ", "-") if c.isalnum() or c == "-")


def _section(found: Measurement, conditions: Mapping[str, str], threshold: float) -> Iterator[str]:
    case = cases()[found.program]
    yield f"## {found.program[0].upper()}{found.program[1:]}"
    yield ""
    at = "".join(f", {name} = {value:g}" for name, value in case.params.items())
    exact = ", ".join(f"d/d{name} = {_number(slope)}" for name, slope in case.exact.gradient.items())
    yield f"{case.title} (`{case.file}.hep`{at}): {exact}, by {case.by}. {found.events:,} events a row,"
    machine = ", ".join(v if k == "cores" else f"{k} {v}" for k, v in conditions.items())
    yield f"{found.simulate:.3g} µs each to simulate; {machine}."
    yield ""
    yield "| estimator | z | std | cost | variance × time |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for row in sorted(found.rows, key=lambda row: row.relative):
        marks = [
            mark for mark, holds in (("default", row.name == found.default), ("biased", not row.unbiased)) if holds
        ]
        name = f"tuned: `{row.plan}`" if row.name == "tuned" else f"`{row.plan}`{''.join(f', {m}' for m in marks)}"
        effort = "–" if not row.unbiased else f"{row.relative / found.best.relative:.3g}"
        z = f"{row.z:.1f}" if abs(row.z) <= threshold else f"**{row.z:.3g}**"
        yield f"| {name} | {z} | {row.std:.3g} | {row.cost:.2f} | {effort} |"


def _number(slope: Any) -> str:
    import numpy as np

    values = np.ravel(slope)
    return f"{values[0]:.6g}" if len(values) == 1 else f"{values[0]:.4g} … {values[-1]:.4g}"
