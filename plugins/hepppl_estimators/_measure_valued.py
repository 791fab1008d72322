"""Numerics of ``measure_valued``.

A law's derivative with respect to an argument a is c (p⁺ - p⁻) with two laws p⁺ and p⁻ (G. Ch. Pflug), so that

    dE[f]/da = c (E[f(x⁺)] - E[f(x⁻)]) = c E[f(x⁺) - f(x)] - c E[f(x⁻) - f(x)]

whatever value x was drawn. Where one of the two is the law itself, its term is zero when x is drawn for it. x⁺ and x⁻
are coupled with x: z² + 2 e for a normal z and an exponential e, say, is the square of a value of the Maxwell law.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from hepppl.plugin import EstimatorNumerics, Offer, Visit, VisitSite
from hepppl_estimators._enumeration import OtherValues

stop = jax.lax.stop_gradient
Offers = tuple[Offer, ...]


class WeakDerivative(EstimatorNumerics):
    """Stateless. A coefficient is c, with its sign; the potential is the argument itself."""

    def visit(self, state: Any, site: VisitSite) -> Visit:
        if site.distribution in ("bernoulli", "categorical"):  # c = 1 for every probability, and all mass on one value
            return OtherValues().visit(state, site)
        x = stop(site.sample())
        return Visit(x, state, OFFERS[site.distribution](site, x))


def _poisson(site: VisitSite, x: Any) -> Offers:
    """∂p/∂rate: the law moved up by one, less the law."""
    return (Offer(x + 1, jnp.ones(()), site.argument("rate")),)


def _binomial(site: VisitSite, x: Any) -> Offers:
    """n times the difference that one trial makes: any of the n - x that failed succeeds, or one of the x fails."""
    p, n = site.argument("probs"), site.argument("total_count")
    return Offer(x + 1, n - x, p), Offer(x - 1, -x, p)


def _geometric(site: VisitSite, x: Any) -> Offers:
    """1/p times the law less that of one failure more than two such numbers together."""
    p = site.argument("probs")
    more = site.quantile(site.further(1)[0])
    return (Offer(x + 1 + stop(more), -1 / stop(p), p),)


def _exponential(site: VisitSite, x: Any) -> Offers:
    """1/rate times the law less that of the sum of two."""
    rate = site.argument("rate")
    return (Offer(x + _one(site) / stop(rate), -1 / stop(rate), rate),)


def _gamma(site: VisitSite, x: Any) -> Offers:
    """concentration / rate times the law less that whose concentration is larger by one."""
    rate, a = site.argument("rate"), stop(site.argument("concentration"))
    return (Offer(x + _one(site) / stop(rate), -a / stop(rate), rate),)


def _laplace(site: VisitSite, x: Any) -> Offers:
    """loc: an exponential on either side, of which x is one. scale: the sum of two exponentials, less one."""
    loc, scale = site.argument("loc"), site.argument("scale")
    mu, b = stop(loc), stop(scale)
    side = jnp.where(x > mu, 1.0, -1.0)
    return Offer(2 * mu - x, -side / (2 * b), loc), Offer(x + side * b * _one(site), 1 / b, scale)


def _normal(site: VisitSite, x: Any) -> Offers:
    loc, scale = site.argument("loc"), site.argument("scale")
    return _gaussian(loc, scale, (x - stop(loc)) / stop(scale), site, lambda y: y)


def _log_normal(site: VisitSite, x: Any) -> Offers:
    loc, scale = site.argument("loc"), site.argument("scale")
    return _gaussian(loc, scale, (jnp.log(x) - stop(loc)) / stop(scale), site, jnp.exp)


def _gaussian(loc: Any, scale: Any, z: Any, site: VisitSite, value: Callable[[Any], Any]) -> Offers:
    """loc: a Rayleigh law on either side, 1 / (sqrt(2π) scale) each. scale: the two-sided Maxwell law, less the normal,
    1 / scale."""
    mu, sigma = stop(loc), stop(scale)
    near = 2 * jnp.minimum(site.uniform, 1 - site.uniform)  # how probable a larger |z| is
    rayleigh = sigma * jnp.sqrt(-2 * jnp.log(near))
    maxwell = sigma * jnp.where(z > 0, 1, -1) * jnp.sqrt(z * z + 2 * _one(site))
    c = 1 / (jnp.sqrt(2 * jnp.pi) * sigma)
    return (
        Offer(value(mu + rayleigh), c, loc),
        Offer(value(mu - rayleigh), -c, loc),
        Offer(value(mu + maxwell), 1 / sigma, scale),
    )


def _uniform(site: VisitSite, x: Any) -> Offers:
    """high: all mass at the edge, less the law. low: the reverse. 1 / (high - low) both."""
    low, high = site.argument("low"), site.argument("high")
    density = 1 / stop(high - low)
    return Offer(stop(high), density, high), Offer(stop(low), -density, low)


def _one(site: VisitSite) -> Any:
    """An exponential of mean 1."""
    return -jnp.log(site.further(1)[0])


OFFERS: Mapping[str, Callable[[VisitSite, Any], Offers]] = {
    "binomial": _binomial,
    "exponential": _exponential,
    "gamma": _gamma,
    "geometric": _geometric,
    "laplace": _laplace,
    "log_normal": _log_normal,
    "normal": _normal,
    "poisson": _poisson,
    "uniform": _uniform,
}
