"""The table of estimators: ``python -m benchmarks.estimators`` measures and writes ``docs/estimator-table.md``.

Every program of `benchmarks.references` is differentiated in every way that `benchmarks.contestants` finds, by the
planner's own choice and by the one that tuning makes, all in turn on one core. ``--check`` fails where a row that
should be unbiased is off, or a choice is further from the best row than its bar.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hepppl import GradResult, Model
    from hepppl.planning import Plan

    from .estimator_table import Measurement, Row
    from .references import Case

TUNED = "tuned"
SIMULATE = "simulate"
PILOT = 10_000  # the default of `plan --tune`


@dataclass
class Runs:
    """What the rounds of one contestant gave: CPU seconds, derivatives, and one event's variances, a row a round."""

    seconds: list[float] = field(default_factory=list)
    slopes: list[Any] = field(default_factory=list)
    variances: list[Any] = field(default_factory=list)

    def add(self, result: GradResult, taken: float) -> None:
        import numpy as np

        derivatives = [(by_param[p], result.std[o][p]) for o, by_param in result.gradient.items() for p in by_param]
        self.seconds.append(taken)
        self.slopes.append(np.concatenate([np.ravel(value) for value, _ in derivatives]))
        self.variances.append(np.concatenate([np.ravel(std) for _, std in derivatives]) ** 2)


def measure(case: Case, rounds: int, scale: float = 1.0, tune: bool = True) -> Measurement:
    """All contestants of a program, in turn; the order alternates, and each round has another seed."""
    import numpy as np

    from .contest import load
    from .contestants import contestants, default, unbiased
    from .estimator_table import Measurement

    model, n = load(case.file), max(1000, int(case.events * scale))
    plans = contestants(model)
    if tune:
        plans[TUNED] = model.plan(tune=True, n=max(1000, int(PILOT * min(scale, 1))), seed=1, params=case.params)
    runs, simulations = {name: Runs() for name in plans}, list[float]()
    for i in range(rounds + 1):  # the first one compiles, and does not count
        names = [SIMULATE, *plans]
        for name in names if i % 2 == 0 else reversed(names):
            start = time.process_time()
            result = _run(model, plans.get(name), n, i, case.params)
            taken = time.process_time() - start
            if i == 0:
                continue
            if name == SIMULATE:
                simulations.append(taken)
            else:
                runs[name].add(result, taken)
    exact = np.concatenate([np.ravel(slope) for slope in case.exact.gradient.values()])
    errors = np.array(
        [case.exact.gradient_se.get(p, 0.0) for p in case.exact.gradient for _ in np.ravel(case.exact.gradient[p])]
    )
    own = default(model).key
    start = next(name for name, plan in plans.items() if plan.key == own)
    rows = tuple(
        _row(name, plan, unbiased(plan), runs[name], runs[start], simulations, n, exact, errors)
        for name, plan in plans.items()
    )
    return Measurement(case.name, 1e6 * median(simulations) / n, n * rounds, start, rows)


def _run(model: Model, plan: Plan | None, n: int, seed: int, params: Mapping[str, Any]) -> Any:
    if plan is None:
        return model.simulate(n, seed, params=params)
    return model.grad(n, seed, plan=plan, params=params)


def _row(
    name: str,
    plan: Plan,
    unbiased: bool,
    runs: Runs,
    base: Runs,
    simulations: list[float],
    n: int,
    exact: Any,
    errors: Any,
) -> Row:
    """``base``: of the planner's choice, relative to which variance × time is."""
    import numpy as np

    from hepppl.planning.tune import Measured
    from hepppl.verification import ROUNDING

    from .contestants import label
    from .estimator_table import Row

    rounds = len(runs.seconds)
    slope, variance = np.mean(runs.slopes, 0), np.mean(runs.variances, 0)
    error = np.sqrt(variance / (n * rounds) + errors**2 + (ROUNDING * exact) ** 2)
    z = (slope - exact) / error
    found, was = (
        Measured(np.mean(r.slopes, 0).tolist(), np.mean(r.variances, 0).tolist(), median(r.seconds))
        for r in (runs, base)
    )
    # clocks are compared round by round
    ratio = median(a / b for a, b in zip(runs.seconds, base.seconds, strict=True))
    relative = Measured(found.slopes, found.variances, ratio).relative(Measured(was.slopes, was.variances, 1.0))
    return Row(
        name,
        label(plan),
        unbiased,
        float(z[np.argmax(np.abs(z))]),
        len(z),
        float(np.prod(np.sqrt(variance) ** (1 / len(variance)))),
        median(a / b for a, b in zip(runs.seconds, simulations, strict=True)),
        1e6 * median(runs.seconds) / n,
        relative,
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.estimators", description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit 1 if a bar is missed")
    parser.add_argument("--only", action="append", metavar="PROGRAM", help="the other programs' rows are kept")
    parser.add_argument("--rounds", type=int, default=5, help="times each contestant runs (default 5)")
    parser.add_argument("--scale", type=float, default=1.0, help="events relative to the default")
    parser.add_argument("--dry", action="store_true", help="print the table, write no file")
    options = parser.parse_args()

    from .measure import machine, use_one_core

    cores = use_one_core()
    from .estimator_table import Table
    from .references import cases

    known = cases()
    unknown = set(options.only or ()) - set(known)
    if unknown:
        parser.error(f"no program {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    wanted = options.only or list(known)
    conditions = {"cores": cores, **machine()}
    table = Table({}, {})
    for name in wanted:
        start = time.perf_counter()
        found = measure(known[name], options.rounds, options.scale)
        print(f"{name}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
        table = (table if options.dry else Table.read()).including(found, conditions)
        if not options.dry:
            table.write()
    if options.dry:
        print(table.markdown())
    for line in table.missed():
        print(f"missed: {line}", file=sys.stderr)
    return 1 if options.check and table.missed() else 0


if __name__ == "__main__":
    sys.exit(main())
