"""Expressions over the values of a program: what a comparison compares, written out along one way through the text.

They are interned in a `Pool`, so that shared parts are shared, and equal ones are the same object.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import zip_longest

from hepppl.semantics.ir import Node, Value


@dataclass(frozen=True, eq=False)
class Expr:
    """A leaf (``value``), a number, or an operation ``op`` on ``args``.

    ``node``: the operation of the program that it repeats (None for those that analyses make up: ``add``, ``sub``,
    ``mul``, ``div``, ``eq``, ``ge`` and ``le`` of scalars). ``leaves``: every value in it.
    """

    op: str
    args: tuple[Expr, ...] = ()
    node: Node | None = None
    value: Value | None = None
    number: float = 0.0
    leaves: frozenset[Value] = frozenset()
    depth: int = 0

    @property
    def scalar(self) -> bool:
        return self.node is None or all(getattr(result.type, "shape", None) == () for result in self.node.results)


@dataclass(frozen=True, eq=False)
class Pool:
    _known: dict[Hashable, Expr] = field(default_factory=dict)

    def _intern(self, key: Hashable, made: Expr) -> Expr:
        return self._known.setdefault(key, made)

    def leaf(self, value: Value) -> Expr:
        return self._intern(value, Expr("leaf", value=value, leaves=frozenset((value,))))

    def number(self, number: float) -> Expr:
        return self._intern(("number", type(number), number), Expr("number", number=number))

    def apply(self, op: str, args: tuple[Expr, ...], node: Node | None = None) -> Expr:
        key = (op, args, node)
        if key in self._known:
            return self._known[key]
        leaves = frozenset().union(*(arg.leaves for arg in args))
        depth = 1 + max((arg.depth for arg in args), default=0)
        return self._intern(key, Expr(op, args, node, leaves=leaves, depth=depth))

    def operation(self, node: Node) -> Expr:
        """A pure operation of the program on its own inputs."""
        return self.apply(node.op, tuple(self.leaf(value) for value in node.inputs), node)

    def replace(self, expr: Expr, by: Mapping[Value, Expr], done: dict[Expr, Expr]) -> Expr:
        """``expr`` with leaves replaced; ``done`` remembers the parts that these replacements have been done in."""
        if expr not in done:
            if expr.leaves.isdisjoint(by):
                done[expr] = expr
            elif expr.value is not None:
                done[expr] = by[expr.value]
            else:
                done[expr] = self._folded(expr, tuple([self.replace(arg, by, done) for arg in expr.args]))
        return done[expr]

    def _folded(self, expr: Expr, args: tuple[Expr, ...]) -> Expr:
        """Sums of whole numbers are done, and elements of written lists looked up: what is one place should be one."""
        if expr.op not in ("add", "index"):
            return self.apply(expr.op, args, expr.node)
        numbers = [constant(arg) for arg in args]
        if expr.op == "add" and all(isinstance(n, int) for n in numbers):
            return self.number(sum(n for n in numbers if n is not None))
        if expr.op == "index" and args[0].op == "const" and args[0].node is not None and isinstance(numbers[1], int):
            listed = args[0].node.attrs["value"]
            if 0 <= numbers[1] < len(listed) and isinstance(listed[numbers[1]], float):
                return self.number(listed[numbers[1]])
        return self.apply(expr.op, args, expr.node)

    # Arithmetic with the obvious simplifications

    def plus(self, a: Expr, b: Expr) -> Expr:
        return b if is_zero(a) else a if is_zero(b) else self.apply("add", (a, b))

    def minus(self, a: Expr, b: Expr) -> Expr:
        return a if is_zero(b) else self.apply("sub", (a, b))

    def times(self, a: Expr, b: Expr) -> Expr:
        if is_zero(a) or is_zero(b):
            return self.number(0.0)
        return b if is_one(a) else a if is_one(b) else self.apply("mul", (a, b))

    def over(self, a: Expr, b: Expr) -> Expr:
        return a if is_zero(a) else self.apply("div", (a, b))


def is_zero(e: Expr) -> bool:
    return e.op == "number" and e.number == 0


def is_one(e: Expr) -> bool:
    return e.op == "number" and e.number == 1


def polynomial(pool: Pool, e: Expr, x: Value) -> tuple[Expr, ...] | None:
    """The coefficients of ``e`` as a polynomial in ``x``, that of x^0 first; None where it is none, or of a degree
    above two."""
    zero = pool.number(0.0)

    @cache  # parts are shared: without it, the time is exponential in the depth
    def of(e: Expr) -> tuple[Expr, ...] | None:
        if x not in e.leaves:
            return (e,)
        if e.value is x:
            return (zero, pool.number(1.0))
        parts = [of(arg) for arg in e.args]
        if any(part is None for part in parts) or not e.scalar:
            return None
        a, b = parts[0], parts[-1]
        assert a is not None and b is not None  # noqa: PT018
        match e.op:
            case "add" | "sub":
                combine = pool.plus if e.op == "add" else pool.minus
                return tuple(combine(c, d) for c, d in zip_longest(a, b, fillvalue=zero))
            case "neg":
                return tuple(pool.minus(zero, c) for c in a)
            case "mul":
                return product(a, b)
            case "div" if len(b) == 1:
                return tuple(pool.over(c, b[0]) for c in a)
            case "square":
                return product(a, a)
            case "pow" if len(b) == 1 and constant(b[0]) == 2:
                return product(a, a)
            case "to_real":
                return a
        return None

    def product(a: tuple[Expr, ...], b: tuple[Expr, ...]) -> tuple[Expr, ...] | None:
        if len(a) + len(b) > 4:
            return None
        found = [zero] * (len(a) + len(b) - 1)
        for i, c in enumerate(a):
            for j, d in enumerate(b):
                found[i + j] = pool.plus(found[i + j], pool.times(c, d))
        return tuple(found)

    return of(e)


def constant(e: Expr) -> float | None:
    """The number that an expression is, where the text says so."""
    if e.op == "number":
        return e.number
    if e.op == "const" and e.node is not None and isinstance(e.node.attrs["value"], int | float):
        return e.node.attrs["value"]
    return None
