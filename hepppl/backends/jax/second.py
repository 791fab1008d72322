"""Second derivatives of expected outputs: estimates event by event, and what a run adds up of them.

Let L be the log-density of all values that were drawn from laws with a parameter, and f an output, at fixed noise a
function of the parameters. All derivatives of E[f] are expectations of those of f exp(L - L₀), L₀ the number L
(J. Foerster et al., DiCE, arXiv:1802.05098). With subscripts for derivatives, an event's estimates are

    f_i + f L_i   and   f_iv + f_i L_v + f_v L_i + f Q_iv,   Q_iv = L_iv + L_i L_v.

L_i, L_v and Q_iv are derivatives of E[exp(L - L₀)] = 1, so their expectations are zero: baselines are multiples of them
(J. Mao et al., A baseline for any order gradient estimation in stochastic computation graphs, ICML 2019). The multiples
that leave least variance are fitted on other events of the batch, so that there is no bias. An output that a group of
sites does not influence is a function of the others alone: that group's share of L is left out.

The derivatives are forward mode over forward mode: of all parameters along so many directions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from hepppl.backends.jax.gradients import WEIGHT, influenced, least_variance, of_state, raw_outputs
from hepppl.backends.jax.moments import Moments, Sums
from hepppl.backends.jax.results import Derivative, Gradient
from hepppl.backends.jax.run import Numbers, Seed, Wrt, run_events
from hepppl.backends.jax.value import Val, is_val
from hepppl.graph import Tensor

if TYPE_CHECKING:
    from hepppl.backends.jax.lowering import Lowering
    from hepppl.backends.jax.machine import Machine
    from hepppl.backends.jax.program import Compiled, Progress

#: Most pairs of a parameter and a direction at once, and most numbers of an event that go with them.
PAIRS, NUMBERS = 64, 256


def estimates(
    lowering: Lowering,
    size: int,
    wrt: Wrt,
    seed: Seed,
    numbers: Numbers,
    params: Any,
    data: Any,
    wanted: Array,
    directions: Mapping[str, Array],
) -> dict[str, Any]:
    """Raw outputs (*shape, size); estimates of their derivatives by parameter (``gradient``, (parameters, *shape,
    size)), along directions (``along``), and by both (``second``, (directions, parameters, *shape, size)).
    ``directions``: (directions, *shape) of each parameter that one has a part in."""
    seeds = wrt.seeds(lowering.settings.dtype)

    def carried(v: Val) -> tuple[Array, Array]:
        return v.p, jnp.zeros((wrt.total, *v.p.shape), v.p.dtype) if v.t is None else v.t

    def along(step: Mapping[str, Array]) -> Any:
        def first(moving: Mapping[str, Array]) -> Any:
            m = run_events(lowering, size, seed, numbers, {**params, **moving}, data, wanted, seeds)
            raw = {name: carried(v) for name, v in raw_outputs(lowering, m).items()}
            logs = {group: carried(v) for group, v in densities(lowering, m).items()}
            return (raw, logs), (m.registers.fault, m.registers.most)

        return jax.jvp(first, ({name: params[name] for name in step},), (dict(step),), has_aux=True)

    (raw, logs), (raw_along, logs_along), (fault, most) = jax.vmap(along, out_axes=(None, 0, None))(dict(directions))
    gradient, straight, both = {}, {}, {}
    for name, (f, f_i) in raw.items():
        f_v, f_iv = raw_along[name]
        groups = [group for group in logs if influenced(lowering, group, name)]
        parts = [(*logs[g], *logs_along[g]) for g in groups]
        if not parts:
            gradient[name], straight[name], both[name] = f_i, f_v, f_iv
            continue
        _, l_i, l_v, l_iv = (jnp.where(wanted, sum(each), 0) for each in zip(*parts, strict=True))
        made = combined(jnp.where(wanted, f, 0), f_i, f_v, f_iv, l_i, l_v, l_iv, wanted)
        gradient[name], straight[name], both[name] = made
    outputs = {name: f for name, (f, _) in raw.items()}
    found = {"outputs": outputs, "gradient": gradient, "along": straight, "second": both, "fault": fault, "most": most}
    return {name: x for name, x in found.items() if x is not None}


def combined(
    f: Array, f_i: Array, f_v: Array, f_iv: Array, l_i: Array, l_v: Array, l_iv: Array, wanted: Array
) -> tuple[Array, Array, Array]:
    """The estimates with their baselines, of one output. Indices come first, i after v; events last."""
    count = l_v.shape[0], l_i.shape[0]
    q = l_iv + l_i[None] * l_v[:, None]

    def wide(x: Array) -> Array:
        """(indices, events) beside (indices, *shape, events)."""
        return x.reshape(*x.shape[:-1], *[1] * (f.ndim - 1), x.shape[-1])

    whole = f_iv + f_i[None] * wide(l_v)[:, None] + f_v[:, None] * wide(l_i)[None] + f * wide(q)
    flat = whole.reshape(-1, *f.shape)
    slopes = [
        x.reshape(-1, x.shape[-1]) for x in (q, *(jnp.broadcast_to(y, q.shape) for y in (l_i[None], l_v[:, None])))
    ]
    return (
        least_variance(f_i + f * wide(l_i), [l_i], wanted),
        least_variance(f_v + f * wide(l_v), [l_v], wanted),
        least_variance(flat, slopes, wanted).reshape(*count, *f.shape),
    )


def densities(lowering: Lowering, m: Machine) -> dict[int, Val]:
    """The log-densities of what the groups of sites drew, (events,), of those that have one."""
    found = {}
    for group, numerics in enumerate(lowering.numerics):
        state = jax.tree.map(lambda v: v.p, m.registers.estimators[group], is_leaf=is_val)
        if numerics.density(state) is not None:
            found[group] = of_state(m, group, numerics.density)
    return found


# ---------------------------------------------------------------- what a run adds up


class Bend(Moments):
    """Moments of (f_iv, f_i, f_v, f, w_iv, w_i, w_v, w), f weighted, or of f_iv alone where there are no weights.

    With A the mean of weighted outputs and B that of weights, the mean is m = A / B, its derivatives
    m_i = (A_i - m B_i) / B and m_iv = (A_iv - m_i B_v - m_v B_i - m B_iv) / B. The standard error is that of m_iv
    linearised in the eight means (delta method)."""

    def derivative(self) -> Derivative:
        assert self.first is not None
        means = self.first / self.count
        if len(means) == 1:
            value, direction = means[0], np.ones_like(means)
        else:
            value, direction = second_of_ratio(means)
        std = self._spread(direction)
        return Derivative(value, std / np.sqrt(self.count), std)


def second_of_ratio(means: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """m_iv of `Bend`, and its derivatives by the eight means (8, …)."""
    a_iv, a_i, a_v, a, b_iv, b_i, b_v, b = means
    unit = np.eye(8).reshape(8, 8, *[1] * a.ndim) + np.zeros((8, 8, *a.shape))
    d_a_iv, d_a_i, d_a_v, d_a, d_b_iv, d_b_i, d_b_v, d_b = unit
    m = a / b
    d_m = (d_a - m * d_b) / b
    m_i, m_v = (a_i - m * b_i) / b, (a_v - m * b_v) / b
    d_i = (d_a_i - d_m * b_i - m * d_b_i - m_i * d_b) / b
    d_v = (d_a_v - d_m * b_v - m * d_b_v - m_v * d_b) / b
    value = (a_iv - m_i * b_v - m_v * b_i - m * b_iv) / b
    moved = d_a_iv - d_i * b_v - m_i * d_b_v - d_v * b_i - m_v * d_b_i - d_m * b_iv - m * d_b_iv - value * d_b
    return value, moved / b


@dataclass(frozen=True)
class Second:
    """``first``: the means and first derivatives of the same events. ``second[output]``: (directions, parameters) of
    `Derivative`s, each of the output's shape, in the order of the plan's parameters, elements one after another."""

    first: Gradient
    second: Mapping[str, list[list[Derivative]]]


def second(
    compiled: Compiled,
    directions: np.ndarray | None,
    n: int,
    seed: int,
    params: Mapping[str, Any],
    data: Mapping[str, Any],
    progress: Progress | None = None,
) -> Second:
    """Second derivatives of expected outputs from events 0 … n-1 of a seed: by every parameter of the plan along each
    of ``directions``, (directions, elements of the parameters); None: along every parameter, each pair once."""
    from hepppl.backends.jax.modes import chunked

    whole, symmetric = compiled.wrt, directions is None
    every = np.eye(whole.total) if directions is None else directions
    shapes = (o.value.type.shape for o in compiled.graph.program.outputs if isinstance(o.value.type, Tensor))
    elements = sum(int(np.prod(shape, dtype=int)) for shape in shapes)
    most = min(PAIRS, NUMBERS // max(elements, 1))
    sums, bends = Sums(events=n), dict[tuple[str, int, int], Bend]()
    portions, offset = [], 0
    for wrt in chunked(whole):
        rows = min(len(every), offset + wrt.total) if symmetric else len(every)
        size = min(rows, max(1, most // wrt.total))
        portions += [(wrt, offset, start, min(start + size, rows), size) for start in range(0, rows, size)]
        offset += wrt.total
    for number, (wrt, offset, start, stop, size) in enumerate(portions):
        told = progress if number == len(portions) - 1 else None
        some = np.zeros((size, whole.total))  # of one size, so that one compilation serves all portions of a chunk
        some[: stop - start] = every[start:stop]
        points = _by_name(whole, some)
        for first, out, faults, compiling, running in compiled.calls(
            "second", n, seed, params, data, told, wrt, None, points
        ):
            sums.compiling, sums.running = sums.compiling + compiling, sums.running + running
            sums.faults.add(first, out["fault"], faults, again=number > 0)
            if start == 0:
                sums.add(offset, wrt.total, out["outputs"], out["gradient"])
            pairs = [(v, i) for v in range(stop - start) for i in range(wrt.total)]
            pairs = [(v, i) for v, i in pairs if not symmetric or start + v <= offset + i]
            _add(bends, out, pairs, start, offset)
    names = dict.fromkeys(name for name, _, _ in bends)
    each = {key: bend.derivative() for key, bend in bends.items()}

    def row(name: str, v: int) -> list[Derivative]:
        return [each[name, *(sorted((v, i)) if symmetric else (v, i))] for i in range(whole.total)]  # type: ignore[index]

    found = {name: [row(name, v) for v in range(len(every))] for name in names}
    return Second(sums.gradient(whole, "forward"), found)


def _by_name(wrt: Wrt, rows: np.ndarray) -> dict[str, np.ndarray]:
    """(directions, elements) as (directions, *shape) of each parameter."""
    ends = np.cumsum([0, *wrt.sizes])
    slices = zip(wrt.names, wrt.shapes, ends[:-1], ends[1:], strict=True)
    return {name: rows[:, a:b].reshape(len(rows), *shape) for name, shape, a, b in slices}


def _add(
    bends: dict[tuple[str, int, int], Bend],
    out: Mapping[str, Any],
    pairs: list[tuple[int, int]],
    start: int,
    offset: int,
) -> None:
    """The estimates of one call; ``pairs`` of a direction and a parameter, the first of which are ``start`` and
    ``offset`` of all."""
    first, along, both = out["gradient"], out["along"], out["second"]
    weight = out["outputs"].get(WEIGHT)
    for name, f in out["outputs"].items():
        for v, i in pairs:
            bend = bends.setdefault((name, start + v, offset + i), Bend())
            if weight is None or name == WEIGHT:
                bend.put(both[name][v, i])
                continue
            own = both[name][v, i], first[name][i], along[name][v], f
            bend.put(*own, both[WEIGHT][v, i], first[WEIGHT][i], along[WEIGHT][v], weight)
