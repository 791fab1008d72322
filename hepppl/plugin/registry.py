"""What is registered, by whom. Names are read once and lazily; only what is asked for is imported.

A plugin is an entry point in one of `GROUPS`. What hepppl itself ships cannot be shadowed: another package's entry of
the same name is never used. One name from two other packages is an error for who asks for it. A plugin that cannot be
imported, or that is written for another version of the interface, is an error for who asks for it and a warning in
`listing`.
"""

from __future__ import annotations

import ast
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import metadata
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from hepppl.diagnostics import Diagnostic, Span
from hepppl.diagnostics.errors import HepPluginError
from hepppl.diagnostics.suggest import nearest
from hepppl.plugin.distribution import Distribution
from hepppl.plugin.estimator import API_VERSION, Estimator
from hepppl.plugin.function import Function

#: The distribution whose entries are built in.
OWN_PACKAGE = "hepppl"

#: Entry-point group -> what one of its entries is called.
GROUPS: Mapping[str, str] = {
    "hepppl.estimators": "estimator",
    "hepppl.distributions": "distribution",
    "hepppl.functions": "function",
    "hepppl.backends": "back end",
}
#: Entry-point group -> what its entries resolve to.
METADATA: Mapping[str, type] = {
    "hepppl.estimators": Estimator,
    "hepppl.distributions": Distribution,
    "hepppl.functions": Function,
}


@dataclass(frozen=True)
class Entry:
    """One registered name: the package that registers it, that package's version, and where the target lies."""

    name: str
    group: str
    package: str
    version: str
    point: EntryPoint

    @property
    def own(self) -> bool:
        return self.package == OWN_PACKAGE

    def __str__(self) -> str:
        return f"{self.package} {self.version}".strip()


@dataclass(frozen=True)
class Listed:
    """A row of `listing`: an entry, and why it cannot be used (None where it can)."""

    entry: Entry
    problem: Diagnostic | None


@cache
def entries(group: str) -> tuple[Entry, ...]:
    """Every entry of a group, those of hepppl first, then by name and package. Nothing is imported."""
    found = [Entry(point.name, group, *_package(point.dist), point) for point in _points().select(group=group)]
    return tuple(sorted(found, key=lambda e: (not e.own, e.name, e.package)))


@cache
def _points() -> Any:  # its type has another name from Python 3.12 on
    """The entry points of all groups: what is installed is looked through once."""
    return entry_points()


@cache
def _package(distribution: metadata.Distribution | None) -> tuple[str, str]:
    """A package's name and version, looked up once for all its entries: that takes as long as a program's parsing."""
    return (distribution.name, distribution.version) if distribution else ("unknown package", "")


def names(group: str) -> tuple[str, ...]:
    """The names registered in a group, sorted."""
    return tuple(sorted({entry.name for entry in entries(group)}))


def own_names(group: str) -> tuple[str, ...]:
    """The names that hepppl itself registers in a group."""
    return tuple(entry.name for entry in entries(group) if entry.own)


def refresh() -> None:
    """Forget what was read, so that packages installed since are seen."""
    for known in (entries, _points, _package, _load):
        known.cache_clear()


def find(group: str, name: str, span: Span | None = None) -> Entry:
    """The entry of that name. Raises `HepPluginError`: E801 where there is none, E802 where several claim it."""
    found = [entry for entry in entries(group) if entry.name == name]
    own = [entry for entry in found if entry.own]
    kind = GROUPS[group]
    if not found:
        closest = nearest(name, names(group))
        known = ", ".join(names(group)) or "none"
        hint = f"did you mean '{closest}'?" if closest else f"registered: {known}"
        raise HepPluginError(Diagnostic("E801", f"no {kind} is called '{name}'", span, hints=(hint,)))
    if not own and len(found) > 1:
        packages = " and ".join(str(entry) for entry in found)
        message = f"{kind} '{name}' is registered by {packages}"
        raise HepPluginError(Diagnostic("E802", message, span, hints=("uninstall all but one of them",)))
    return own[0] if own else found[0]


def load(group: str, name: str, span: Span | None = None) -> Any:
    """The object that an entry names, imported on first use. ``span``: where the program asks for it.

    Raises `HepPluginError`: E801, E802 as `find`; E803 where the import fails; E804 where it does not fit this version.
    """
    entry = find(group, name, span)
    target, problem = _load(entry)
    if problem is not None:
        raise HepPluginError(Diagnostic(problem.code, problem.message, span, hints=problem.hints)) from target
    return target


