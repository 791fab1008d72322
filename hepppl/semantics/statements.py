"""Statements: where each may stand, and assignments."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from hepppl.diagnostics import Span
from hepppl.semantics import control, declarations, declared, expressions, indexing, nets, plates, processes, sites
from hepppl.semantics.arithmetic import Operand, condition, scalar_of, to_kind
from hepppl.semantics.build import call_it
from hepppl.semantics.context import Binding, Context
from hepppl.semantics.folding import FoldError
from hepppl.semantics.structure import convert, fit, leading, unify
from hepppl.semantics.values import (
    POISON,
    Num,
    Poison,
    Rec,
    Slots,
    Structured,
    is_constant,
    leaves,
    plain,
    rebuild,
    type_of,
    with_article,
)
from hepppl.syntax import ast

_FIXED = {
    "param": "a parameter",
    "data": "an input of the model",
    "const": "a constant",
    "loop variable": "a loop variable",
    "observable": "an observable",
}

# statement -> its name in messages, the bodies it may stand in, the blocks it may not stand in
_PLACES: dict[type[ast.Stmt], tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    ast.ParamStmt: ("`param`", ("model",), ("if", "for", "while", "plate")),
    ast.DataStmt: ("`data`", ("model",), ("if", "for", "while", "plate")),
    ast.NetStmt: ("`net`", ("model",), ("if", "for", "while", "plate")),
    ast.ObserveStmt: ("`observe`", ("model",), ("if", "while")),
    ast.SampleStmt: ("`~`", ("model", "submodel", "process"), ()),
    ast.SpawnStmt: ("`spawn`", ("process",), ()),
    ast.EmitStmt: ("`emit`", ("process",), ()),
    ast.WeightStmt: ("`weight`", ("model", "submodel", "process"), ()),
    ast.RequireStmt: ("`require`", ("model", "submodel", "process"), ()),
    ast.ReturnStmt: ("`return`", ("model", "submodel", "function"), ("if", "for", "while", "plate")),
}

_WHY = {
    "`spawn`": "only a process follows particles",
    "`emit`": "only a process emits",
    "`param`": "declare it in the model and pass it as an argument",
    "`data`": "declare it in the model and pass it as an argument",
    "`~`": "a function is deterministic: make it a process to draw inside it",
    "`observe`": "the model observes: draw there what the process leads to",
}

_OBSERVE = {
    "if": "every event must reach it: decide about its arguments, observe n ~ poisson(if c then a else b)",
    "while": "the number of observations must not be random: use `for`",
}

_BODY = {"function": "a function", "process": "a process", "submodel": "a process", "model": "a model"}


def statement(cx: Context, stmt: ast.Stmt) -> None:
    """Elaborate one statement where it stands."""
    place = _PLACES.get(type(stmt))
    if place is not None and not _allowed(cx, stmt, *place):
        return
    rule = _rules().get(type(stmt))
    if rule is None:  # what the parser could not read has been reported
        return
    try:
        rule(cx, stmt)
    except FoldError as error:
        cx.error(error.code, error.message, stmt.span)


def _allowed(cx: Context, stmt: ast.Stmt, word: str, bodies: tuple[str, ...], barred: tuple[str, ...]) -> bool:
    scope = cx.scope
    if isinstance(stmt, ast.ReturnStmt) and scope.body == "process":
        return False  # reported once for the process
    if scope.body not in bodies:
        cx.error("E220", f"{word} cannot stand in {_BODY.get(scope.body, 'here')}", stmt.span, hints=(_WHY.get(word),))
        if isinstance(stmt, (ast.SampleStmt, ast.ObserveStmt)):
            scope.names[stmt.target.name] = Binding(POISON, "value", stmt.target.name_span)
        elif isinstance(stmt, (ast.ParamStmt, ast.DataStmt, ast.NetStmt)):
            scope.names[stmt.name] = Binding(POISON, "value", stmt.name_span)
        return False
    inside = next((b for b in reversed(scope.enclosing) if b in barred), None)
    if inside is None:
        return True
    hint = _OBSERVE[inside] if isinstance(stmt, ast.ObserveStmt) else None
    if isinstance(stmt, (ast.ParamStmt, ast.DataStmt)):
        hint = "move it to the top of the model"
    if isinstance(stmt, ast.ReturnStmt):
        hint = "give a name its value there, and return it at the end"
    code = "E221" if isinstance(stmt, ast.ReturnStmt) else "E220"
    cx.error(code, f"{word} cannot stand inside `{inside}`", stmt.span, hints=(hint,))
    if isinstance(stmt, ast.ObserveStmt):
        scope.names[stmt.target.name] = Binding(POISON, "value", stmt.target.name_span)
    return False


# ---------------------------------------------------------------- names


def free_to_bind(cx: Context, name: str, span: Span) -> bool:
    """Whether a name may be given a (new) value here; reports why not."""
    binding = cx.scope.names.get(name)
    if binding is not None and binding.kind in _FIXED:
        cx.error(
            "E304",
            f"'{name}' is {_FIXED[binding.kind]} and cannot be given another value",
            span,
            ((binding.span, "declared here"),),
            ("use another name",),
        )
        return False
    if binding is None and name in cx.constants:
        label = (cx.constants[name].name_span, "declared here")
        cx.error(
            "E304",
            f"'{name}' is a constant of the file and cannot be given another value",
            span,
            (label,),
            ("use another name",),
        )
        return False
    read = (cx.scope.plate_outer or {}).get(name)
    if binding is not None and read is not None:
        cx.error(
            "E304",
            f"a plate's repetitions are independent: '{name}' cannot go from one to the next",
            span,
            ((read, "the value before the plate is used here"),),
            ("use `for`, or name the plate's values and sum them afterwards",),
        )
        return False
    return True


def declare(cx: Context, name: str, span: Span) -> bool:
    """Whether a declaration (`param`, `data`, `const`) may introduce this name; reports a duplicate."""
    binding = cx.scope.names.get(name)
    if binding is None:
        return True
    cx.error("E302", f"'{name}' is defined twice", span, ((binding.span, "first defined here"),), ("use another name",))
    return False


def _assign(cx: Context, stmt: ast.AssignStmt) -> None:
    store(cx, stmt.target, expressions.operand(cx, stmt.value), "value")


def store(cx: Context, target: ast.Target, value: Operand, kind: str) -> None:
    """Give a name, or an element of an array, a value."""
    name = target.name
    plates = cx.scope.plate_vars
    if (target.indices and plates and cx.scope.enclosing[-1:] == ("plate",) and is_slot(target, plates)) or (
        target.indices and kind == "observable"
    ):
        _fill_slot(cx, target, value, kind)
    elif target.indices:
        _store_element(cx, target, value)
    elif free_to_bind(cx, name, target.name_span):
        call_it(value.value, name)
        cx.bind(name, value.value, target.name_span, kind)


def is_slot(target: ast.Target, plates: tuple[str, ...]) -> bool:
    names = tuple(i.name if isinstance(i, ast.Name) else None for i in target.indices)
    return names == plates[len(plates) - len(names) :]


def _fill_slot(cx: Context, target: ast.Target, value: Operand, kind: str) -> None:
    """`a[i] = …` in a plate over i: the plate's values become the array."""
    names = tuple(i.name for i in target.indices if isinstance(i, ast.Name))
    binding = cx.scope.names.get(target.name)
    if binding is not None and not isinstance(binding.value, Slots) and not isinstance(binding.value, Poison):
        if binding.kind in _FIXED:
            free_to_bind(cx, target.name, target.name_span)
            return
        extents = [cx.extents[n] for n in names]
        shape = next((leaf.type.shape for leaf in leaves(binding.value)), ())
        if shape[: len(names)] != tuple(stop for _, stop in extents):
            message = f"the plate does not cover the whole of '{target.name}'"
            cx.error(
                "E209",
                message,
                target.span,
                ((binding.span, "declared here"),),
                ("use `for` to change a part of an array",),
            )
            return
    for n, i in zip(names, target.indices, strict=True):
        if cx.extents[n][0] != 0:
            cx.error(
                "E402", f"an array filled turn by turn starts at 0, but '{n}' starts at {cx.extents[n][0]}", i.span
            )
            return
    if isinstance(value.value, Poison):
        cx.bind(target.name, POISON, target.name_span, kind)
    elif not plain(value.value):
        cx.error("E201", f"an array holds numbers or records, not {with_article(value.value)}", value.span)
    else:
        cx.bind(target.name, Slots(target.name, names, value.value), target.name_span, kind)


