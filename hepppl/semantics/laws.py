"""Distribution expressions: a law of the registry or a combinator, its arguments checked against its metadata."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hepppl import distributions
from hepppl.diagnostics import HepPluginError, Span
from hepppl.distributions import Distribution, Parameter
from hepppl.semantics import calls, expressions, functions, modules
from hepppl.semantics.arithmetic import Operand, const, to_kind, whole
from hepppl.semantics.context import Context
from hepppl.semantics.dims import name_of, phrase, with_unit, without_unit
from hepppl.semantics.ir import Dist, Value
from hepppl.semantics.types import NONE, Dim, Tensor
from hepppl.semantics.values import Coll, Num, Poison, describe, with_article
from hepppl.syntax import ast

COMBINATORS = {
    "mixture": ("weights", "components"),
    "truncated": ("base", "low", "high"),
    "affine": ("base", "loc", "scale"),
}


@dataclass(frozen=True)
class Law:
    """A distribution expression, the values it takes, and the type of what is drawn."""

    dist: Dist
    type: Tensor


def law(cx: Context, expr: ast.Expr, inputs: list[Value]) -> Law | None:
    """The law that an expression names; its arguments are appended to ``inputs``. None after a diagnostic."""
    while isinstance(expr, ast.Paren):
        expr = expr.inner
    if isinstance(expr, ast.Call) and modules.space(cx, expr.func) is not None:
        _unknown(cx, expr, expr.func.span.text)
        return None
    if not isinstance(expr, ast.Call) or not isinstance(expr.func, ast.Name):
        value = expressions.evaluate(cx, expr)
        if not isinstance(value, Poison):
            hint = "write `=` for a value that is not random"
            cx.error(
                "E216",
                f"a distribution must follow '~', not {with_article(value)}",
                expr.span,
                hints=(hint, "x ~ normal(0, 1)"),
            )
        return None
    name = expr.func.name
    if name in COMBINATORS:
        from hepppl.semantics.combinators import combined

        return combined(cx, expr, name, inputs)
    try:
        known = distributions.get(name)
    except KeyError:
        _unknown(cx, expr, name)
        return None
    except HepPluginError as error:
        for diagnostic in error.diagnostics:
            cx.report(replace(diagnostic, span=expr.func.span))
        return None
    return _plain(cx, expr, known, inputs)


def _unknown(cx: Context, e: ast.Call, name: str) -> None:
    for arg in e.args:
        expressions.evaluate(cx, arg.value)
    span = e.func.span
    found = modules.table(cx, e.func)
    assert found is not None
    table, plain, alias = found
    if plain in table.functions or plain in table.records or name in functions.names():
        labels = ((table.functions[plain].name_span, "declared here"),) if plain in table.functions else ()
        cx.error(
            "E216",
            f"'{name}' is a function, not a distribution",
            span,
            labels,
            ("write `=` for a value that is not random",),
        )
        return
    candidates = [*(alias + p for p in table.processes), *(() if alias else (*distributions.known(), *COMBINATORS))]
    foreign = {
        "gaussian": "normal",
        "gauss": "normal",
        "exp": "exponential",
        "binom": "binomial",
        "choice": "categorical",
        "randint": "discrete_uniform",
        "breitwigner": "breit_wigner",
    }
    hint = f"did you mean '{foreign[name]}'?" if name in foreign else cx.close_to(name, candidates)
    cx.error("E309", f"there is no distribution or process '{name}'", span, hints=(hint,))


# ---------------------------------------------------------------- laws of the registry


def _plain(cx: Context, e: ast.Call, known: Distribution, inputs: list[Value]) -> Law | None:
    names = [p.name for p in known.parameters]
    required = [p.default is None for p in known.parameters]
    bound = calls.bind(cx, e.args, names, required, f"'{known.name}'", e.span)
    if bound is None:
        for arg in e.args:
            expressions.evaluate(cx, arg.value)
        return None
    given: list[Operand | None] = [None if a is None else expressions.operand(cx, a.value) for a in bound]
    nums = [argument(cx, p, o, known.name) for p, o in zip(known.parameters, given, strict=True)]
    if any(isinstance(n, Poison) for n in nums):
        return None
    dim = _value_dim(cx, known, given, nums, e.span)  # type: ignore[arg-type]
    if dim is None or not _in_range(cx, known, given, nums):  # type: ignore[arg-type]
        return None
    args = []
    for p, num in zip(known.parameters, nums, strict=True):
        if num is None:
            kind = "int" if p.kind == "int" else "real"
            of = {"value": dim, "inverse": dim**-1}.get(p.dim, NONE)
            assert p.default is not None
            num = Num(Tensor(kind, of), None, int(p.default) if kind == "int" else float(p.default))
        assert isinstance(num, Num)
        args.append((p.name, len(inputs)))
        inputs.append(cx.builder.value(num, e.span))
    return Law(Dist(known.name, tuple(args)), Tensor(known.value, dim if known.value == "real" else NONE))


def argument(cx: Context, p: Parameter, given: Operand | None, owner: str) -> Num | Poison | None:
    """One argument of the right rank and kind; None where the default serves."""
    if given is None or isinstance(given.value, Poison):
        return None if given is None else Poison()
    what = f"the argument '{p.name}' of '{owner}'"
    num = given.value
    if isinstance(num, Coll) or (isinstance(num, Num) and num.space is not None):
        return cx.error(
            "E215", f"{what} needs a value of the event, not of a collection", given.span, hints=("reduce it first",)
        )
    if not isinstance(num, Num):
        return cx.error("E201", f"{what} must be a number, not {with_article(num)}", given.span)
    if len(num.type.shape) != p.rank:
        wanted = "an array" if p.rank else "one number"
        hint = "draw an array in a plate: plate i in 0..n { x ~ ... }" if num.type.shape and not p.rank else None
        return cx.error(
            "E209",
            f"{what} must be {wanted}, not {with_article(num)}",
            given.span,
            ((given.span, describe(num)),),
            (hint,),
        )
    if p.kind == "int":
        if num.type.kind == "real" and num.constant and whole(num.static):
            return const(int(num.static))
        if num.type.kind == "real":
            return cx.error(
                "E201",
                f"{what} must be an integer, not {with_article(num, 'a real number')}",
                given.span,
                hints=(f"convert it: int({given.span.text})",),
            )
        return to_kind(cx, num, "int", given.span)
    return to_kind(cx, num, "real", given.span)


def _value_dim(
    cx: Context, known: Distribution, given: Sequence[Operand | None], nums: Sequence[Num | None], span: Span
) -> Dim | None:
    """The dimension of what is drawn, from the arguments that carry it; they must agree."""
    found: tuple[Dim, Span, str] | None = None
    ok = True
    for p, operand, num in zip(known.parameters, given, nums, strict=True):
        if num is None or operand is None:
            continue
        dim = num.type.dim
        if p.dim not in ("value", "inverse"):
            if not dim.dimensionless:
                cx.error(
                    "E212",
                    f"the argument '{p.name}' of '{known.name}' must be dimensionless, not {phrase(dim)}",
                    operand.span,
                    ((operand.span, name_of(dim)),),
                    (f"divide it by a unit, e.g. {without_unit(operand.span.text, dim)}",),
                )
                ok = False
            continue
        carried = dim if p.dim == "value" else dim**-1
        if found is None:
            found = carried, operand.span, name_of(dim)
        elif carried != found[0]:
            hint = None
            if num.constant and dim.dimensionless:
                wanted = found[0] if p.dim == "value" else found[0] ** -1
                hint = f"give the number a unit: {with_unit(operand.span.text, wanted)}"
            elif found[0].dimensionless:
                hint = f"give the number a unit: {with_unit(found[1].text, carried)}"
            labels = ((found[1], found[2]), (operand.span, name_of(dim)))
            cx.error(
                "E212",
                f"the arguments of '{known.name}' disagree about the dimension of what is drawn",
                operand.span,
                labels,
                (hint,),
            )
            ok = False
    if found is not None and not found[0].dimensionless:
        for p, num in zip(known.parameters, nums, strict=True):
            if num is None and p.dim in ("value", "inverse") and p.default:
                why = f"its default {p.default:g} has no dimension, but the value is {phrase(found[0])}"
                message = f"'{known.name}' lacks the argument '{p.name}': {why}"
                cx.error("E212", message, span, ((found[1], found[2]),))
                ok = False
    if not ok:
        return None
    return found[0] if found is not None else NONE


def _in_range(cx: Context, known: Distribution, given: Sequence[Operand | None], nums: Sequence[Num | None]) -> bool:
    """Constant arguments lie where the law is defined."""
    ok = True
    constants: dict[str, tuple[float, Span]] = {}
    for p, operand, num in zip(known.parameters, given, nums, strict=True):
        if num is None or operand is None or not num.constant:
            continue
        why = fault(p.constraint, num.static)
        if why is None and isinstance(num.static, float) and math.isinf(num.static):
            why = "must be finite"
        if why is None and not isinstance(num.static, tuple):
            why = _beyond(p, num.static)
        if why is not None:
            shown = f"{operand.span.text}"
            cx.error("E408", f"the argument '{p.name}' of '{known.name}' {why}, not {shown}", operand.span)
            ok = False
        elif not isinstance(num.static, tuple):
            constants[p.name] = num.static, operand.span
    if ok and "low" in constants and "high" in constants:
        (low, a), (high, b) = constants["low"], constants["high"]
        if low > high or (low == high and known.value == "real"):
            cx.error("E408", f"the argument 'low' of '{known.name}' must lie below 'high'", a, ((b, "high"),))
            ok = False
        if known.value == "int" and high - low >= MOST_VALUES:
            message = f"'{known.name}' has at most {MOST_VALUES:,} values, not {high - low + 1:.6g}"
            cx.error("E408", message, b, ((a, "low"),))
            ok = False
    return ok


MOST_VALUES = 2**24


def _beyond(p: Parameter, value: float) -> str | None:
    """What is wrong with an argument whose draws would not fit in 32 bits."""
    if p.most is not None and value > p.most:
        return f"must be at most {p.most:,.0f}, so that what is drawn fits in 32 bits"
    if p.least is not None and 0 < value < p.least:
        return f"must be at least {p.least:.6g}, so that what is drawn fits in 32 bits"
    return None


def fault(constraint: str, value: object) -> str | None:
    if isinstance(value, tuple):
        faults = (fault("nonnegative" if constraint == "simplex" else constraint, v) for v in value)
        first = next((f for f in faults if f), None)
        if first is None and constraint == "simplex" and abs(math.fsum(value) - 1) > 1e-6:
            return f"must add up to 1 (these add up to {math.fsum(value):.6g})"
        return first
    assert isinstance(value, (int, float))
    if value != value or (math.isinf(value) and constraint != "real"):
        return "must be finite"
    tests = {
        "positive": (value > 0, "must be positive"),
        "nonnegative": (value >= 0, "must not be negative"),
        "probability": (0 <= value <= 1, "must be a probability, between 0 and 1"),
        "nonnegative_int": (value >= 0, "must not be negative"),
        "positive_int": (value >= 1, "must be positive"),
    }
    fine, message = tests.get(constraint, (True, ""))
    return None if fine else message
