"""`if`, `for`, `while`, `plate`: rebinding as branch results and loop carries."""

from __future__ import annotations

from collections.abc import Sequence

from hepppl.diagnostics import Diagnostic, Label, Span
from hepppl.semantics import bodies, choice, expressions
from hepppl.semantics.arithmetic import Operand, condition, static_int
from hepppl.semantics.build import Frame, wrap
from hepppl.semantics.context import Binding, Context, Scope
from hepppl.semantics.declared import sizes_fit
from hepppl.semantics.dims import suggested_unit
from hepppl.semantics.indexing import bounds
from hepppl.semantics.ir import Region, Value
from hepppl.semantics.limits import MAX_ELEMENTS, MAX_TURNS
from hepppl.semantics.structure import convert
from hepppl.semantics.types import BOOL, INT, Tensor, Type
from hepppl.semantics.values import POISON, Coll, Num, Poison, Rec, Slots, Structured, describe, joined, leaves, reshaped, type_of, with_article
from hepppl.syntax import ast


def unusable(code: str, message: str, span: Span, labels: Sequence[Label] = (), hint: str | None = None) -> Binding:
    """A name that is an error to use, with the reason."""
    why = Diagnostic(code, message, span, tuple(labels), (hint,) if hint else ())
    return Binding(POISON, "unusable", span, why)


def _same_kind(value: Structured) -> bool:
    """Whether a value can be joined over branches or carried: not a collection, nor made of one."""
    return isinstance(value, (Num, Rec)) and not any(leaf.space for leaf in leaves(value))


# ---------------------------------------------------------------- if


def if_statement(cx: Context, stmt: ast.IfStmt) -> None:
    _if(cx, stmt.branches, stmt.other, stmt.span)


def _if(cx: Context, branches: Sequence[tuple[ast.Expr, ast.Block]], other: ast.Block | None, span: Span) -> None:
    (test, block), *more = branches
    given = expressions.operand(cx, test)
    cond = condition(cx, given, "what follows `if`")
    if isinstance(cond, Num) and (cond.type.shape or cond.space):
        cond = cx.error("E202", f"what follows `if` must be one condition, not {with_article(cond)}", test.span, hints=("any(...) or all(...)",))
    fixed = cond.static if isinstance(cond, Num) and cond.constant else None
    saved = len(cx.diagnostics)
    with cx.builder.inside() as then_frame, cx.block("if") as then:
        bodies.execute(cx, block)
    _mute(cx, saved, fixed is False)
    saved = len(cx.diagnostics)
    with cx.builder.inside() as other_frame, cx.block("if") as otherwise:
        if more:
            _if(cx, more, other, span)
        elif other is not None:
            bodies.execute(cx, other)
    _mute(cx, saved, fixed is True)
    if fixed is not None:
        choice.hoist(cx, [then_frame if fixed else other_frame])
        cx.scope.names.update((then if fixed else otherwise).names)
        return
    _merge(cx, cond, (then, then_frame), (otherwise, other_frame), span)


def _mute(cx: Context, start: int, dead: bool) -> None:
    """In a branch that is never taken, values out of range are no error."""
    if dead:
        cx.diagnostics[start:] = [d for d in cx.diagnostics[start:] if not d.code.startswith("E4")]


