"""Numerics of the other shapes: closed forms in both tails where there are any, else a fixed number of bisections.

``u`` is a uniform with 24 bits, so that 1 - u is exact: upper tails are computed from it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import erf, erfc, log_ndtr, ndtri

ROOT_TWO_PI = np.sqrt(2 * np.pi)
BISECTIONS = 30


def floats(*values: Any) -> list[Array]:
    """Arrays of the run's precision."""
    return [jnp.asarray(v, jnp.result_type(float)) for v in values]


def positive(*values: Any) -> Array:
    good = jnp.asarray(True)
    for v in values:
        good = good & jnp.isfinite(v) & (v > 0)
    return good


def bisect(rises: Callable[[Array], Array], low: Array, high: Array) -> Array:
    """Where a rising function passes zero between ``low`` and ``high``; carries no derivative."""

    def halve(_: Any, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        middle = 0.5 * (ends[0] + ends[1])
        below = rises(middle) < 0
        return jnp.where(below, middle, ends[0]), jnp.where(below, ends[1], middle)

    low, high = jax.lax.fori_loop(0, BISECTIONS, halve, (jax.lax.stop_gradient(low), jax.lax.stop_gradient(high)))
    return 0.5 * (low + high)


def implicit(x: Array, cdf: Callable[[Array], Array], log_density: Callable[[Array], Array]) -> Array:
    """``x``, a quantile without derivative, with the first two derivatives that keep its cdf fixed: those of two steps
    of Newton's method, each of which doubles the order (the first is eq. 5 of Figurnov et al. 2018)."""
    fixed = jax.lax.stop_gradient(cdf(x))
    for _ in range(2):
        x = x - (cdf(x) - fixed) * jnp.exp(-log_density(x))
    return x


class Moyal:
    """moyal(loc, scale): exp(-(z + exp(-z)) / 2) / sqrt(2 pi), z = (x - loc) / scale (Moyal 1955)."""

    @staticmethod
    def sample(u: Any, loc: Any, scale: Any) -> Array:
        u, loc, scale = floats(u, loc, scale)
        # u = erfc(exp(-z/2) / sqrt 2): near 1 the argument is small, and ndtri(u / 2) loses it in rounding
        low = -ndtri(0.5 * u)
        high = ROOT_TWO_PI * 0.5 * (1 - u) * (1 + (np.pi / 12) * (1 - u) ** 2)
        return loc - scale * 2 * jnp.log(jnp.where(u > 0.99, high, low))

    @staticmethod
    def log_prob(x: Any, loc: Any, scale: Any) -> Array:
        x, loc, scale = floats(x, loc, scale)
        z = (x - loc) / scale
        return jnp.where(
            jnp.isfinite(z), -0.5 * (z + jnp.exp(jnp.maximum(-z, -80.0))) - np.log(ROOT_TWO_PI), -jnp.inf
        ) - jnp.log(scale)

    @staticmethod
    def cdf(x: Any, loc: Any, scale: Any) -> Array:
        x, loc, scale = floats(x, loc, scale)
        return erfc(jnp.exp(-0.5 * (x - loc) / scale) * np.sqrt(0.5))

    @staticmethod
    def valid(loc: Any, scale: Any) -> Array:
        return jnp.isfinite(loc) & positive(scale)


class PowerLaw:
    """power_law(exponent, low, high): density x^exponent between low and high, both positive; any exponent."""

    @staticmethod
    def _terms(exponent: Any, low: Any, high: Any) -> tuple[Array, Array, Array]:
        """k = exponent + 1, the logarithm of high / low, and the logarithm of the integral of exp(k t) over it."""
        exponent, low, high = floats(exponent, low, high)
        k, length = exponent + 1, jnp.log(high / low)
        s = k * length
        near = jnp.abs(s) < 1e-3
        safe = jnp.where(near, 1.0, s)
        mean = jnp.where(
            near, 0.5 * s + s * s / 24, jnp.log(-jnp.expm1(-jnp.abs(safe)) / jnp.abs(safe)) + jnp.maximum(safe, 0)
        )
        return k, length, jnp.log(length) + mean

    @staticmethod
    def sample(u: Any, exponent: Any, low: Any, high: Any) -> Array:
        u, low, high = floats(u, low, high)
        k, length, _ = PowerLaw._terms(exponent, low, high)
        s = k * length
        near = jnp.abs(s) < 1e-3
        k_safe, s_safe = jnp.where(near, 1.0, k), jnp.where(near, 1.0, s)
        lost = jnp.expm1(-jnp.abs(s_safe))  # between the ends, of the larger one
        down, up = jnp.where(s_safe < 0, u, 1 - u), jnp.where(s_safe < 0, 1 - u, u)
        t = jnp.where(down < 0.5, jnp.log1p(down * lost), jnp.log(1 + lost - up * lost)) / k_safe
        flat = u * length * (1 + 0.5 * s * (1 - u))
        return low * jnp.exp(jnp.where(near, flat, jnp.where(s_safe < 0, t, length + t)))

    @staticmethod
    def log_prob(x: Any, exponent: Any, low: Any, high: Any) -> Array:
        x, low, high = floats(x, low, high)
        k, _, total = PowerLaw._terms(exponent, low, high)
        inside = (x >= low) & (x <= high)
        safe = jnp.where(inside, x, low)
        return jnp.where(inside, (k - 1) * jnp.log(safe / low) - total - jnp.log(low), -jnp.inf)

    @staticmethod
    def cdf(x: Any, exponent: Any, low: Any, high: Any) -> Array:
        x, low, high = floats(x, low, high)
        k, length, total = PowerLaw._terms(exponent, low, high)
        t = jnp.clip(jnp.log(jnp.clip(x, low, high) / low), 0, length)
        s, near = k * t, jnp.abs(k * length) < 1e-3
        safe = jnp.where(near | (s == 0), 1.0, s)
        part = jnp.log(-jnp.expm1(-jnp.abs(safe)) / jnp.abs(safe)) + jnp.maximum(safe, 0)
        part = jnp.where(near | (s == 0), 0.5 * s + s * s / 24, part)
        return jnp.clip(t * jnp.exp(part - total), 0, 1)

    @staticmethod
    def valid(exponent: Any, low: Any, high: Any) -> Array:
        return jnp.isfinite(exponent) & positive(low, high) & (low < high)


class CrystalBall:
    """crystal_ball(loc, scale, alpha, n): Gaussian, but for z < -alpha its height there times a power of z,
    (n/alpha / (n/alpha - alpha - z))^n (Skwarnicki 1986)."""

    @staticmethod
    def _areas(alpha: Array, n: Array) -> tuple[Array, Array]:
        """Areas of the tail and of the whole, in units of the height of the peak."""
        tail = n / alpha / (n - 1) * jnp.exp(-0.5 * alpha * alpha)
        return tail, tail + ROOT_TWO_PI * 0.5 * (1 + erf(alpha * np.sqrt(0.5)))

    @staticmethod
    def sample(u: Any, loc: Any, scale: Any, alpha: Any, n: Any) -> Array:
        u, loc, scale, alpha, n = floats(u, loc, scale, alpha, n)
        tail, total = CrystalBall._areas(alpha, n)
        in_tail = u * total < tail
        power = n / alpha * (1 - jnp.exp(-jnp.log(jnp.where(in_tail, u * total / tail, 1.0)) / (n - 1))) - alpha
        above = jnp.where(in_tail, 0.25, (1 - u) * total / ROOT_TWO_PI)
        return loc + scale * jnp.where(in_tail, power, -ndtri(above))

    @staticmethod
    def log_prob(x: Any, loc: Any, scale: Any, alpha: Any, n: Any) -> Array:
        x, loc, scale, alpha, n = floats(x, loc, scale, alpha, n)
        z = (x - loc) / scale
        in_tail = z < -alpha
        power = -n * jnp.log1p(jnp.where(in_tail, -alpha - z, 0.0) * alpha / n) - 0.5 * alpha * alpha
        core = -0.5 * jnp.square(jnp.where(in_tail, 0.0, z))
        return jnp.where(in_tail, power, core) - jnp.log(CrystalBall._areas(alpha, n)[1]) - jnp.log(scale)

    @staticmethod
    def cdf(x: Any, loc: Any, scale: Any, alpha: Any, n: Any) -> Array:
        x, loc, scale, alpha, n = floats(x, loc, scale, alpha, n)
        z = (x - loc) / scale
        in_tail = z < -alpha
        tail, total = CrystalBall._areas(alpha, n)
        power = tail * jnp.exp((1 - n) * jnp.log1p(jnp.where(in_tail, -alpha - z, 0.0) * alpha / n))
        core = total - ROOT_TWO_PI * jnp.exp(log_ndtr(-jnp.where(in_tail, 0.0, z)))
        return jnp.where(in_tail, power, core) / total

    @staticmethod
    def valid(loc: Any, scale: Any, alpha: Any, n: Any) -> Array:
        return jnp.isfinite(loc) & positive(scale, alpha) & jnp.isfinite(n) & (n > 1)


def _chi3(s: Array) -> Array:
    """P(3/2, s^2): the share of a Maxwell law below s sqrt 2."""
    direct = erf(s) - 2 / np.sqrt(np.pi) * s * jnp.exp(-s * s)
    q = s * s
    series = 4 / (3 * np.sqrt(np.pi)) * s * q * (1 - q * (3 / 5 - q * (3 / 14 - q * (1 / 18 - q / 88))))
    return jnp.where(s < 0.4, series, direct)


class Argus:
    """argus(cutoff, chi): t sqrt(1 - t^2) exp(-chi^2 (1 - t^2) / 2), t = x / cutoff in (0, 1) (ARGUS 1990)."""

    @staticmethod
    def sample(u: Any, cutoff: Any, chi: Any) -> Array:
        u, cutoff, chi = floats(u, cutoff, chi)
        end = chi * np.sqrt(0.5)
        share = (1 - u) * _chi3(end)  # P(3/2, chi^2 (1 - t^2) / 2)
        s = bisect(lambda s: _chi3(s) - share, jnp.zeros_like(share), end + jnp.zeros_like(share))
        t = jnp.sqrt(jnp.maximum(1 - jnp.square(s / jax.lax.stop_gradient(end)), 1e-12))
        t = jax.lax.stop_gradient(t)
        one = jnp.ones_like(t)
        return cutoff * implicit(t, lambda t: Argus.cdf(t, one, chi), lambda t: Argus.log_prob(t, one, chi))

    @staticmethod
    def log_prob(x: Any, cutoff: Any, chi: Any) -> Array:
        x, cutoff, chi = floats(x, cutoff, chi)
        t = x / cutoff
        inside = (t > 0) & (t < 1)
        safe = jnp.where(inside, t, 0.5)
        rest = (1 - safe) * (1 + safe)
        density = jnp.log(safe) + 0.5 * jnp.log(rest) - 0.5 * chi * chi * rest
        area = jnp.log(_chi3(chi * np.sqrt(0.5))) - 3 * jnp.log(chi) + 0.5 * np.log(np.pi / 2)
        return jnp.where(inside, density - area, -jnp.inf) - jnp.log(cutoff)

    @staticmethod
    def cdf(x: Any, cutoff: Any, chi: Any) -> Array:
        x, cutoff, chi = floats(x, cutoff, chi)
        t = jnp.clip(x / cutoff, 0, 1)
        end = chi * np.sqrt(0.5)
        rest = (1 - t) * (1 + t)
        root = jnp.where(rest > 0, jnp.sqrt(jnp.where(rest > 0, rest, 1.0)), 0.0)
        return jnp.clip(1 - _chi3(end * root) / _chi3(end), 0, 1)

    @staticmethod
    def valid(cutoff: Any, chi: Any) -> Array:
        return positive(cutoff, chi)


class Histogram:
    """histogram(edges, heights): constant between neighbouring edges, with density proportional to the height."""

    @staticmethod
    def _shares(edges: Any, heights: Any) -> tuple[Array, Array, Array, Array]:
        edges, heights = floats(edges, heights)
        if edges.shape != (heights.shape[0] + 1,):
            raise ValueError(f"{heights.shape[0]} heights need {heights.shape[0] + 1} edges, not {edges.shape[0]}")
        areas = heights * jnp.diff(edges)
        below = jnp.concatenate([jnp.zeros(1, areas.dtype), jnp.cumsum(areas)])
        return edges, heights, areas, below

    @staticmethod
    def sample(u: Any, edges: Any, heights: Any) -> Array:
        (u,) = floats(u)
        edges, _, areas, below = Histogram._shares(edges, heights)
        level = u * below[-1]
        i = jnp.clip(jnp.searchsorted(jax.lax.stop_gradient(below), level, side="right") - 1, 0, areas.shape[0] - 1)
        share = (level - below[i]) / jnp.where(areas[i] > 0, areas[i], 1.0)
        return edges[i] + jnp.clip(share, 0, 1) * (edges[i + 1] - edges[i])

    @staticmethod
    def _bin(x: Any, edges: Array) -> Array:
        return jnp.clip(jnp.searchsorted(edges, x, side="right") - 1, 0, edges.shape[0] - 2)

    @staticmethod
    def log_prob(x: Any, edges: Any, heights: Any) -> Array:
        (x,) = floats(x)
        edges, heights, _, below = Histogram._shares(edges, heights)
        height = heights[Histogram._bin(x, edges)]
        inside = (x >= edges[0]) & (x <= edges[-1]) & (height > 0)
        return jnp.where(inside, jnp.log(jnp.where(height > 0, height, 1.0)) - jnp.log(below[-1]), -jnp.inf)

    @staticmethod
    def cdf(x: Any, edges: Any, heights: Any) -> Array:
        (x,) = floats(x)
        edges, heights, _, below = Histogram._shares(edges, heights)
        i = Histogram._bin(x, edges)
        return jnp.clip((below[i] + heights[i] * (jnp.clip(x, edges[0], edges[-1]) - edges[i])) / below[-1], 0, 1)

    @staticmethod
    def valid(edges: Any, heights: Any) -> Array:
        edges, heights, areas, _ = Histogram._shares(edges, heights)
        return (
            jnp.all(jnp.isfinite(edges))
            & jnp.all(jnp.diff(edges) > 0)
            & jnp.all(heights >= 0)
            & (areas.sum() > 0)
            & jnp.isfinite(areas.sum())
        )
