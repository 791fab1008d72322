"""Solving a comparison step by step: what is found gives the value back, and what does not exist is NaN, derivative and
all."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hepppl.backends.jax import inverses
from hepppl.backends.jax.ops import SIMPLE
from hepppl.graph import INVERTIBLE, Step
from hepppl.graph.expressions import Expr

TARGETS = np.array([-3.0, -1.0, -0.4, 0.0, 0.3, 0.9, 1.0, 2.5], np.float32)
CASES = [(op, position) for op, positions in INVERTIBLE.items() for position in positions]
OTHERS = (-2.0, -0.5, 0.0, 0.7, 2.0, 3.0)


def test_what_the_graph_takes_for_invertible_is_what_can_be_undone() -> None:
    assert inverses.UNARY.keys() | inverses.BINARY.keys() == INVERTIBLE.keys()
    assert all(INVERTIBLE[op] == (0, 1) for op in inverses.BINARY)


@pytest.mark.every(2)
@pytest.mark.parametrize(("op", "position"), CASES)
def test_a_solution_gives_the_value_back(op: str, position: int) -> None:
    found = 0
    for other in OTHERS if op in inverses.BINARY else (None,):
        given = () if other is None else (jnp.float32(other),)
        undo = inverses.undo(Step(op, position, tuple(Expr("leaf") for _ in given), None))

        def total(y: Any, undo: Any = undo, given: Any = given) -> Any:
            return sum(jnp.where(jnp.isfinite(x), x, 0).sum() for x in undo(y, *given))

        for x in undo(jnp.asarray(TARGETS), *given):
            operands = (x, *given) if position == 0 else (*given, x)
            back, ok = SIMPLE[op](*operands), np.isfinite(x)
            assert np.asarray(back)[ok] == pytest.approx(TARGETS[ok], rel=2e-5, abs=2e-6), (op, other)
            found += ok.sum()
        assert np.isfinite(jax.grad(total)(jnp.asarray(TARGETS))).all(), (op, other)
    assert found >= 2


@pytest.mark.parametrize(("op", "position"), CASES)
def test_every_value_is_found_again(op: str, position: int) -> None:
    """No solution is forgotten, where the operation gives a number and can tell values apart."""
    x = np.array([-2.2, -0.8, -0.3, 0.2, 0.6, 1.7], np.float32)
    for other in (-2.0, 0.7, 2.0, 3.0) if op in inverses.BINARY else (None,):
        given = () if other is None else (jnp.float32(other),)
        operands = (jnp.asarray(x), *given) if position == 0 else (*given, jnp.asarray(x))
        y = np.asarray(SIMPLE[op](*operands))
        solutions = np.stack(inverses.undo(Step(op, position, tuple(Expr("leaf") for _ in given), None))(y, *given))
        near = np.nanmin(np.abs(solutions - x), axis=0, initial=np.inf)
        assert (near[np.isfinite(y)] < 1e-4).all(), (op, other, x, solutions)


@pytest.mark.parametrize("c", [(0.5, -1.5, 1.0), (-2.0, 0.0, 0.3), (1.0, 2.0, 0.0), (1.0, 0.0, 1.0), (0.0, 3.0, 1e-7)])
def test_roots_of_a_parabola(c: tuple[float, float, float]) -> None:
    found = np.asarray(inverses.quadratic(jnp.float32(0.2), *map(jnp.float32, c)))
    exact = np.roots([c[2], c[1], c[0] - 0.2])
    exact = np.sort(exact[np.isreal(exact)].real)
    assert np.sort(found[np.isfinite(found)]) == pytest.approx(exact, rel=1e-5)
