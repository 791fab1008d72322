"""The density of everything an event draws: its derivatives, and its ratio to that at other parameters.

With z_i the values drawn, log p(z | θ) = Σ log p(z_i | what was drawn before, θ). Every value drawn is held fixed, and
every visit of a site whose law depends on a parameter adds its term to a sum in the event's registers, through
branches, loops and particles, so that no list of what was drawn is kept. Derivatives are those that forward mode
carries; ratios carry the values of everything at the other points instead (`hepppl.backends.jax.value.at_points`).

Brehmer, Louppe, Pavez and Cranmer, "Mining gold from implicit models to improve likelihood-free inference",
arXiv:1805.12244, eqs. 4 and 6.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from hepppl.backends.jax.law import bound_law
from hepppl.backends.jax.value import Val, apply, at_points, batch, carries_points, everywhere
from hepppl.graph import Node

#: What the weight is called among the outputs that move (no output can have this name).
WEIGHT = "weight of the event"

if TYPE_CHECKING:
    from hepppl.backends.jax.lowering import Lowering
    from hepppl.backends.jax.machine import Machine
    from hepppl.backends.jax.run import Numbers, Seed, Wrt


def record(lowering: Lowering, m: Machine, node: Node, value: Val, inputs: list[Val]) -> None:
    """Add what the visit of a site contributes, where the event is here."""
    joint = m.registers.joint
    assert joint is not None
    if all(v.t is None for v in inputs):
        return
    dist = node.attrs["dist"]
    drawn = Val(lax.stop_gradient(value.p), batched=value.batched)
    density = batch(apply(lambda x, *xs: bound_law(dist, xs).log_prob(x), (drawn, *inputs)), m.size)
    if density.t is None:
        return
    term = density.t
    if carries_points():
        term = term - density.p
        _, wrong = everywhere(lambda *xs: jnp.logical_not(bound_law(dist, xs).valid()), inputs)
        if wrong is not None:
            message = f"at one of the points an argument of '{dist.name}' is outside its range at site"
            code = lowering.fault_code("invalid", (node, "elsewhere"), f"{message} '{node.attrs['name']}'", node.span)
            m.fault(code, Val(wrong.any(0), batched=any(v.batched for v in inputs)))
    if m.here is not None:
        term = jnp.where(m.here, term, 0)
    m.registers = replace(m.registers, joint=joint.plus(term))


def finished(lowering: Lowering, m: Machine) -> dict[str, Any]:
    """What `hepppl.backends.jax.run.simulate` gives; the joint sum in two parts, (terms, events) each; and what the
    outputs and the weight carry."""
    outputs = {o.name: batch(m.env[o.value], m.size) for o in lowering.program.outputs}
    weight, joint = m.registers.weight, m.registers.joint
    found = {
        "outputs": {name: v.p for name, v in outputs.items()},
        "weight": None if weight is None else weight.p,
        "fault": m.registers.fault,
        "most": m.registers.most,
    }
    if joint is not None:
        found["joint"] = (joint.value, joint.left)
    moved = {**outputs, **({} if weight is None else {WEIGHT: weight})}
    return {**found, "moved": {name: v.t for name, v in moved.items() if v.t is not None}}


def derivatives(
    lowering: Lowering,
    size: int,
    wrt: Wrt,
    seed: Seed,
    numbers: Numbers,
    params: Any,
    data: Any,
    wanted: Array,
    own: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Events with derivatives along the parameters: of the joint log-density at fixed values of all that is drawn
    (``joint``), or, where values are reparameterised, of the outputs, all but the integers (``moved``); and of the
    weight."""
    from hepppl.backends.jax.run import run_events

    m = run_events(lowering, size, seed, numbers, params, data, wanted, wrt.seeds(lowering.settings.dtype), own)
    found = finished(lowering, m)
    if lowering.settings.joint:  # the outputs do not move: all that is drawn is fixed
        found["moved"] = {name: t for name, t in found["moved"].items() if name == WEIGHT}
        return found
    still = {name: x for name, x in {**found["outputs"], WEIGHT: found["weight"]}.items() if name not in found["moved"]}
    for name, x in still.items():
        if x is not None and jnp.issubdtype(x.dtype, jnp.floating):
            found["moved"][name] = jnp.zeros((wrt.total, *x.shape), x.dtype)
    return found


def ratios(
    lowering: Lowering,
    size: int,
    seed: Seed,
    numbers: Numbers,
    params: Any,
    data: Any,
    wanted: Array,
    points: Mapping[str, Array],
    own: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Events with log p(drawn | point) - log p(drawn | params) (``joint``), and the outputs and the weight that the
    same values drawn would give at the points. ``points``: (points, *shape) of the parameters that differ there."""
    from hepppl.backends.jax.run import run_events

    with at_points():
        m = run_events(lowering, size, seed, numbers, params, data, wanted, points, own)
        return finished(lowering, m)


def curvatures(
    lowering: Lowering,
    size: int,
    seed: Seed,
    numbers: Numbers,
    params: Any,
    data: Any,
    wanted: Array,
    steps: Mapping[str, Array],
) -> dict[str, Any]:
    """Events with the second derivatives of their outputs and weight along directions in the space of parameters
    (``moved``), forward mode over forward mode. ``steps``: (directions, *shape) of each parameter."""
    from hepppl.backends.jax.run import run_events

    def along(step: Mapping[str, Array]) -> tuple[dict[str, Array], dict[str, Any]]:
        def first(moving: Mapping[str, Array]) -> tuple[dict[str, Array], dict[str, Any]]:
            tangents = {name: x[None] for name, x in step.items()}
            m = run_events(lowering, size, seed, numbers, {**params, **moving}, data, wanted, tangents)
            found = finished(lowering, m)
            return {name: t[0] for name, t in found.pop("moved").items()}, found

        _, bend, found = jax.jvp(first, ({name: params[name] for name in step},), (dict(step),), has_aux=True)
        return bend, found

    bend, found = jax.vmap(along, out_axes=(0, None))(steps)
    return {**found, "moved": bend}
