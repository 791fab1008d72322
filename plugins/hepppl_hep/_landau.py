"""Numerics of ``landau``: the energy loss in thin layers (Landau 1944), in ROOT's convention.

Standard form: p(x) = 1/pi times the integral over t > 0 of exp(-t log t - x t) sin(pi t); most probable value -0.22278,
no mean. The quantile, the cdf and the density are cubic splines in log(x + 6) (tables made by make_landau.py), to about
1e-6 (1e-4 below -3.5 in the log density); below -4 there is the saddle point, beyond 1e9 the tail is 1/x.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

CELLS, LOGIT, SHIFT = 256, 18.0, 6.0
START, STOP = float(np.log(2.0)), float(np.log(1e9))

_FILE = Path(__file__).with_name("landau.npy")
_QUANTILE, _LOGIT, _DENSITY = np.load(_FILE) if _FILE.exists() else (None, None, None)


def _spline(table: Any, low: float, high: float, t: Array) -> Array:
    """A cubic spline from its values and slopes at equally spaced knots from ``low`` to ``high``."""
    step = (high - low) / CELLS
    place = jnp.clip((t - low) / step, 0, CELLS)
    i = jnp.minimum(jax.lax.stop_gradient(place).astype(jnp.int32), CELLS - 1)
    s = place - i
    values, slopes = (jnp.asarray(row, t.dtype) for row in table)
    a, b, da, db = values[i], values[i + 1], slopes[i] * step, slopes[i + 1] * step
    return a + s * (da + s * (3 * (b - a) - 2 * da - db + s * (2 * (a - b) + da + db)))


def _left(z: Array) -> Array:
    """Log density for z < -4: its saddle point."""
    return -0.5 * jnp.log(2 * jnp.pi) - 0.5 * (z + 1) - jnp.exp(-z - 1)


class Landau:
    """landau(loc, scale): scale times the standard form, plus loc."""

    @staticmethod
    def sample(u: Any, loc: Any, scale: Any) -> Array:
        u, loc, scale = (jnp.asarray(a, jnp.result_type(float)) for a in (u, loc, scale))
        z = jnp.exp(_spline(_QUANTILE, -LOGIT, LOGIT, jnp.log(u) - jnp.log1p(-u))) - SHIFT
        return loc + scale * jax.lax.stop_gradient(z)

    @staticmethod
    def log_prob(x: Any, loc: Any, scale: Any) -> Array:
        x, loc, scale = (jnp.asarray(a, jnp.result_type(float)) for a in (x, loc, scale))
        z = (x - loc) / scale
        inside = z > -4
        y = jnp.log(jnp.where(inside, z, 0) + SHIFT)
        middle = jnp.where(y < STOP, _spline(_DENSITY, START, STOP, y), -2 * y)
        outside = _left(jnp.where(inside, -4, jnp.maximum(z, -80)))
        return jnp.where(jnp.isfinite(z), jnp.where(inside, middle, outside), -jnp.inf) - jnp.log(scale)

    @staticmethod
    def cdf(x: Any, loc: Any, scale: Any) -> Array:
        x, loc, scale = (jnp.asarray(a, jnp.result_type(float)) for a in (x, loc, scale))
        z = (x - loc) / scale
        inside = z > -4
        y = jnp.log(jnp.clip(jnp.where(inside, z, 0), -4, 1e30) + SHIFT)
        logit = jnp.where(y < STOP, _spline(_LOGIT, START, STOP, y), y)
        return jnp.where(inside, jax.nn.sigmoid(logit), 0.0)

    @staticmethod
    def valid(loc: Any, scale: Any) -> Array:
        return jnp.isfinite(loc) & jnp.isfinite(scale) & (scale > 0)
