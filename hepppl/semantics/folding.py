"""Pure operations on values known at compile time: Python numbers and nested tuples of them."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from functools import reduce
from itertools import pairwise
from typing import Any

from hepppl.semantics.limits import MAX_FOLDED, MAX_INTEGER_BITS


class FoldError(Exception):
    """The operation has no value at these operands: ``code`` and what to say of it."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code
        self.message = message


def _divide(a: Any, b: Any) -> Any:
    if b == 0:
        raise FoldError("E404", "division by zero")
    return a / b


def _modulo(a: Any, b: Any) -> Any:
    if b == 0:
        raise FoldError("E404", "division by zero")
    return a % b


def _power(a: Any, b: Any) -> Any:
    if a == 0 and b < 0:
        raise FoldError("E404", "zero to a negative power")
    if isinstance(a, int) and isinstance(b, int) and abs(a) > 1 and abs(b) * a.bit_length() > MAX_INTEGER_BITS:
        raise FoldError("E405", f"the result of {a}^{b} is too large")
    if isinstance(a, float) and a < 0 and b != int(b):
        raise FoldError("E405", "a negative number has no fractional power")
    return a**b


def _round(x: float) -> float:
    return float(round(x))


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def _digamma(x: float) -> float:
    if x <= 0 and x == math.floor(x):
        raise ValueError
    if x < 0:
        return _digamma(1 - x) - math.pi / math.tan(math.pi * x)
    shift = 0.0
    while x < 10:  # recurrence, then the asymptotic series (Abramowitz and Stegun 6.3.18)
        shift, x = shift - 1 / x, x + 1
    y = 1 / (x * x)
    series = y * (1 / 12 - y * (1 / 120 - y * (1 / 252 - y * (1 / 240 - y / 132))))
    return shift + math.log(x) - 0.5 / x - series


def _sign(x: Any) -> Any:
    return type(x)((x > 0) - (x < 0))


_ELEMENTWISE: Mapping[str, Callable[..., Any]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": _divide, "mod": _modulo, "pow": _power,
    "neg": operator.neg, "lt": operator.lt, "le": operator.le, "gt": operator.gt, "ge": operator.ge,
    "eq": operator.eq, "ne": operator.ne,
    "and": lambda a, b: a and b, "or": lambda a, b: a or b, "not": operator.not_,
    "select": lambda c, a, b: a if c else b, "min": min, "max": max, "abs": abs, "sign": _sign,
    "floor": lambda x: float(math.floor(x)), "ceil": lambda x: float(math.ceil(x)), "round": _round,
    "trunc": lambda x: float(math.trunc(x)), "to_real": float, "to_int": int,
    "sqrt": math.sqrt, "cbrt": lambda x: math.copysign(abs(x) ** (1 / 3), x), "square": lambda x: x * x,
    "exp": math.exp, "expm1": math.expm1, "exp2": lambda x: 2.0**x, "log": math.log, "log1p": math.log1p,
    "log2": math.log2, "log10": math.log10, "sin": math.sin, "cos": math.cos, "tan": math.tan,
    "arcsin": math.asin, "arccos": math.acos, "arctan": math.atan, "arctan2": math.atan2, "hypot": math.hypot,
    "sinh": math.sinh, "cosh": math.cosh, "tanh": math.tanh, "arcsinh": math.asinh, "arccosh": math.acosh,
    "arctanh": math.atanh, "sigmoid": _sigmoid, "softplus": _softplus, "erf": math.erf, "erfc": math.erfc,
    "lgamma": math.lgamma, "digamma": _digamma, "isfinite": math.isfinite,
}  # fmt: skip


def _add(a: Any, b: Any) -> Any:
    return broadcast(operator.add, (a, b))


def _cumsum(a: tuple[Any, ...]) -> tuple[Any, ...]:
    out = [a[0]] if a else []
    for x in a[1:]:
        out.append(_add(out[-1], x))
    return tuple(out)


def _dot(a: tuple[Any, ...], b: tuple[Any, ...]) -> Any:
    if b and isinstance(b[0], tuple):
        b_columns = tuple(zip(*b, strict=True))
        return tuple(_dot(a, c) for c in b_columns) if not isinstance(a[0], tuple) else tuple(_dot(r, b) for r in a)
    if a and isinstance(a[0], tuple):
        return tuple(_dot(row, b) for row in a)
    return sum(x * y for x, y in zip(a, b, strict=True))


