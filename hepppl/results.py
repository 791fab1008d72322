"""What a run gives back: `Events` of a simulation, `GradResult` of a gradient. In base units (MeV, mm, ns)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepppl import inputs, trust
from hepppl.diagnostics.suggest import nearest

if TYPE_CHECKING:
    from hepppl.model import Model
    from hepppl.planning import Plan

#: A number or an array, by parameter: what `GradResult` holds per output.
ByParam = Mapping[str, Any]


class _Lookup(dict[str, Any]):
    """A mapping whose KeyError names the nearest key."""

    def __missing__(self, key: str) -> Any:
        near = nearest(key, self)
        has = ", ".join(self) or "nothing"
        raise KeyError(f"{key!r} (there is: {has})" + (f"; did you mean {near!r}?" if near else ""))


@dataclass(frozen=True, eq=False)
class Jagged:
    """An output with a varying number of elements: those of all events, one event after another, and each event's
    number, shape (n,)."""

    values: np.ndarray
    counts: np.ndarray

    def awkward(self) -> Any:
        """As an awkward array (extra ``io``)."""
        from hepppl.io.write import library

        return library("awkward", "io").unflatten(self.values, self.counts)

    def event_numbers(self) -> np.ndarray:
        """Which event each of the values belongs to."""
        return np.repeat(np.arange(len(self.counts)), self.counts)


@dataclass(frozen=True, eq=False)
class Events:
    """Simulated events. ``ev["value"]`` is an output, shape (n, …), or a jagged awkward array where the number of
    elements varies; ``len(ev)`` is n; iterate for the names. ``outputs`` holds NumPy arrays and `Jagged`s.

    ``weight``: shape (n,), each event's weight: the product of its ``weight`` statements, 0 where a ``require`` failed,
    1 without either (then ``weighted`` is False). ``truncated``: the fraction of events that met a limit.
    ``units``: of each output. ``seconds``: ``{"compile": …, "run": …}``.
    """

    model: str
    seed: int
    params: Mapping[str, Any]
    outputs: Mapping[str, np.ndarray | Jagged]
    weight: np.ndarray
    weighted: bool
    units: Mapping[str, str]
    truncated: float
    faults: tuple[Any, ...]
    seconds: Mapping[str, float]

    def __getitem__(self, name: str) -> Any:
        values = _Lookup(self.outputs)[name]
        return values.awkward() if isinstance(values, Jagged) else values

    def __iter__(self) -> Iterator[str]:
        return iter(self.outputs)

    def __contains__(self, name: object) -> bool:
        return name in self.outputs

    def __len__(self) -> int:
        return len(self.weight)

    def keys(self) -> tuple[str, ...]:
        return tuple(self.outputs)

    @property
    def mean(self) -> Mapping[str, Any]:
        """The estimate of each output's mean: E[w f] / E[w]; with weights also that of ``weight``, E[w]."""
        return _Lookup({name: moments[0] for name, moments in self._moments().items()})

    @property
    def se(self) -> Mapping[str, Any]:
        """Standard errors of `mean` (for a ratio to first order in 1/n)."""
        return _Lookup({name: moments[1] for name, moments in self._moments().items()})

    @property
    def std(self) -> Mapping[str, Any]:
        """Standard deviation of each output from event to event (weighted where events are)."""
        return _Lookup({name: moments[2] for name, moments in self._moments().items()})

    @property
    def infinite(self) -> tuple[str, ...]:
        """The outputs that are infinite in some events."""
        return tuple(name for name, values in self.outputs.items() if trust.infinite(values, self.weight))

    def _moments(self) -> dict[str, tuple[Any, Any, Any]]:
        """Of the outputs of fixed shape."""
        fixed = {name: values for name, values in self.outputs.items() if not isinstance(values, Jagged)}
        found = {name: _moments(values, self.weight) for name, values in fixed.items()}
        if self.weighted:
            found["weight"] = _moments(self.weight, np.ones_like(self.weight))
        return found

    def to_dict(self) -> dict[str, Any]:
        """The object that ``simulate --json`` prints."""
        jagged = {name: len(v.values) for name, v in self.outputs.items() if isinstance(v, Jagged)}
        return simulated(self, len(self), self._moments(), jagged)

    def __repr__(self) -> str:
        return f"<Events of {self.model}: {len(self)} events, outputs {', '.join(self.outputs)}>"


