"""Inverses of the incomplete gamma and beta functions, differentiable in every argument.

The law of log x (gamma) or log(x / (1 - x)) (beta) is log-concave, so the logarithm of either tail is concave there
and Newton's method converges from anywhere; with good starts two to four of Halley's steps reach rounding. The
derivative is implicit, dx/dθ = -(∂F/∂θ) / F'(x) (M. Figurnov, S. Mohamed, A. Mnih, arXiv:1805.08498, eq. 4), never
that of the iteration.

Every quantile takes p and q = 1 - p, so that both tails keep their digits.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array
from jax.custom_derivatives import SymbolicZero
from jax.lax import lgamma
from jax.scipy.special import ndtri

from hepppl.distributions.numerics.elementary import guarded
from hepppl.distributions.numerics.incomplete import (
    beta_log_weight,
    beta_state,
    beta_tails,
    gamma_log_weight,
    gamma_state,
    gamma_tails,
)


def normal_quantile(p: Array, q: Array) -> Array:
    """The standard normal's quantile."""
    lower = p < q
    return jnp.where(lower, 1, -1) * ndtri(jnp.where(lower, p, q))


def implicit_quantile(
    solve: Callable[..., Array], tails: Callable[..., tuple[Array, Array]], log_density: Callable[..., Array]
) -> Callable[..., Array]:
    """``solve(p, q, *params)`` with the implicit derivative. ``tails(x, *params)`` must be differentiable."""

    @jax.custom_jvp
    def quantile(p: Array, q: Array, *params: Array) -> Array:
        return solve(p, q, *params)

    def rule(primals, tangents):  # type: ignore[no-untyped-def]
        p, q, *params = primals
        dp, dq, *dparams = tangents
        x = quantile(*primals)
        shift = jnp.zeros_like(x)
        if not isinstance(dp, SymbolicZero) or not isinstance(dq, SymbolicZero):
            rise, fall = (jnp.zeros_like(x) if isinstance(d, SymbolicZero) else d for d in (dp, dq))
            shift += jnp.where(p < q, rise, -fall)
        for i, tangent in enumerate(dparams):
            if not isinstance(tangent, SymbolicZero):

                def cdf(value: Array, i: int = i) -> Array:
                    return tails(x, *params[:i], value, *params[i + 1 :])[0]

                shift -= jax.jvp(cdf, (params[i],), (jnp.ones_like(params[i]),))[1] * tangent
        density = jnp.exp(log_density(x, *params))
        return x, jnp.where(density > 0, shift / jnp.where(density > 0, density, 1), 0)

    quantile.defjvp(rule, symbolic_zeros=True)
    return quantile


def _limit(x: Array) -> float:
    """Quantiles of logarithms are kept within this of 0: exp of them is a normal number."""
    return 700.0 if x.dtype == jnp.float64 else 87.0


def _halley(
    y: Array, lower: Array, p: Array, q: Array, state: Callable[[Array], tuple[Array, Array, Array, Array]], steps: int
) -> Array:
    """Solves tail(y) = p or q in the logarithm of the tail. ``state``: y -> (P, Q, density, slope of log density)."""
    goal, limit = jnp.log(jnp.where(lower, p, q)), _limit(y)
    sign = jnp.where(lower, 1, -1)

    def step(_: int, y: Array) -> Array:
        below, above, density, slope = state(y)
        tiny = jnp.finfo(y.dtype).tiny
        tail = jnp.maximum(jnp.where(lower, below, above), tiny)
        rate = jnp.maximum(density / tail, tiny)
        newton = sign * (jnp.log(tail) - goal) / rate
        move = newton / jnp.clip(1 - 0.5 * newton * (slope - sign * rate), 0.5, 2)
        return jnp.clip(y - jnp.clip(move, -3, 3), -limit, limit)

    return jax.lax.fori_loop(0, steps, step, jnp.clip(y, -limit, limit))


