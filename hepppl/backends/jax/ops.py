"""The pure operations of the SSA program as JAX functions of one event's values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.special as jsp
from jax import lax

from hepppl.backends.jax.trigonometry import arctan2, cos, sin
from hepppl.distributions.numerics.elementary import log1p


@jax.custom_jvp
def safe_sqrt(x: Any) -> Any:
    """Square root whose derivative at zero is taken as 0: a value that does not move has no infinite slope."""
    return jnp.sqrt(x)


@safe_sqrt.defjvp
def _safe_sqrt_jvp(primals: tuple[Any], tangents: tuple[Any]) -> tuple[Any, Any]:
    y = jnp.sqrt(primals[0])
    return y, tangents[0] * jnp.where(y > 0, 0.5 / jnp.where(y > 0, y, 1), 0)


@jax.custom_jvp
def safe_hypot(x: Any, y: Any) -> Any:
    return jnp.hypot(x, y)


@safe_hypot.defjvp
def _safe_hypot_jvp(primals: tuple[Any, Any], tangents: tuple[Any, Any]) -> tuple[Any, Any]:
    r = jnp.hypot(*primals)
    inverse = jnp.where(r > 0, 1 / jnp.where(r > 0, r, 1), 0)
    return r, (primals[0] * tangents[0] + primals[1] * tangents[1]) * inverse


def power(x: Any, y: Any) -> Any:
    """``x ** y``; a negative base with an exponent that is not whole gives NaN, as NumPy."""
    return jnp.power(x, y)


def take(array: Any, *indices: Any) -> Any:
    for i in indices:
        array = lax.dynamic_index_in_dim(array, i, 0, keepdims=False)
    return array


def put(array: Any, value: Any, *indices: Any) -> Any:
    first = jnp.zeros_like(indices[0])  # in 64 bits a Python 0 would be another type
    starts = (*indices, *(first for _ in range(array.ndim - len(indices))))
    block = jnp.asarray(value, array.dtype).reshape((1,) * len(indices) + array.shape[len(indices) :])
    return lax.dynamic_update_slice(array, block, starts)


def dot(x: Any, y: Any) -> Any:
    """The product of vectors and matrices, in full precision on every device."""
    return jnp.sum(x * y, 0) if x.ndim == y.ndim == 1 else jnp.dot(x, y, precision=lax.Precision.HIGHEST)


def integer_pow(exponent: int) -> Callable[[Any], Any]:
    return lambda x: lax.integer_pow(x, exponent)


SIMPLE: Mapping[str, Callable[..., Any]] = {
    "add": jnp.add, "sub": jnp.subtract, "mul": jnp.multiply, "div": jnp.divide, "mod": jnp.mod, "pow": power,
    "neg": jnp.negative, "lt": jnp.less, "le": jnp.less_equal, "gt": jnp.greater, "ge": jnp.greater_equal,
    "eq": jnp.equal, "ne": jnp.not_equal, "and": jnp.logical_and, "or": jnp.logical_or, "not": jnp.logical_not,
    "select": jnp.where, "min": jnp.minimum, "max": jnp.maximum, "abs": jnp.abs, "sign": jnp.sign,
    "floor": jnp.floor, "ceil": jnp.ceil, "round": jnp.round, "trunc": jnp.trunc, "to_real": lambda x: x,
    "to_int": lambda x: x, "sqrt": safe_sqrt, "cbrt": jnp.cbrt, "square": jnp.square, "exp": jnp.exp,
    "expm1": jnp.expm1, "exp2": jnp.exp2, "log": jnp.log, "log1p": log1p, "log2": jnp.log2, "log10": jnp.log10,
    "sin": sin, "cos": cos, "tan": jnp.tan, "arcsin": jnp.arcsin, "arccos": jnp.arccos,
    "arctan": jnp.arctan, "arctan2": arctan2, "hypot": safe_hypot, "sinh": jnp.sinh, "cosh": jnp.cosh,
    "tanh": jnp.tanh, "arcsinh": jnp.arcsinh, "arccosh": jnp.arccosh, "arctanh": jnp.arctanh,
    "sigmoid": jax.nn.sigmoid, "softplus": jax.nn.softplus, "erf": jsp.erf, "erfc": jsp.erfc, "lgamma": jsp.gammaln,
    "digamma": jsp.digamma, "isfinite": jnp.isfinite,
    "stack": lambda *xs: jnp.stack(xs), "index": take, "set_index": put,
    "sum": lambda x: jnp.sum(x, 0), "prod": lambda x: jnp.prod(x, 0), "mean": lambda x: jnp.mean(x, 0),
    "amin": lambda x: jnp.min(x, 0), "amax": lambda x: jnp.max(x, 0), "any": lambda x: jnp.any(x, 0),
    "all": lambda x: jnp.all(x, 0), "cumsum": lambda x: jnp.cumsum(x, 0), "sort": lambda x: jnp.sort(x, 0),
    "argsort": lambda x: jnp.argsort(x, 0), "argmin": lambda x: jnp.argmin(x, 0),
    "argmax": lambda x: jnp.argmax(x, 0), "reverse": lambda x: jnp.flip(x, 0), "dot": dot,
    "concatenate": lambda *xs: jnp.concatenate(xs),
    "searchsorted": lambda edges, x: jnp.searchsorted(edges, x, side="right"), "interp": jnp.interp,
}  # fmt: skip

#: Elementwise operations: scalars of a batch need no vmap, arrays broadcast once the batch axis is last.
ELEMENTWISE = frozenset(SIMPLE) - {
    "stack", "index", "set_index", "sum", "prod", "mean", "amin", "amax", "any", "all", "cumsum", "sort", "argsort",
    "argmin", "argmax", "reverse", "dot", "concatenate", "searchsorted", "interp",
}  # fmt: skip


#: Of these, the ones whose slope is finite wherever they are: the others are made strict for reverse mode.
GENTLE = frozenset({
    "add", "sub", "neg", "lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not", "select", "min", "max", "abs", "sign",
    "floor", "ceil", "round", "trunc", "to_real", "to_int", "sin", "cos", "arctan", "tanh", "arcsinh", "sigmoid",
    "softplus", "erf", "erfc", "isfinite",
})  # fmt: skip

#: Operations that cost more than to keep what reverse mode brings to them, which would else be computed anew in every
#: operand's share.
COSTLY = frozenset({
    "exp", "expm1", "exp2", "log", "log1p", "log2", "log10", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh",
    "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "sigmoid", "softplus", "erf", "erfc", "lgamma", "digamma",
})  # fmt: skip


def function(op: str, attrs: Mapping[str, Any]) -> Callable[..., Any]:
    """The JAX function of an operation with its static attributes bound."""
    if op == "slice":
        return lambda x: x[attrs["start"] : attrs["stop"]]
    if op == "fill":
        return lambda x: jnp.broadcast_to(x, (attrs["size"], *jnp.shape(x)))
    return SIMPLE[op]
