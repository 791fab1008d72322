"""The pure operations (`OPS` of the typed program) in NumPy: name -> function of the inputs and the attributes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np


class RangeFault(Exception):
    """An index that is not static is out of range (``kind`` "range"), or a number is beyond 32 bits ("integer").
    ``value`` is what the program goes on with."""

    def __init__(self, value: Any, kind: str = "range"):
        self.value, self.kind = value, kind


def _special(name: str) -> Callable[[Any], Any]:
    def call(x: Any) -> Any:
        import scipy.special

        return getattr(scipy.special, name)(x)

    return call


def _fit(array: np.ndarray, indices: tuple[Any, ...]) -> tuple[tuple[int, ...], bool]:
    """The indices moved to the nearest element, and whether all were in range (counted from 0; none from the end)."""
    fitted = tuple(min(max(int(i), 0), n - 1) for i, n in zip(indices, array.shape, strict=False))
    return fitted, all(i == int(j) for i, j in zip(fitted, indices, strict=True))


def _index(array: np.ndarray, *indices: Any) -> Any:
    fitted, inside = _fit(array, indices)
    if not inside:
        raise RangeFault(array[fitted])
    return array[fitted]


def _set_index(array: np.ndarray, value: Any, *indices: Any) -> np.ndarray:
    fitted, inside = _fit(array, indices)
    if not inside:
        raise RangeFault(array)
    copy = array.copy()
    copy[fitted] = value
    return copy


def _pow(x: Any, y: Any) -> Any:
    """A power; of integers too, where NumPy refuses a negative exponent."""
    return np.power(x, y) if _is_real(x) or np.all(np.asarray(y) >= 0) else np.power(np.float64(x), y)


def _sigmoid(x: Any) -> Any:
    small = np.exp(-np.abs(x))
    return np.where(np.asarray(x) >= 0, 1 / (1 + small), small / (1 + small))


ELEMENTWISE: Mapping[str, Callable[..., Any]] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.true_divide, "mod": np.mod, "pow": _pow,
    "neg": np.negative, "abs": np.abs, "sign": np.sign, "min": np.minimum, "max": np.maximum,
    "floor": np.floor, "ceil": np.ceil, "round": np.rint, "trunc": np.trunc,
    "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal, "ne": np.not_equal,
    "and": np.logical_and, "or": np.logical_or, "not": np.logical_not, "select": np.where,
    "to_real": lambda x: x, "to_int": lambda x: x,
    "sqrt": np.sqrt, "cbrt": np.cbrt, "square": np.square, "hypot": np.hypot,
    "exp": np.exp, "expm1": np.expm1, "exp2": np.exp2,
    "log": np.log, "log1p": np.log1p, "log2": np.log2, "log10": np.log10,
    "sin": np.sin, "cos": np.cos, "tan": np.tan,
    "arcsin": np.arcsin, "arccos": np.arccos, "arctan": np.arctan, "arctan2": np.arctan2,
    "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh,
    "arcsinh": np.arcsinh, "arccosh": np.arccosh, "arctanh": np.arctanh,
    "sigmoid": _sigmoid, "softplus": lambda x: np.logaddexp(0, x), "isfinite": np.isfinite,
    "erf": _special("erf"), "erfc": _special("erfc"), "lgamma": _special("gammaln"), "digamma": _special("digamma"),
}  # fmt: skip

ARRAYS: Mapping[str, Callable[..., Any]] = {
    "stack": lambda *parts: np.stack(parts),
    "index": _index,
    "set_index": _set_index,
    "slice": lambda x, *, start, stop: x[start:stop],
    "fill": lambda x, *, size: np.stack([x] * size) if size else np.empty((0, *np.shape(x))),
    "sum": lambda x: np.sum(x, axis=0),
    "prod": lambda x: np.prod(x, axis=0),
    "mean": lambda x: np.mean(x, axis=0),
    "amin": lambda x: np.min(x, axis=0),
    "amax": lambda x: np.max(x, axis=0),
    "any": lambda x: np.any(x, axis=0),
    "all": lambda x: np.all(x, axis=0),
    "cumsum": lambda x: np.cumsum(x, axis=0),
    "sort": lambda x: np.sort(x, axis=0),
    "argsort": lambda x: np.argsort(x, axis=0, kind="stable"),
    "argmin": lambda x: np.argmin(x, axis=0),
    "argmax": lambda x: np.argmax(x, axis=0),
    "reverse": lambda x: np.flip(x, axis=0),
    "dot": np.dot,
    "concatenate": lambda *parts: np.concatenate(parts),
    "searchsorted": lambda edges, x: np.searchsorted(edges, x, side="right"),
    "interp": np.interp,
}


#: Integer operations whose result may be beyond 32 bits.
WATCHED = frozenset(("add", "sub", "mul", "neg", "abs", "pow", "sum", "prod", "cumsum", "dot", "to_int"))


def _is_real(x: Any) -> bool:
    return np.asarray(x).dtype.kind == "f"


class Numbers:
    """How the three kinds of the language are held: reals of 64 or 32 bits, integers of the same width, booleans."""

    def __init__(self, precision: int = 64):
        if precision not in (32, 64):
            raise ValueError(f"precision is 32 or 64 bits, not {precision}")
        self.real: Any = np.float64 if precision == 64 else np.float32
        self.int: Any = np.int64 if precision == 64 else np.int32
        self.bool: Any = np.bool_

    def of(self, kind: str, x: Any) -> Any:
        """``x`` as a NumPy scalar or array of that kind (``real``, ``int`` or ``bool``)."""
        dtype = getattr(self, kind)
        return x if type(x) is dtype else np.asarray(x).astype(dtype)[()]

    def extreme(self, kind: str, sign: int) -> Any:
        """What is beyond every value of the kind, above (sign 1) or below (-1)."""
        if kind == "real":
            return sign * np.inf
        limits = np.iinfo(self.int)
        return limits.max if sign > 0 else limits.min

    def joined(self, values: list[Any]) -> list[Any]:
        """Booleans and integers made real where they meet reals. (NumPy would make float32 and int32 a float64.)"""
        if not any(map(_is_real, values)):
            return values
        return [self.of("real", v) for v in values]

    def apply(self, op: str, inputs: list[Any], kind: str, attrs: Mapping[str, Any]) -> Any:
        """The result, of the given kind, of a pure operation. Raises `RangeFault`."""
        value = self._applied(op, inputs, kind, attrs)
        if kind == "int" and op in WATCHED:
            exact = np.asarray((ARRAYS.get(op) or ELEMENTWISE[op])(*(np.asarray(v, np.float64) for v in inputs)))
            if not np.all((exact >= -(2.0**31)) & (exact < 2.0**31)):
                raise RangeFault(value, "integer")
        return value

    def _applied(self, op: str, inputs: list[Any], kind: str, attrs: Mapping[str, Any]) -> Any:
        if op in ARRAYS:
            used = {k: attrs[k] for k in ("start", "stop", "size") if k in attrs}
            if op in ("stack", "concatenate", "dot", "interp", "searchsorted"):
                inputs = self.joined(inputs)
            return self.of(kind, ARRAYS[op](*inputs, **used))
        if op == "select":
            return self.of(kind, np.where(inputs[0], *self.joined(inputs[1:])))
        inputs = self.joined(inputs)
        if kind == "real" or (kind == "int" and op != "to_int"):  # NumPy would add booleans as a logical or
            inputs = [v if _is_real(v) else self.of(kind, v) for v in inputs]
        return self.of(kind, ELEMENTWISE[op](*inputs))
