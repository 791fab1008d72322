"""The methods of a `hepppl.Model` that take second derivatives of expected outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from hepppl import inputs
from hepppl.inferring import MAX_STEPS, Progress

if TYPE_CHECKING:
    from hepppl.model import Model
    from hepppl.planning import Plan
    from hepppl.scale.work import Work
    from hepppl.second import HessianResult, HvpResult


class Curving:
    """What `hepppl.Model` inherits."""

    def hessian(
        self,
        n: int,
        seed: int = 0,
        by: Mapping[str, Any] | None = None,
        wrt: Sequence[str] | str | None = None,
        data: Mapping[str, Any] | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        plan: Plan | None = None,
        tolerance: float = 0.0,
        progress: Progress | None = None,
        precision: int = 32,
        rounds: int = 13,
        lanes: int | None = None,
        batch: int | None = None,
        max_steps: int = MAX_STEPS,
        **values: Any,
    ) -> HessianResult:
        """The second derivatives of the expected outputs with respect to all pairs of parameters ``wrt`` (default: of
        every parameter), from ``n`` events, with standard errors.

        The planner takes estimators that allow it (`plan` with ``order=2`` shows which). The rest as in `grad`. The
        cost grows with the square of the number of parameters; `hvp` gives the sum along one direction.
        Raises `HepPlanError` (E609) where a site has no estimator that can be differentiated twice.
        """
        from hepppl import second

        engine = inputs.engine(precision, rounds, lanes, batch, max_steps)
        work, plan = _work(self, n, seed, by, wrt, data, {**(params or {}), **values}, plan, tolerance, engine)
        return second.hessian(work, plan, tolerance, progress)

    def hvp(
        self,
        n: int,
        seed: int = 0,
        *,
        vector: Mapping[str, Any],
        by: Mapping[str, Any] | None = None,
        wrt: Sequence[str] | str | None = None,
        data: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        plan: Plan | None = None,
        tolerance: float = 0.0,
        progress: Progress | None = None,
        precision: int = 32,
        rounds: int = 13,
        lanes: int | None = None,
        batch: int | None = None,
        max_steps: int = MAX_STEPS,
        **values: Any,
    ) -> HvpResult:
        """The products of the outputs' Hessians with ``vector``, parameter -> number or array (base units, or texts
        with a unit; what is not named is zero): unbiased, forward mode over forward mode.
        The rest as in `hessian`."""
        from hepppl import second

        engine = inputs.engine(precision, rounds, lanes, batch, max_steps)
        work, plan = _work(self, n, seed, by, wrt, data, {**(params or {}), **values}, plan, tolerance, engine)
        return second.hvp(work, plan, vector, tolerance, progress)


def _work(
    it: Curving,
    n: int,
    seed: int,
    by: Any,
    wrt: Any,
    data: Any,
    values: Mapping[str, Any],
    plan: Plan | None,
    tolerance: float,
    engine: Mapping[str, Any],
) -> tuple[Work, Plan]:
    from hepppl.planning import apply

    n, seed = inputs.check_run(n, seed, tolerance)
    work = cast("Model", it)._work(n, seed, data, values, {"mode": "forward", **engine})
    plan = work.model.plan(by, wrt, order=2) if plan is None else apply(work.model.model_graph, plan, order=2)
    return work, plan
