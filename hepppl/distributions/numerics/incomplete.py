"""Incomplete gamma and beta functions, accurate in float32 for parameters from 1e-3 to 1e6, and their inverses.

JAX's own lose all digits in float32 at large parameters (they exponentiate differences of large logarithms) and loop
until they converge. Here both are one integral of fixed cost. With t = x e^(-v) the lower tail of the beta law is

    I_x(a, b) = x^a (1-x)^(b-1) / B(a, b) * integral_0^inf exp(-a v + (b-1) log((1 - x e^(-v)) / (1 - x))) dv,

the upper one is its mirror image, and the gamma law its limit for large b. The integrand decays exponentially and is
smooth, so the trapezoidal rule after v = exp(s - exp(-s)) / k converges exponentially (H. Takahasi and M. Mori,
Publ. RIMS 9 (1974) 721): 24 nodes give 1e-6, 80 give 1e-12. The factor in front is written with Loader's
deviance (C. Loader, "Fast and accurate computation of binomial probabilities", 2000), which does not cancel.

Derivatives with respect to a and b are derivatives of that integral; the scale k is held fixed, since the integral
does not depend on it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.custom_derivatives import SymbolicZero
from jax.lax import stop_gradient

from hepppl.distributions.numerics.elementary import expm1mx, extended, log1p, log1pmx, stirling_error

_HALF_LOG_2PI = 0.5 * float(np.log(2 * np.pi))


@cache
def _nodes(double: bool) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Nodes and weights for integrals over (0, inf) of functions that decay like exp(-v)."""
    s = np.linspace(-3.5, 4.0, 80) if double else np.linspace(-2.5, 3.0, 24)
    v = np.exp(s - np.exp(-s))
    return tuple(v.tolist()), tuple(((s[1] - s[0]) * v * (1 + np.exp(-s))).tolist())


def tail_integral(
    exponent: Callable[[Array], Array], scale: Array, factor: Callable[[Array], Array] | None = None
) -> Array:
    """The integral over v in (0, inf) of factor(v) exp(exponent(v)), which decays at about the rate ``scale``."""
    scale = stop_gradient(scale)
    nodes, weights = (jnp.asarray(n, scale.dtype) for n in _nodes(scale.dtype == jnp.float64))

    def add(i: int, total: Array) -> Array:
        v = nodes[i] / scale
        term = weights[i] * jnp.exp(jnp.maximum(exponent(v), -80))  # denormals are slow
        return total + (term if factor is None else term * factor(v))

    return jax.lax.fori_loop(0, len(nodes), add, jnp.zeros_like(scale)) / scale


def _deviance(a: Array, excess: Array, m: Array) -> Array:
    """a log(m / a) - (m - a) <= 0, where ``excess`` is m - a, known more exactly than from the difference."""
    ratio = excess / a
    near = jnp.abs(ratio) < 0.4
    return a * jnp.where(near, log1pmx(jnp.where(near, ratio, 0)), jnp.log(jnp.where(near, 1, m / a)) - ratio)


def gamma_log_weight(a: Array, x: Array) -> Array:
    """log(x^a e^-x / Γ(a)) for a, x > 0: the log density of log x."""
    return _deviance(a, x - a, x) + 0.5 * jnp.log(a) - _HALF_LOG_2PI - stirling_error(a)


def beta_log_weight(a: Array, b: Array, x: Array, c: Array) -> Array:
    """log(x^a c^b / B(a, b)) for a, b > 0 and x + c = 1, both inside (0, 1): the log density of log(x / c)."""
    d = b * x - a * c
    deviance = _deviance(a, d, (a + b) * x) + _deviance(b, -d, (a + b) * c)
    errors = stirling_error(a + b) - stirling_error(a) - stirling_error(b)
    return deviance + 0.5 * (jnp.log(a) - log1p(a / b)) - _HALF_LOG_2PI + errors


def gamma_state(a: Array, x: Array) -> tuple[Array, Array, Array]:
    """P(a, x), Q(a, x) and the density of log x, for x > 0; without a derivative rule."""
    lower = x < jnp.maximum(a, 0.5)
    # The lower tail runs down from x as x e^(-v), the upper one up as x + v. The formula not used gets a harmless x.
    low = jnp.where(lower, x, jnp.minimum(a, 0.5))
    high = jnp.where(lower, jnp.maximum(a, 0.5), x)
    slope = jnp.where(lower, a - low, (high - a + 1) / high)
    down = jnp.maximum(slope, 0) + jnp.minimum(a, low) / (1 + jnp.sqrt(low))
    up = jnp.minimum(1, slope + 1 / jnp.sqrt(high))
    integral = tail_integral(
        lambda v: jnp.where(lower, -low * expm1mx(-v), (a - 1) * log1pmx(v / high)) - slope * v,
        jnp.where(lower, down, up),
    )
    density = jnp.exp(gamma_log_weight(a, x))
    tail = jnp.minimum(density * integral / jnp.where(lower, 1, high), 1)
    return jnp.where(lower, tail, 1 - tail), jnp.where(lower, 1 - tail, tail), density