def _store_element(cx: Context, target: ast.Target, value: Operand) -> None:
    """`a[i] = e`: the name stands for a new array from here on."""
    name = target.name
    known = name in cx.scope.names or name in cx.scope.later
    if name not in cx.scope.names and (not known or cx.scope.later.get(name) == target.name_span):
        hint = f"make it first: {name} = fill(n, 0)"
        cx.error("E301", f"the array '{name}' does not exist yet", target.name_span, hints=(hint,))
        cx.bind(name, POISON, target.name_span)
        return
    array = expressions.evaluate(cx, ast.Name(target.name_span, name))
    indices = [expressions.operand(cx, i) for i in target.indices]
    if isinstance(array, Slots):
        cx.error("E201", f"inside the plate only {array} can be set", target.span)
        return
    if (
        isinstance(array, Poison)
        or isinstance(value.value, Poison)
        or any(isinstance(i.value, Poison) for i in indices)
    ):
        return
    if not free_to_bind(cx, name, target.name_span):
        return
    if not plain(array) or leading(array) is None:
        cx.error("E210", f"'{name}' is {with_article(array)}: it has no elements to set", target.span)
        return
    row = indexing.row_type(array, len(indices))
    if row is None:
        cx.error("E210", f"'{name}' has fewer indices than that", target.span)
        return
    both = unify(cx, Operand(row, target.name_span), value, f"this does not fit into '{name}'", value.span)
    if both is None:
        return
    new = convert(cx, value.value, both, value.span)  # type: ignore[arg-type]
    old = _promoted(cx, array, both, target.span)
    if isinstance(new, Poison) or isinstance(old, Poison):
        return
    changed = indexing.set_element(cx, old, indices, new, name, target.span)
    if not isinstance(changed, Poison):
        cx.bind(name, changed, target.name_span)


