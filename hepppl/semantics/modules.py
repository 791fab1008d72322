"""The files of a program: what each declares, and what its imports let it name.

`import "f.hep"` makes the items of a file known under their own names, `import "f.hep" as f` under `f.name`. Neither
hands on what the imported file imports itself. Models are not imported.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hepppl.diagnostics import Source, Span
from hepppl.syntax import ast

if TYPE_CHECKING:
    from hepppl.semantics.context import Context


@dataclass
class Table:
    """Items by name."""

    functions: dict[str, ast.FnItem | ast.ExternItem] = field(default_factory=dict)
    processes: dict[str, ast.ProcessItem] = field(default_factory=dict)
    records: dict[str, ast.TypeItem] = field(default_factory=dict)
    constants: dict[str, ast.ConstStmt] = field(default_factory=dict)
    units: dict[str, ast.UnitItem] = field(default_factory=dict)

    def of(self, item: ast.Item | ast.ConstStmt) -> dict[str, Any] | None:
        """The part that items of this kind belong in; None for imports and models."""
        parts: dict[type, dict[str, Any]] = {
            ast.FnItem: self.functions, ast.ExternItem: self.functions, ast.ProcessItem: self.processes,
            ast.TypeItem: self.records, ast.ConstStmt: self.constants, ast.UnitItem: self.units,
        }  # fmt: skip
        return parts.get(type(item))

    def parts(self) -> tuple[dict[str, Any], ...]:
        return self.functions, self.processes, self.records, self.constants, self.units

    def get(self, name: str) -> Any:
        """The item of that name, whatever it is; None where there is none."""
        return next((part[name] for part in self.parts() if name in part), None)

    def names(self) -> list[str]:
        return [name for part in self.parts() for name in part]


@dataclass(eq=False)
class Module:
    """One file. ``own``: what it declares; ``seen``: that, and what it imports without `as`; ``spaces``: by alias what
    it imports with `as`; ``prefix``: what tells its items from those of one name in other files."""

    source: Source
    prefix: str = ""
    own: Table = field(default_factory=Table)
    seen: Table = field(default_factory=Table)
    spaces: dict[str, Module] = field(default_factory=dict)


def collect(cx: Context, file: ast.File, prefix: str = "") -> Module:
    """The module of a file; `Context.modules` gains it and those of all that it imports. No two items share a name."""
    source = file.span.source
    if source in cx.modules:
        return cx.modules[source]
    module = cx.modules[source] = Module(source, prefix)
    taken: dict[str, Span] = {}
    for item in file.items:
        table = module.own.of(item)
        if table is None:
            continue
        name, span = item.name, item.name_span  # type: ignore[union-attr]
        if name in taken:
            _twice(cx, name, span, taken[name])
            continue
        taken[name] = span
        table[name] = item
    for item in file.items:
        if isinstance(item, ast.ImportItem):
            _import(cx, module, item, (file.imported or {})[item.path], taken)
    for mine, seen in zip(module.own.parts(), module.seen.parts(), strict=True):
        seen.update(mine)
    return module


def _import(cx: Context, module: Module, item: ast.ImportItem, file: ast.File, taken: dict[str, Span]) -> None:
    found = collect(cx, file, f"{file.span.source.name}:")
    if item.alias is not None:
        assert item.alias_span is not None
        if item.alias in taken and module.spaces.get(item.alias) is not found:
            _twice(cx, item.alias, item.alias_span, taken[item.alias])
            return
        taken[item.alias] = item.alias_span
        module.spaces[item.alias] = found
        return
    for theirs, seen in zip(found.own.parts(), module.seen.parts(), strict=True):
        for name, one in theirs.items():
            first = taken.setdefault(name, one.name_span)
            if first != one.name_span:
                hint = f'import it under a name: import "{item.path}" as {_alias(item.path)}'
                message = f"'{name}' of {file.span.source.name} is defined twice"
                labels = ((first, "first defined here"), (one.name_span, "and here"))
                cx.error("E302", message, item.path_span, labels, (hint,))
                continue
            seen[name] = one


def _alias(path: str) -> str:
    stem = path.rpartition("/")[2].removesuffix(".hep")
    return stem if stem.isidentifier() else "other"


def _twice(cx: Context, name: str, span: Span, first: Span) -> None:
    cx.error("E302", f"'{name}' is defined twice", span, ((first, "first defined here"),), ("use another name",))


# ---------------------------------------------------------------- names with a point


def space(cx: Context, e: ast.Expr) -> Module | None:
    """The imported file that `e` names an item of: `kin.rapidity`. None where `e` is anything else."""
    if isinstance(e, ast.Attr) and isinstance(e.base, ast.Name) and e.base.name not in cx.scope.names:
        return cx.module.spaces.get(e.base.name)
    return None


def table(cx: Context, e: ast.Expr) -> tuple[Table, str, str] | None:
    """Where the item that `e` names is looked up, its name there, and ``kin.`` where it is named through an alias."""
    found = space(cx, e)
    if found is not None:
        assert isinstance(e, ast.Attr)
        assert isinstance(e.base, ast.Name)
        return found.own, e.name, f"{e.base.name}."
    return (cx.module.seen, e.name, "") if isinstance(e, ast.Name) else None
