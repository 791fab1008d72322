"""What runs: imported when a program uses it."""

from typing import Any

import jax
import jax.numpy as jnp

from hepppl.plugin import EstimatorNumerics, Offer, Visit, VisitSite


class Flipped(EstimatorNumerics):
    """E[f] = (1 - p) f(False) + p f(True), so that dE[f]/dp = E[±(f(other) - f)], + where the coin fell on False. The
    engine runs the alternative and adds coefficient · (f(other) - f) · d potential; cdf(False) is 1 - p."""

    def visit(self, state: Any, site: VisitSite) -> Visit:
        x = jax.lax.stop_gradient(site.sample())
        p_false = site.cdf(jnp.zeros_like(x))
        return Visit(x, state, (Offer(~x, jnp.where(x, 1.0, -1.0), p_false),))


class Ramp:
    @staticmethod
    def sample(u: Any, scale: Any) -> Any:
        return scale * jnp.sqrt(u)

    @staticmethod
    def log_prob(x: Any, scale: Any) -> Any:
        inside = (x > 0) & (x < scale)
        return jnp.where(inside, jnp.log(jnp.where(inside, 2 * x / scale**2, 1.0)), -jnp.inf)

    @staticmethod
    def cdf(x: Any, scale: Any) -> Any:
        return jnp.clip(x / scale, 0, 1) ** 2

    @staticmethod
    def valid(scale: Any) -> Any:
        return scale > 0


def attenuation(xp: Any, depth: Any, mean_free_path: Any) -> Any:
    return xp.exp(-depth / mean_free_path)
