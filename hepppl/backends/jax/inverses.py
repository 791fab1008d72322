"""What an operand must be for an operation to give y: solutions by operation, NaN where there is none.

Everything works on arrays of one event. No branch that is not taken is evaluated where it has no derivative, so that
solutions that do not exist leave no NaN in derivatives, forward or backward.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp

from hepppl.graph import Step, constant

Solutions = tuple[Any, ...]


def where(ok: Any, fn: Callable[..., Any], *xs: Any, safe: tuple[float, ...] = (1.0,)) -> Any:
    """``fn(*xs)`` where ``ok``, NaN elsewhere; the first arguments are kept at ``safe`` there."""
    kept = [jnp.where(ok, x, s) for x, s in zip(xs, safe, strict=False)]
    return jnp.where(ok, fn(*kept, *xs[len(kept) :]), jnp.nan)


def quotient(a: Any, b: Any) -> Any:
    return where(b != 0, lambda b, a: a / b, b, a)


def both(x: Any) -> Solutions:
    return x, -x


def root(y: Any) -> Any:
    return where(y > 0, jnp.sqrt, y)


def of_pow(y: Any, exponent: Any) -> Solutions:
    """Bases. A negative one needs a whole exponent: an even one for y > 0, an odd one for y < 0."""
    size = where((y != 0) & (exponent != 0), lambda y, c: jnp.abs(y) ** (1 / c), y, exponent, safe=(1.0, 1.0))
    odd = jnp.mod(exponent, 2)
    minus = jnp.where(((odd == 0) & (y > 0)) | ((odd == 1) & (y < 0)), -size, jnp.nan)
    return jnp.where(y > 0, size, jnp.nan), minus


def of_whole_pow(y: Any, exponent: float) -> Solutions:
    size = where(y != 0, lambda y: jnp.abs(y) ** (1 / exponent), y)
    if exponent % 2 == 1:
        return (jnp.sign(y) * size,)
    return both(jnp.where(y > 0, size, jnp.nan))


def of_base(y: Any, base: Any) -> Solutions:
    ok = (y > 0) & (base > 0) & (base != 1)
    return (where(ok, lambda y, b: jnp.log(y) / jnp.log(b), y, base, safe=(1.0, 2.0)),)


#: Of operations of one operand.
UNARY: Mapping[str, Callable[[Any], Solutions]] = {
    "neg": lambda y: (-y,),
    "to_real": lambda y: (y,),
    "sqrt": lambda y: (jnp.where(y >= 0, y * y, jnp.nan),),
    "cbrt": lambda y: (y * y * y,),
    "square": lambda y: both(root(y)),
    "abs": lambda y: both(jnp.where(y >= 0, y, jnp.nan)),
    "exp": lambda y: (where(y > 0, jnp.log, y),),
    "expm1": lambda y: (where(y > -1, jnp.log1p, y),),
    "exp2": lambda y: (where(y > 0, jnp.log2, y),),
    "log": lambda y: (jnp.exp(y),),
    "log1p": lambda y: (jnp.expm1(y),),
    "log2": lambda y: (jnp.exp2(y),),
    "log10": lambda y: (10.0**y,),
    "sinh": lambda y: (jnp.arcsinh(y),),
    "cosh": lambda y: both(where(y > 1, jnp.arccosh, y, safe=(2.0,))),
    "tanh": lambda y: (where(jnp.abs(y) < 1, jnp.arctanh, y, safe=(0.0,)),),
    "arcsinh": lambda y: (jnp.sinh(y),),
    "arctan": lambda y: (where(jnp.abs(y) < jnp.pi / 2, jnp.tan, y, safe=(0.0,)),),
    "arctanh": lambda y: (jnp.tanh(y),),
    "sigmoid": lambda y: (where((y > 0) & (y < 1), lambda y: jnp.log(y) - jnp.log1p(-y), y, safe=(0.5,)),),
    "softplus": lambda y: (where(y > 0, lambda y: y + jnp.log(-jnp.expm1(-y)), y),),
}
#: Of operations of two, by which operand is unknown; the other one is given.
BINARY: Mapping[str, tuple[Callable[[Any, Any], Solutions], Callable[[Any, Any], Solutions]]] = {
    "add": (lambda y, b: (y - b,), lambda y, a: (y - a,)),
    "sub": (lambda y, b: (y + b,), lambda y, a: (a - y,)),
    "mul": (lambda y, b: (quotient(y, b),), lambda y, a: (quotient(y, a),)),
    "div": (
        lambda y, b: (jnp.where(b != 0, y * b, jnp.nan),),
        lambda y, a: (jnp.where(a != 0, quotient(a, y), jnp.nan),),
    ),
    "pow": (of_pow, of_base),
    "hypot": (
        lambda y, b: both(where(y > jnp.abs(b), lambda y, b: jnp.sqrt(y * y - b * b), y, b, safe=(1.0, 0.0))),
        lambda y, a: both(where(y > jnp.abs(a), lambda y, a: jnp.sqrt(y * y - a * a), y, a, safe=(1.0, 0.0))),
    ),
}


def undo(step: Step) -> Callable[..., Solutions]:
    """The solutions of one step as a function of y and the other operands."""
    if step.op in UNARY:
        return UNARY[step.op]
    exponent = constant(step.others[0])
    if step.op == "pow" and step.position == 0 and exponent is not None:
        if exponent == 0:
            return lambda y, _: (jnp.full_like(y, jnp.nan),)
        if float(exponent).is_integer():
            return lambda y, _: of_whole_pow(y, float(exponent))
        return lambda y, c: of_pow(y, c)[:1]
    return BINARY[step.op][step.position]


def linear(y: Any, c0: Any, c1: Any) -> Solutions:
    return (quotient(y - c0, c1),)


def quadratic(y: Any, c0: Any, c1: Any, c2: Any) -> Solutions:
    """Roots of c0 + c1 x + c2 x² = y, without cancellation."""
    c0 = c0 - y
    spread = c1 * c1 - 4 * c2 * c0
    sign = jnp.where(c1 >= 0, 1, -1)
    half = -0.5 * (c1 + sign * root(spread))
    half = jnp.where(jnp.isnan(half), 0, half)
    return quotient(half, jnp.where(half == 0, 0, c2)), quotient(c0, half)
