"""What elaboration carries along: the file's items, the names in scope, the diagnostics, the IR being built."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from hepppl.diagnostics import Diagnostic, Label, Source, Span
from hepppl.diagnostics.suggest import nearest
from hepppl.semantics import units
from hepppl.semantics.build import Builder
from hepppl.semantics.ir import Data, Param, Value
from hepppl.semantics.limits import STAND_IN
from hepppl.semantics.modules import Module, collect
from hepppl.semantics.types import Dim
from hepppl.semantics.values import POISON, Poison, Structured
from hepppl.syntax import ast


@dataclass(frozen=True, eq=False)
class Binding:
    """A name in scope. ``kind``: value, const, param, data, loop variable, site, observable, argument or unusable
    (then ``why`` is the diagnostic to report on use)."""

    value: Structured
    kind: str
    span: Span
    why: Diagnostic | None = None


@dataclass
class Scope:
    """The names of one body (model, function, process run) and where it stands.

    ``later``: where each name of the body is first bound, to tell a use before definition from an unknown name.
    ``outside``: names that belong to the surroundings of the innermost plate, with the place that read them inside it.
    """

    body: str  # "model", "function", "process", "submodel", "constant"
    name: str
    names: dict[str, Binding] = field(default_factory=dict)
    later: Mapping[str, Span] = field(default_factory=dict)
    enclosing: tuple[str, ...] = ()  # "if", "for", "while", "plate" around the current statement, outermost first
    path: str = ""  # prefix of site names
    outer: Scope | None = None  # the scope that a sub-model is drawn in
    item: ast.Item | ast.ConstStmt | None = None  # whose body it is; None for what the program's own file holds
    plate_vars: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()  # the variables of the plates and `for` loops around, outermost first
    plate_outer: dict[str, Span | None] | None = None


@dataclass
class Counters:
    """Everything that a second elaboration of the same statements must not see twice."""

    number: int = 0
    sites: dict[str, int] = field(default_factory=dict)
    observed: dict[str, Span] = field(default_factory=dict)


class Context:
    def __init__(self, file: ast.File, data: Mapping[str, Any] | None = None, stand_in: int = STAND_IN[0]):
        """``file``: a linked one, see `hepppl.syntax.link`."""
        self.file = file
        self.stand_in = stand_in  # the length of data that are not given
        self.unsized: dict[str, Span] = {}  # the data of that length
        self.source: Source = file.span.source
        self.scope = Scope("constant", "")
        self.given: Mapping[str, Any] = data or {}
        self.diagnostics: list[Diagnostic] = []
        self.modules: dict[Source, Module] = {}
        self.main = collect(self, file)
        self.models: dict[str, ast.ModelItem] = {}
        self.units: dict[str, tuple[float, Dim]] = dict(units.UNITS)
        self.calls: list[str] = []  # functions being inlined, outermost first
        self.closures = 0  # functions given as arguments that are being inlined
        self.memo: dict[Span, Any] = {}  # file-level constants, types and units already worked out, by place
        self.reported: set[tuple[Span | None, str, str, str]] = set()  # faulty names already reported, per body
        self.steps = 0  # expressions elaborated so far
        self.inlined: set[str] = set()  # functions and processes that something calls
        self.model_names: dict[str, Span] = {}  # where the models bind names, for hints
        self.start()

    def start(self) -> None:
        """A clean sheet for one model."""
        self.builder = Builder()
        self.counters = Counters()
        self.params: list[Param] = []
        self.data: list[Data] = []
        self.data_static: dict[str, int] = {}  # integers among the data, as given or by default
        self.sized_by: dict[str, Any] = {}  # data whose values or lengths the program is specialised to
        self.nets: dict[str, Any] = {}  # name of a net's record -> its layers
        self.turns: dict[Value, tuple[int, int, int]] = {}  # loop variable -> start, stop, depth of its block
        self.promotions: dict[Any, dict[str, Any]] = {}  # loop -> types of its carried values after promotion
        self.extents: dict[str, tuple[int, int]] = {}  # variable of a plate or `for` in scope -> start, stop
        self.group: Any = None  # the process group being elaborated
        self.specialised: list[Any] = []  # process groups finished so far

    # ------------------------------------------------------------ diagnostics

    def error(
        self,
        code: str,
        message: str,
        span: Span,
        labels: Iterable[tuple[Span, str] | None] = (),
        hints: Iterable[str | None] = (),
    ) -> Poison:
        """Record a diagnostic; the poisoned value for the caller to return."""
        shown = tuple(Label(*label) for label in labels if label is not None)
        return self.report(Diagnostic(code, message, span, shown, tuple(h for h in hints if h)))

    def report(self, diagnostic: Diagnostic) -> Poison:
        self.diagnostics.append(diagnostic)
        return POISON

    def close_to(self, name: str, candidates: Iterable[str]) -> str | None:
        close = nearest(name, list(candidates))
        return f"did you mean '{close}'?" if close else None

    def in_process(self) -> bool:
        """Whether the current statement belongs to the body of a process that spawns or emits."""
        return self.group is not None

    # ------------------------------------------------------------ items

    @property
    def module(self) -> Module:
        """The file that the current body stands in."""
        item = self.scope.item
        return self.main if item is None else self.modules[item.span.source]

    @property
    def functions(self) -> dict[str, ast.FnItem | ast.ExternItem]:
        return self.module.seen.functions

    @property
    def processes(self) -> dict[str, ast.ProcessItem]:
        return self.module.seen.processes

    @property
    def records(self) -> dict[str, ast.TypeItem]:
        return self.module.seen.records

    @property
    def constants(self) -> dict[str, ast.ConstStmt]:
        return self.module.seen.constants

    @property
    def unit_items(self) -> dict[str, ast.UnitItem]:
        return self.module.seen.units

    def full(self, item: Any) -> str:
        """The name of an item, told apart from those of one name in other files."""
        return self.modules[item.span.source].prefix + item.name

    # ------------------------------------------------------------ scopes

    @contextmanager
    def within(self, scope: Scope) -> Iterator[Scope]:
        outer, self.scope = self.scope, scope
        try:
            yield scope
        finally:
            self.scope = outer

    @contextmanager
    def block(self, kind: str) -> Iterator[Scope]:
        """A nested block: names bound in it stay in its own copy, to be compared with those before."""
        scope = replace(self.scope, names=dict(self.scope.names), enclosing=(*self.scope.enclosing, kind))
        with self.within(scope):
            yield scope

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """In an expression that is evaluated under a condition only."""
        with self.within(replace(self.scope, enclosing=(*self.scope.enclosing, "if"))):
            yield

    def bind(self, name: str, value: Structured, span: Span, kind: str = "value") -> None:
        self.scope.names[name] = Binding(value, kind, span)

    # ------------------------------------------------------------ second attempts

    def snapshot(self) -> tuple[int, Counters, list[Any], set[tuple[Span | None, str, str, str]]]:
        c = self.counters
        saved = Counters(c.number, dict(c.sites), dict(c.observed))
        return len(self.diagnostics), saved, list(self.specialised), set(self.reported)

    def restore(self, saved: tuple[int, Counters, list[Any], set[tuple[Span | None, str, str, str]]]) -> None:
        """Forget what was done since the snapshot (the frames built since are the caller's to drop)."""
        length, c, specialised, reported = saved
        self.reported = set(reported)
        del self.diagnostics[length:]
        self.counters = Counters(c.number, dict(c.sites), dict(c.observed))
        self.specialised = list(specialised)

    def number(self) -> int:
        self.counters.number += 1
        return self.counters.number

    def site_name(self, name: str) -> str:
        """The full name of a site: its path, and ``#2`` for the second of that name."""
        full = self.scope.path + name
        turn = self.counters.sites[full] = self.counters.sites.get(full, 0) + 1
        return full if turn == 1 else f"{full}#{turn}"
