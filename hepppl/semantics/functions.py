"""The built-in functions: name -> parameters and rule. Mathematical functions have NumPy's names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, partial

from hepppl.diagnostics import Span
from hepppl.semantics.arithmetic import (
    Operand,
    compare,
    condition,
    dimension_error,
    dimensionless,
    join_shapes,
    op,
    scalar_of,
    to_kind,
)
from hepppl.semantics.context import Context
from hepppl.semantics.dims import phrase
from hepppl.semantics.types import NONE, Tensor
from hepppl.semantics.values import KINDS, POISON, Num, Poison, Rec, Structured, with_article


@dataclass(frozen=True)
class Rule:
    """How an elementwise function treats kinds and dimensions.

    ``takes``: "none" (dimensionless), "any", or "same" (all of one dimension). ``power``: the result's dimension is the
    argument's to this power (0: dimensionless). ``kind``: "real", "bool", or "keep" (int stays int).
    """

    op: str
    arity: int = 1
    takes: str = "none"
    power: Fraction = Fraction(0)
    kind: str = "real"


ONE = Fraction(1)

ELEMENTWISE: dict[str, Rule] = {
    name: Rule(name)
    for name in (
        "exp", "expm1", "exp2", "log", "log1p", "log2", "log10", "sin", "cos", "tan", "arcsin", "arccos", "arctan",
        "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "sigmoid", "softplus", "erf", "erfc", "lgamma",
        "digamma", "floor", "ceil", "round", "trunc",
    )
} | {
    "sqrt": Rule("sqrt", 1, "any", Fraction(1, 2)),
    "cbrt": Rule("cbrt", 1, "any", Fraction(1, 3)),
    "square": Rule("square", 1, "any", Fraction(2), "keep"),
    "abs": Rule("abs", 1, "any", ONE, "keep"),
    "sign": Rule("sign", 1, "any", Fraction(0), "keep"),
    "isfinite": Rule("isfinite", 1, "any", Fraction(0), "bool"),
    "arctan2": Rule("arctan2", 2, "same"),
    "hypot": Rule("hypot", 2, "same", ONE),
    "minimum": Rule("min", 2, "same", ONE, "keep"),
    "maximum": Rule("max", 2, "same", ONE, "keep"),
}  # fmt: skip


def elementwise(cx: Context, name: str, args: Sequence[Operand], span: Span, shown: str = "") -> Structured:
    """An elementwise function by name; ``shown`` is what the author called it."""
    rule = ELEMENTWISE[name]
    shown = shown or name
    nums = [scalar_of(cx, a, f"'{shown}'") for a in args]
    if any(isinstance(n, Poison) for n in nums):
        return POISON
    operands = [(n, a.span) for n, a in zip(nums, args, strict=True) if isinstance(n, Num)]
    shape = join_shapes(cx, operands, span)
    if shape is None:
        return POISON
    dim = operands[0][0].type.dim
    if rule.takes == "none" and not dimensionless(cx, args[0], operands[0][0], f"'{shown}'"):
        return POISON
    for num, where in operands[1:]:
        if num.type.dim != dim:
            text = f"'{shown}' needs values of one dimension, not {phrase(dim)} and {phrase(num.type.dim)}"
            return dimension_error(cx, Operand(operands[0][0], args[0].span), Operand(num, where), span, text)
    kind = max((n.type.kind for n, _ in operands), key=KINDS.index)
    kind = "real" if rule.kind != "keep" or kind == "real" else "int"
    promoted = []
    for num, where in operands:
        new = to_kind(cx, num, kind, where)
        if isinstance(new, Poison):
            return new
        promoted.append(new)
    result = Tensor("bool" if rule.kind == "bool" else kind, dim**rule.power, shape)
    return op(cx, rule.op, promoted, result, span)


@dataclass(frozen=True)
class Function:
    """``params``: names of the arguments, the first ``required`` of them obligatory; ``variadic``: the last repeats."""

    params: tuple[str, ...]
    required: int
    rule: Callable[[Context, list[Operand | None], Span], Structured]
    variadic: bool = False


def _pointwise(name: str) -> Function:
    params = ("x", "y")[: ELEMENTWISE[name].arity]
    return Function(params, len(params), lambda cx, args, span: elementwise(cx, name, [a for a in args if a], span))


def _extreme(which: str, cx: Context, args: list[Operand | None], span: Span) -> Structured:
    """`min`, `max`: of several values, or of the elements of one array or collection."""
    from hepppl.semantics import reductions

    given = [a for a in args if a is not None]
    if len(given) == 1:
        return reductions.reduction(which, cx, given, span)
    value = given[0]
    for other in given[1:]:
        value = Operand(elementwise(cx, f"{which}imum", [value, other], span, which), value.span)
    return value.value


def _clip(cx: Context, args: list[Operand | None], span: Span) -> Structured:
    x, low, high = (a for a in args if a is not None)
    above = elementwise(cx, "maximum", [x, low], span, "clip")
    return elementwise(cx, "minimum", [Operand(above, x.span), high], span, "clip")


def _where(cx: Context, args: list[Operand | None], span: Span) -> Structured:
    """Elementwise choice; both sides are evaluated."""
    from hepppl.semantics.structure import convert, select, unify

    c, a, b = (x for x in args if x is not None)
    cond = condition(cx, c, "the first argument of 'where'")
    x, y = scalar_of(cx, a, "'where'"), scalar_of(cx, b, "'where'")
    if isinstance(cond, Poison) or isinstance(x, Poison) or isinstance(y, Poison):
        return POISON
    shape = join_shapes(cx, [(cond, c.span), (x, a.span), (y, b.span)], span)
    if shape is None:
        return POISON
    flat = [Operand(Num(Tensor(n.type.kind, n.type.dim), n.value, n.static), o.span) for n, o in ((x, a), (y, b))]
    target = unify(cx, flat[0], flat[1], "the two values of 'where' must be of one type", span)
    if not isinstance(target, Tensor):
        return POISON
    left, right = (convert(cx, n, Tensor(target.kind, target.dim, n.type.shape), span) for n in (x, y))
    if isinstance(left, Poison) or isinstance(right, Poison):
        return POISON
    return select(cx, cond, left, right, span)


def _int(cx: Context, args: list[Operand | None], span: Span) -> Structured:
    """Towards zero, like Python's."""
    (x,) = (a for a in args if a is not None)
    num = scalar_of(cx, x, "'int'")
    if isinstance(num, Poison) or not dimensionless(cx, x, num, "'int'"):
        return POISON
    if num.type.kind == "real":
        cut = op(cx, "trunc", [num], num.type, span)
        if isinstance(cut, Poison):
            return cut
        num = cut
    elif num.type.kind == "int":
        return num
    return op(cx, "to_int", [num], Tensor("int", NONE, num.type.shape), span)


