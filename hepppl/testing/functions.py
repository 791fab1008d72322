"""Checks of a function: its signature, both back ends, and its derivative."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from hepppl import syntax
from hepppl.backends import reference
from hepppl.diagnostics import Source
from hepppl.loading import parse
from hepppl.model import Model
from hepppl.plugin import Function
from hepppl.plugin.registry import load
from hepppl.semantics.types import Tensor
from hepppl.syntax import ast
from hepppl.testing.report import NotApplicable, require

#: Base values of the arguments tried; each element of each argument is moved a little from one another.
LEVELS = (0.35, 0.8, 1.6, 3.5)
EVENTS = 20


class FunctionKit:
    """``points``: arguments to try it at, in base units."""

    def __init__(self, name: str, seed: int, points: Sequence[Sequence[Any]] | None = None) -> None:
        self.name, self.seed, self._given = name, seed, points

    def checks(self) -> Iterator[tuple[str, Callable[[], str]]]:
        yield "metadata", self.metadata_complete
        yield "signature", self.signature
        yield "back ends agree", self.back_ends
        yield "derivative", self.derivative

    @cached_property
    def function(self) -> Function:
        return load("hepppl.functions", self.name)

    @cached_property
    def model(self) -> Model:
        """The function of data, which the caller gives."""
        declared = f"extern fn {self.name}{self.function.signature}"
        (item,) = syntax.parse(Source(f"signature of {self.name}", declared)).items
        assert isinstance(item, ast.ExternItem)
        kinds = [formal.type.span.text if formal.type else "real" for formal in item.formals]
        data = "".join(f"    data x{i}: {kind}\n" for i, kind in enumerate(kinds))
        call = f"{self.name}({', '.join(f'x{i}' for i in range(len(kinds)))})"
        return parse(f"{declared}\nmodel kit {{\n{data}    return {call}\n}}\n")

    @cached_property
    def types(self) -> list[Tensor]:
        found = [item.value.type for item in self.model.program.data]
        return [t for t in found if isinstance(t, Tensor)]

    @cached_property
    def points(self) -> list[list[Any]]:
        """Arguments at which the function is finite."""
        given = [list(point) for point in self._given] if self._given is not None else list(map(self._filled, LEVELS))
        with np.errstate(all="ignore"):
            return [x for x in given if np.isfinite(np.asarray(self._value(np, x), float)).all()]

    def metadata_complete(self) -> str:
        require(self.function.summary.strip(), "its summary is empty")
        require(callable(self.function.load()), f"its implementation, {self.function.implementation}, is no function")
        return f"{'smooth' if self.function.smooth else 'jumps'}; {self.function.summary}"

    def signature(self) -> str:
        require(self.points, "it is finite at none of the arguments that were tried: give points=")
        (output,) = self.model.program.outputs
        assert isinstance(output.value.type, Tensor)
        for point in self.points:
            shape = np.shape(self._value(np, point))
            require(
                shape == output.value.type.shape, f"it gives shape {shape}, its signature {output.value.type.shape}"
            )
        return f"{self.name}{self.function.signature}"

    def back_ends(self) -> str:
        """JAX, traced and in single precision, against the interpreter."""
        require(self.points, "it is finite at none of the arguments that were tried: give points=")
        for point in self.points:
            data = {f"x{i}": x for i, x in enumerate(point)}
            model = self.model.with_data(data)
            mine = np.asarray(model.simulate(2).outputs["value"], float)
            theirs = np.asarray(reference.simulate(model.program, 2, data=data)["value"], float)
            require(
                np.allclose(mine, theirs, rtol=1e-4, atol=1e-5), f"at {point}: {mine[0]} by JAX, {theirs[0]} by NumPy"
            )
            batch = jax.vmap(lambda *xs: jnp.asarray(self._value(jnp, xs)))(
                *(jnp.stack([jnp.asarray(x)] * 3) for x in point)
            )
            require(np.allclose(batch[1], mine[0], rtol=1e-4, atol=1e-5), f"at {point}: a batch gives {batch[1]}")
        return f"JAX and NumPy agree at {len(self.points)} points"

    def derivative(self) -> str:
        if not self.function.smooth:
            raise NotApplicable("it says that it jumps")
        real = [i for i, t in enumerate(self.types) if t.kind == "real"]
        if not real:
            raise NotApplicable("it has no real argument")
        worst, number = 0.0, 0
        with jax.enable_x64(True):
            for point in self.points:
                for i in real:
                    gap = self._gap(point, i)
                    worst, number = max(worst, gap), number + 1
                    require(gap < 1e-4, f"its derivative by argument {i + 1} at {point} is off by {gap:.2g}")
        require(number, "it is finite at none of the arguments that were tried: give points=")
        return f"{number} derivatives agree with differences within {worst:.1g}"

    def _gap(self, point: Sequence[Any], i: int) -> float:
        """How far the derivative along a direction is from a central difference, relative to 1 + its size."""
        fixed = [jnp.asarray(x, jnp.int32 if t.kind == "int" else None) for x, t in zip(point, self.types, strict=True)]
        along = jnp.asarray(np.random.default_rng(self.seed).uniform(0.5, 1, np.shape(point[i])))
        value = jnp.asarray(point[i], float)

        def of(x: Any) -> Any:
            return jnp.asarray(self._value(jnp, [*fixed[:i], x, *fixed[i + 1 :]]), float)

        _, slope = jax.jvp(of, (value,), (along,))
        step = 1e-5
        near = (of(value + step * along) - of(value - step * along)) / (2 * step)
        gap = float(jnp.max(jnp.abs(slope - near) / (1 + jnp.abs(near)), initial=0.0))
        return gap if math.isfinite(gap) else math.inf

    def _value(self, xp: Any, arguments: Sequence[Any]) -> Any:
        return self.function.load()(xp, *arguments)

    def _filled(self, level: float) -> list[Any]:
        def one(i: int, t: Tensor) -> Any:
            grid = level * (1 + 0.1 * i) + 0.05 * np.arange(int(np.prod(t.shape, dtype=int))).reshape(t.shape)
            if t.kind == "real":
                return grid if t.shape else float(grid)
            whole = np.ceil(grid).astype(int)
            if t.kind == "bool":
                whole = whole % 2 == 1
            return whole if t.shape else whole.item()

        return [one(i, t) for i, t in enumerate(self.types)]
