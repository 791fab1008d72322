"""From the AST to the typed program, or to all the diagnostics."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from hepppl import _memory
from hepppl.diagnostics import Diagnostic, Label
from hepppl.diagnostics.errors import (
    HepError,
    HepNameError,
    HepPluginError,
    HepTypeError,
    HepUnsupportedError,
    HepValueError,
)
from hepppl.semantics import (
    bodies,
    calls,
    declared,
    expressions,
    externs,
    groups,
    names,
    processes,
    reductions,
    statements,
)
from hepppl.semantics.arithmetic import Operand
from hepppl.semantics.build import TooLarge
from hepppl.semantics.context import Context, Scope
from hepppl.semantics.folding import FoldError
from hepppl.semantics.ir import Node, Output, Param, Process, Program, Region, walk
from hepppl.semantics.limits import MAX_DEPTH, STAND_IN
from hepppl.semantics.rewrite import pruned, rewritten
from hepppl.semantics.values import POISON, Coll, Num, Poison, Rec, Structured, leaves, paths, with_article
from hepppl.syntax import ast, link

_CLASSES = {"2": HepTypeError, "3": HepNameError, "4": HepValueError, "7": HepUnsupportedError, "8": HepPluginError}


@_memory.uncollected
def check(file: ast.File, model: str | None = None, data: Mapping[str, Any] | None = None) -> Program:
    """The typed program of a file's model.

    ``model`` chooses where the file holds several. ``data`` gives the integers and array lengths (base units) that
    size arrays; `Program.sized_by` names those the program is specialised to. Raises the `HepError` subclass of the
    first diagnostic, carrying every diagnostic of the file in order of place.

    Data of unknown length (`data x: real[]`) that are not given have a stand-in length: the program can be planned and
    shown, but not run. An error that another length would not give is E705, and says which data to give.
    """
    linked = link(file)
    cx = Context(linked, data)
    program = _attempt(cx, model)
    errors = _unique(cx)
    if errors and cx.unsized:
        other = Context(linked, data, STAND_IN[1])
        _attempt(other, model)
        always = set(map(_said, other.diagnostics))
        errors = [e if _said(e) in always else _needs_data(cx, e) for e in errors]
    if errors or program is None:
        raise _CLASSES.get(errors[0].code[1], HepError)(errors)
    return program


def _attempt(cx: Context, model: str | None) -> Program | None:
    with _deep_recursion():
        try:
            return _file(cx, model)
        except TooLarge as error:
            cx.error("E409", str(error), error.span)
        except RecursionError:
            cx.error("E409", "the program is nested too deeply", cx.file.span)
    return None


def _needs_data(cx: Context, error: Diagnostic) -> Diagnostic:
    """Instead of an error that hangs on the length of data that are not given."""
    names = " and ".join(f"'{name}'" for name in cx.unsized)
    labels = tuple(Label(span, "its length is that of what is given") for span in cx.unsized.values())
    hint = f"give {names} in the file of --data, or in data={{…}} in Python"
    return Diagnostic("E705", f"this cannot be checked before the data {names} are given", error.span, labels, (hint,))


@contextmanager
def _deep_recursion() -> Iterator[None]:
    """Expressions are elaborated by recursion: allow for the nesting that the parser admits, functions inlined."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, 20_000))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def _unique(cx: Context) -> list[Diagnostic]:
    """In order of place, the program's own file first; the first of those that say the same of one place."""
    found: dict[Any, Diagnostic] = {}
    for d in cx.diagnostics:
        found.setdefault((d.code, d.message, d.span), d)
    files = {source: i for i, source in enumerate(cx.modules)}

    def place(d: Diagnostic) -> tuple[int, int, str]:
        return (files.get(d.span.source, -1), d.span.start, d.code) if d.span else (-1, -1, d.code)

    return sorted(found.values(), key=place)


def _said(d: Diagnostic) -> tuple[Any, ...]:
    return d.code, d.message, d.span, *(label.text for label in d.labels), *d.hints


# ---------------------------------------------------------------- items


def _file(cx: Context, model: str | None) -> Program | None:
    _models(cx)
    for module in list(cx.modules.values()):
        for item in (i for part in module.own.parts() for i in list(part.values())):
            with cx.within(Scope("constant", item.name, item=item)):
                _item(cx, item)
    chosen = _choose(cx, model)
    programs = {name: _model(cx, item) for name, item in cx.models.items()}
    _check_unused(cx)
    return programs.get(chosen) if chosen is not None and not cx.diagnostics else None


