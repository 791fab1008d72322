"""Small functions that every law uses: dtypes, safe masking, and differences computed without cancellation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

#: How far float rounding may carry a probability outside [0, 1].
TOLERANCE = 1e-5


def floats(*values: Any) -> list[Array]:
    """The values in their common floating dtype; the default one (float64 where x64 is on) for integers alone."""
    dtype = jnp.result_type(*values)
    if not jnp.issubdtype(dtype, jnp.floating):
        dtype = jnp.result_type(float)
    return [jnp.asarray(value, dtype) for value in values]


def unit(u: Any) -> Array:
    """``u`` kept between the first midpoint of its dtype's grid (2^-25 in float32) and the last number below 1.

    The last midpoint itself is rounded to 1.
    """
    u = floats(u)[0]
    step = jnp.finfo(u.dtype).epsneg
    return jnp.clip(u, 0.5 * step, 1 - step)


def probability(p: Array) -> Array:
    """``p`` clipped to [0, 1] in value; the derivative passes through, at the ends too."""
    return p + jax.lax.stop_gradient(jnp.clip(p, 0, 1) - p)


def guarded(where: Array, f: Callable[..., Array], otherwise: Any, x: Array, safe: Any = 1) -> Array:
    """``f(x)`` where asked, ``otherwise`` elsewhere, without NaN in the derivative of either."""
    return jnp.where(where, f(jnp.where(where, x, jnp.asarray(safe, x.dtype))), otherwise)


def positive(*values: Array) -> Array:
    """All values are finite and above 0 (NaN is not)."""
    ok = jnp.asarray(True)
    for value in values:
        ok &= (value > 0) & jnp.isfinite(value)
    return ok


def finite(*values: Array) -> Array:
    ok = jnp.asarray(True)
    for value in values:
        ok &= jnp.isfinite(value)
    return ok


def extended(inside: Array, above: Array, tails: tuple[Array, Array]) -> tuple[Array, Array]:
    """``tails`` (below, over) inside the support, (1, 0) above it and (0, 1) below it."""
    below, over = tails
    return jnp.where(inside, below, jnp.where(above, 1.0, 0.0)), jnp.where(inside, over, jnp.where(above, 0.0, 1.0))


@jax.custom_jvp
def log1p(x: Array) -> Array:
    """log(1 + x), in single precision by a series near 0 and a logarithm elsewhere, to two rounding errors.

    XLA's own is not vectorised on CPUs where it is fused with what is around it, which is four times slower.
    """
    if x.dtype != jnp.float32:
        return jnp.log1p(x)
    small = jnp.abs(x) < 0.4
    near = jnp.where(small, x, 0)
    s = near / (2 + near)  # log(1 + x) = 2 artanh(s)
    return jnp.where(small, s * polynomial(s * s, [2 / (2 * k + 1) for k in range(7)]), jnp.log(1 + x))


@log1p.defjvp
def _log1p_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    return log1p(*primals), tangents[0] / (1 + primals[0])


def safe_log(p: Array) -> Array:
    """log p, with derivative 0 where p is 0 and the value -inf: an outcome of that probability is never drawn."""
    return jnp.where(p > 0, jnp.log(jnp.where(p > 0, p, 1)), -jnp.inf)


def safe_log_complement(p: Array) -> Array:
    """log(1 - p), with derivative 0 where p is 1."""
    return jnp.where(p < 1, log1p(-jnp.where(p < 1, p, 0)), -jnp.inf)


def whole(x: Any, like: Array) -> Array:
    """The integer at or below ``x``, a constant to derivatives, as a float like ``like``."""
    real = jnp.asarray(x, like.dtype)
    return jax.lax.stop_gradient(jnp.floor(real) if jnp.issubdtype(jnp.result_type(x), jnp.floating) else real)


def polynomial(x: Array, coefficients: Any) -> Array:
    """Horner's rule, the constant first."""
    total = jnp.full_like(x, coefficients[-1])
    for c in coefficients[-2::-1]:
        total = total * x + jnp.asarray(c, x.dtype)
    return total


def _terms(x: Array, single: int, double: int) -> int:
    return double if x.dtype == jnp.float64 else single


def log1pmx(x: Array) -> Array:
    """log(1 + x) - x for x > -1, to a few rounding errors also near 0.

    Near 0 from log(1 + x) = 2 artanh(s), s = x / (2 + x): the difference is -s x + 2 s^3 (1/3 + s^2/5 + …).
    """
    small = jnp.abs(x) < 0.4
    near = jnp.where(small, x, 0)
    s = near / (2 + near)
    series = polynomial(s * s, [2 / (2 * k + 3) for k in range(_terms(x, 5, 12))])
    far = jnp.where(small, 1, x)
    return jnp.where(small, s * (s * s * series - near), log1p(far) - far)


def expm1mx(x: Array) -> Array:
    """exp(x) - 1 - x, to a few rounding errors also near 0."""
    small = jnp.abs(x) < 0.5
    near = jnp.where(small, x, 0)
    factorials = np.cumprod(np.arange(1.0, 16.0))
    series = polynomial(near, [1 / f for f in factorials[1 : _terms(x, 9, 15)]])
    far = jnp.where(small, 1, x)
    return jnp.where(small, near * near * series, jnp.expm1(far) - far)


# Stieltjes' continued fraction of the remainder of Stirling's series: a0 / (x + a1 / (x + …)).
# T. J. Stieltjes (1894); NIST DLMF 5.10.
_STIELTJES = (
    1 / 12,
    1 / 30,
    53 / 210,
    195 / 371,
    22999 / 22737,
    29944523 / 19733142,
    109535241009 / 48264275462,
)


def stirling_error(x: Array) -> Array:
    """log Γ(x) - ((x - 1/2) log x - x + log(2π)/2) for x > 0: small, about 1 / (12 x).

    Below 2 (5 in float64) the argument is first raised step by step.
    """
    shifts = _terms(x, 2, 5)
    start = jnp.asarray(shifts, x.dtype)
    correction = jnp.zeros_like(x)
    for _ in range(shifts):
        low = x < start
        step = jnp.where(low, x, 1)
        correction += jnp.where(low, (step + 0.5) * log1p(1 / step) - 1, 0)
        x = jnp.where(low, x + 1, x)
    fraction = jnp.zeros_like(x)
    for a in reversed(_STIELTJES[: _terms(x, 5, 7)]):
        fraction = jnp.asarray(a, x.dtype) / (x + fraction)
    return fraction + correction
