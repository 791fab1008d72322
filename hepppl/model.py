"""The Python API: a `Model`, to plan, simulate, differentiate or compile."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from hepppl import identity, inputs
from hepppl.curving import Curving
from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepValueError
from hepppl.inferring import MAX_STEPS, Inferring, Progress
from hepppl.semantics.types import Dim, Tensor

if TYPE_CHECKING:
    import networkx

    from hepppl.compiled import Compiled
    from hepppl.graph import ModelGraph
    from hepppl.planning import Plan
    from hepppl.results import Events, GradResult
    from hepppl.scale.summary import Summary
    from hepppl.scale.work import Work
    from hepppl.semantics.ir import Program
    from hepppl.syntax.ast import File
    from hepppl.verification import Verification

By = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Model(Inferring, Curving):
    """A checked program. Immutable; what is compiled for it is kept, so that other parameter values, another seed or
    another number of events compile nothing.

    ``program`` is the typed program, ``file`` its syntax tree, ``data`` the values its data were given.
    """

    program: Program
    file: File
    data: Mapping[str, Any] = field(default_factory=dict)
    _memo: dict[Any, Any] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        return self.program.name

    @cached_property
    def params(self) -> Mapping[str, inputs.ParamInfo]:
        """Name -> default, support, unit (the base unit its values are in) and prior."""
        return {param.name: inputs.param_info(param) for param in self.program.params}

    @cached_property
    def units(self) -> Mapping[str, str]:
        """Output -> the base unit its values are in (``""`` where it is a plain number)."""
        from hepppl.semantics.dims import readable_unit

        return {name: readable_unit(dim) for name, dim in self.dims.items()}

    @cached_property
    def dims(self) -> Mapping[str, Dim]:
        """Output -> its dimension. Of a collection: that of its first field."""
        types = {output.name: output.value.type for output in self.program.outputs}
        return {name: (t if isinstance(t, Tensor) else t.fields[0][1]).dim for name, t in types.items()}

    @property
    def model_graph(self) -> ModelGraph:
        """The model graph with its analyses."""
        if "graph" not in self._memo:
            from hepppl.graph import ModelGraph

            self._memo["graph"] = ModelGraph(self.program)
        return self._memo["graph"]

    @property
    def graph(self) -> networkx.DiGraph:
        """The model graph as networkx has it."""
        return self.model_graph.nx

    def plan(
        self,
        by: By | None = None,
        wrt: Sequence[str] | str | None = None,
        *,
        order: int = 1,
        mode: str = "auto",
        tune: bool = False,
        n: int = 10_000,
        seed: int = 0,
        data: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        **values: Any,
    ) -> Plan:
        """The estimator of each random site, with the reason. ``by``: site -> estimator (``"*"``: wherever it can).
        ``order=2``: for second derivatives (`hessian`, `hvp`), of estimators that allow them. ``mode``: the one that
        the plan is for, as in `grad`.

        ``tune``: choose by a pilot run of ``n`` events per candidate at these parameters: the sound estimators of each
        site and their options, by variance × time. What ``by`` names for a site stays. Clocks decide, so that a plan to
        be used again is best saved (`hepppl.planning.dumps`).
        Raises `HepPlanError` where a choice is unsound or none is sound.
        """
        inputs.check_mode(mode)
        names = [wrt] if isinstance(wrt, str) else wrt
        if not tune:
            return self._chosen(by, names, order, mode)
        from hepppl import tuning

        if order != 1 or mode != "auto":
            what = "first derivatives" if order != 1 else "in the mode that is used by default"
            other = "order=1" if order != 1 else "mode='auto'"
            raise HepValueError(Diagnostic("E457", f"a pilot run measures {what}: tune=True goes with {other}"))
        n, seed = inputs.check_run(n, seed, 0.0)
        model = self.with_data(data)
        return tuning.tuned(model, by, names, n, seed, inputs.param_values(model.program, {**(params or {}), **values}))

    def with_data(self, data: Mapping[str, Any] | None) -> Model:
        """This model with these data instead. Only other lengths or other integers may need another program."""
        if data is None:
            return self
        data = inputs.flat(data)
        key = ("data", inputs.sizes(data))
        if key not in self._memo:
            from hepppl.semantics import check

            program = check(self.file, self.name, data)
            same = program.sized_by == self.program.sized_by
            self._memo[key] = self if same else Model(program, self.file)
        return replace(self._memo[key], data=data)

    def simulate(
        self,
        n: int,
        seed: int = 0,
        data: Mapping[str, Any] | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        tolerance: float = 0.0,
        progress: Progress | None = None,
        precision: int = 32,
        rounds: int = 13,
        lanes: int | None = None,
        batch: int | None = None,
        max_steps: int = MAX_STEPS,
        devices: int | str | None = None,
        dask: Any = None,
        hosts: bool = False,
        **values: Any,
    ) -> Events:
        """``n`` events. Parameters by name, as numbers in base units or texts (``radius="20cm"``), or in ``params``.

        ``tolerance``: the fraction of events that may be truncated by a limit. ``precision``: 32 or 64 bits; ``rounds``
        of Threefry: 13 or 20. ``lanes`` and ``batch`` change time and memory, never an event. An event is stopped after
        ``max_steps`` particle steps. ``devices`` (a number, or ``"all"``) of this process share the work; ``dask``: the
        workers of a scheduler do it (its address, ``"local"``, or a client); ``hosts``: this process is one of those of
        `jax.distributed`, and each does its share. The events are the same wherever they are run. Raises
        `HepValueError` for wrong inputs, and `HepResultError` (with the `Events` as ``.result``) where the result is
        not to be trusted.
        """
        from hepppl import results, scale, trust

        n, seed = inputs.check_run(n, seed, tolerance)
        engine = inputs.engine(precision, rounds, lanes, batch, max_steps) | inputs.devices(devices)
        work = self._work(n, seed, data, {**(params or {}), **values}, engine)
        raw = scale.simulate(work, scale.Spread(dask, hosts), progress)
        events = results.events(work.model, n, seed, work.point, raw)
        trust.check(events, tolerance, trust.defined_outputs(events.outputs, events.weight))
        return events

    def simulate_to(
        self,
        path: str | os.PathLike[str] | None,
        n: int,
        seed: int = 0,
        data: Mapping[str, Any] | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        resume: bool = False,
        tolerance: float = 0.0,
        progress: Progress | None = None,
        precision: int = 32,
        rounds: int = 13,
        lanes: int | None = None,
        batch: int | None = None,
        max_steps: int = MAX_STEPS,
        devices: int | str | None = None,
        dask: Any = None,
        hosts: bool = False,
        **values: Any,
    ) -> Summary:
        """``n`` events to a file (``.npz``, ``.h5``, ``.parquet`` or ``.root``), in memory that does not grow with
        ``n``; their means only where there is no path.

        Until the file is complete, the events are in a folder ``FILE.parts`` beside it; ``resume`` takes up what is
        there. The rest as in `simulate`. Raises also `HepFileError`: E515 where the folder holds another run.
        """
        from hepppl import scale

        n, seed = inputs.check_run(n, seed, tolerance)
        engine = inputs.engine(precision, rounds, lanes, batch, max_steps) | inputs.devices(devices)
        work = self._work(n, seed, data, {**(params or {}), **values}, engine)
        return scale.stream(path, work, scale.Spread(dask, hosts), tolerance, resume, progress)

    def grad(
        self,
        n: int,
        seed: int = 0,
        by: By | None = None,
        wrt: Sequence[str] | str | None = None,
        data: Mapping[str, Any] | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        plan: Plan | None = None,
        tolerance: float = 0.0,
        progress: Progress | None = None,
        mode: str = "auto",
        precision: int = 32,
        rounds: int = 13,
        lanes: int | None = None,
        batch: int | None = None,
        max_steps: int = MAX_STEPS,
        devices: int | str | None = None,
        dask: Any = None,
        hosts: bool = False,
        **values: Any,
    ) -> GradResult:
        """The expected outputs and their derivatives with respect to ``wrt`` (default: every parameter), from ``n``
        events, with standard errors.

        ``by``: site -> estimator, or ``plan``: one that `plan` made. ``mode``: ``"forward"``, ``"reverse"`` or
        ``"auto"``. The rest as in `simulate`.
        Raises `HepPlanError` where no sound estimator serves a site.
        """
        from hepppl import results, scale, trust

        inputs.check_mode(mode)
        n, seed = inputs.check_run(n, seed, tolerance)
        engine = inputs.engine(precision, rounds, lanes, batch, max_steps) | inputs.devices(devices)
        work = self._work(n, seed, data, {**(params or {}), **values}, {"mode": mode, **engine})
        plan = plan or work.model.plan(by, wrt, mode=mode)
        if not plan.wrt:
            raise HepValueError(Diagnostic("E458", f"model '{self.name}' has no parameter to differentiate"))
        raw = scale.differentiate(replace(work, plan=plan), scale.Spread(dask, hosts), progress)
        result = results.gradient(work.model, n, seed, work.point, plan, raw)
        trust.check(result, tolerance, results.finite_gradient(result))
        return result

    def verify(
        self,
        n: int = 100_000,
        seed: int = 0,
        by: By | None = None,
        wrt: Sequence[str] | str | None = None,
        data: Mapping[str, Any] | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        plan: Plan | None = None,
        false_alarm: float = 1e-3,
        tolerance: float = 0.0,
        progress: Callable[[str], None] | None = None,
        **values: Any,
    ) -> Verification:
        """Every derivative of `grad` against one estimated by other means, site by site (`hepppl.verification`).

        ``false_alarm``: the probability that a plan without fault fails. ``progress`` is told what is run next. The
        rest as in `grad`. Raises `HepResultError` (E907, with the `Verification` as ``.result``) where the two
        estimates of a derivative do not agree.
        """
        from hepppl import trust, verification

        n, seed = inputs.check_run(n, seed, tolerance)
        model = self.with_data(data)
        plan = plan or model.plan(by, wrt)
        point = {**(params or {}), **values}
        options = {"params": point, "tolerance": tolerance}
        found = verification.verify(model, plan, n, seed, options, false_alarm, progress)
        trust.agreed(found, verification.faults(model, found))
        return found

    def compile(
        self,
        by: By | None = None,
        wrt: Sequence[str] | str | None = None,
        data: Mapping[str, Any] | None = None,
        *,
        mode: str = "auto",
        precision: int = 32,
        rounds: int = 13,
        lanes: int | None = None,
        batch: int | None = None,
        max_steps: int = MAX_STEPS,
    ) -> Compiled:
        """Pure functions of (key, params) for people who write JAX. Without parameters, a simulation only."""
        from hepppl.compiled import Compiled

        inputs.check_mode(mode)
        engine = inputs.engine(precision, rounds, lanes, batch, max_steps)
        model = self.with_data(data)
        plan = model.plan(by, wrt, mode=mode) if model.program.params else None
        given = inputs.data_values(model.program, model.data)
        return Compiled(model, plan, model._compiled(plan, mode=mode, **engine), given)

    def _work(self, n: int, seed: int, data: Any, values: By, engine: Mapping[str, Any]) -> Work:
        """A simulation, its inputs checked."""
        from hepppl.scale.work import Work

        model = self.with_data(data)
        point = inputs.param_values(model.program, values)
        return Work(model, n, seed, point, inputs.data_values(model.program, model.data), engine)

    def _chosen(self, by: By | None, names: Sequence[str] | None, order: int, mode: str) -> Plan:
        """The plan, chosen once as long as the same estimators are installed."""
        from hepppl.planning import choose
        from hepppl.plugin import registry

        key, installed = ("plan", repr((by, names, order, mode))), registry.entries("hepppl.estimators")
        found = self._memo.get(key)
        if found is None or found[0] is not installed:
            plan = choose(self.model_graph, by=by, wrt=names, order=order, mode=mode)
            found = self._memo[key] = installed, plan
        return found[1]

    def _compiled(self, plan: Plan | None, **options: Any) -> Any:
        key = (None if plan is None else plan.key, tuple(options.items()))
        if key not in self._memo:
            from hepppl.backends.jax import compile_program

            origin = identity.digest(self.program.source.name, identity.of_program(self))
            self._memo[key] = compile_program(self.model_graph, plan=plan, origin=origin, **options)
        return self._memo[key]

    def __repr__(self) -> str:
        outputs = ", ".join(output.name for output in self.program.outputs)
        return f"<Model {self.name}: parameters {', '.join(self.params) or 'none'}; outputs {outputs}>"