def _models(cx: Context) -> None:
    """The models of the program's own file. They have names of their own."""
    for item in cx.file.items:
        if not isinstance(item, ast.ModelItem):
            continue
        if item.name in cx.models:
            label = (cx.models[item.name].name_span, "first defined here")
            cx.error("E302", f"'{item.name}' is defined twice", item.name_span, (label,), ("use another name",))
            continue
        cx.models[item.name] = item
        for n, where in bodies.first_bindings(item.body.stmts).items():
            cx.model_names.setdefault(n, where)


def _item(cx: Context, item: ast.Item | ast.ConstStmt) -> None:
    """What is wrong with a declaration whether or not it is used."""
    match item:
        case ast.ConstStmt():
            names.file_constant(cx, item)
        case ast.UnitItem() if item.name in cx.units:
            cx.error("E302", f"the unit '{item.name}' exists already", item.name_span, hints=("use another name",))
        case ast.UnitItem():
            declared.user_unit(cx, item)
        case ast.TypeItem() if item.name in declared.SCALARS or item.name == "p4":
            cx.error("E302", f"the type '{item.name}' exists already", item.name_span, hints=("use another name",))
        case ast.TypeItem():
            declared.record_type(cx, item, item.name_span)
        case ast.FnItem():
            _formals(cx, item.formals)
        case ast.ExternItem():
            _formals(cx, item.formals)
            externs.provided(cx, item)
        case ast.ProcessItem():
            _formals(cx, item.formals)
            _check_process(cx, item)


def _formals(cx: Context, formals: Sequence[ast.Formal]) -> None:
    seen: dict[str, Any] = {}
    for f in formals:
        if f.name in seen:
            cx.error(
                "E302", f"the argument '{f.name}' is declared twice", f.span, ((seen[f.name], "first declared here"),)
            )
        seen[f.name] = f.span


def _choose(cx: Context, model: str | None) -> str | None:
    if model is not None:
        if model in cx.models:
            return model
        hint = cx.close_to(model, cx.models) or ("it has: " + ", ".join(cx.models) if cx.models else None)
        cx.report(Diagnostic("E305", f"{cx.source.name} has no model '{model}'", None, (), (hint,) if hint else ()))
        return None
    if not cx.models:
        hint = "write model name { ... return ... }"
        cx.report(Diagnostic("E305", f"{cx.source.name} has no model", None, (), (hint,)))
        return None
    if len(cx.models) > 1:
        first, *others = cx.models.values()
        labels = [(m.name_span, "another model") for m in others]
        hint = f"choose one: --model {first.name}, or model={first.name!r} in Python"
        message = f"{cx.source.name} has {len(cx.models)} models: {', '.join(cx.models)}"
        cx.error("E305", message, first.name_span, labels, (hint,))
        return None
    return next(iter(cx.models))


def _check_process(cx: Context, item: ast.ProcessItem) -> None:
    """A process returns, or spawns and emits; one that does neither (or both) is an error."""
    returns = [s for s in bodies.every(item.body.stmts) if isinstance(s, ast.ReturnStmt)]
    if processes.branching(item):
        label = (item.name_span, "declared here")
        for s in returns:
            message = "a process that spawns or emits does not `return`"
            cx.error("E221", message, s.span, (label,), ("emit what the process yields",))
    elif not returns:
        hint = "end it with `return e`, or `emit` what it yields"
        cx.error("E223", f"the process '{item.name}' neither emits nor returns", item.name_span, hints=(hint,))


def _check_unused(cx: Context) -> None:
    """Functions and processes that nothing calls are elaborated once for their declared types, for their errors."""
    tables = [module.own for module in cx.modules.values()]
    for item in [item for t in tables for item in (*t.functions.values(), *t.processes.values())]:
        full = cx.full(item)
        if full in cx.inlined or isinstance(item, ast.ExternItem):
            continue
        cx.start()
        values: list[Structured] = []
        for f in item.formals:
            with cx.within(Scope("constant", item.name, item=item)):
                t = declared.type_of_expr(cx, f.type) if f.type is not None else None
                if t is None and f.type is None and f.default is not None:
                    values.append(expressions.evaluate(cx, f.default))
                    continue
            values.append(POISON if t is None else groups.placeholder(cx, t, f.name))
        cx.calls.append(full)
        if isinstance(item, ast.FnItem):
            calls.body(cx, item, dict(zip((f.name for f in item.formals), values, strict=True)))
        elif processes.branching(item):
            cx.scope = Scope("model", "", item=item)
            groups.elaborate_alone(cx, item, values)
        else:
            processes.submodel(cx, item, values, f"{item.name}.")
        cx.calls.pop()


# ---------------------------------------------------------------- a model


