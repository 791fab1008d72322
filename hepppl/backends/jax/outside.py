"""Whole-program estimators: the same events at other values of the parameters, and what a plugin makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from hepppl.backends.jax.gradients import raw_outputs
from hepppl.backends.jax.lowering import Lowering
from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepError, HepPluginError
from hepppl.plugin.registry import find, load_estimator

if TYPE_CHECKING:
    from hepppl.backends.jax.run import Numbers, Seed, Wrt


class Points:
    """Runs of one batch of events. ``centre``: the outputs at the parameters' own values, once anything has run.
    ``fault`` and ``most``: of all runs together, (events,)."""

    def __init__(self, lowering: Lowering, size: int, wrt: Wrt, *rest: Any):
        self.lowering, self.size, self.wrt = lowering, size, wrt
        self.seed, self.numbers, self.params, self.data, self.wanted = rest
        flat = [jnp.reshape(self.params[name], -1) for name in wrt.names]
        self.point = jnp.concatenate(flat).astype(lowering.settings.dtype)
        self.centre: dict[str, Array] = {}
        self.fault, self.most = jnp.zeros(size, jnp.int32), None

    def run(self, values: Array) -> dict[str, Array]:
        """The outputs (k, *shape, events) for ``values`` (k, numbers) of the parameters. One more run, at their own
        values, comes with the first ones, so that the program is compiled once."""
        first = not self.centre
        rows = jnp.concatenate([self.point[None], values]) if first else values
        outputs, fault, most = jax.lax.map(self._one, rows)
        for row in fault:
            self.fault = jnp.where(self.fault == 0, row, self.fault)
        if most is not None:
            self.most = most.max(0) if self.most is None else jnp.maximum(self.most, most.max(0))
        if first:
            self.centre = {name: f[0] for name, f in outputs.items()}
        return {name: f[1:] for name, f in outputs.items()} if first else outputs

    def _one(self, row: Array) -> tuple[dict[str, Array], Array, Array | None]:
        from hepppl.backends.jax.run import run_events

        ends = np.cumsum([0, *self.wrt.sizes])
        moved = {
            name: row[a:b].reshape(shape)
            for name, shape, a, b in zip(self.wrt.names, self.wrt.shapes, ends[:-1], ends[1:], strict=True)
        }
        params = {**self.params, **moved}
        m = run_events(self.lowering, self.size, self.seed, self.numbers, params, self.data, self.wanted)
        outputs = {name: v.p for name, v in raw_outputs(self.lowering, m).items()}
        return outputs, m.registers.fault, m.registers.most

    def bounds(self) -> tuple[Array, Array]:
        """The ends of the supports, (numbers,) each."""
        ends: dict[str, tuple[float, float]] = {}
        for p in self.lowering.program.params:
            ends[p.name] = (-np.inf, np.inf) if p.support is None else (p.support.low, p.support.high)
        dtype, pairs = self.lowering.settings.dtype, zip(self.wrt.names, self.wrt.sizes, strict=True)
        low, high = np.concatenate([np.broadcast_to(np.reshape(ends[k], (2, 1)), (2, n)) for k, n in pairs], 1)
        return jnp.asarray(low, dtype), jnp.asarray(high, dtype)


def outside(
    whole: tuple[str, Mapping[str, Any]],
    lowering: Lowering,
    size: int,
    wrt: Wrt,
    seed: Seed,
    numbers: Numbers,
    params: Any,
    data: Any,
    wanted: Array,
) -> dict[str, Any]:
    """What `run.forward` gives, by the estimator ``whole`` (name and options)."""
    points = Points(lowering, size, wrt, seed, numbers, params, data, wanted)
    gradient = _served(whole, points)
    if not points.centre:
        points.run(points.point[None])
    for name, f in points.centre.items():
        if jnp.shape(gradient.get(name)) != (wrt.total, *f.shape):
            raise _failed(whole[0], f"gave an array of shape {jnp.shape(gradient.get(name))} for output '{name}'")
    return {"outputs": points.centre, "gradient": gradient, "fault": points.fault, "most": points.most}


def _served(whole: tuple[str, Mapping[str, Any]], points: Points) -> dict[str, Array]:
    name, options = whole
    try:
        found = load_estimator(name).load()(**options).differentiate(points.run, points.point, *points.bounds())
        return dict(found)
    except HepError:
        raise
    except Exception as error:  # a plugin may fail in any way
        raise _failed(name, f"failed: {type(error).__name__}: {error}") from error


def _failed(name: str, found: str) -> HepPluginError:
    what = f"estimator '{name}' of package {find('hepppl.estimators', name)}, differentiate"
    return HepPluginError(Diagnostic("E805", f"{what}: {found}"))
