"""Combinators of laws: `mixture`, `truncated`, `affine`."""

from __future__ import annotations

import math

from hepppl.distributions import Parameter
from hepppl.semantics import calls, expressions
from hepppl.semantics.arithmetic import to_kind
from hepppl.semantics.context import Context
from hepppl.semantics.dims import name_of, phrase, with_unit
from hepppl.semantics.ir import Dist, Value
from hepppl.semantics.laws import COMBINATORS, Law, argument, fault, law
from hepppl.semantics.types import Tensor
from hepppl.semantics.values import Num, Poison, describe, with_article
from hepppl.syntax import ast


def _bound(cx: Context, e: ast.Call, name: str, required: int) -> list[ast.Arg | None] | None:
    params = COMBINATORS[name]
    return calls.bind(cx, e.args, params, [i < required for i in range(len(params))], f"'{name}'", e.span)


def _scalar(cx: Context, arg: ast.Arg, what: str) -> Num | None:
    given = expressions.operand(cx, arg.value)
    num = given.value
    if isinstance(num, Poison):
        return None
    if not isinstance(num, Num) or num.type.shape or num.space is not None:
        cx.error("E201", f"{what} must be a number, not {with_article(num)}", arg.span)
        return None
    real = to_kind(cx, num, "real", arg.span)
    return real if isinstance(real, Num) else None


def _mixture(cx: Context, e: ast.Call, inputs: list[Value]) -> Law | None:
    bound = _bound(cx, e, "mixture", 2)
    if bound is None:
        return None
    weights, components = bound
    assert weights is not None
    assert components is not None
    given = expressions.operand(cx, weights.value)
    probs = argument(cx, Parameter("weights", "simplex", rank=1), given, "mixture")
    if not isinstance(components.value, ast.ArrayLit) or not components.value.items:
        cx.error("E205", "'mixture' takes its components as [d1, d2, ...]", components.span)
        return None
    position = len(inputs)
    if isinstance(probs, Num):
        inputs.append(cx.builder.value(probs, weights.span))
    laws = [law(cx, item, inputs) for item in components.value.items]
    if not isinstance(probs, Num) or any(x is None for x in laws):
        return None
    why = fault("simplex", probs.static) if probs.constant else None
    if why is not None:
        cx.error("E408", f"the weights of a mixture {why}", weights.span)
        return None
    if not probs.type.dim.dimensionless or probs.type.shape[0] != len(laws):
        many = f"{len(laws)} component{'s' * (len(laws) > 1)}"
        cx.error(
            "E209",
            f"'mixture' has {many}, but its weights are {describe(probs)}",
            weights.span,
            ((components.span, many),),
        )
        return None
    parts = [x for x in laws if x is not None]
    for x, item in zip(parts[1:], components.value.items[1:], strict=True):
        if x.type != parts[0].type:
            labels = (
                (components.value.items[0].span, describe(Num(parts[0].type))),
                (item.span, describe(Num(x.type))),
            )
            cx.error("E212", "the components of a mixture must draw values of one type", item.span, labels)
            return None
    return Law(Dist("mixture", (("weights", position), ("components", tuple(x.dist for x in parts)))), parts[0].type)


def _truncated(cx: Context, e: ast.Call, inputs: list[Value]) -> Law | None:
    bound = _bound(cx, e, "truncated", 1)
    if bound is None:
        return None
    assert bound[0] is not None
    if bound[1] is None and bound[2] is None:
        cx.error("E205", "'truncated' needs low, high or both", e.span, hints=("truncated(d, low = 0)",))
        return None
    inner = law(cx, bound[0].value, inputs)
    args: list[tuple[str, int]] = []
    ends: list[float | None] = []
    ok = inner is not None
    for name, arg, free in (("low", bound[1], -math.inf), ("high", bound[2], math.inf)):
        num = (
            Num(Tensor("real"), None, free)
            if arg is None
            else _scalar(cx, arg, f"the argument '{name}' of 'truncated'")
        )
        if num is None or inner is None:
            ok = False
            continue
        infinite = num.constant and math.isinf(num.static)
        if infinite:
            num = Num(Tensor("real", inner.type.dim), None, num.static)
        if num.type.dim != inner.type.dim:
            assert arg is not None
            hint = (
                f"give it a unit, e.g. {with_unit(arg.value.span.text, inner.type.dim)}"
                if num.type.dim.dimensionless
                else None
            )
            message = f"cannot truncate {phrase(inner.type.dim)} at {phrase(num.type.dim)}"
            cx.error(
                "E212",
                message,
                arg.span,
                ((bound[0].span, name_of(inner.type.dim)), (arg.span, name_of(num.type.dim))),
                (hint,),
            )
            ok = False
            continue
        ends.append(num.static if num.constant else None)
        args.append((name, len(inputs)))
        inputs.append(cx.builder.value(num, e.span))
    if not ok or inner is None:
        return None
    if ends[0] is not None and ends[1] is not None and not ends[0] < ends[1]:
        cx.error("E408", "'truncated' needs low below high", e.span)
        return None
    return Law(Dist("truncated", (("base", inner.dist), *args)), inner.type)


def _affine(cx: Context, e: ast.Call, inputs: list[Value]) -> Law | None:
    bound = _bound(cx, e, "affine", 3)
    if bound is None:
        return None
    base, loc, scale = bound
    assert base is not None
    assert loc is not None
    assert scale is not None
    inner = law(cx, base.value, inputs)
    a, b = _scalar(cx, loc, "the argument 'loc' of 'affine'"), _scalar(cx, scale, "the argument 'scale' of 'affine'")
    if inner is None or a is None or b is None:
        return None
    if inner.type.kind != "real":
        cx.error(
            "E212", f"'affine' needs a distribution of a real number, not of {with_article(Num(inner.type))}", base.span
        )
        return None
    dim = inner.type.dim * b.type.dim
    if a.type.dim != dim:
        labels = ((loc.span, name_of(a.type.dim)), (scale.span, name_of(b.type.dim)))
        cx.error("E212", f"'affine' adds {phrase(a.type.dim)} to {phrase(dim)}", e.span, labels)
        return None
    if b.constant and b.static == 0:
        cx.error("E408", "the scale of 'affine' must not be zero", scale.span)
        return None
    args = (("base", inner.dist), ("loc", len(inputs)), ("scale", len(inputs) + 1))
    inputs += [cx.builder.value(a, e.span), cx.builder.value(b, e.span)]
    return Law(Dist("affine", args), Tensor("real", dim))


def combined(cx: Context, e: ast.Call, name: str, inputs: list[Value]) -> Law | None:
    """The law that a combinator makes of others."""
    rule = {"mixture": _mixture, "truncated": _truncated, "affine": _affine}[name]
    return rule(cx, e, inputs)
