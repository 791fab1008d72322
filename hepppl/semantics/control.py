"""`if`, `for`, `while`, `plate`: rebinding as branch results and loop carries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hepppl.diagnostics import Diagnostic, Label, Span
from hepppl.semantics import bodies, choice, expressions
from hepppl.semantics.arithmetic import Operand, condition, static_int
from hepppl.semantics.build import Frame, wrap
from hepppl.semantics.context import Binding, Context, Scope
from hepppl.semantics.dims import with_unit
from hepppl.semantics.indexing import bounds
from hepppl.semantics.ir import Region, Value
from hepppl.semantics.limits import MAX_TURNS
from hepppl.semantics.structure import lacks_unit, widened
from hepppl.semantics.types import BOOL, INT, Type
from hepppl.semantics.values import (
    POISON,
    Coll,
    Num,
    Poison,
    Rec,
    describe,
    joined,
    leaves,
    plain,
    type_of,
    with_article,
)
from hepppl.syntax import ast


def unusable(code: str, message: str, span: Span, labels: Sequence[Label] = (), hint: str | None = None) -> Binding:
    """A name that is an error to use, with the reason."""
    why = Diagnostic(code, message, span, tuple(labels), (hint,) if hint else ())
    return Binding(POISON, "unusable", span, why)


# ---------------------------------------------------------------- if


def if_statement(cx: Context, stmt: ast.IfStmt) -> None:
    _if(cx, stmt.branches, stmt.other, stmt.span)


def _if(cx: Context, branches: Sequence[tuple[ast.Expr, ast.Block]], other: ast.Block | None, span: Span) -> None:
    (test, block), *more = branches
    cond = one_condition(cx, expressions.operand(cx, test), "what follows `if`")
    fixed = cond.static if cond.constant else None
    saved = len(cx.diagnostics)
    with cx.builder.inside() as then_frame, cx.block("if") as then:
        bodies.execute(cx, block)
    choice.mute(cx, saved, fixed is False)
    saved = len(cx.diagnostics)
    with cx.builder.inside() as other_frame, cx.block("if") as otherwise:
        if more:
            _if(cx, more, other, span)
        elif other is not None:
            bodies.execute(cx, other)
    choice.mute(cx, saved, fixed is True)
    if fixed is not None:
        choice.hoist(cx, [then_frame if fixed else other_frame])
        cx.scope.names.update((then if fixed else otherwise).names)
        return
    _merge(cx, cond, (then, then_frame), (otherwise, other_frame), span)


def one_condition(cx: Context, given: Operand, what: str) -> Num:
    """A scalar bool that control flow hangs on. After an error some condition, so that the rest can be checked."""
    cond = condition(cx, given, what)
    if isinstance(cond, Num) and (cond.type.shape or cond.space):
        many = _many(cond)
        cx.error(
            "E202", f"{what} must be one condition, but this holds {many}", given.span, hints=("any(...) or all(...)",)
        )
    elif isinstance(cond, Num):
        return cond
    return Num(BOOL, cx.builder.fresh(BOOL))


def _many(cond: Num) -> str:
    return "one per element" if cond.space is not None else f"{cond.type.shape[0]} of them"


def _merge(cx: Context, cond: Num, a: tuple[Scope, Frame], b: tuple[Scope, Frame], span: Span) -> None:
    names = [n for n in {**a[0].names, **b[0].names} if a[0].names.get(n) is not b[0].names.get(n)]
    merged: list[tuple[str, list[Num | Rec], Span]] = []
    for name in names:
        x, y = a[0].names.get(name), b[0].names.get(name)
        outcome = _joint(name, x, y)
        if isinstance(outcome, Binding):
            cx.scope.names[name] = outcome
            continue
        assert x is not None
        assert y is not None
        sides: list[Num | Rec] = []
        for bound, (_, frame) in ((x, a), (y, b)):
            assert plain(bound.value)
            with cx.builder.into(frame):
                sides.append(widened(cx, bound.value, outcome, bound.span))
        before = cx.scope.names.get(name)
        merged.append((name, sides, y.span if x is before else x.span))
    regions = []
    for k, (_, frame) in enumerate((a, b)):
        with cx.builder.into(frame):
            results = [v for m in merged for v in cx.builder.values(m[1][k], span)]
        regions.append(Region((), tuple(frame.nodes), tuple(results)))
    if not any(r.nodes for r in regions) and not merged:
        return
    types = [leaf.type for m in merged for leaf in leaves(m[1][0])]
    labels = [m[0] for m in merged for _ in leaves(m[1][0])]
    values = list(cx.builder.node("branch", cx.builder.values(cond, span), types, span, regions=regions, names=labels))
    for name, (side, _), where in merged:
        mine = [values.pop(0) for _ in leaves(side)]
        cx.bind(name, wrap(side, mine), where)


def _joint(name: str, x: Binding | None, y: Binding | None) -> Binding | Type:
    """What a name is after an `if`: a finished binding, or the type that holds the values of both branches."""
    if x is None or y is None:
        one = x or y
        assert one is not None
        if one.why is not None:
            return one
        message = f"'{name}' has a value in only one branch of an `if`"
        hint = "give it a value before the `if`, or in the other branch too"
        return unusable("E303", message, one.span, [Label(one.span, "only here")], hint)
    for side in (x, y):
        if side.why is not None or isinstance(side.value, Poison):
            return side
    if x.value is y.value:
        return x
    labels = [Label(x.span, describe(x.value)), Label(y.span, describe(y.value))]
    if not plain(x.value) or not plain(y.value):
        message = f"'{name}' is a collection that depends on a branch, which is not supported yet"
        return unusable("E708", message, y.span, labels, "reduce it inside the branch")
    both = joined(type_of(x.value), type_of(y.value))
    if both is None:
        message = f"'{name}' is {with_article(x.value)} in one branch and {with_article(y.value)} in the other"
        return unusable("E207", message, y.span, labels)
    return both


# ---------------------------------------------------------------- loops


def _carried(cx: Context, block: ast.Block) -> dict[str, Num | Rec]:
    """The names that a loop's body rebinds and that have a value before it."""
    found: dict[str, Num | Rec] = {}
    for name in bodies.assigned(block):
        binding = cx.scope.names.get(name)
        if binding is not None and binding.kind in ("value", "site", "argument") and plain(binding.value):
            found[name] = binding.value
    return found


