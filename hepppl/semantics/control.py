"""`if`, `for`, `while`, `plate`: rebinding as branch results and loop carries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hepppl.diagnostics import Diagnostic, Label, Span
from hepppl.semantics import bodies, choice, expressions
from hepppl.semantics.arithmetic import Operand, condition, const, op, static_int
from hepppl.semantics.build import Frame
from hepppl.semantics.context import Binding, Context, Scope
from hepppl.semantics.dims import with_unit
from hepppl.semantics.indexing import bounds
from hepppl.semantics.ir import Region, Value
from hepppl.semantics.limits import MAX_TURNS
from hepppl.semantics.structure import lacks_unit, widened
from hepppl.semantics.types import BOOL, INT, Tensor, Type
from hepppl.semantics.values import (
    POISON,
    Coll,
    Colls,
    Held,
    Num,
    Poison,
    Slots,
    describe,
    joined,
    storable,
    type_of,
    width,
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
    merged: list[tuple[str, list[Held], Span]] = []
    for name in names:
        x, y = a[0].names.get(name), b[0].names.get(name)
        outcome = _joint(name, x, y)
        if isinstance(outcome, Binding):
            cx.scope.names[name] = outcome
            continue
        assert x is not None
        assert y is not None
        sides: list[Held] = []
        for bound, (_, frame) in ((x, a), (y, b)):
            assert storable(bound.value)
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
    types = [v.type for v in regions[0].results]
    labels = [m[0] for m in merged for _ in range(width(m[1][0]))]
    values = iter(cx.builder.node("branch", cx.builder.values(cond, span), types, span, regions=regions, names=labels))
    for name, (side, _), where in merged:
        cx.bind(name, cx.builder.wrap(side, values), where)


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
    if not storable(x.value) or not storable(y.value):
        message = f"'{name}' holds a number for each element of one collection, and the branches have two"
        return unusable("E215", message, y.span, labels, "reduce it inside the branch, or name the collection itself")
    both = joined(type_of(x.value), type_of(y.value))
    if both is None:
        message = f"'{name}' is {with_article(x.value)} in one branch and {with_article(y.value)} in the other"
        return unusable("E207", message, y.span, labels)
    return both


# ---------------------------------------------------------------- loops


def _carried(cx: Context, block: ast.Block) -> dict[str, Held]:
    """The names that a loop's body rebinds and that have a value before it."""
    found: dict[str, Held] = {}
    for name in bodies.assigned(block):
        binding = cx.scope.names.get(name)
        if binding is not None and binding.kind in ("value", "site", "argument") and storable(binding.value):
            found[name] = binding.value
    return found


def _enter(cx: Context, scope: Scope, carried: dict[str, Held]) -> list[Value]:
    """Bind the carried names to fresh parameters of a region."""
    params = []
    for name, value in carried.items():
        new, values = cx.builder.adopt(value, name)
        scope.names[name] = Binding(new, "value", cx.scope.names[name].span)
        params.extend(values)
    return params


def _after_body(cx: Context, scope: Scope, carried: dict[str, Held], word: str) -> dict[str, Held] | None:
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
        if storable(new):
            last = joined(first, type_of(new))
        if last is None and isinstance(
            value, (Coll, Colls)
        ):  # another collection of that name, which does not leave the turn
            del promoted[name]
            changed = True
        elif last is None:
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


def _results(cx: Context, scope: Scope, carried: dict[str, Held], span: Span) -> list[Value]:
    """The carried values at the end of a body, in order of the parameters."""
    results = []
    for name, value in carried.items():
        end = scope.names[name].value
        assert storable(end)
        results.extend(cx.builder.values(widened(cx, end, type_of(value), span), span))
    return results


def _leave(cx: Context, scope: Scope, carried: dict[str, Held], values: Sequence[Value], word: str) -> None:
    """Names after a loop: carried ones have their last value, those first bound inside are gone."""
    given = iter(values)
    for name, value in carried.items():
        cx.bind(name, cx.builder.wrap(value, given), scope.names[name].span)
    for name, binding in scope.names.items():
        if name in carried or binding is cx.scope.names.get(name) or binding.kind in ("loop variable", "observable"):
            continue
        _forget(cx, name, binding, word)


def _forget(cx: Context, name: str, binding: Binding, word: str) -> None:
    before = cx.scope.names.get(name)
    if before is not None and before.why is not None:  # it had no usable value before the loop either
        return
    if binding.why is not None or isinstance(binding.value, Poison):
        cx.scope.names[name] = binding
    elif isinstance(binding.value, (Coll, Colls)) and name in cx.scope.names:
        message = f"'{name}' is another kind of collection in this `{word}` than before"
        cx.scope.names[name] = unusable("E208", message, binding.span, hint="give it another name there")
    else:
        message = f"'{name}' has a value only inside a `{word}`"
        hint = f"give it a value before the `{word}`"
        cx.scope.names[name] = unusable("E303", message, binding.span, [Label(binding.span, "only here")], hint)


