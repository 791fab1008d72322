"""`~`, `observe`, `by`."""

from __future__ import annotations

from typing import Any

from hepppl.semantics import expressions, processes, statements
from hepppl.semantics.arithmetic import Operand
from hepppl.semantics.context import Context
from hepppl.semantics.ir import By
from hepppl.semantics.laws import law
from hepppl.semantics.values import POISON, Num, Poison, Structured, is_constant
from hepppl.syntax import ast


def sample(cx: Context, stmt: ast.SampleStmt) -> None:
    """A random site, or the run of a process."""
    process = processes.named(cx, stmt.dist)
    if process is not None:
        statements.store(cx, stmt.target, Operand(processes.draw(cx, stmt, *process), stmt.target.span), "site")
        return
    value = _site(cx, stmt.target, stmt.dist, stmt.by, observed=False, span=stmt)
    if stmt.limit is not None and not isinstance(value, Poison):  # what is no distribution may be a misspelt process
        message = "a `limit` belongs to a process that spawns, not to a distribution"
        cx.error("E222", message, stmt.limit.span)
    statements.store(cx, stmt.target, Operand(value, stmt.target.span), "site")


def observe(cx: Context, stmt: ast.ObserveStmt) -> None:
    """A site that the caller's data may fix; it is an output of the model by its name."""
    name = stmt.target.name
    process = processes.named(cx, stmt.dist)
    if process is not None:
        cx.error("E216", "only a draw from a distribution can be observed, not a process", stmt.dist.span)
        cx.bind(name, POISON, stmt.target.name_span)
        return
    if name in cx.counters.observed:
        label = (cx.counters.observed[name], "first observed here")
        cx.error(
            "E307",
            f"'{name}' is observed twice",
            stmt.target.name_span,
            (label,),
            ("give each observable its own name",),
        )
        return
    cx.counters.observed[name] = stmt.target.name_span
    value = _site(cx, stmt.target, stmt.dist, None, observed=True, span=stmt)
    binding = cx.scope.names.get(name)
    if binding is not None and binding.kind == "data":
        hint = "an observable is not declared with `data`: it takes the data of its name"
        cx.error(
            "E302",
            f"'{name}' is defined twice",
            stmt.target.name_span,
            ((binding.span, "first defined here"),),
            (hint,),
        )
        return
    if stmt.target.indices and not statements.is_slot(stmt.target, cx.scope.repeated):
        hint = "observe k[i] ~ ... stands in `plate i in 0..n { }` or `for i in 0..n { }`"
        message = "an element can be observed only in a plate or loop over its index"
        cx.error("E220", message, stmt.target.span, hints=(hint,))
        cx.bind(name, POISON, stmt.target.name_span)
        return
    statements.store(cx, stmt.target, Operand(value, stmt.target.span), "observable")


def _site(
    cx: Context, target: ast.Target, dist: ast.Expr, by: ast.EstimatorRef | None, observed: bool, span: ast.Stmt
) -> Structured:
    inputs: list[Any] = []
    found = law(cx, dist, inputs)
    chosen = estimator(cx, by) if by is not None else None
    number, name = cx.number(), cx.site_name(target.name)
    if found is None:
        return POISON
    attrs = {"dist": found.dist, "name": name, "number": number, "by": chosen, "observed": observed}
    (value,) = cx.builder.node("site", inputs, [found.type], span.span, attrs, names=[target.name])
    return Num(found.type, value)


def estimator(cx: Context, ref: ast.EstimatorRef) -> By | None:
    """The author's choice of an estimator; its options are plain Python values."""
    options: list[tuple[str, Any]] = []
    for arg in ref.args:
        if arg.name is None:
            cx.error(
                "E205",
                f"the options of '{ref.name}' are given by name",
                arg.span,
                hints=(f"{ref.name}(option = value)",),
            )
            continue
        if any(arg.name == known for known, _ in options):
            cx.error("E205", f"the option '{arg.name}' is given twice", arg.name_span or arg.span)
            continue
        if isinstance(arg.value, ast.String):
            options.append((arg.name, arg.value.value))
            continue
        value = expressions.evaluate(cx, arg.value)
        if isinstance(value, Num) and is_constant(value):
            options.append((arg.name, value.static))
        elif value is not POISON:
            cx.error("E401", f"the option '{arg.name}' must be a constant", arg.value.span)
    return By(ref.name, tuple(options), ref.span)
