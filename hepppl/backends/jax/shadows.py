"""The program with relaxed values in place of some draws, run beside the event: what a control variate is made of.

Random numbers are addressed, so that the same sites meet the same noise in all three runs; what is not relaxed keeps
its value, or moves smoothly with the relaxed ones. See `hepppl.plugin.EstimatorNumerics.shadow`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import jax.numpy as jnp
from jax import lax

from hepppl.backends.jax.served import Shadow
from hepppl.backends.jax.value import Val
from hepppl.planning.plan import Plan, SitePlan
from hepppl.planning.shadows import moved
from hepppl.plugin.registry import load_estimator

if TYPE_CHECKING:
    from hepppl.backends.jax.lowering import Lowering
    from hepppl.backends.jax.machine import Machine


@dataclass(frozen=True)
class Shadows:
    """The outputs of the relaxed program, at fixed noise and given the draws: one number, two derivatives."""

    free: dict[str, Val]
    given: dict[str, Val]


def lowerings(lowering: Lowering) -> tuple[Lowering, Lowering] | None:
    """How the two relaxed programs are run; None where no estimator asks for them."""
    from hepppl.backends.jax.lowering import Lowering

    plan = lowering.plan
    if plan is None or not any(metadata.shadows for metadata in lowering.metadata):
        return None
    numbers = frozenset(n for n, group in lowering.group_of.items() if lowering.metadata[group].shadows)
    relaxed = _relaxed(plan, numbers, moved(lowering.planned, numbers)[0].pathwise)
    found = []
    for given in (False, True):
        other = Lowering(lowering.planned, relaxed, lowering.settings)
        for group, served in enumerate(other.numerics):
            if served.metadata.shadows:
                other.numerics[group] = Shadow(served, given)
                other.metadata[group] = other.numerics[group].metadata
        other.share_faults(lowering)
        found.append(other)
    return found[0], found[1]


def _relaxed(plan: Plan, numbers: frozenset[int], moved: frozenset[int]) -> Plan:
    """The plan of the relaxed program: sites whose law moves with a relaxed value are reparameterised, as those that
    are anyway; other draws are kept."""

    def row(row: SitePlan) -> SitePlan:
        if row.number in numbers:
            return row
        estimator = None if row.estimator is None else load_estimator(row.estimator)
        smooth = estimator is not None and estimator.pathwise and not estimator.stratifies
        name = "reparam" if row.number in moved or smooth else None
        return replace(row, estimator=name, options={})

    return replace(plan, rows=tuple(map(row, plan.rows)))


def follow(
    lowering: Lowering,
    m: Machine,
    run: Callable[[Lowering], Machine],
    raw: Callable[[Lowering, Machine], dict[str, Val]],
) -> None:
    """Run the relaxed programs of an event that has been run, ``m``: leaves what they give, and their faults, there.
    ``run`` runs the event in a lowering; ``raw`` gives the outputs whose expectations are taken."""
    pair = lowerings(lowering)
    if pair is None:
        return
    outputs = []
    for other in pair:
        machine = run(other)
        outputs.append(raw(other, machine))
        registers = m.registers
        fault = jnp.where(registers.fault == 0, machine.registers.fault, registers.fault)
        m.registers = replace(registers, fault=fault)
    m.shadows = Shadows(*outputs)


def gap(m: Machine, name: str, densities: list[Val], shape: tuple[int, ...]) -> Val:
    """c̃₀ L + c̃ - c of an output, (elements, events): its derivatives have expectation zero. ``densities``: the parts of
    L, (events,), of the groups that influence the output."""
    assert m.shadows is not None
    free, given = (_flat(pair[name], shape) for pair in (m.shadows.free, m.shadows.given))
    number = lax.stop_gradient(given.p)
    value = number * sum(v.p for v in densities) + given.p - free.p
    slopes = [number * v.t[:, None, :] for v in densities if v.t is not None]
    slopes += [sign * v.t for sign, v in ((1, given), (-1, free)) if v.t is not None]
    return Val(value, sum(slopes[1:], slopes[0]) if slopes else None)


def _flat(v: Val, shape: tuple[int, ...]) -> Val:
    return Val(v.p.reshape(shape), None if v.t is None else v.t.reshape(v.t.shape[0], *shape))