@dataclass(frozen=True, eq=False)
class GradResult:
    """Expected outputs and their derivatives.

    ``mean[output]`` and ``mean_se[output]``; ``gradient[output][param]`` with its standard error ``se`` and the
    standard deviation ``std`` of one event's estimate. Scalars, or arrays of shape output shape + parameter shape.
    ``sites``: a row per random site, ``{"site": …, "estimator": …, "why": …}``. ``gradient_units[output][param]``: the
    unit of ``gradient``.
    """

    model: str
    events: int
    seed: int
    params: Mapping[str, Any]
    mean: Mapping[str, Any]
    mean_se: Mapping[str, Any]
    gradient: Mapping[str, ByParam]
    se: Mapping[str, ByParam]
    std: Mapping[str, ByParam]
    units: Mapping[str, str]
    param_units: Mapping[str, str]
    gradient_units: Mapping[str, Mapping[str, str]]
    sites: tuple[Mapping[str, Any], ...]
    truncated: float
    faults: tuple[Any, ...]
    seconds: Mapping[str, float]
    mode: str

    def to_dict(self) -> dict[str, Any]:
        """The object that ``grad --json`` prints: plain numbers, lists for arrays, None for what is not finite."""
        return {
            "model": self.model,
            "events": self.events,
            "seed": self.seed,
            "params": {name: plain(value) for name, value in self.params.items()},
            "outputs": {
                name: {"mean": plain(mean), "se": plain(self.mean_se[name]), "unit": self.units[name]}
                for name, mean in self.mean.items()
            },
            "gradient": {
                output: {
                    param: {
                        "value": plain(value),
                        "se": plain(self.se[output][param]),
                        "std": plain(self.std[output][param]),
                        "unit": self.gradient_units[output][param],
                    }
                    for param, value in by_param.items()
                }
                for output, by_param in self.gradient.items()
            },
            "sites": [dict(row) for row in self.sites],
            "truncated": plain(self.truncated),
            "seconds": {name: plain(value) for name, value in self.seconds.items()},
        }

    def __repr__(self) -> str:
        parts = [
            f"d{output}/d{param} = {value} ± {self.se[output][param]}"
            for output, by_param in self.gradient.items()
            for param, value in by_param.items()
            if np.ndim(value) == 0
        ]
        return f"<GradResult of {self.model}, {self.events} events: {', '.join(parts) or 'arrays'}>"


def events(model: Model, n: int, seed: int, params: Mapping[str, Any], raw: Any) -> Events:
    """`Events` from what a back end's ``simulate`` gives."""
    weighted = raw.weight is not None
    return Events(
        model=model.name,
        seed=seed,
        params=params,
        outputs={output.name: _output(raw.outputs[output.name]) for output in model.program.outputs},
        weight=np.asarray(raw.weight) if weighted else np.broadcast_to(1.0, n),
        weighted=weighted,
        units=model.units,
        truncated=trust.truncated(raw.faults, n),
        faults=tuple(raw.faults),
        seconds={"compile": raw.compile_seconds, "run": raw.run_seconds},
    )


def _output(values: Any) -> np.ndarray | Jagged:
    return Jagged(values.values, values.counts) if hasattr(values, "counts") else values