def beta_state(a: Array, b: Array, x: Array, c: Array) -> tuple[Array, Array, Array]:
    """I_x(a, b), its complement and the density of log(x / c), for x, c > 0; without a derivative rule."""
    tiny_x, tiny_c = b * x < 0.5 * c, a * c < 0.5 * x
    lower = jnp.where(tiny_x == tiny_c, b * x < a * c, tiny_x)
    p, q = jnp.where(lower, a, b), jnp.where(lower, b, a)
    y, z = jnp.where(lower, x, c), jnp.where(lower, c, x)
    ratio = y / z
    slope = p - (q - 1) * ratio
    scale = jnp.minimum(p, jnp.maximum(slope, 0) + jnp.sqrt(jnp.maximum(q - 1, 0) * y) / z)
    integral = tail_integral(
        lambda v: (q - 1) * (log1pmx(-ratio * jnp.expm1(-v)) - ratio * expm1mx(-v)) - slope * v, scale
    )
    density = jnp.exp(beta_log_weight(a, b, x, c))
    tail = jnp.minimum(density * integral / z, 1)
    return jnp.where(lower, tail, 1 - tail), jnp.where(lower, 1 - tail, tail), density


@jax.custom_jvp
def gamma_tails(a: Array, x: Array) -> tuple[Array, Array]:
    """P(a, x) and Q(a, x) = 1 - P, the smaller one to its own relative accuracy. a > 0; any x."""
    inside = (x > 0) & jnp.isfinite(x)
    return extended(inside, x > 0, gamma_state(a, jnp.where(inside, x, 1))[:2])


def _gamma_tails_jvp(primals, tangents):  # type: ignore[no-untyped-def]
    a, x = primals
    da, dx = tangents
    out = gamma_tails(a, x)
    inside = (x > 0) & jnp.isfinite(x)
    x = jnp.where(inside, x, 1)
    slope = jnp.zeros_like(out[0])
    if not isinstance(dx, SymbolicZero):
        slope += jnp.exp(gamma_log_weight(a, x) - jnp.log(x)) * dx
    if not isinstance(da, SymbolicZero):
        slope += jax.jvp(lambda a: gamma_state(a, x)[0], (a,), (jnp.ones_like(a),))[1] * da
    slope = jnp.where(inside, slope, 0)
    return out, (slope, -slope)


gamma_tails.defjvp(_gamma_tails_jvp, symbolic_zeros=True)


@jax.custom_jvp
def beta_tails(a: Array, b: Array, x: Array, c: Array) -> tuple[Array, Array]:
    """I_x(a, b) and 1 - I_x(a, b), the smaller one to its own relative accuracy. a, b > 0; c = 1 - x, any x.

    The derivative is taken along x; that of c is not looked at.
    """
    inside = (x > 0) & (c > 0)
    return extended(inside, x > 0, beta_state(a, b, jnp.where(inside, x, 0.5), jnp.where(inside, c, 0.5))[:2])


def _beta_tails_jvp(primals, tangents):  # type: ignore[no-untyped-def]
    a, b, x, c = primals
    da, db, dx, _ = tangents
    out = beta_tails(a, b, x, c)
    inside = (x > 0) & (c > 0)
    x, c = jnp.where(inside, x, 0.5), jnp.where(inside, c, 0.5)
    slope = jnp.zeros_like(out[0])
    if not isinstance(dx, SymbolicZero):
        slope += jnp.exp(beta_log_weight(a, b, x, c) - jnp.log(x) - jnp.log(c)) * dx
    if not isinstance(da, SymbolicZero):
        slope += jax.jvp(lambda a: beta_state(a, b, x, c)[0], (a,), (jnp.ones_like(a),))[1] * da
    if not isinstance(db, SymbolicZero):
        slope += jax.jvp(lambda b: beta_state(a, b, x, c)[0], (b,), (jnp.ones_like(b),))[1] * db
    slope = jnp.where(inside, slope, 0)
    return out, (slope, -slope)


beta_tails.defjvp(_beta_tails_jvp, symbolic_zeros=True)