def _merge(cx: Context, cond: Num | Poison, a: tuple[Scope, Frame], b: tuple[Scope, Frame], span: Span) -> None:
    names = [n for n in {**a[0].names, **b[0].names} if a[0].names.get(n) is not b[0].names.get(n)]
    merged: list[tuple[str, Structured, Structured, Span]] = []
    for name in names:
        x, y = a[0].names.get(name), b[0].names.get(name)
        outcome = _joint(name, x, y)
        if isinstance(outcome, Binding):
            cx.scope.names[name] = outcome
            continue
        assert x is not None and y is not None
        sides: list[Structured] = []
        for bound, (_, frame) in ((x, a), (y, b)):
            with cx.builder.into(frame):
                sides.append(convert(cx, bound.value, outcome, bound.span))  # type: ignore[arg-type]
        before = cx.scope.names.get(name)
        merged.append((name, sides[0], sides[1], y.span if x is before else x.span))
    if isinstance(cond, Poison):
        for name, _, _, where in merged:
            cx.bind(name, POISON, where)
        return
    regions = []
    for k, (_, frame) in enumerate((a, b)):
        with cx.builder.into(frame):
            results = [v for m in merged for v in cx.builder.values(m[1 + k], span)]
        regions.append(Region((), tuple(frame.nodes), tuple(results)))
    if not any(r.nodes for r in regions) and not merged:
        return
    types = [leaf.type for m in merged for leaf in leaves(m[1])]
    labels = [m[0] for m in merged for _ in leaves(m[1])]
    values = list(cx.builder.node("branch", cx.builder.values(cond, span), types, span, regions=regions, names=labels))
    for name, side, _, where in merged:
        mine = [values.pop(0) for _ in leaves(side)]
        cx.bind(name, wrap(side, mine), where)  # type: ignore[arg-type]


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
    if not _same_kind(x.value) or not _same_kind(y.value):
        message = f"'{name}' is a collection that depends on a branch, which is not supported yet"
        return unusable("E708", message, y.span, labels, "reduce it inside the branch")
    both = joined(type_of(x.value), type_of(y.value))  # type: ignore[arg-type]
    if both is None:
        message = f"'{name}' is {with_article(x.value)} in one branch and {with_article(y.value)} in the other"
        return unusable("E207", message, y.span, labels)
    return both


# ---------------------------------------------------------------- loops


def _carried(cx: Context, block: ast.Block) -> dict[str, Structured]:
    """The names that a loop's body rebinds and that have a value before it."""
    found = {}
    for name in bodies.assigned(block):
        binding = cx.scope.names.get(name)
        if binding is not None and binding.kind in ("value", "site", "argument") and _same_kind(binding.value):
            found[name] = binding.value
    return found


def _enter(cx: Context, scope: Scope, carried: dict[str, Structured]) -> list[Value]:
    """Bind the carried names to fresh parameters of a region."""
    params = []
    for name, value in carried.items():
        new, values = cx.builder.adopt(value, name)
        scope.names[name] = Binding(new, "value", cx.scope.names[name].span)
        params.extend(values)
    return params


def _after_body(cx: Context, scope: Scope, carried: dict[str, Structured], word: str) -> dict[str, Structured] | None:
    """Initial values with kinds promoted to what the body leaves; None where they are already right. Reports misfits."""
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
        first, last = type_of(value), None  # type: ignore[arg-type]
        if _same_kind(new):
            last = joined(first, type_of(new))  # type: ignore[arg-type]
        if last is None:
            hint = None
            if isinstance(value, Num) and isinstance(new, Num) and value.constant and value.type.dim.dimensionless:
                if not new.type.dim.dimensionless and new.type.shape == value.type.shape:
                    hint = f"start from {name} = 0 {suggested_unit(new.type.dim)}"
            message = f"'{name}' changes its type in this `{word}`: {with_article(value)} before, {with_article(new)} after a turn"
            labels = ((binding.span, describe(new)), (cx.scope.names[name].span, describe(value)))
            cx.error("E208", message, binding.span, labels, (hint,))
            scope.names[name] = Binding(POISON, "value", binding.span)
        elif last != first:
            promoted[name] = convert(cx, value, last, binding.span)  # type: ignore[arg-type]
            changed = True
    return promoted if changed else None


def _results(cx: Context, scope: Scope, carried: dict[str, Structured], span: Span) -> list[Value]:
    """The carried values at the end of a body, in order of the parameters."""
    results = []
    for name, value in carried.items():
        end = convert(cx, scope.names[name].value, type_of(value), span)  # type: ignore[arg-type]
        results.extend(cx.builder.values(end, span))
    return results


