"""`plate`: independent repetitions; the names bound inside are arrays outside."""

from __future__ import annotations

from dataclasses import replace

from hepppl.semantics import bodies
from hepppl.semantics.context import Binding, Context
from hepppl.semantics.control import abandon, unusable
from hepppl.semantics.declared import sizes_fit
from hepppl.semantics.indexing import bounds
from hepppl.semantics.ir import Region
from hepppl.semantics.limits import MAX_ELEMENTS
from hepppl.semantics.types import INT
from hepppl.semantics.values import POISON, Held, Num, Poison, Slots, leaves, reshaped, storable, width
from hepppl.syntax import ast


def plate_statement(cx: Context, stmt: ast.PlateStmt) -> None:
    limits = bounds(cx, stmt.low, stmt.high, "a plate", MAX_ELEMENTS)
    if limits is not None and limits[0] == limits[1]:
        cx.error("E402", "a plate needs at least one repetition", stmt.low.span.to(stmt.high.span))
        limits = None
    i = cx.builder.fresh(INT, stmt.var)
    shadowed = cx.extents.get(stmt.var)
    with cx.builder.inside() as frame, cx.block("plate") as scope:
        scope.plate_vars = (*scope.plate_vars, stmt.var)
        scope.repeated = (*scope.repeated, stmt.var)
        scope.plate_outer = dict.fromkeys(scope.names)
        if limits is not None:
            cx.turns[i] = (*limits, len(scope.enclosing))
        cx.extents[stmt.var] = limits or (0, 1)
        scope.names[stmt.var] = Binding(Num(INT, i) if limits else POISON, "loop variable", stmt.var_span)
        bodies.execute(cx, stmt.body)
    if shadowed is not None:
        cx.extents[stmt.var] = shadowed
    if limits is None:
        abandon(cx, scope, {})
        return
    size = limits[1] - limits[0]
    stacked: list[tuple[str, Binding, Held]] = []
    for name, binding in scope.names.items():
        if binding is cx.scope.names.get(name) or name == stmt.var:
            continue
        value = binding.value.element if isinstance(binding.value, Slots) else binding.value
        if binding.why is not None or isinstance(value, Poison):
            cx.scope.names[name] = binding
        elif binding.kind in ("const", "loop variable"):
            continue
        elif not storable(value):
            message = f"'{name}' holds a number for each element of a collection in the plate"
            cx.scope.names[name] = unusable("E215", message, binding.span, hint="reduce it inside the plate")
        elif all(sizes_fit(cx, (size, *leaf.type.shape), stmt.span) for leaf in leaves(value)):
            stacked.append((name, binding, value))
        else:
            cx.bind(name, POISON, binding.span)
    with cx.builder.into(frame):
        results = [v for _, _, value in stacked for v in cx.builder.values(value, stmt.span)]
    types = [replace(r.type, shape=(size, *r.type.shape)) for r in results]
    region = Region((i,), tuple(frame.nodes), tuple(results))
    attrs = {"start": limits[0], "stop": limits[1]}
    labels = [name for name, _, value in stacked for _ in range(width(value))]
    values = iter(cx.builder.node("plate", [], types, stmt.span, attrs, [region], labels))
    for name, binding, value in stacked:
        whole = reshaped(cx.builder.wrap(value, values), lambda shape: (size, *shape))
        if isinstance(binding.value, Slots) and len(binding.value.indices) > 1:
            whole = Slots(name, binding.value.indices[:-1], whole)  # type: ignore[arg-type]
        cx.bind(name, whole, binding.span, binding.kind)