def abandon(cx: Context, scope: Scope, carried: dict[str, Held]) -> None:
    """After an erroneous loop: names that it rebinds soundly keep their type, the others are poisoned."""
    for name, binding in scope.names.items():
        if binding is cx.scope.names.get(name) or binding.kind == "loop variable":
            continue
        sound = name in carried and not isinstance(binding.value, Poison)
        cx.bind(name, carried[name] if sound else POISON, binding.span)


def _widened(cx: Context, stmt: ast.Stmt, carried: dict[str, Held]) -> tuple[Any, dict[str, Held]]:
    """The carried values with the promotions that an earlier elaboration of this loop found, and the key to them.

    Without this, loops nested n deep would be elaborated 2^n times.
    """
    types = {n: type_of(v) for n, v in carried.items()}
    key = (id(stmt), tuple(cx.calls), tuple(types.items()))
    known = cx.promotions.get(key, types)
    return key, {n: widened(cx, carried[n], t, stmt.span) for n, t in known.items()}


def for_statement(cx: Context, stmt: ast.ForStmt) -> None:
    limits = bounds(cx, stmt.low, stmt.high, "a loop", MAX_TURNS)
    key, carried = _widened(cx, stmt, _carried(cx, stmt.body))
    shadowed = cx.extents.get(stmt.var)
    cx.extents[stmt.var] = limits or (0, 1)
    while True:
        saved = cx.snapshot()
        i = cx.builder.fresh(INT, stmt.var)
        with cx.builder.inside() as frame, cx.block("for") as scope:
            scope.repeated = (*scope.repeated, stmt.var)
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
    cx.promotions[key] = {n: type_of(v) for n, v in carried.items()}
    if shadowed is not None:
        cx.extents[stmt.var] = shadowed
    if limits is None or not _sound(scope, carried):
        abandon(cx, scope, carried)
        return
    observed = _observed(cx, scope)
    if limits[0] == limits[1]:
        for name in observed:
            cx.error("E402", "an observable needs at least one turn", scope.names[name].span)
        return
    initial = [v for value in carried.values() for v in cx.builder.values(value, stmt.span)]
    arrays = [_unfilled(cx, value, limits[1] - limits[0], stmt.span) for value in observed.values()]
    filled = [cx.builder.fresh(array.type, name) for name, array in zip(observed, arrays, strict=True)]
    with cx.builder.into(frame):
        results = _results(cx, scope, carried, stmt.span)
        turn = op(cx, "sub", [Num(INT, i), const(limits[0])], INT, stmt.span) if limits[0] else Num(INT, i)
        assert isinstance(turn, Num)
        for target, observable in zip(filled, observed.values(), strict=True):
            assert isinstance(target.type, Tensor)
            new = op(cx, "set_index", [Num(target.type, target), observable, turn], target.type, stmt.span)
            results += cx.builder.values(new, stmt.span)
    initial += [cx.builder.value(array, stmt.span) for array in arrays]
    region = Region((i, *params, *filled), tuple(frame.nodes), tuple(results))
    attrs = {"start": limits[0], "stop": limits[1]}
    values = cx.builder.node(
        "for", initial, [v.type for v in initial], stmt.span, attrs, [region], [p.name for p in (*params, *filled)]
    )
    for name, array in zip(observed, values[len(params) :], strict=True):
        inner = scope.names[name]
        whole: Num | Slots = Num(array.type, array)  # type: ignore[arg-type]
        if isinstance(inner.value, Slots) and len(inner.value.indices) > 1:
            whole = Slots(name, inner.value.indices[:-1], whole)  # type: ignore[arg-type]
        cx.bind(name, whole, inner.span, "observable")
    _leave(cx, scope, carried, values[: len(params)], "for")


def _observed(cx: Context, scope: Scope) -> dict[str, Num]:
    """What a loop's body observes in a turn."""
    found: dict[str, Num] = {}
    for name, binding in scope.names.items():
        value = binding.value.element if isinstance(binding.value, Slots) else binding.value
        if binding.kind == "observable" and name not in cx.scope.names and isinstance(value, Num):
            found[name] = value
    return found


def _unfilled(cx: Context, value: Num, size: int, span: Span) -> Num:
    """An array for the values of all turns."""
    t = value.type
    array = Num(Tensor(t.kind, t.dim), None, {"real": 0.0, "int": 0, "bool": False}[t.kind])
    for n in (*t.shape[::-1], size):
        made = op(cx, "fill", [array], Tensor(t.kind, t.dim, (n, *array.type.shape)), span, size=n)
        assert isinstance(made, Num)
        array = made
    return array


def _sound(scope: Scope, carried: dict[str, Held]) -> bool:
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
    cx.promotions[key] = {n: type_of(v) for n, v in carried.items()}
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
