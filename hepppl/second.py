"""Second derivatives of expected outputs: what `Model.hessian` and `Model.hvp` give, and how it is run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from hepppl import inputs, results, trust
from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepValueError
from hepppl.results import ByParam, GradResult, plain

if TYPE_CHECKING:
    from hepppl.planning import Plan
    from hepppl.scale.work import Work


@dataclass(frozen=True, eq=False)
class _Run:
    """``grad``: the means and first derivatives from the same events, and all else that is to be said of the run."""

    grad: GradResult

    @property
    def model(self) -> str:
        return self.grad.model

    @property
    def events(self) -> int:
        return self.grad.events

    @property
    def seed(self) -> int:
        return self.grad.seed

    @property
    def params(self) -> Mapping[str, Any]:
        return self.grad.params

    @property
    def mean(self) -> Mapping[str, Any]:
        return self.grad.mean

    @property
    def mean_se(self) -> Mapping[str, Any]:
        return self.grad.mean_se

    @property
    def sites(self) -> tuple[Mapping[str, Any], ...]:
        return self.grad.sites

    @property
    def faults(self) -> tuple[Any, ...]:
        return self.grad.faults

    @property
    def truncated(self) -> float:
        return self.grad.truncated

    @property
    def seconds(self) -> Mapping[str, float]:
        return self.grad.seconds


@dataclass(frozen=True, eq=False)
class HessianResult(_Run):
    """Expected outputs and their second derivatives.

    ``hessian[output][p][q]`` with its standard error ``se`` and the standard deviation ``std`` of one event's estimate:
    scalars, or arrays of shape output shape + shape of p + shape of q. ``units[output][p][q]``: the units. The means,
    sites and faults are those of ``grad``, the first derivatives from the same events.
    """

    hessian: Mapping[str, Mapping[str, ByParam]]
    se: Mapping[str, Mapping[str, ByParam]]
    std: Mapping[str, Mapping[str, ByParam]]
    units: Mapping[str, Mapping[str, Mapping[str, str]]]

    def to_dict(self) -> dict[str, Any]:
        """The object that ``grad --hessian --json`` prints: that of ``grad``, and ``hessian``."""

        def entry(o: str, p: str, q: str) -> dict[str, Any]:
            numbers = {"value": self.hessian, "se": self.se, "std": self.std}
            return {key: plain(x[o][p][q]) for key, x in numbers.items()} | {"unit": self.units[o][p][q]}

        found = {o: {p: {q: entry(o, p, q) for q in row} for p, row in by.items()} for o, by in self.hessian.items()}
        return {**self.grad.to_dict(), "hessian": found}

    def __repr__(self) -> str:
        parts = [
            f"d²{o}/d{p}d{q} = {value} ± {self.se[o][p][q]}"
            for o, by in self.hessian.items()
            for p, row in by.items()
            for q, value in row.items()
            if np.ndim(value) == 0
        ]
        return f"<HessianResult of {self.model}, {self.events} events: {', '.join(parts) or 'arrays'}>"


@dataclass(frozen=True, eq=False)
class HvpResult(_Run):
    """Expected outputs, and their second derivatives along one direction in the space of parameters.

    ``hvp[output][p]``: Σ_q d²E[output]/dp dq · ``vector[q]``, with its standard error ``se`` and the standard deviation
    ``std`` of one event's estimate; shapes and units as those of first derivatives. The rest as in `HessianResult`.
    """

    vector: Mapping[str, Any]
    hvp: Mapping[str, ByParam]
    se: Mapping[str, ByParam]
    std: Mapping[str, ByParam]

    def __repr__(self) -> str:
        return f"<HvpResult of {self.model}, {self.events} events, along {dict(self.vector)}>"


def hessian(work: Work, plan: Plan, tolerance: float, progress: Any) -> HessianResult:
    """Raises `HepResultError`, with the result, where it is not to be trusted."""
    from hepppl.semantics.dims import readable_unit

    grad, found, wrt = _run(work, plan, None, progress)
    ends = dict(zip(wrt.names, zip(wrt.shapes, _ends(wrt), strict=True), strict=True))

    def pick(field: str) -> Any:
        def block(output: str, p: str, q: str) -> Any:
            (p_shape, p_at), (q_shape, q_at) = ends[p], ends[q]
            rows = np.array([[getattr(d, field) for d in row[q_at]] for row in found[output][p_at]])
            shape = (*rows.shape[2:], *p_shape, *q_shape)
            return np.moveaxis(rows, (0, 1), (-2, -1)).reshape(shape)[()]

        return {o: {p: {q: block(o, p, q) for q in ends} for p in ends} for o in grad.mean}

    param_dims = {param.name: inputs.tensor_of(param).dim for param in work.model.program.params}

    def unit(output: str, p: str, q: str) -> str:
        below = param_dims[p] * param_dims[q]
        return readable_unit(below**-1 if output == "weight" else work.model.dims[output] / below)

    units = {o: {p: {q: unit(o, p, q) for q in ends} for p in ends} for o in grad.mean}
    result = HessianResult(grad, pick("value"), pick("se"), pick("std"), units)
    trust.check(result, tolerance, _finite(result))
    return result


def hvp(work: Work, plan: Plan, vector: Mapping[str, Any], tolerance: float, progress: Any) -> HvpResult:
    """Raises `HepResultError`, with the result, where it is not to be trusted."""
    given = inputs.directions(work.model.program, vector)
    stray = [name for name in given if name not in plan.wrt]
    if stray:
        message = f"the vector has a component along '{stray[0]}', which no derivative is taken with respect to"
        raise HepValueError(Diagnostic("E458", message, hints=("name it in wrt too, or leave wrt out",)))
    compiled = work.model._compiled(plan, **work.engine)
    shapes = zip(compiled.wrt.names, compiled.wrt.shapes, strict=True)
    flat = np.concatenate([np.asarray(given.get(name, np.zeros(shape)), float).ravel() for name, shape in shapes])
    grad, found, wrt = _run(work, plan, flat[None], progress)

    def pick(field: str) -> Any:
        def block(output: str, at: slice, shape: tuple[int, ...]) -> Any:
            row = np.array([getattr(d, field) for d in found[output][0][at]])
            return np.moveaxis(row, 0, -1).reshape((*row.shape[1:], *shape))[()]

        each = list(zip(wrt.names, _ends(wrt), wrt.shapes, strict=True))
        return {o: {name: block(o, at, shape) for name, at, shape in each} for o in grad.mean}

    result = HvpResult(grad, given, pick("value"), pick("se"), pick("std"))
    values = ((f"the product for d {o} / d {p}", x) for o, by in result.hvp.items() for p, x in by.items())
    trust.check(result, tolerance, [*results.finite_gradient(grad), *values])
    return result


def _ends(wrt: Any) -> list[slice]:
    ends = np.cumsum([0, *wrt.sizes])
    return [slice(a, b) for a, b in pairwise(ends)]


def _run(work: Work, plan: Plan, directions: np.ndarray | None, progress: Any) -> tuple[GradResult, Any, Any]:
    """The first derivatives, rows of second ones by output, and the parameters."""
    from hepppl.backends.jax.second import second

    if not plan.wrt:
        raise HepValueError(Diagnostic("E458", f"model '{work.model.name}' has no parameter to differentiate"))
    compiled = work.model._compiled(plan, **work.engine)
    raw = second(compiled, directions, work.n, work.seed, work.point, work.given, progress)
    grad = results.gradient(work.model, work.n, work.seed, work.point, plan, raw.first)
    return grad, raw.second, compiled.wrt


def _finite(result: HessianResult) -> Iterator[tuple[str, Any]]:
    yield from results.finite_gradient(result.grad)
    for output, by in result.hessian.items():
        yield from ((f"d² {output} / d {p} d {q}", value) for p, row in by.items() for q, value in row.items())
