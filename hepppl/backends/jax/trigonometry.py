"""sin, cos and arctan2 in float32 from operations that XLA vectorises on every device: its own call the C library, one
number at a time, on a CPU. In float64, JAX's functions."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

#: pi/2 as a sum of three numbers, the first two of 11 bits: their products with a whole number below 2**13 are exact.
_HALF_PI = tuple(map(np.float32, (1.5703125, 0.0004837512969970703, 7.549790126404332e-08)))
#: Up to here the remainder by pi/2 is taken with `_HALF_PI`, beyond from the digits of 1/(2 pi).
_FAR = np.float32(4096)
#: The binary digits of 1/(2 pi) in words of 32, after one word for the part before the point.
_TURN = (0x0, 0x28BE60DB, 0x9391054A, 0x7F09D5F4, 0x7D4D3770, 0x36D8A566, 0x4F10E410)

#: Minimax polynomials of sin and cos on [-pi/4, pi/4] and of arctan for |t| <= tan(pi/8), in the square of the argument
#: (the Cephes library, single precision).
_SIN = (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
_COS = (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)
_ARCTAN = (8.05374449538e-2, -1.38776856032e-1, 1.99777106478e-1, -3.33329491539e-1)


def _polynomial(coefficients: tuple[float, ...], z: Array) -> Array:
    value = jnp.full_like(z, coefficients[0])
    for c in coefficients[1:]:
        value = value * z + np.float32(c)
    return value


def _high_product(a: Array, b: Array) -> Array:
    """The upper word of the product of two words of 32 bits."""
    a0, a1, b0, b1 = a & 0xFFFF, a >> 16, b & 0xFFFF, b >> 16
    low = a1 * b0 + ((a0 * b0) >> 16)
    middle = a0 * b1 + (low & 0xFFFF)
    return a1 * b1 + (low >> 16) + (middle >> 16)


def _turns(x: Array) -> Array:
    """The fraction of x / (2 pi) in units of 2**-32, for x of 4096 and more (Payne and Hanek 1983: multiply by those
    digits of 1/(2 pi) that matter)."""
    bits = lax.bitcast_convert_type(x, jnp.uint32)
    mantissa = (bits & jnp.uint32(0x7FFFFF)) | jnp.uint32(0x800000)
    shift = jnp.maximum((bits >> 23).astype(jnp.int32) - 118, 0).astype(jnp.uint32)  # x = mantissa * 2**(shift - 32)
    word, shift = shift >> 5, shift & 31

    def digits(offset: int) -> Array:
        value = jnp.uint32(_TURN[offset])
        for k in range(1, 5):
            value = jnp.where(word == k, jnp.uint32(_TURN[offset + k]), value)
        return value

    first, second, third = digits(0), digits(1), digits(2)
    high = (first << shift) | ((second >> 1) >> (31 - shift))
    low = (second << shift) | ((third >> 1) >> (31 - shift))
    return mantissa * high + _high_product(mantissa, low)


def _quadrant(x: Array) -> tuple[Array, Array]:
    """Whole q and r in [-pi/4, pi/4] (but for rounding) with |x| = q pi/2 + r; q modulo 4."""
    x = jnp.abs(x)
    near = jnp.round(x * np.float32(2 / np.pi))
    rest = ((x - near * _HALF_PI[0]) - near * _HALF_PI[1]) - near * _HALF_PI[2]
    turns = _turns(x)
    rounded = turns + jnp.uint32(1 << 29)
    far = lax.bitcast_convert_type(turns - (rounded & jnp.uint32(0xC0000000)), jnp.int32)
    beyond = x >= _FAR
    rest = jnp.where(beyond, far.astype(jnp.float32) * np.float32(2 * np.pi / 2**32), rest)
    return jnp.where(beyond, (rounded >> 30).astype(jnp.int32), near.astype(jnp.int32)), rest


def _sine(quadrant: Array, r: Array, x: Array) -> Array:
    """sin(quadrant pi/2 + r)."""
    z = r * r
    sine, cosine = _polynomial(_SIN, z) * z * r + r, _polynomial(_COS, z) * z * z - np.float32(0.5) * z + 1
    value = jnp.where(quadrant & 1 != 0, cosine, sine)
    return jnp.where(jnp.isfinite(x), jnp.where(quadrant & 2 != 0, -value, value), np.float32(np.nan))


def _single(*xs: Array) -> bool:
    return all(x.dtype == np.float32 for x in xs)


@jax.custom_jvp
def sin(x: Any) -> Any:
    """Sine, to 1.1e-7 for every float32."""
    x = jnp.asarray(x)
    if not _single(x):
        return jnp.sin(x)
    quadrant, r = _quadrant(x)
    return _sine(quadrant + jnp.where(jnp.signbit(x), 2, 0), r, x)


@jax.custom_jvp
def cos(x: Any) -> Any:
    """Cosine, to 1.1e-7 for every float32."""
    x = jnp.asarray(x)
    if not _single(x):
        return jnp.cos(x)
    quadrant, r = _quadrant(x)
    return _sine(quadrant + 1, r, x)


sin.defjvps(lambda t, y, x: t * cos(x))
cos.defjvps(lambda t, y, x: -t * sin(x))


def _arctan2_single(y: Array, x: Array) -> Array:
    ax, ay = jnp.abs(x), jnp.abs(y)
    big, small = jnp.maximum(ax, ay), jnp.minimum(ax, ay)
    infinite = jnp.isinf(small)
    upper = (small > np.float32(0.41421356) * big) | infinite
    numerator = jnp.where(upper, small - big, small)
    denominator = jnp.where(upper, small + big, big)
    t = numerator / jnp.where(denominator == 0, 1, denominator)
    t = jnp.where(infinite, 0, t)
    z = t * t
    angle = _polynomial(_ARCTAN, z) * z * t + t + jnp.where(upper, np.float32(np.pi / 4), 0)
    angle = jnp.where(ay > ax, np.float32(np.pi / 2) - angle, angle)
    angle = jnp.where(jnp.signbit(x), np.float32(np.pi) - angle, angle)
    return jnp.copysign(jnp.where(jnp.isnan(x) | jnp.isnan(y), np.float32(np.nan), angle), y)


@jax.custom_jvp
def arctan2(y: Any, x: Any) -> Any:
    """Angle of (x, y), to about two units in the last place."""
    y, x = jnp.broadcast_arrays(y, x)
    return _arctan2_single(y, x) if _single(x, y) else jnp.arctan2(y, x)


@arctan2.defjvp
def _arctan2_jvp(primals: tuple[Any, Any], tangents: tuple[Any, Any]) -> tuple[Any, Any]:
    y, x = primals
    square = x * x + y * y
    inverse = jnp.where(square > 0, 1 / jnp.where(square > 0, square, 1), 0)
    return arctan2(y, x), (x * tangents[0] - y * tangents[1]) * inverse