def _enter(cx: Context, scope: Scope, carried: dict[str, Num | Rec]) -> list[Value]:
    """Bind the carried names to fresh parameters of a region."""
    params = []
    for name, value in carried.items():
        new, values = cx.builder.adopt(value, name)
        scope.names[name] = Binding(new, "value", cx.scope.names[name].span)
        params.extend(values)
    return params


def _after_body(cx: Context, scope: Scope, carried: dict[str, Num | Rec], word: str) -> dict[str, Num | Rec] | None:
    """Initial values with kinds promoted to what the body leaves; None where they are right. Reports misfits."""
    promoted, changed = dict(carried), False
    for name, value in carried.items():
        binding = scope.names[name]
        if binding.why is not None:
            cx.report(binding.why)
            scope.names[name] = Binding(POISON, "value", binding.span)
            continue
        new = binding.value
        if isinstance(new, Poison):
            continue
        first, last = type_of(value), None
        if plain(new):
            last = joined(first, type_of(new))
        if last is None:
            hint = None
            if isinstance(value, Num) and isinstance(new, Num) and value.constant and lacks_unit(value.type, new.type):
                hint = f"start from {name} = {with_unit('0', new.type.dim)}"
            message = (
                f"'{name}' changes its type in this `{word}`: "
                f"{with_article(value)} before, {with_article(new)} after a turn"
            )
            labels = ((binding.span, describe(new)), (cx.scope.names[name].span, describe(value)))
            cx.error("E208", message, binding.span, labels, (hint,))
            scope.names[name] = Binding(POISON, "value", binding.span)
        elif last != first:
            promoted[name] = widened(cx, value, last, binding.span)
            changed = changed or type_of(promoted[name]) != first
    return promoted if changed else None


def _results(cx: Context, scope: Scope, carried: dict[str, Num | Rec], span: Span) -> list[Value]:
    """The carried values at the end of a body, in order of the parameters."""
    results = []
    for name, value in carried.items():
        end = scope.names[name].value
        assert plain(end)
        results.extend(cx.builder.values(widened(cx, end, type_of(value), span), span))
    return results


def _leave(cx: Context, scope: Scope, carried: dict[str, Num | Rec], values: Sequence[Value], word: str) -> None:
    """Names after a loop: carried ones have their last value, those first bound inside are gone."""
    values = list(values)
    for name, value in carried.items():
        mine = [values.pop(0) for _ in leaves(value)]
        cx.bind(name, wrap(value, mine), scope.names[name].span)
    for name, binding in scope.names.items():
        if name in carried or binding is cx.scope.names.get(name) or binding.kind == "loop variable":
            continue
        _forget(cx, name, binding, word)


def _forget(cx: Context, name: str, binding: Binding, word: str) -> None:
    before = cx.scope.names.get(name)
    if before is not None and before.why is not None:  # it had no usable value before the loop either
        return
    if binding.why is not None or isinstance(binding.value, Poison):
        cx.scope.names[name] = binding
    elif isinstance(binding.value, Coll) and name in cx.scope.names:
        cx.scope.names[name] = unusable("E708", f"a collection cannot be rebound in a `{word}` yet", binding.span)
    else:
        message = f"'{name}' has a value only inside a `{word}`"
        hint = f"give it a value before the `{word}`"
        cx.scope.names[name] = unusable("E303", message, binding.span, [Label(binding.span, "only here")], hint)