def gradient(model: Model, n: int, seed: int, params: Mapping[str, Any], plan: Plan, raw: Any) -> GradResult:
    """`GradResult` from what a back end's ``gradient`` gives."""
    from hepppl.semantics.dims import readable_unit

    names = [output.name for output in model.program.outputs] + ["weight"]
    names = [name for name in dict.fromkeys(names) if name in raw.mean]
    param_dims = {param.name: inputs.tensor_of(param).dim for param in model.program.params}
    dims = {**model.dims, "weight": None}

    def each(pick: Any) -> Mapping[str, ByParam]:
        return _Lookup({o: _Lookup({p: pick(o, p) for p in raw.gradient[o]}) for o in names})

    def unit(output: str, param: str) -> str:
        above, below = dims[output], param_dims[param]
        return readable_unit(above / below if above is not None else below**-1)

    return GradResult(
        model=model.name,
        events=n,
        seed=seed,
        params=params,
        mean=_Lookup({output: np.asarray(raw.mean[output])[()] for output in names}),
        mean_se=_Lookup({output: np.asarray(raw.mean_se[output])[()] for output in names}),
        gradient=each(lambda o, p: np.asarray(raw.gradient[o][p].value)[()]),
        se=each(lambda o, p: np.asarray(raw.gradient[o][p].se)[()]),
        std=each(lambda o, p: np.asarray(raw.gradient[o][p].std)[()]),
        units={output: model.units.get(output, "") for output in names},
        param_units={name: readable_unit(dim) for name, dim in param_dims.items()},
        gradient_units=each(unit),
        sites=tuple({"site": row.site, "estimator": row.estimator, "why": row.why} for row in plan.rows),
        truncated=trust.truncated(raw.faults, n),
        faults=tuple(raw.faults),
        seconds={"compile": raw.compile_seconds, "run": raw.run_seconds},
        mode=raw.mode,
    )


def finite_gradient(result: GradResult) -> Iterator[tuple[str, Any]]:
    """What must be finite in a `GradResult`, with what to call it."""
    yield from ((f"the mean of output '{output}'", mean) for output, mean in result.mean.items())
    for output, by_param in result.gradient.items():
        yield from ((f"d {output} / d {param}", value) for param, value in by_param.items())


def plain(value: Any) -> Any:
    """A number or array as plain Python for JSON; None where it is not finite (JSON knows no NaN)."""
    if isinstance(value, np.ndarray) and value.ndim:
        return [plain(item) for item in value]
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    number = value.item() if hasattr(value, "item") else value
    if isinstance(number, float) and not math.isfinite(number):
        return None
    return number


def simulated(
    run: Any, events: int, moments: Mapping[str, tuple[Any, Any, Any]], elements: Mapping[str, int]
) -> dict[str, Any]:
    """What ``simulate --json`` prints of `Events` or of their summary: mean, standard error and deviation of the
    outputs of fixed shape, the number of ``elements`` of the others."""
    units = {**run.units, "weight": ""}
    fixed = {
        name: {"mean": plain(mean), "se": plain(se), "std": plain(std), "unit": units[name]}
        for name, (mean, se, std) in moments.items()
    }
    return {
        "model": run.model,
        "events": events,
        "seed": run.seed,
        "params": {name: plain(value) for name, value in run.params.items()},
        "outputs": fixed | {name: {"elements": n, "unit": units[name]} for name, n in elements.items()},
        "truncated": plain(run.truncated),
        "seconds": {name: plain(value) for name, value in run.seconds.items()},
    }


def _moments(values: np.ndarray, weight: np.ndarray) -> tuple[Any, Any, Any]:
    """Weighted mean over events, its standard error to first order, and the weighted standard deviation."""
    x = np.asarray(values, dtype=np.float64)
    w = weight.astype(np.float64).reshape((-1,) + (1,) * (x.ndim - 1))
    total = w.sum(axis=0)
    n = len(x)
    with np.errstate(divide="ignore", invalid="ignore"):
        # A rejected event counts with weight 0, whatever its outputs are (0 · NaN is NaN).
        x = np.where(w == 0, 0.0, x)
        mean = (w * x).sum(axis=0) / total
        squares = (w * (x - mean)) ** 2
        bessel = n / (n - 1) if n > 1 else np.nan
        se = np.sqrt(squares.sum(axis=0) * bessel) / np.abs(total)
        std = np.sqrt(np.maximum((w * (x - mean) ** 2).sum(axis=0) / total * bessel, 0.0))
    return mean[()], se[()], std[()]
