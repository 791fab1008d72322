"""What declarations say: type expressions, record types, user units."""

from __future__ import annotations

from hepppl.diagnostics import Span
from hepppl.semantics import names
from hepppl.semantics.arithmetic import Operand, static_int
from hepppl.semantics.context import Context, Scope
from hepppl.semantics.limits import MAX_ELEMENTS
from hepppl.semantics.types import (
    AREA,
    BOOL,
    CHARGE,
    ENERGY,
    INT,
    LENGTH,
    NONE,
    REAL,
    TEMPERATURE,
    TIME,
    Dim,
    RecordType,
    Tensor,
    Type,
)
from hepppl.semantics.values import Num, Poison
from hepppl.syntax import ast

Unit = tuple[float, Dim]

SCALARS: dict[str, Tensor] = {
    "real": REAL,
    "int": INT,
    "bool": BOOL,
    "energy": Tensor("real", ENERGY),
    "length": Tensor("real", LENGTH),
    "time": Tensor("real", TIME),
    "area": Tensor("real", AREA),
    "angle": REAL,
    "charge": Tensor("real", CHARGE),
    "temperature": Tensor("real", TEMPERATURE),
}

P4_FIELDS = ("e", "px", "py", "pz")


def p4_type(dim: Dim = ENERGY) -> RecordType:
    return RecordType("p4", tuple((f, Tensor("real", dim)) for f in P4_FIELDS))


def unit_expression(cx: Context, unit: ast.UnitExpr) -> Unit | None:
    factor, dim = 1.0, NONE
    for f in unit.factors:
        found = names.unit_named(cx, f.name, f.span)
        if found is None:
            return None
        factor, dim = factor * found[0] ** f.power, dim * found[1] ** f.power
    return factor, dim


def user_unit(cx: Context, item: ast.UnitItem) -> Unit | None:
    """The value of a `unit` item."""
    from hepppl.semantics.expressions import evaluate

    key, name = item.name_span, item.name
    if key not in cx.memo:
        cx.memo[key] = ()
        with cx.within(Scope("constant", name, item=item)):
            value = evaluate(cx, item.value)
        if isinstance(value, Poison):
            cx.memo[key] = None
        elif not isinstance(value, Num) or not value.constant or value.type.shape or value.type.kind == "bool":
            cx.error(
                "E401",
                f"the unit '{name}' must be a constant quantity",
                item.value.span,
                hints=("for example 1.3 GeV",),
            )
            cx.memo[key] = None
        elif not value.static > 0:
            cx.error("E402", f"the unit '{name}' must be positive", item.value.span)
            cx.memo[key] = None
        else:
            cx.memo[key] = (float(value.static), value.type.dim)
    if cx.memo[key] == ():
        cx.error("E306", f"the unit '{name}' is defined in terms of itself", item.name_span)
        cx.memo[key] = None
    return cx.memo[key]


def length(cx: Context, expr: ast.Expr) -> int | None:
    """A static array length, checked against what memory can hold; None after an error."""
    from hepppl.semantics.expressions import evaluate

    size = static_int(cx, Operand(evaluate(cx, expr), expr.span), "an array length")
    if size is None:
        return None
    return size if sizes_fit(cx, (size,), expr.span) else None


def sizes_fit(cx: Context, shape: tuple[int, ...], span: Span) -> bool:
    total = 1
    for n in shape:
        total *= n
    if any(n < 1 for n in shape):
        cx.error("E402", f"an array needs at least one element, not {min(shape)}", span)
        return False
    if total > MAX_ELEMENTS:
        cx.error("E402", f"an array of {total:.6g} elements is too large (at most {MAX_ELEMENTS:,} per event)", span)
        return False
    return True


def type_of_expr(cx: Context, t: ast.TypeExpr, unknown: int | None = None) -> Type | None:
    """The type that a type expression names; None after an error. ``unknown`` is the length of an empty ``[ ]``."""
    scalar = _scalar(cx, t)
    shape: list[int] = []
    ok = scalar is not None
    for expr in t.lengths:
        if expr is None:
            if unknown is None:
                cx.error(
                    "E220",
                    "a length can be left out only in a `data` declaration",
                    t.span,
                    hints=(f"write {t.name}[n]",),
                )
                ok = False
            else:
                shape.append(unknown)
            continue
        size = length(cx, expr)
        ok = ok and size is not None
        shape.append(size or 1)
    if not ok or scalar is None or not (not shape or sizes_fit(cx, tuple(shape), t.span)):
        return None
    return with_shape(scalar, tuple(shape))


def with_shape(t: Type, shape: tuple[int, ...]) -> Type:
    """An array type of the given element type: a record's fields each gain the leading axes."""
    if not shape:
        return t
    if isinstance(t, Tensor):
        return Tensor(t.kind, t.dim, (*shape, *t.shape))
    assert isinstance(t, RecordType)
    return RecordType(t.name, tuple((n, with_shape(f, shape)) for n, f in t.fields), (*shape, *t.shape))


def _scalar(cx: Context, t: ast.TypeExpr) -> Type | None:
    if t.unit is not None:
        if t.name != "real":
            cx.error("E201", f"only 'real' takes a unit, not '{t.name}'", t.span, hints=("write real<...>",))
            return None
        unit = unit_expression(cx, t.unit)
        return None if unit is None else Tensor("real", unit[1])
    alias, _, name = t.name.rpartition(".")
    records = cx.module.spaces[alias].own.records if alias in cx.module.spaces else cx.records
    if name in records:
        return record_type(cx, records[name], t.span)
    if t.name in SCALARS:
        return SCALARS[t.name]
    if t.name == "p4":
        return p4_type()
    known = [f"{alias}.{n}" for n in records] if alias in cx.module.spaces else [*records, *SCALARS, "p4"]
    hint = cx.close_to(t.name, known)
    if hint is None and t.name in cx.units:
        hint = f"a quantity in this unit has the type real<{t.name}>"
    foreign = {
        "float": "real",
        "double": "real",
        "mass": "energy",
        "momentum": "energy",
        "string": None,
        "complex": None,
    }
    if foreign.get(t.name):
        hint = f"did you mean '{foreign[t.name]}'?"
    cx.error("E310", f"there is no type '{t.name}'", t.span, hints=(hint,))
    return None


def record_type(cx: Context, item: ast.TypeItem, span: Span) -> RecordType | None:
    """The fields of a declared record type, worked out at its first use."""
    key = item.name_span
    if key not in cx.memo:
        cx.memo[key] = ()
        cx.memo[key] = _record(cx, item)
    if cx.memo[key] == ():
        cx.error("E306", f"the type '{item.name}' contains itself", span, ((item.name_span, "declared here"),))
        return None
    return cx.memo[key]


def _record(cx: Context, item: ast.TypeItem) -> RecordType | None:
    fields: dict[str, Type] = {}
    seen: dict[str, Span] = {}
    ok = True
    for f in item.fields:
        if f.name in seen:
            label = ((seen[f.name], "first declared here"),)
            cx.error("E302", f"the field '{f.name}' is declared twice", f.span, label)
            ok = False
        seen[f.name] = f.span
        with cx.within(Scope("constant", item.name, item=item)):
            t = type_of_expr(cx, f.type)
        if t is None:
            ok = False
        else:
            fields[f.name] = t
    if not ok:
        return None
    return RecordType(item.name, tuple(fields.items()))