@cache
def _load(entry: Entry) -> tuple[Any, Diagnostic | None]:
    kind = GROUPS[entry.group]
    try:
        target = entry.point.load()
    except Exception as error:  # a plugin may fail in any way when it is imported
        reason = f"{type(error).__name__}: {error}"
        message = f"{kind} '{entry.name}' of package {entry} cannot be imported: {reason}"
        return error, Diagnostic("E803", message, hints=(f"repair or uninstall {entry.package}",))
    misfit = _misfit(entry, target)
    return (None, Diagnostic("E804", *misfit)) if misfit else (target, None)


def _misfit(entry: Entry, target: Any) -> tuple[str] | None:
    """Why a loaded target is not usable here."""
    subject = f"{GROUPS[entry.group]} '{entry.name}' of package {entry}"
    wanted = METADATA.get(entry.group)
    if wanted is not None and not isinstance(target, wanted):
        return (f"{subject} is not a hepppl.plugin.{wanted.__name__} but {type(target).__name__}",)
    version = getattr(target, "api", API_VERSION)
    if version != API_VERSION:
        return (f"{subject} is written for plugin interface {version}; this hepppl has interface {API_VERSION}",)
    if wanted is not None and target.name != entry.name:
        return (f"{subject} calls itself '{target.name}'",)
    problem = target.problem() if isinstance(target, Distribution) else None
    return (f"{subject} cannot be used: {problem}",) if problem else None


def listing(group: str, built_in: Container[str] = ()) -> tuple[Listed, ...]:
    """Every entry of a group, imported, with what is wrong with it as a warning that names its package. ``built_in``:
    names that hepppl has without an entry."""
    return tuple(Listed(entry, _problem(entry, entry.name in built_in)) for entry in entries(group))


def _problem(entry: Entry, built_in: bool) -> Diagnostic | None:
    kind = GROUPS[entry.group]
    rivals = [e for e in entries(entry.group) if e.name == entry.name and e is not entry]
    if built_in or any(rival.own for rival in rivals):
        return Diagnostic("W801", f"package {entry} registers {kind} '{entry.name}', which is built in: ignored")
    if rivals and not entry.own:
        others = " and ".join(str(rival) for rival in rivals)
        return Diagnostic("W802", f"package {entry} registers {kind} '{entry.name}', and so does {others}")
    problem = _load(entry)[1]
    return problem and Diagnostic("W803", problem.message, hints=problem.hints)


def call_function(name: str, xp: Any, arguments: tuple[Any, ...], shape: tuple[int, ...], span: Span) -> Any:
    """The value of a registered function for one event, an array of ``shape`` in the namespace ``xp``; ``span`` is
    where the program calls it.

    Raises `HepPluginError`: as `load`, and E805 where the function fails or gives something else.
    """
    subject = f"function '{name}' of package {find('hepppl.functions', name)}"
    function = load("hepppl.functions", name).load()
    try:
        value = xp.asarray(function(xp, *arguments))
    except Exception as error:  # a plugin may fail in any way
        raise HepPluginError(Diagnostic("E805", f"{subject} failed: {type(error).__name__}: {error}", span)) from error
    if value.shape != shape:
        raise HepPluginError(Diagnostic("E805", f"{subject} gave an array of shape {value.shape}, not {shape}", span))
    return value


class Registered(Mapping[str, Any]):
    """The usable names of a group; an object is imported when it is looked up (`KeyError` for unknown names only)."""

    def __init__(self, group: str) -> None:
        self.group = group

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return names(self.group)

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(name)
        return load(self.group, name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, name: object) -> bool:
        return name in self._names


def estimators() -> Mapping[str, Estimator]:
    """All registered estimators by name, each imported (its metadata only) when it is looked up."""
    return Registered("hepppl.estimators")


def load_estimator(name: str, span: Span | None = None) -> Estimator:
    """The metadata of an estimator. Raises `HepPluginError` (see `load`)."""
    return load("hepppl.estimators", name, span)


def parse(text: str) -> tuple[str, dict[str, Any]]:
    """An estimator as ``--by`` takes it: ``"score(baseline='none')"`` -> ``("score", {"baseline": "none"})``.
    Raises ValueError where it is none."""
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise ValueError(text) from error
    if isinstance(tree, ast.Name):
        return tree.id, {}
    if not (isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and not tree.args):
        raise ValueError(text)
    options = {}
    for keyword in tree.keywords:
        if keyword.arg is None:
            raise ValueError(text)
        options[keyword.arg] = ast.literal_eval(keyword.value)
    return tree.func.id, options


def own_estimators() -> tuple[Estimator, ...]:
    """The estimators that hepppl ships, the preferred ones first (see `Estimator.rank`)."""
    found = [load_estimator(name) for name in own_names("hepppl.estimators")]
    return tuple(sorted(found, key=lambda e: -e.rank))
