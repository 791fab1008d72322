"""Is the estimator of every site right? Each derivative is estimated a second time, by other means, and compared.

The second estimate replaces one site's estimator by another unbiased one, all other sites unchanged, and runs with a
seed of its own; where there is none, it is a finite difference (`hepppl._differences`). The two are independent, so
that their difference over its standard error is a standard normal deviate z where both are right. A run makes many
comparisons: by Bonferroni's inequality, a right plan fails with at most the probability ``false_alarm`` when each may
fail with that probability over their number. (For normal means; a heavy tail of single events makes it larger.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from hepppl._differences import Difference, differences
from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepError, HepValueError
from hepppl.results import plain

if TYPE_CHECKING:
    from hepppl.model import Model
    from hepppl.planning import Plan
    from hepppl.planning.plan import SitePlan

FALSE_ALARM = 1e-3
#: A derivative is summed in single precision: agreement to this fraction of it is all that can be asked.
ROUNDING = 2e-5
#: Added to the seed for the second estimate.
OTHER_SEED = 0x9E3779B97F4A7C15
DIFFERENCES = "finite differences"


def largest(false_alarm: float, comparisons: int) -> float:
    """The largest \\|z\\| that passes, so that ``comparisons`` together fail falsely with at most that probability."""
    return NormalDist().inv_cdf(1 - false_alarm / (2 * max(comparisons, 1)))


@dataclass(frozen=True)
class Comparison:
    """One derivative, twice. ``value`` ± ``se`` by the plan's ``estimator`` of the site, ``other`` ± ``other_se`` by
    ``against``; ``allowance``: the bias that is allowed to finite differences; all in base units. ``z``: the difference
    beyond it over the standard error of the difference. ``index``: of an element of an array, () for a number."""

    site: str
    number: int
    output: str
    param: str
    index: tuple[int, ...]
    estimator: str
    against: str
    value: float
    se: float
    other: float
    other_se: float
    allowance: float = 0.0

    @property
    def error(self) -> float:
        """The standard error of the difference, rounding included."""
        rounding = ROUNDING * max(abs(self.value), abs(self.other))
        return float(np.sqrt(self.se**2 + self.other_se**2 + rounding**2))

    @property
    def z(self) -> float:
        gap = self.value - self.other
        beyond = np.sign(gap) * max(abs(gap) - self.allowance, 0.0)
        return float(beyond / self.error) if self.error > 0 else 0.0 if beyond == 0 else float(np.copysign(np.inf, gap))

    def to_dict(self) -> dict[str, Any]:
        fields = ("site", "output", "param", "estimator", "against")
        numbers = ("value", "se", "other", "other_se", "allowance", "z")
        return {
            **{name: getattr(self, name) for name in fields},
            "index": list(self.index),
            **{name: plain(getattr(self, name)) for name in numbers},
        }


@dataclass(frozen=True, eq=False)
class Verification:
    """What `Model.verify` finds. ``comparisons``: each derivative that was estimated twice. ``unchecked``: warnings
    (W903) for what nothing independent could be found. ``threshold``: the largest \\|z\\| that passes, from
    ``false_alarm``, the probability that a right plan fails, and the number of comparisons. ``step``: of the finite
    differences, by parameter, where there were any, in base units."""

    model: str
    events: int
    seed: int
    params: Mapping[str, Any]
    false_alarm: float
    comparisons: tuple[Comparison, ...]
    unchecked: tuple[Diagnostic, ...]
    step: Mapping[str, float]
    result: Any  # the GradResult under test

    @property
    def threshold(self) -> float:
        return largest(self.false_alarm, len(self.comparisons))

    @property
    def failed(self) -> tuple[Comparison, ...]:
        """The comparisons over the threshold."""
        return tuple(c for c in self.comparisons if not abs(c.z) <= self.threshold)

    @property
    def ok(self) -> bool:
        return not self.failed

    def to_dict(self) -> dict[str, Any]:
        """The object that ``verify --json`` prints."""
        return {
            "model": self.model,
            "events": self.events,
            "seed": self.seed,
            "params": {name: plain(value) for name, value in self.params.items()},
            "ok": self.ok,
            "false_alarm": self.false_alarm,
            "threshold": plain(self.threshold),
            "comparisons": [c.to_dict() for c in self.comparisons],
            "unchecked": [d.message for d in self.unchecked],
            "step": {name: plain(step) for name, step in self.step.items()},
            "sites": [dict(row) for row in self.result.sites],
        }

    def __repr__(self) -> str:
        worst = max((abs(c.z) for c in self.comparisons), default=0.0)
        found = "agree" if self.ok else f"do not agree ({len(self.failed)} off)"
        return f"<Verification of {self.model}: {len(self.comparisons)} comparisons {found}, largest |z| {worst:.2f}>"


def verify(
    model: Model,
    plan: Plan,
    n: int,
    seed: int,
    options: Mapping[str, Any],
    false_alarm: float = FALSE_ALARM,
    moved: Callable[[str], None] | None = None,
) -> Verification:
    """Compare every site's estimator in ``plan``. ``options``: what `Model.grad` and `Model.simulate` share.
    ``moved`` is told what is run next."""
    if not 0 < false_alarm < 1:
        raise HepValueError(Diagnostic("E457", f"the false-alarm rate lies between 0 and 1, found {false_alarm!r}"))
    tell = moved or (lambda what: None)
    tell("the plan")
    result = model.grad(n, seed, plan=plan, **options)
    run = _Run(model, plan, n, (seed + OTHER_SEED) % 2**64, options, result, tell)
    comparisons: list[Comparison] = []
    for row in plan.rows:
        if row.estimator is not None:
            comparisons.extend(run.compared(row))
    return Verification(
        model.name, n, seed, result.params, false_alarm, tuple(comparisons), tuple(run.unchecked), run.steps, result
    )


class _Run:
    def __init__(
        self,
        model: Model,
        plan: Plan,
        n: int,
        seed: int,
        options: Mapping[str, Any],
        result: Any,
        tell: Callable[[str], None],
    ) -> None:
        self.model, self.plan, self.n, self.seed = model, plan, n, seed
        self.options, self.result, self.tell = options, result, tell
        self.unchecked: list[Diagnostic] = []
        self.steps: dict[str, float] = {}
        self._differences: Sequence[Difference] | None = None
        self._problems: Sequence[str] = ()

    def compared(self, row: SitePlan) -> Iterator[Comparison]:
        """The derivatives that the site's estimator takes part in."""
        from hepppl.planning.rivals import rivals

        for name, plan in rivals(self.model.model_graph, self.plan, row):
            self.tell(f"{row.site} by {name}")
            try:
                other = self.model.grad(self.n, self.seed, plan=plan, **self.options)
            except HepError:  # a rival that fails proves nothing; the next one may do
                continue
            yield from self._against(row, name, other)
            return
        yield from self._against_differences(row)

    def _against(self, row: SitePlan, name: str, other: Any) -> Iterator[Comparison]:
        for output, by_param in self.result.gradient.items():
            if output not in row.influences and "weight" not in row.influences:
                continue
            for param, value in by_param.items():
                arrays = (value, self.result.se[output][param], other.gradient[output][param], other.se[output][param])
                for index in np.ndindex(*np.shape(value)):
                    yield self._comparison(row, output, param, index, name, *(np.asarray(a)[index] for a in arrays))

    def _against_differences(self, row: SitePlan) -> Iterator[Comparison]:
        if self._differences is None:
            self.tell(DIFFERENCES)
            self._differences, self._problems = differences(
                self.model, self.plan.wrt, self.n, self.seed, self.result.params, self.options
            )
            self.steps = {d.param: d.step for d in self._differences}
            if self._differences:
                self.unchecked.extend(Diagnostic("W903", problem) for problem in self._problems)
        found = [d for d in self._differences if d.output in row.influences or "weight" in row.influences]
        for d in found:
            value, se = (np.asarray(x[d.output][d.param])[d.index] for x in (self.result.gradient, self.result.se))
            yield self._comparison(row, d.output, d.param, d.index, DIFFERENCES, value, se, d.value, d.se, d.allowance)
        if not found:
            message = f"no second sound estimator and no finite difference for site '{row.site}' ({row.estimator})"
            span = self.model.model_graph.site(row.number).node.span
            self.unchecked.append(Diagnostic("W903", message, span, hints=tuple(self._problems)))

    def _comparison(
        self, row: SitePlan, output: str, param: str, index: tuple[int, ...], against: str, *numbers: Any
    ) -> Comparison:
        assert row.estimator is not None
        return Comparison(
            row.site, row.number, output, param, index, row.estimator, against, *(float(x) for x in numbers)
        )


def faults(model: Model, found: Verification) -> list[Diagnostic]:
    """E907 for every comparison that failed, at the site."""
    return [_fault(model, c, found.threshold) for c in found.failed]


def _fault(model: Model, c: Comparison, threshold: float) -> Diagnostic:
    at = f"[{', '.join(map(str, c.index))}]" if c.index else ""
    message = (
        f"dE[{c.output}]/d{c.param}{at} is {c.value:.5g} ± {c.se:.2g} with estimator '{c.estimator}' at site "
        f"'{c.site}', and {c.other:.5g} ± {c.other_se:.2g} by {c.against}: z = {c.z:.1f} (at most {threshold:.1f})"
    )
    hints = ("run it with another seed: an alarm that was false does not come back",)
    return Diagnostic("E907", message, model.model_graph.site(c.number).node.span, hints=hints)