def _solve_gamma(p: Array, q: Array, a: Array) -> Array:
    z = normal_quantile(p, q)
    # Wilson and Hilferty's cube root where it holds, else the leading term of a tail (which bounds from the left).
    root = 1 - 1 / (9 * a) + z / (3 * jnp.sqrt(a))
    cube = jnp.where(root > 0.25, jnp.log(a) + 3 * jnp.log(jnp.maximum(root, 0.25)), -jnp.inf)
    left = (jnp.log(p) + lgamma(a + 1)) / a
    t = -jnp.log(q) - lgamma(a)
    right = guarded(t > 1, lambda t: jnp.log(jnp.maximum(t + (a - 1) * jnp.log(t), 1e-3)), -jnp.inf, t)
    start = jnp.where(a < 0.5, jnp.where(right > 0, right, jnp.minimum(left, 0)), jnp.maximum(left, cube))

    def state(y: Array) -> tuple[Array, Array, Array, Array]:
        x = jnp.exp(y)
        return *gamma_state(a, x), a - x

    return _halley(start, p < q, p, q, state, 3)


def _logit(log_x: Array) -> Array:
    """log(x / (1 - x)) from log x < 0."""
    return log_x - jnp.log(-jnp.expm1(jnp.minimum(log_x, -1e-30)))


def _start_beta(p: Array, q: Array, a: Array, b: Array) -> tuple[Array, Array]:
    """A first guess at the logit, and whether to solve for the lower tail."""
    centre, log_beta = jnp.log(a / b), lgamma(a) + lgamma(b) - lgamma(a + b)

    def tail(log_p: Array, a: Array, b: Array) -> Array:
        """log x where the leading term of the lower tail, or its limit of large a and small b, reaches p."""
        total = -(log_p + jnp.log(a) + log_beta)
        t = total + (1 - b) * jnp.log(a)
        return jnp.where((b < 1) & (a > 1) & (t > 1), -(t + (b - 1) * jnp.log(jnp.maximum(t, 1))), -total) / a

    log_x, log_c = tail(jnp.log(p), a, b), tail(jnp.log(q), b, a)
    left = jnp.where(log_x < 0, _logit(log_x), jnp.inf)
    right = jnp.where(log_c < 0, -_logit(log_c), -jnp.inf)
    # E. Paulson's normal approximation of the F law (1942): the cube root w of the ratio solves a quadratic.
    z, u, v = normal_quantile(p, q), 1 / (9 * a), 1 / (9 * b)
    quadratic, linear, constant = (1 - v) ** 2 - z * z * v, (1 - v) * (1 - u), (1 - u) ** 2 - z * z * u
    good = (quadratic > 0.1) & (constant > 0)
    spread = jnp.sqrt(jnp.maximum(linear * linear - quadratic * constant, 0))
    w = jnp.where(good, (linear + jnp.sign(z) * spread) / jnp.where(good, quadratic, 1), 1)
    good &= (w > 0.2) & (jnp.minimum(a, b) > 0.4)
    middle = 3 * jnp.log(jnp.maximum(w, 0.2)) + centre
    middle = jnp.maximum(middle, jnp.where(b >= 1, left, -jnp.inf))
    middle = jnp.minimum(middle, jnp.where(a >= 1, right, jnp.inf))
    side = jnp.where((left < centre) & ((p < q) | (right <= centre)), left, jnp.where(right > centre, right, centre))
    start = jnp.where(good, middle, side)
    return start, start < centre


def _solve_beta(p: Array, q: Array, a: Array, b: Array) -> Array:
    start, lower = _start_beta(p, q, a, b)

    def state(y: Array) -> tuple[Array, Array, Array, Array]:
        x, c = jax.nn.sigmoid(y), jax.nn.sigmoid(-y)
        return *beta_state(a, b, x, c), a * c - b * x

    return _halley(start, lower, p, q, state, 4)


def _gamma_tails_of_log(y: Array, a: Array) -> tuple[Array, Array]:
    return gamma_tails(a, jnp.exp(y))


def _beta_tails_of_logit(y: Array, a: Array, b: Array) -> tuple[Array, Array]:
    return beta_tails(a, b, jax.nn.sigmoid(y), jax.nn.sigmoid(-y))


#: (p, q, a) -> log x with P(a, x) = p.
log_gamma_quantile = implicit_quantile(_solve_gamma, _gamma_tails_of_log, lambda y, a: gamma_log_weight(a, jnp.exp(y)))

#: (p, q, a, b) -> log(x / (1 - x)) with I_x(a, b) = p.
logit_beta_quantile = implicit_quantile(
    _solve_beta,
    _beta_tails_of_logit,
    lambda y, a, b: beta_log_weight(a, b, jax.nn.sigmoid(y), jax.nn.sigmoid(-y)),
)