def abandon(cx: Context, scope: Scope, carried: dict[str, Num | Rec]) -> None:
    """After an erroneous loop: names that it rebinds soundly keep their type, the others are poisoned."""
    for name, binding in scope.names.items():
        if binding is cx.scope.names.get(name) or binding.kind == "loop variable":
            continue
        sound = name in carried and not isinstance(binding.value, Poison)
        cx.bind(name, carried[name] if sound else POISON, binding.span)


def _widened(cx: Context, stmt: ast.Stmt, carried: dict[str, Num | Rec]) -> tuple[Any, dict[str, Num | Rec]]:
    """The carried values with the promotions that an earlier elaboration of this loop found, and the key to them.

    Without this, loops nested n deep would be elaborated 2^n times.
    """
    types = tuple(type_of(v) for v in carried.values())
    key = (id(stmt), tuple(cx.calls), tuple(carried), types)
    known = cx.promotions.get(key, types)
    wide = {n: widened(cx, v, t, stmt.span) for (n, v), t in zip(carried.items(), known, strict=True)}
    return key, wide


def for_statement(cx: Context, stmt: ast.ForStmt) -> None:
    limits = bounds(cx, stmt.low, stmt.high, "a loop", MAX_TURNS)
    key, carried = _widened(cx, stmt, _carried(cx, stmt.body))
    while True:
        saved = cx.snapshot()
        i = cx.builder.fresh(INT, stmt.var)
        with cx.builder.inside() as frame, cx.block("for") as scope:
            if limits is not None:
                cx.turns[i] = (*limits, len(scope.enclosing))
            scope.names[stmt.var] = Binding(Num(INT, i), "loop variable", stmt.var_span)
            params = _enter(cx, scope, carried)
            bodies.execute(cx, stmt.body)
        promoted = _after_body(cx, scope, carried, "for")
        if promoted is None:
            break
        cx.restore(saved)
        carried = promoted
    cx.promotions[key] = tuple(type_of(v) for v in carried.values())
    if limits is None or not _sound(scope, carried):
        abandon(cx, scope, carried)
        return
    if limits[0] == limits[1]:
        return
    with cx.builder.into(frame):
        results = _results(cx, scope, carried, stmt.span)
    initial = [v for value in carried.values() for v in cx.builder.values(value, stmt.span)]
    region = Region((i, *params), tuple(frame.nodes), tuple(results))
    attrs = {"start": limits[0], "stop": limits[1]}
    values = cx.builder.node(
        "for", initial, [p.type for p in params], stmt.span, attrs, [region], [p.name for p in params]
    )
    _leave(cx, scope, carried, values, "for")


def _sound(scope: Scope, carried: dict[str, Num | Rec]) -> bool:
    return not any(isinstance(scope.names[n].value, Poison) for n in carried)


def while_statement(cx: Context, stmt: ast.WhileStmt) -> None:
    limit = static_int(cx, expressions.operand(cx, stmt.limit), "the limit of a `while`")
    if limit is not None and not 1 <= limit <= MAX_TURNS:
        limit = None
        cx.error("E402", f"the limit of a `while` must lie between 1 and {MAX_TURNS:,}", stmt.limit.span)
    key, carried = _widened(cx, stmt, _carried(cx, stmt.body))
    while True:
        saved = cx.snapshot()
        with cx.builder.inside() as cond_frame, cx.block("while") as cond_scope:
            cond_params = _enter(cx, cond_scope, carried)
            cond = one_condition(cx, expressions.operand(cx, stmt.cond), "what follows `while`")
            tests = cx.builder.values(cond, stmt.cond.span)
        with cx.builder.inside() as frame, cx.block("while") as scope:
            params = _enter(cx, scope, carried)
            bodies.execute(cx, stmt.body)
        promoted = _after_body(cx, scope, carried, "while")
        if promoted is None:
            break
        cx.restore(saved)
        carried = promoted
    cx.promotions[key] = tuple(type_of(v) for v in carried.values())
    if limit is None or not _sound(scope, carried):
        abandon(cx, scope, carried)
        return
    with cx.builder.into(frame):
        results = _results(cx, scope, carried, stmt.span)
    initial = [v for value in carried.values() for v in cx.builder.values(value, stmt.span)]
    regions = [
        Region(tuple(cond_params), tuple(cond_frame.nodes), tuple(tests)),
        Region(tuple(params), tuple(frame.nodes), tuple(results)),
    ]
    values = cx.builder.node(
        "while", initial, [p.type for p in params], stmt.span, {"limit": limit}, regions, [p.name for p in params]
    )
    _leave(cx, scope, carried, values, "while")
