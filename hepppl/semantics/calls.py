"""Calls: functions of the file (inlined), built-in functions, constructors of records."""

from __future__ import annotations

from collections.abc import Sequence

from hepppl import distributions
from hepppl.diagnostics import Diagnostic, Label, Span
from hepppl.diagnostics.suggest import nearest
from hepppl.semantics import bodies, closures, declared, expressions, functions, modules, names, nets, pdg, solvers
from hepppl.semantics.arithmetic import Operand, scalar_of, to_kind
from hepppl.semantics.build import TooLarge
from hepppl.semantics.context import Context, Scope
from hepppl.semantics.dims import phrase
from hepppl.semantics.limits import MAX_CALLS
from hepppl.semantics.modules import Table
from hepppl.semantics.structure import accepts, fit
from hepppl.semantics.values import POISON, Coll, Num, Poison, Rec, Structured, describe, type_of
from hepppl.syntax import ast


def call(cx: Context, e: ast.Call) -> Structured:
    function = closures.bound(cx, e.func)
    if function is not None:
        return closures.call(cx, function, e)
    weights = nets.named(cx, e.func) if cx.nets else None
    if weights is not None:
        return nets.call(cx, weights, e)
    found = modules.table(cx, e.func)
    if found is None:
        evaluated(cx, e)
        return cx.error("E211", "only functions with a name can be called", e.func.span)
    table, name, alias = found
    if name in table.functions:
        return of_file(cx, table.functions[name], e)
    if name in table.records:
        return construct(cx, e, table.records[name])
    if alias:
        evaluated(cx, e)
        return _not_callable(cx, e, table, name, alias)
    if name == "p4":
        return _four_vector(cx, e)
    if solvers.solves(cx, e, name):
        return solvers.solve(cx, e, name)
    if name in functions.table():
        return builtin(cx, e, name)
    evaluated(cx, e)
    return _not_callable(cx, e, table, name)


def evaluated(cx: Context, e: ast.Call) -> None:
    """Evaluate the arguments of a call that has no value, for their errors."""
    for arg in e.args:
        expressions.evaluate(cx, arg.value)


def _not_callable(cx: Context, e: ast.Call, table: Table, plain: str, alias: str = "") -> Structured:
    span, name = e.func.span, alias + plain
    if plain in table.processes:
        item = table.processes[plain]
        hint = f"x ~ {name}(...)" + (", or spawn it inside a process" if cx.scope.body == "process" else "")
        return cx.error(
            "E216",
            f"'{name}' is a process: it is drawn from, not called",
            span,
            ((item.name_span, "declared here"),),
            (hint,),
        )
    if name in distributions.known() or name in ("mixture", "truncated", "affine"):
        return cx.error(
            "E216", f"'{name}' is a distribution: it can only stand after '~'", span, hints=(f"x ~ {name}(...)",)
        )
    if name in cx.models:
        return cx.error(
            "E211", f"'{name}' is a model, not a function", span, ((cx.models[name].name_span, "declared here"),)
        )
    if name in cx.scope.names and isinstance(cx.scope.names[name].value, Poison):
        return POISON
    if name in cx.scope.later and name not in cx.scope.names:
        return names.lookup(cx, name, span)  # says that it is used too early: a net, or a value
    if name in cx.scope.names:
        return cx.error(
            "E211", f"'{name}' is a value, not a function", span, hints=(f"to multiply, write {name} * (...)",)
        )
    foreign = functions.FOREIGN.get(name)
    known = [alias + n for n in (*table.functions, *table.records)]
    candidates = known if alias else [*known, *functions.names()]
    elsewhere = [f"{a}.{plain}" for a, m in cx.module.spaces.items() if plain in m.own.functions and not alias]
    foreign = foreign or (elsewhere[0] if elsewhere else None)
    meant = f"write {foreign} instead" if foreign else cx.close_to(name, candidates)
    if meant is None and (near := nearest(name, functions.FOREIGN)):
        meant = f"write {functions.FOREIGN[near]} instead"
    later = cx.model_names.get(name) if cx.scope.body in ("process", "submodel") else None
    if later is not None and meant is None:
        meant = "a net is declared before the processes that use it are run"
    labels = () if later is None else ((later, "a name of the model"),)
    return cx.error("E308", f"there is no function '{name}'", span, labels, (meant,))


# ---------------------------------------------------------------- arguments