def _leave(cx: Context, scope: Scope, carried: dict[str, Structured], values: Sequence[Value], word: str) -> None:
    """Names after a loop: carried ones have their last value, those first bound inside are gone."""
    values = list(values)
    for name, value in carried.items():
        mine = [values.pop(0) for _ in leaves(value)]
        cx.bind(name, wrap(value, mine), scope.names[name].span)  # type: ignore[arg-type]
    for name, binding in scope.names.items():
        if name in carried or binding is cx.scope.names.get(name) or binding.kind == "loop variable":
            continue
        _forget(cx, name, binding, word)


def _forget(cx: Context, name: str, binding: Binding, word: str) -> None:
    if binding.why is not None or isinstance(binding.value, Poison):
        cx.scope.names[name] = binding
    elif isinstance(binding.value, Coll) and name in cx.scope.names:
        cx.scope.names[name] = unusable("E708", f"a collection cannot be rebound in a `{word}` yet", binding.span)
    else:
        message = f"'{name}' has a value only inside a `{word}`"
        hint = f"give it a value before the `{word}`"
        cx.scope.names[name] = unusable("E303", message, binding.span, [Label(binding.span, "only here")], hint)


def _poison_all(cx: Context, scope: Scope) -> None:
    for name, binding in scope.names.items():
        if binding is not cx.scope.names.get(name) and binding.kind != "loop variable":
            cx.bind(name, POISON, binding.span)


def for_statement(cx: Context, stmt: ast.ForStmt) -> None:
    limits = bounds(cx, stmt.low, stmt.high, "a loop", MAX_TURNS)
    carried = _carried(cx, stmt.body)
    while True:
        saved = cx.snapshot()
        i = cx.builder.fresh(INT, stmt.var)
        with cx.builder.inside() as frame, cx.block("for") as scope:
            if limits is not None:
                cx.turns[i] = (*limits, len(scope.enclosing))
            scope.names[stmt.var] = Binding(Num(INT, i) if limits else POISON, "loop variable", stmt.var_span)
            params = _enter(cx, scope, carried) if limits else []
            bodies.execute(cx, stmt.body)
        if limits is None:
            _poison_all(cx, scope)
            return
        promoted = _after_body(cx, scope, carried, "for")
        if promoted is None:
            break
        cx.restore(saved)
        carried = promoted
    if limits[0] == limits[1]:
        return
    carried = _without_poison(cx, scope, carried)
    if carried is None:
        _poison_all(cx, scope)
        return
    with cx.builder.into(frame):
        results = _results(cx, scope, carried, stmt.span)
    initial = [v for value in carried.values() for v in cx.builder.values(value, stmt.span)]
    region = Region((i, *params), tuple(frame.nodes), tuple(results))
    attrs = {"start": limits[0], "stop": limits[1]}
    values = cx.builder.node("for", initial, [p.type for p in params], stmt.span, attrs, [region], [p.name for p in params])
    _leave(cx, scope, carried, values, "for")


def _without_poison(cx: Context, scope: Scope, carried: dict[str, Structured]) -> dict[str, Structured] | None:
    """None where a carried value is erroneous: the loop cannot be built, what it leaves is poisoned."""
    return None if any(isinstance(scope.names[n].value, Poison) for n in carried) else carried


def while_statement(cx: Context, stmt: ast.WhileStmt) -> None:
    limit = static_int(cx, expressions.operand(cx, stmt.limit), "the limit of a `while`")
    if limit is not None and not 1 <= limit <= MAX_TURNS:
        limit = None
        cx.error("E402", f"the limit of a `while` must lie between 1 and {MAX_TURNS:,}", stmt.limit.span)
    carried = _carried(cx, stmt.body)
    while True:
        saved = cx.snapshot()
        with cx.builder.inside() as cond_frame, cx.block("while") as cond_scope:
            cond_params = _enter(cx, cond_scope, carried)
            given = expressions.operand(cx, stmt.cond)
            cond = condition(cx, given, "what follows `while`")
            if isinstance(cond, Num) and (cond.type.shape or cond.space):
                cond = cx.error("E202", f"what follows `while` must be one condition, not {with_article(cond)}", stmt.cond.span)
            tests = cx.builder.values(cond, stmt.cond.span)
        with cx.builder.inside() as frame, cx.block("while") as scope:
            params = _enter(cx, scope, carried)
            bodies.execute(cx, stmt.body)
        promoted = _after_body(cx, scope, carried, "while")
        if promoted is None:
            break
        cx.restore(saved)
        carried = promoted
    if isinstance(cond, Poison) or limit is None or _without_poison(cx, scope, carried) is None:
        _poison_all(cx, scope)
        return
    assert cond.type == BOOL
    with cx.builder.into(frame):
        results = _results(cx, scope, carried, stmt.span)
    initial = [v for value in carried.values() for v in cx.builder.values(value, stmt.span)]
    regions = [
        Region(tuple(cond_params), tuple(cond_frame.nodes), tuple(tests)),
        Region(tuple(params), tuple(frame.nodes), tuple(results)),
    ]
    values = cx.builder.node("while", initial, [p.type for p in params], stmt.span, {"limit": limit}, regions, [p.name for p in params])
    _leave(cx, scope, carried, values, "while")