def _model(cx: Context, item: ast.ModelItem) -> Program | None:
    cx.start()
    returned: list[tuple[str, Structured]] = []
    stmts = item.body.stmts
    cx.scope = Scope("model", item.name, later=bodies.first_bindings(stmts))
    final = None
    for stmt in stmts:
        if final is not None:
            cx.error("E221", "nothing after `return` is reached", stmt.span, ((final.span, "returns here"),))
            break
        if isinstance(stmt, ast.ReturnStmt):
            final = stmt
            returned = _returned(cx, stmt)
        else:
            statements.statement(cx, stmt)
    if final is None and not cx.counters.observed:
        nested = any(isinstance(s, ast.ReturnStmt) for s in bodies.every(stmts))
        if not nested:
            cx.error(
                "E221",
                f"the model '{item.name}' yields nothing",
                item.name_span,
                hints=("end it with `return e`, or `observe` something",),
            )
    outputs = _outputs(cx, returned, final)
    if cx.diagnostics:
        return None
    body = Region((), tuple(cx.builder.frame.nodes), tuple(o.value for o in outputs))
    found = {key: _pruned_process(p) for key, p in groups.finished(cx).items()}
    for region in (body, *(p.body for p in found.values())):
        _check_depth(cx, region)
    params = _number_priors(cx.params, cx.counters.number)
    if cx.diagnostics:
        return None
    return Program(item.name, cx.source, params, tuple(cx.data), pruned(body), found, tuple(outputs), dict(cx.sized_by))


def _check_depth(cx: Context, region: Region) -> None:
    """Blocks within blocks within blocks: whatever walks them later may recurse."""
    todo = [(region, 0)]
    while todo:
        inner, depth = todo.pop()
        for node in inner.nodes:
            if node.regions and depth >= MAX_DEPTH:
                hint = "each `else if` is one level deeper; a table is better an array, or interp(x, xp, fp)"
                cx.error("E409", f"blocks are nested more than {MAX_DEPTH} deep", node.span, hints=(hint,))
                return
            todo.extend((r, depth + 1) for r in node.regions)


def _pruned_process(p: Process) -> Process:
    return Process(p.key, p.formals, pruned(p.body), p.fields, p.span)


def _number_priors(params: Sequence[Param], last: int) -> tuple[Param, ...]:
    """Sites of priors are numbered after all others, so that adding a prior moves no random number of the events."""
    out = []
    for p in params:
        prior = p.prior
        if prior is not None:
            last += 1

            def numbered(node: Node, number: int = last) -> list[Node]:
                if node.op != "site":
                    return [node]
                return [Node(node.op, node.inputs, node.results, node.span, {**node.attrs, "number": number})]

            prior = rewritten(prior, numbered)
        out.append(Param(p.name, p.value, p.support, p.default, prior, p.span))
    return tuple(out)


def _returned(cx: Context, stmt: ast.ReturnStmt) -> list[tuple[str, Structured]]:
    """Outputs by name: a record's fields, else ``value``."""
    given = expressions.operand(cx, stmt.value)
    value = given.value.element if isinstance(given.value, Coll) else given.value
    if isinstance(value, Poison):
        return []
    if not isinstance(value, (Num, Rec)):
        cx.error(
            "E201", f"a model returns numbers, arrays, records or collections, not {with_article(value)}", given.span
        )
        return []
    if isinstance(value, Num):
        return [("value", value)]
    if not value.fields:
        cx.error("E201", "the returned record has no fields", given.span)
    found: list[tuple[str, Structured]] = []
    for name, inner in value.fields.items():
        inner = inner.element if isinstance(inner, Coll) else inner
        for path, leaf in paths(inner, name):
            found.append((path, leaf))
    return found


def _outputs(cx: Context, returned: Sequence[tuple[str, Structured]], final: ast.ReturnStmt | None) -> list[Output]:
    outputs: list[Output] = []
    for name, value in returned:
        assert final is not None
        if not isinstance(value, Num):
            continue
        if name in cx.counters.observed:
            label = (cx.counters.observed[name], "observed here")
            cx.error(
                "E307",
                f"the output '{name}' exists twice",
                final.value.span,
                (label,),
                ("an observable is an output by its name already",),
            )
        try:
            num = reductions.jagged(cx, value, final.span) if value.space is not None else value
            outputs.append(Output(name, cx.builder.value(num, final.span), final.span))
        except FoldError as error:
            cx.error(error.code, error.message, final.value.span)
    for name, span in cx.counters.observed.items():
        binding = cx.scope.names.get(name)
        if binding is None or not isinstance(binding.value, (Num, Rec)):
            continue
        for num in leaves(binding.value):
            outputs.append(Output(name, cx.builder.value(num, span), span, observed=True))
    return outputs


__all__ = ["Operand", "check", "walk"]