def _index(a: Any, *indices: int) -> Any:
    for i in indices:
        if not 0 <= i < len(a):
            raise FoldError("E403", f"index {i} is out of range for {len(a)} elements")
        a = a[i]
    return a


def _set_index(a: Any, value: Any, *indices: int) -> Any:
    first, *rest = indices
    if not 0 <= first < len(a):
        raise FoldError("E403", f"index {first} is out of range for {len(a)} elements")
    inner = _set_index(a[first], value, *rest) if rest else value
    return (*a[:first], inner, *a[first + 1 :])


def _mean(a: tuple[Any, ...]) -> Any:
    return broadcast(lambda s: s / len(a), (reduce(_add, a),))


def _interp(x: float, xs: tuple[float, ...], ys: tuple[float, ...]) -> float:
    if x <= xs[0]:
        return ys[0]
    for (x0, x1), (y0, y1) in zip(pairwise(xs), pairwise(ys), strict=True):
        if x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return ys[-1]


def _columns(a: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(zip(*a, strict=True))


def _along(f: Callable[[tuple[Any, ...]], Any]) -> Callable[[tuple[Any, ...]], Any]:
    """A reduction of the leading axis of arrays of any rank."""

    def apply(a: tuple[Any, ...]) -> Any:
        return tuple(apply(c) for c in _columns(a)) if a and isinstance(a[0], tuple) else f(a)

    return apply


_ARRAYS: Mapping[str, Callable[..., Any]] = {
    "stack": lambda *items: tuple(items),
    "index": _index,
    "set_index": _set_index,
    "sum": lambda a: reduce(_add, a),
    "prod": _along(math.prod),
    "mean": _mean,
    "amin": _along(min),
    "amax": _along(max),
    "any": _along(any),
    "all": _along(all),
    "cumsum": _cumsum,
    "sort": lambda a: tuple(sorted(a)),
    "argsort": lambda a: tuple(sorted(range(len(a)), key=a.__getitem__)),
    "argmin": lambda a: min(range(len(a)), key=a.__getitem__),
    "argmax": lambda a: max(range(len(a)), key=a.__getitem__),
    "reverse": lambda a: tuple(reversed(a)),
    "dot": _dot,
    "concatenate": lambda *arrays: tuple(x for a in arrays for x in a),
    "searchsorted": lambda edges, x: sum(1 for e in edges if e <= x),
    "interp": _interp,
}


def broadcast(f: Callable[..., Any], operands: tuple[Any, ...]) -> Any:
    """``f`` elementwise: scalars against nested tuples of one shape."""
    if not any(isinstance(x, tuple) for x in operands):
        return f(*operands)
    size = next(len(x) for x in operands if isinstance(x, tuple))
    return tuple(broadcast(f, tuple(x[i] if isinstance(x, tuple) else x for x in operands)) for i in range(size))


def size(value: Any) -> int:
    return sum(size(v) for v in value) if isinstance(value, tuple) else 1


def _finite(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(_finite(v) for v in value)
    return not isinstance(value, float) or math.isfinite(value)


def fold(op: str, operands: tuple[Any, ...], attrs: Mapping[str, Any]) -> Any:
    """The result of ``op`` on known operands, or None where it is not worth computing. Raises `FoldError`."""
    if op == "fill":
        return (operands[0],) * attrs["size"] if attrs["size"] * size(operands[0]) <= MAX_FOLDED else None
    if op != "stack" and sum(size(x) for x in operands) > 2 * MAX_FOLDED:
        return None
    try:
        if op in _ELEMENTWISE:
            result = broadcast(_ELEMENTWISE[op], operands)
        elif op == "slice":
            result = operands[0][attrs["start"] : attrs["stop"]]
        elif op in _ARRAYS:
            result = _ARRAYS[op](*operands)
        else:
            return None
    except (OverflowError, ValueError, ZeroDivisionError):
        shown = ", ".join(f"{x:g}" if isinstance(x, (int, float)) and abs(x) < 1e300 else "…" for x in operands)
        raise FoldError("E405", f"{op}({shown}) has no finite value") from None
    if not _finite(result) and _finite(operands) and op != "log":
        raise FoldError("E405", f"the result of this {op} is not a finite number")
    return result