def _promoted(cx: Context, array: Num | Rec, row: Any, span: Span) -> Num | Rec | Poison:
    """The array with its leaves promoted to the kinds of the row that is to go in."""
    kinds = [leaf.kind for leaf in _leaf_types(row)]
    out = []
    for leaf, kind in zip(leaves(array), kinds, strict=True):
        new = to_kind(cx, leaf, kind, span)
        if isinstance(new, Poison):
            return new
        out.append(new)
    return rebuild(array, iter(out))  # type: ignore[return-value]


def _leaf_types(t: Any) -> list[Any]:
    return [t] if hasattr(t, "kind") else [leaf for _, inner in t.fields for leaf in _leaf_types(inner)]


# ---------------------------------------------------------------- constants, weights


def constant_value(cx: Context, stmt: ast.ConstStmt) -> Structured:
    """The value of a `const`: known at compile time, of its declared type."""
    given = expressions.operand(cx, stmt.value)
    if isinstance(given.value, Poison):
        return POISON
    if not is_constant(given.value):
        hint = f"without `const`: {stmt.name} = {stmt.value.span.text}" if cx.scope.body != "constant" else None
        return cx.error(
            "E401", f"the constant '{stmt.name}' must be known before the run", stmt.value.span, hints=(hint,)
        )
    if stmt.type is None:
        return given.value
    target = declared.type_of_expr(cx, stmt.type)
    return POISON if target is None else fit(cx, given, target, f"the constant '{stmt.name}'", stmt.type.span)


def _const(cx: Context, stmt: ast.ConstStmt) -> None:
    value = constant_value(cx, stmt)
    if declare(cx, stmt.name, stmt.name_span):
        cx.bind(stmt.name, value, stmt.name_span, "const")


def _weight(cx: Context, stmt: ast.WeightStmt) -> None:
    given = expressions.operand(cx, stmt.value)
    num = scalar_of(cx, given, "`weight`")
    if isinstance(num, Poison) or not _scalar_here(cx, num, given, "`weight`"):
        return
    from hepppl.semantics.arithmetic import dimensionless

    if dimensionless(cx, given, num, "a weight"):
        factor = to_kind(cx, num, "real", given.span)
        if isinstance(factor, Num):
            cx.builder.node("weight", cx.builder.values(factor, stmt.span), [], stmt.span)


def _require(cx: Context, stmt: ast.RequireStmt) -> None:
    given = expressions.operand(cx, stmt.cond)
    cond = condition(cx, given, "what follows `require`")
    if isinstance(cond, Poison) or not _scalar_here(cx, cond, given, "`require`"):
        return
    cx.builder.node("require", cx.builder.values(cond, stmt.span), [], stmt.span)


def _scalar_here(cx: Context, num: Num, given: Operand, word: str) -> bool:
    if num.space is not None:
        cx.error(
            "E215",
            f"{word} needs one value per event: reduce the collection first",
            given.span,
            hints=("any(...), all(...) or sum(...)",),
        )
        return False
    if num.type.shape:
        cx.error(
            "E209",
            f"{word} needs one value, not {with_article(num)}",
            given.span,
            hints=("any(...), all(...) or prod(...)",),
        )
        return False
    return True


def _return(cx: Context, stmt: ast.ReturnStmt) -> None:
    expressions.evaluate(cx, stmt.value)
    cx.error("E221", "`return` must be the last statement", stmt.span)


@cache
def _rules() -> dict[type[ast.Stmt], Callable[[Context, Any], None]]:
    return {
        ast.AssignStmt: _assign,
        ast.ConstStmt: _const,
        ast.ParamStmt: declarations.param,
        ast.DataStmt: declarations.data,
        ast.NetStmt: nets.declare,
        ast.SampleStmt: sites.sample,
        ast.ObserveStmt: sites.observe,
        ast.IfStmt: control.if_statement,
        ast.ForStmt: control.for_statement,
        ast.WhileStmt: control.while_statement,
        ast.PlateStmt: plates.plate_statement,
        ast.SpawnStmt: processes.spawn,
        ast.EmitStmt: processes.emit,
        ast.WeightStmt: _weight,
        ast.RequireStmt: _require,
        ast.ReturnStmt: _return,
    }


__all__ = ["constant_value", "declare", "free_to_bind", "statement", "store", "type_of"]