# ---------------------------------------------------------------- plate


def plate_statement(cx: Context, stmt: ast.PlateStmt) -> None:
    limits = bounds(cx, stmt.low, stmt.high, "a plate", MAX_ELEMENTS)
    if limits is not None and limits[0] == limits[1]:
        cx.error("E402", "a plate needs at least one repetition", stmt.low.span.to(stmt.high.span))
        limits = None
    i = cx.builder.fresh(INT, stmt.var)
    shadowed = cx.extents.get(stmt.var)
    with cx.builder.inside() as frame, cx.block("plate") as scope:
        scope.plate_vars = (*scope.plate_vars, stmt.var)
        scope.plate_outer = dict.fromkeys(scope.names)
        if limits is not None:
            cx.turns[i] = (*limits, len(scope.enclosing))
        cx.extents[stmt.var] = limits or (0, 1)
        scope.names[stmt.var] = Binding(Num(INT, i) if limits else POISON, "loop variable", stmt.var_span)
        bodies.execute(cx, stmt.body)
    if shadowed is not None:
        cx.extents[stmt.var] = shadowed
    if limits is None:
        _poison_all(cx, scope)
        return
    size = limits[1] - limits[0]
    stacked: list[tuple[str, Binding, Num | Rec]] = []
    for name, binding in scope.names.items():
        if binding is cx.scope.names.get(name) or name == stmt.var:
            continue
        value = binding.value.element if isinstance(binding.value, Slots) else binding.value
        if binding.why is not None or isinstance(value, Poison):
            cx.scope.names[name] = binding
        elif binding.kind in ("const", "loop variable"):
            continue
        elif not isinstance(value, (Num, Rec)) or not _same_kind(value):
            message = f"the collection '{name}' cannot be used outside its plate yet"
            cx.scope.names[name] = unusable("E708", message, binding.span, hint="reduce it inside the plate")
        elif all(sizes_fit(cx, (size, *leaf.type.shape), stmt.span) for leaf in leaves(value)):
            stacked.append((name, binding, value))
        else:
            cx.bind(name, POISON, binding.span)
    with cx.builder.into(frame):
        results = [v for _, _, value in stacked for v in cx.builder.values(value, stmt.span)]
    types = [Tensor(r.type.kind, r.type.dim, (size, *r.type.shape)) for r in results]  # type: ignore[union-attr]
    region = Region((i,), tuple(frame.nodes), tuple(results))
    attrs = {"start": limits[0], "stop": limits[1]}
    labels = [name for name, _, value in stacked for _ in leaves(value)]
    values = list(cx.builder.node("plate", [], types, stmt.span, attrs, [region], labels))
    for name, binding, value in stacked:
        mine = [values.pop(0) for _ in leaves(value)]
        whole = reshaped(wrap(value, mine), lambda shape: (size, *shape))
        if isinstance(binding.value, Slots) and len(binding.value.indices) > 1:
            whole = Slots(name, binding.value.indices[:-1], whole)  # type: ignore[arg-type]
        cx.bind(name, whole, binding.span, binding.kind)