def bind(
    cx: Context,
    args: Sequence[ast.Arg],
    params: Sequence[str],
    required: Sequence[bool],
    what: str,
    span: Span,
    declared_at: Span | None = None,
) -> list[ast.Arg | None] | None:
    """Arguments in the order of the parameters; None after a diagnostic about their number or names."""
    label = ((declared_at, "declared here"),) if declared_at is not None else ()
    bound: list[ast.Arg | None] = [None] * len(params)
    ok = True
    named = False
    for position, arg in enumerate(args):
        if arg.name is None:
            if named:
                cx.error(
                    "E205", "an argument without a name follows one with a name", arg.span, hints=("put it first",)
                )
                ok = False
            elif position >= len(params):
                count = f"{len(params)} argument{'' if len(params) == 1 else 's'}"
                cx.error("E205", f"{what} takes {count}, not {len(args)}", arg.span, label, (_signature(params),))
                return None
            else:
                bound[position] = arg
            continue
        named = True
        if arg.name not in params:
            hint = cx.close_to(arg.name, params) or _signature(params)
            cx.error("E205", f"{what} has no argument '{arg.name}'", arg.name_span or arg.span, label, (hint,))
            ok = False
            continue
        index = params.index(arg.name)
        earlier = bound[index]
        if earlier is not None:
            first = ((earlier.span, "first given here"),)
            cx.error("E205", f"the argument '{arg.name}' is given twice", arg.name_span or arg.span, first)
            ok = False
        bound[index] = arg
    missing = [p for p, a, r in zip(params, bound, required, strict=True) if a is None and r]
    if missing and ok:
        wanted = " and ".join(f"'{m}'" for m in missing)
        cx.error(
            "E205",
            f"{what} lacks the argument{'s' if len(missing) > 1 else ''} {wanted}",
            span,
            label,
            (_signature(params),),
        )
        ok = False
    return bound if ok else None


def _signature(params: Sequence[str]) -> str:
    return f"it takes ({', '.join(params)})"


# ---------------------------------------------------------------- built-in functions


def builtin(cx: Context, e: ast.Call, name: str) -> Structured:
    function = functions.table()[name]
    if name in pdg.FUNCTIONS and len(e.args) == 1 and isinstance(e.args[0].value, ast.String):
        return pdg.property_of(name, cx, e.args[0].value, e.span)
    params = list(function.params)
    if function.variadic and all(a.name is None for a in e.args):
        params += [f"x{i}" for i in range(len(params), len(e.args))]
    required = [i < function.required for i in range(len(params))]
    bound = bind(cx, e.args, params, required, f"'{name}'", e.span)
    if bound is None:
        evaluated(cx, e)
        return POISON
    operands = [None if a is None else expressions.operand(cx, a.value) for a in bound]
    if any(o is not None and isinstance(o.value, Poison) for o in operands):
        return POISON
    return function.rule(cx, operands, e.span)


# ---------------------------------------------------------------- functions of the file


def of_file(cx: Context, item: ast.FnItem | ast.ExternItem, e: ast.Call) -> Structured:
    """A call of a function that a file declares."""
    if isinstance(item, ast.ExternItem):
        from hepppl.semantics import externs

        return externs.call(cx, item, e)
    return inline(cx, item, e)


def inline(cx: Context, item: ast.FnItem, e: ast.Call) -> Structured:
    """The body of a function, elaborated for the types of this call."""
    params = [f.name for f in item.formals]
    required = [f.default is None for f in item.formals]
    bound = bind(cx, e.args, params, required, f"'{item.name}'", e.span, item.name_span)
    if bound is None:
        evaluated(cx, e)
        return POISON
    values = {}
    for formal, arg in zip(item.formals, bound, strict=True):
        values[formal.name] = argument(cx, formal, arg, item)
    full = cx.full(item)
    if full in cx.calls:
        chain = " -> ".join([*cx.calls[cx.calls.index(full) :], full])
        hint = "use a loop; a cascade of random depth is a process that spawns"
        return cx.error(
            "E224", f"'{item.name}' calls itself ({chain})", e.span, ((item.name_span, "declared here"),), (hint,)
        )
    if len(cx.calls) >= MAX_CALLS:
        raise TooLarge(f"functions are nested more than {MAX_CALLS} deep", e.span)
    cx.inlined.add(full)
    before = len(cx.diagnostics)
    cx.calls.append(full)
    try:
        result = body(cx, item, values)
    finally:
        cx.calls.pop()
    _tell_caller(cx, before, e.span)
    return result


