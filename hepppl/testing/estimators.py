"""Checks of an estimator, by programs that name it in ``by``: what it does not refuse it must do right."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np

from hepppl.diagnostics.errors import HepPlanError
from hepppl.loading import parse
from hepppl.model import Model
from hepppl.plugin import Estimator, EstimatorNumerics, ProgramNumerics, SiteInfo
from hepppl.plugin.registry import load_estimator, own_estimators
from hepppl.testing import programs
from hepppl.testing.programs import Program
from hepppl.testing.report import CheckFailed, Measured, NotApplicable, require, within

#: What a site can look like: refusals are asked for each.
SITES = (
    SiteInfo("x", 0, "normal", False, "location_scale", None, law_depends=True),
    SiteInfo("x", 0, "normal", False, "location_scale", None, law_depends=True, nonsmooth=("a comparison",)),
    SiteInfo("x", 0, "mixture(normal, normal)", False, None, None, law_depends=True),
    SiteInfo("x", 0, "uniform", False, "icdf", None, law_depends=True, moving_support=True),
    SiteInfo("x", 0, "normal", False, "location_scale", None, law_depends=False, in_loop=True),
    SiteInfo("b", 0, "bernoulli", True, None, 2, law_depends=True),
    SiteInfo("k", 0, "poisson", True, None, None, law_depends=True, in_process=True),
    SiteInfo("k", 0, "discrete_uniform", True, None, None, law_depends=True, moving_support=True),
)
#: Statistical checks among which the rate of false alarms is shared out.
SHARES = 5
#: Second derivatives of the score vary more than first ones, and cost compiling more than running.
MORE = 20
Numbers = Mapping[str, Any]


class EstimatorKit:
    """The checks of one estimator. ``events``: of each run; ``false_alarm``: the probability that an estimator without
    fault fails any of the checks; ``options``: of the estimator."""

    def __init__(
        self, name: str, events: int, seed: int, false_alarm: float, options: Mapping[str, Any] | None = None
    ) -> None:
        self.name, self.events, self.seed = name, events, seed
        self.rate = false_alarm / SHARES
        self.options = dict(options or {})
        self._models: dict[str, Model] = {}
        self._results: dict[str, Any] = {}

    def checks(self) -> Iterator[tuple[str, Callable[[], str]]]:
        yield "metadata", self.metadata_complete
        yield "refusals", self.refusals
        yield "unbiased", self.unbiased
        yield "second derivatives", self.second
        yield "nothing where independent", self.independent
        yield "with others", self.composition
        yield "reverse mode", self.reverse
        yield "deterministic", self.deterministic
        yield "batches and lanes", self.batches
        yield "dead branches inert", self.dead

    @cached_property
    def metadata(self) -> Estimator:
        return load_estimator(self.name)

    # Without running anything

    def metadata_complete(self) -> str:
        about = self.metadata
        for field in ("summary", "cost", "citation"):
            require(getattr(about, field).strip(), f"its {field} is empty")
        cost = about.relative_cost
        require(isinstance(cost, int | float) and math.isfinite(cost) and cost >= 0, f"its relative_cost is {cost}")
        target, wanted = about.load(), ProgramNumerics if about.whole_program else EstimatorNumerics
        require(
            isinstance(target, type) and issubclass(target, wanted),
            f"its numerics, {about.numerics}, is no hepppl.plugin.{wanted.__name__}",
        )
        reason = about.check_options(dict(about.options))
        require(reason is None, f"it refuses its own default options: {reason}")
        require(about.check_options({"no such option": 1}), "it accepts an option that it does not have")
        return f"{'unbiased' if about.unbiased else 'declared biased'}; costs {about.cost}"

    def refusals(self) -> str:
        refused = 0
        for site in SITES:
            reason = self.metadata.refuses(site)
            told = reason is None or (isinstance(reason, str) and reason.strip())
            require(told, f"refuses() gives {reason!r} for {site.distribution}: a reason, or None")
            refused += reason is not None
            if self.metadata.pathwise and self.metadata.unbiased and reason is None:
                require(not site.discrete, f"it is pathwise and does not refuse {site.distribution}, which jumps")
                require(site.pathwise, f"it is pathwise and does not refuse {site.distribution}, which has no pathwise")
                require(not site.nonsmooth, "it is pathwise and does not refuse a site whose value is compared")
        return f"refuses {refused} of {len(SITES)} kinds of sites"

    # With programs

    def unbiased(self) -> str:
        found = [m for program in programs.SINGLE for m in self._measured(program)]
        require(found, "it refuses every site of the kit's programs, so that nothing can be said of it")
        if not self.metadata.unbiased:
            worst = max(found, key=lambda m: abs(m.z))
            return f"declared biased; the worst: {worst}"
        return within(found, self.rate)

    def second(self) -> str:
        """Of an estimator that says that it allows them."""
        if not self.metadata.twice:
            raise NotApplicable("it does not say that it can be differentiated twice")
        found = []
        for program in programs.SINGLE:
            served = self.served(program, order=2)
            if served:
                result = self.model(program).hessian(MORE * self.events, self.seed, by=self._by(served), wrt="t")
                for output, (site, _) in program.exact.items():
                    if site in served:
                        value, se = float(result.hessian[output]["t"]["t"]), float(result.se[output]["t"]["t"])
                        what = f"d²E[{output}]/dt² of '{program.name}'"
                        found.append(_finite(what, value, se, program.second[output]))
        require(found, "it gives none for the kit's programs")
        return within(found, self.rate) if self.metadata.unbiased else "runs; declared biased"

    def independent(self) -> str:
        found = []
        for program in (programs.DISCRETE, programs.CONTINUOUS):
            served = self.served(program)
            if served:
                result = self._result(program, served)
                for output, (site, _) in program.exact.items():
                    if site in served:
                        found.append(self._zero(result, output, "idle"))
                found.append(self._zero(result, "rest", "t"))
        if not found:
            raise NotApplicable("it serves no site of these programs")
        return within(found, self.rate)

    def composition(self) -> str:
        """Beside the other estimators that hepppl ships, in one event."""
        if self.metadata.whole_program:
            raise NotApplicable("it goes with no other")
        served = self.served(programs.PRODUCT)
        if not served:
            raise NotApplicable("it serves none of normal, poisson and bernoulli")
        if not self.metadata.unbiased:
            raise NotApplicable("declared biased")
        model, exact = self.model(programs.PRODUCT), programs.PRODUCT.exact["xkb"][1]
        found, seen = [], set()
        for mine in served:
            for other in own_estimators():
                if other.name == self.name or not other.unbiased:
                    continue
                try:
                    plan = model.plan({"*": other.name, mine: self._named}, "t")
                except HepPlanError:
                    continue
                key = tuple(row.estimator for row in plan.rows)
                if key not in seen:
                    seen.add(key)
                    result = model.grad(self.events, self.seed, plan=plan)
                    what = " + ".join(f"{row.site}: {row.estimator}" for row in plan.rows if row.estimator)
                    found.append(_measured(f"dE/dt ({what})", result, "xkb", "t", exact))
        if not found:
            raise NotApplicable("no other estimator goes with it")
        return within(found, self.rate)

    def reverse(self) -> str:
        found = [m for p in (programs.WALK, programs.PATH) for m in self._measured(p, mode="reverse")]
        if not found:
            raise NotApplicable("it serves no site in a loop")
        if not self.metadata.unbiased:
            return "runs; declared biased"
        return within(found, self.rate)

    def deterministic(self) -> str:
        program, served = self._any(programs.WALK, programs.PATH, programs.MOVING)
        one, two, other = (
            _numbers(parse(program.text).grad(256, seed, by=self._by(served))) for seed in (self.seed, self.seed, 7919)
        )
        require(_equal(one, two, 0), f"two runs of '{program.name}' with one seed differ")
        require(not _equal(one, other, 0), f"two runs of '{program.name}' with two seeds do not differ")
        return "one seed gives the same numbers, another one others"

    def batches(self) -> str:
        """The batch may enter a baseline; lanes must change nothing."""
        program, served = self._any(programs.WALK, programs.PATH, programs.MOVING)
        whole, parts = (self._grad(program, served, 4096, batch=batch) for batch in (4096, 512))
        for output, (gap, se) in _gaps(whole, parts).items():
            require(gap <= 0.5 * se + 1e-4, f"dE[{output}]/dt moves by {gap:.3g} (error {se:.2g}) with the batch")
        try:
            program, served = self._any(programs.CHAIN, programs.FALL)
        except NotApplicable:
            return "batches agree; it serves no particles"
        few, many = (self._grad(program, served, 200, lanes=lanes) for lanes in (3, 256))
        for output, (gap, _) in _gaps(few, many).items():
            size = 1 + abs(float(few.gradient[output]["t"]))
            require(gap <= 1e-4 * size, f"dE[{output}]/dt moves by {gap:.3g} with the number of lanes")
        return "batches of 4096 and 512 agree, and so do 3 and 256 lanes"

    def dead(self) -> str:
        served = self.served(programs.DEAD)
        if not served:
            raise NotApplicable("it serves none of normal, poisson and bernoulli")
        result = self._grad(programs.DEAD, served, 1000)
        value = float(result.gradient["y"]["t"])
        require(value == 0, f"sites that no event reaches add {value:.3g} to the derivative")
        return "sites that no event reaches add nothing"

    # Running

    @property
    def _named(self) -> tuple[str, dict[str, Any]]:
        return self.name, self.options

    def _by(self, served: tuple[str, ...]) -> dict[str, Any]:
        return {"*": self._named} if self.metadata.whole_program else dict.fromkeys(served, self._named)

    def model(self, program: Program) -> Model:
        if program.name not in self._models:
            self._models[program.name] = parse(program.text)
        return self._models[program.name]

    def served(self, program: Program, order: int = 1) -> tuple[str, ...]:
        """The sites that it does not refuse, alone or together; whose reasons, where it does, are a plan's errors."""
        model = self.model(program)
        if self.metadata.whole_program:
            rows = model.plan({"*": self._named}, "t").rows
            return tuple(dict.fromkeys(row.site for row in rows if row.estimator == self.name))
        found: list[str] = []
        for site in dict.fromkeys(s.name for s in model.model_graph.sites() if s.name != "rest"):
            try:
                plan = model.plan(self._by((*found, site)), "t", order=order)
            except HepPlanError:
                continue
            if any(row.site == site and row.estimator == self.name for row in plan.rows):
                found.append(site)
        return tuple(found)

    def _any(self, *candidates: Program) -> tuple[Program, tuple[str, ...]]:
        """The first program with a site that it serves."""
        for program in candidates:
            served = self.served(program)
            if served:
                return program, served
        raise NotApplicable("it serves no site of these programs")

    def _grad(self, program: Program, served: tuple[str, ...], events: int, **options: Any) -> Any:
        if program not in (programs.DISCRETE, programs.CONTINUOUS):
            options["wrt"] = "t"
        return self.model(program).grad(events, self.seed, by=self._by(served), **options)

    def _result(self, program: Program, served: tuple[str, ...]) -> Any:
        """One run of each program, for whatever is asked of it."""
        if program.name not in self._results:
            self._results[program.name] = self._grad(program, served, self.events)
        return self._results[program.name]

    def _measured(self, program: Program, **options: Any) -> list[Measured]:
        served = self.served(program)
        if not served:
            return []
        result = self._grad(program, served, self.events, **options) if options else self._result(program, served)
        return [
            _measured(f"dE[{output}]/dt of '{program.name}'", result, output, "t", exact)
            for output, (site, exact) in program.exact.items()
            if site in served
        ]

    def _zero(self, result: Any, output: str, param: str) -> Measured:
        return _measured(f"dE[{output}]/d{param}", result, output, param, 0.0)


def _measured(what: str, result: Any, output: str, param: str, exact: float) -> Measured:
    return _finite(what, float(result.gradient[output][param]), float(result.se[output][param]), exact)


def _finite(what: str, value: float, se: float, exact: float) -> Measured:
    if not (math.isfinite(value) and math.isfinite(se)):
        raise CheckFailed(f"{what} = {value} ± {se}")
    return Measured(what, value, se, exact)


def _numbers(result: Any) -> Numbers:
    return {f"{o} {p}": float(v) for o, by in result.gradient.items() for p, v in by.items()} | {
        o: float(v) for o, v in result.mean.items()
    }


def _equal(one: Numbers, two: Numbers, tolerance: float) -> bool:
    return all(np.isclose(one[name], two[name], rtol=tolerance, atol=tolerance) for name in one)


def _gaps(one: Any, two: Any) -> dict[str, tuple[float, float]]:
    """Output -> how far two derivatives lie apart, and their standard error."""
    return {
        output: (
            abs(float(one.gradient[output]["t"]) - float(two.gradient[output]["t"])),
            math.hypot(float(one.se[output]["t"]), float(two.se[output]["t"])),
        )
        for output in one.gradient
    }