def _real(cx: Context, args: list[Operand | None], span: Span) -> Structured:
    (x,) = (a for a in args if a is not None)
    num = scalar_of(cx, x, "'real'")
    return num if isinstance(num, Poison) else to_kind(cx, num, "real", span)


def _dot(cx: Context, args: list[Operand | None], span: Span) -> Structured:
    from hepppl.semantics import arrays
    from hepppl.semantics.fourvectors import dot4

    a, b = (x for x in args if x is not None)
    if isinstance(a.value, Rec) or isinstance(b.value, Rec):
        return dot4(cx, a, b, span)
    return arrays.dot(cx, a, b, span)


@cache
def table() -> dict[str, Function]:
    """Every built-in function by name."""
    from hepppl.semantics import arrays, fourvectors, pdg, reductions

    functions = {name: _pointwise(name) for name in ELEMENTWISE}
    functions |= arrays.FUNCTIONS | reductions.FUNCTIONS | pdg.FUNCTIONS
    functions |= {
        "min": Function(("x", "y"), 1, partial(_extreme, "min"), variadic=True),
        "max": Function(("x", "y"), 1, partial(_extreme, "max"), variadic=True),
        "clip": Function(("x", "low", "high"), 3, _clip),
        "where": Function(("condition", "a", "b"), 3, _where),
        "int": Function(("x",), 1, _int),
        "real": Function(("x",), 1, _real),
        "dot": Function(("a", "b"), 2, _dot),
        "delta_r": Function(("p", "q"), 2, lambda cx, a, span: fourvectors.delta_r(cx, [x for x in a if x], span)),
        "boost": Function(("p", "q", "by", "bz"), 2, fourvectors.boost),
    }
    return functions


#: What other languages call it.
FOREIGN = {
    "asin": "arcsin", "acos": "arccos", "atan": "arctan", "atan2": "arctan2", "asinh": "arcsinh", "acosh": "arccosh",
    "atanh": "arctanh", "ln": "log", "fabs": "abs", "expit": "sigmoid", "gammaln": "lgamma", "loggamma": "lgamma",
    "float": "real", "length": "len", "size": "len", "average": "mean", "fmin": "min", "fmax": "max", "fmod": "%",
    "pow": "^", "power": "^", "normalise": "x / sum(x)", "range": "0..n", "histogram": "hist", "array": "[a, b, c]",
    "zeros": "fill(n, 0)", "ones": "fill(n, 1)", "full": "fill", "cumulative_sum": "cumsum",
}  # fmt: skip


def names() -> frozenset[str]:
    return frozenset(table()) | {"p4"}


__all__ = ["ELEMENTWISE", "FOREIGN", "Function", "compare", "elementwise", "names", "table", "with_article"]