def argument(
    cx: Context, formal: ast.Formal, arg: ast.Arg | None, owner: ast.FnItem | ast.ExternItem | ast.ProcessItem
) -> Structured:
    """The value of one formal at a call: the argument, or the default, as a value of the declared type."""
    if arg is None:
        assert formal.default is not None
        with cx.within(Scope("constant", owner.name, item=owner)):
            given = expressions.operand(cx, formal.default)
    else:
        given = closures.operand(cx, arg.value)
    if formal.type is None or isinstance(given.value, Poison):
        return given.value
    with cx.within(Scope("constant", owner.name, item=owner)):
        target = declared.type_of_expr(cx, formal.type)
    if target is None:
        return POISON
    if isinstance(given.value, Coll) and not isinstance(owner, ast.ProcessItem):  # each of its elements
        element = given.value.element
        if accepts(target, type_of(element)):
            given = Operand(element, given.span)
    return fit(cx, given, target, f"the argument '{formal.name}' of '{owner.name}'", formal.span)


def body(cx: Context, item: ast.FnItem, values: dict[str, Structured]) -> Structured:
    """What a function returns for these arguments."""
    scope = Scope("function", item.name, item=item)
    with cx.within(scope):
        for formal in item.formals:
            cx.bind(formal.name, values[formal.name], formal.span, "argument")
        if isinstance(item.body, ast.Expr):
            result = expressions.operand(cx, item.body)
        else:
            scope.later = bodies.first_bindings(item.body.stmts)
            result = bodies.run(cx, item.body.stmts, item.name_span, f"the function '{item.name}'")
        if item.returns is None or isinstance(result.value, Poison):
            return result.value
        target = declared.type_of_expr(cx, item.returns)
    return POISON if target is None else fit(cx, result, target, f"the result of '{item.name}'", item.returns.span)


def _tell_caller(cx: Context, before: int, span: Span) -> None:
    """Errors inside a function body name the call whose types they hold for."""
    for i in range(before, len(cx.diagnostics)):
        d = cx.diagnostics[i]
        if d.code[:2] not in ("E2", "E4") or d.span is None or any(x.text == "in this call" for x in d.labels):
            continue
        if d.span.source is not span.source or not (span.start <= d.span.start and d.span.end <= span.end):
            labels = (*d.labels, Label(span, "in this call"))
            cx.diagnostics[i] = Diagnostic(d.code, d.message, d.span, labels, d.hints)


# ---------------------------------------------------------------- constructors


def construct(cx: Context, e: ast.Call, item: ast.TypeItem) -> Structured:
    """`particle(energy = 25, …)`: a record of a declared type, fields by name or in order."""
    name = item.name
    target = declared.record_type(cx, item, e.func.span)
    params = [f.name for f in item.fields]
    bound = bind(cx, e.args, params, [True] * len(params), f"'{name}'", e.span, item.name_span)
    if bound is None or target is None:
        evaluated(cx, e)
        return POISON
    fields: dict[str, Structured] = {}
    for field, arg, (_, t) in zip(item.fields, bound, target.fields, strict=True):
        assert arg is not None
        given = expressions.operand(cx, arg.value)
        fields[field.name] = fit(cx, given, t, f"the field '{field.name}' of '{name}'", field.span)
    return POISON if any(isinstance(v, Poison) for v in fields.values()) else Rec(name, fields)


def _four_vector(cx: Context, e: ast.Call) -> Structured:
    params = declared.P4_FIELDS
    bound = bind(cx, e.args, params, [True] * 4, "'p4'", e.span)
    if bound is None:
        evaluated(cx, e)
        return POISON
    fields: dict[str, Structured] = {}
    first: Operand | None = None
    for name, arg in zip(params, bound, strict=True):
        assert arg is not None
        given = expressions.operand(cx, arg.value)
        num = scalar_of(cx, given, f"the component '{name}'")
        if isinstance(num, Num):
            num = to_kind(cx, num, "real", arg.span)
        known = first.value if first is not None else None
        if isinstance(num, Num) and isinstance(known, Num) and first is not None and num.type != known.type:
            labels = ((first.span, describe(known)), (given.span, describe(num)))
            found = f"{phrase(known.type.dim)} and {phrase(num.type.dim)}"
            message = f"the components of a four-vector must be of one type, not {found}"
            num = cx.error("E203", message, given.span, labels)
        first = first or Operand(num, given.span)
        fields[name] = num
    if any(isinstance(v, Poison) for v in fields.values()):
        return POISON
    shape = next(v.type.shape for v in fields.values() if isinstance(v, Num))
    return Rec("p4", fields, shape)
