"""Integers that leave 32 bits while a program runs: a fault, where arithmetic on `int32` would wrap around silently.

Most integer arithmetic cannot get there: it counts turns, or adds up outcomes. `guarded` tells from the intervals of
the operands which operations need to be looked at; `overflows` looks.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import jax.numpy as jnp
from jax import Array, lax

from hepppl.graph import Node, Program, Region, Tensor, Value

Interval = tuple[int, int]
LOWEST, HIGHEST = ANY = (-(2**31), 2**31 - 1)
#: A loop of the most turns (1e8) that adds at most this much in each of them stays below 2^31.
SMALL = 16
#: Elements of a sum that can be looked at without a wider type.
MOST_ADDED = 2**15
WATCHED = frozenset(("add", "sub", "mul", "neg", "abs", "pow", "sum", "prod", "cumsum", "dot", "to_int"))
_SAME = ("index", "slice", "fill", "sort", "reverse", "amin", "amax")
_JOINED = ("stack", "concatenate", "set_index")


def guarded(program: Program) -> frozenset[Node]:
    """The integer operations whose result may lie beyond 32 bits, as far as intervals tell."""
    found: set[Node] = set()
    known: dict[Value, Interval] = {}
    for body in (program.body, *(p.body for p in program.processes.values())):
        _region(body, known, found)
    return frozenset(found)


def _region(region: Region, known: dict[Value, Interval], found: set[Node]) -> None:
    for node in region.nodes:
        if node.op in ("for", "plate") and node.attrs["stop"] > node.attrs["start"]:
            known[node.regions[0].params[0]] = node.attrs["start"], node.attrs["stop"] - 1
        for inner in node.regions:
            _region(inner, known, found)
        for position, result in enumerate(node.results):
            if not isinstance(result.type, Tensor) or result.type.kind == "real":
                continue
            if result.type.kind == "bool":
                known[result] = 0, 1
                continue
            low, high = _interval(node, position, known)
            if node.op in WATCHED and (low < LOWEST or high > HIGHEST) and not _creeps(node, known):
                found.add(node)
            known[result] = max(low, LOWEST), min(high, HIGHEST)


def _creeps(node: Node, known: Mapping[Value, Interval]) -> bool:
    """Whether a sum grows too slowly to matter."""
    if node.op not in ("add", "sub"):
        return False
    return any(max(map(abs, known.get(v, ANY))) <= SMALL for v in node.inputs)


def _hull(intervals: Iterable[Interval]) -> Interval:
    lows, highs = zip(*intervals, strict=True)
    return min(lows), max(highs)


def _times(a: Interval, b: Interval) -> Interval:
    return _hull((x * y, x * y) for x in a for y in b)


def _flat(value: Any) -> list[int]:
    return [x for v in value for x in _flat(v)] if isinstance(value, tuple) else [int(value)]


def _interval(node: Node, position: int, known: Mapping[Value, Interval]) -> Interval:
    """Of one result; it may reach beyond 32 bits."""
    of = [known.get(v, ANY) for v in node.inputs]
    match node.op:
        case "const":
            flat = _flat(node.attrs["value"])
            return (min(flat), max(flat)) if flat else (0, 0)
        case "branch" | "plate":
            return _hull(known.get(region.results[position], ANY) for region in node.regions)
        case "site":
            return _drawn(node, of)
        case "to_int" if _kind(node.inputs[0]) == "real":
            return 2 * LOWEST, 2 * HIGHEST
        case "to_int":
            return of[0]
        case "add":
            return of[0][0] + of[1][0], of[0][1] + of[1][1]
        case "sub":
            return of[0][0] - of[1][1], of[0][1] - of[1][0]
        case "mul":
            return _times(*of)
        case "neg":
            return -of[0][1], -of[0][0]
        case "abs":
            return 0, max(map(abs, of[0]))
        case "sign":
            return -1, 1
        case "min" | "max":
            pick = min if node.op == "min" else max
            return pick(of[0][0], of[1][0]), pick(of[0][1], of[1][1])
        case "mod":
            return min(of[1][0] + 1, 0), max(of[1][1] - 1, 0)
        case "pow":
            base, exponent = max(map(abs, of[0])), max(of[1][1], 0)
            most = base**exponent if exponent * math.log2(max(base, 2)) < 64 else 2**64
            return -most, most
        case "select":
            return _hull(of[1:])
        case "sum" | "cumsum" | "dot":
            each = _times(*of) if node.op == "dot" else of[0]
            n = _length(node.inputs[0], last=node.op == "dot")
            return _hull((each, _times(each, (n, n))) if node.op == "cumsum" else (_times(each, (n, n)),))
        case "prod":
            base, n = max(map(abs, of[0])), _length(node.inputs[0])
            most = base**n if n * math.log2(max(base, 2)) < 64 else 2**64
            return -most, most
        case "argsort" | "argmin" | "argmax":
            return 0, max(_length(node.inputs[0]) - 1, 0)
        case "searchsorted":
            return 0, _length(node.inputs[0])
        case op if op in _SAME:
            return of[0]
        case op if op in _JOINED:
            return _hull(of[:2] if op == "set_index" else of)
    return ANY


def _drawn(node: Node, of: list[Interval]) -> Interval:
    dist = node.attrs["dist"]
    at = {name: of[arg] for name, arg in dist.args if isinstance(arg, int)}
    match dist.name:
        case "discrete_uniform":
            return at["low"][0], at["high"][1]
        case "categorical":
            return 0, _length(node.inputs[0]) - 1
        case "binomial":
            return 0, max(at["total_count"][1], 0)
        case "poisson" | "geometric":
            return 0, HIGHEST
    return ANY


def _kind(value: Value) -> str | None:
    return value.type.kind if isinstance(value.type, Tensor) else None


def _length(value: Value, last: bool = False) -> int:
    shape = value.type.shape if isinstance(value.type, Tensor) else ()
    return shape[-1 if last else 0] if shape else 1


# ---------------------------------------------------------------- while it runs


def overflows(op: str, xs: tuple[Any, ...], y: Any) -> Array:
    """Whether ``y``, the result of ``op`` on ``xs`` in 32 bits, is not the true one; one answer for an array."""
    match op:
        case "to_int":
            x = xs[0]
            wrong = ~((x >= -(2.0**31)) & (x < 2.0**31))
        case "add":
            wrong = ((xs[0] ^ y) & (xs[1] ^ y)) < 0
        case "sub":
            wrong = ((xs[0] ^ xs[1]) & (xs[0] ^ y)) < 0
        case "neg" | "abs":
            wrong = xs[0] == LOWEST
        case "mul":
            wrong = _far(_float(xs[0]) * _float(xs[1]), y)
        case "pow":
            wrong = _far(jnp.power(_float(xs[0]), _float(xs[1])), y)
        case "prod":
            wrong = _far(jnp.prod(_float(xs[0]), 0), y)
        case "dot":
            terms, axis = _terms(*xs)
            wrong = overflows("mul", terms, terms[0] * terms[1]) | _sum_leaves(terms[0] * terms[1], axis)
        case _:
            wrong = _sum_leaves(xs[0], 0, running=op == "cumsum")
    return jnp.any(wrong)


def _float(x: Any) -> Array:
    return jnp.asarray(x, jnp.float32)


def _far(estimate: Array, y: Any) -> Array:
    """``estimate``: the true number to a few digits. Up to 1.5 x 2^31 a number beyond the range comes back with the
    other sign. (The sign is read as a bit: XLA takes the square of an integer for positive.)"""
    size = jnp.abs(estimate)
    negative = lax.bitcast_convert_type(jnp.asarray(y, jnp.int32), jnp.uint32) >> 31 != 0
    return ~(size <= 1.5 * 2.0**31) | ((size > 2.0**30) & (negative != (estimate < 0)))


def _sum_leaves(x: Array, axis: int, running: bool = False) -> Array:
    """Whether a sum leaves 32 bits, by its upper and its lower 16 bits; longer ones are not looked at."""
    if x.shape[axis] > MOST_ADDED:
        return jnp.bool_(False)
    total = jnp.cumsum if running else jnp.sum
    high, low = total(x >> 16, axis=axis), total(x & 0xFFFF, axis=axis)
    top = high + (low >> 16)
    return jnp.any((top < -(2**15)) | (top >= 2**15))


def _terms(a: Array, b: Array) -> tuple[tuple[Array, Array], int]:
    """The factors that a product of vectors and matrices multiplies, and the axis along which it adds them."""
    if a.ndim == 2 and b.ndim == 2:
        return (a[:, :, None], b[None, :, :]), 1
    if b.ndim == 2:
        return (a[:, None], b), 0
    return (a, b), -1
