"""Checks of a distribution's numerics, in double precision: sampler, cdf and density say the same, and so do their
derivatives."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from hepppl import distributions
from hepppl.distributions.registry import implementation
from hepppl.plugin import Distribution
from hepppl.testing.report import NotApplicable, require
from hepppl.verification import largest

#: Values tried for a parameter, by its constraint; a combination that `valid` refuses is left out.
VALUES: dict[str, tuple[Any, ...]] = {
    "real": (-0.7, 1.3),
    "positive": (0.8, 2.6),
    "nonnegative": (0.4, 2.2),
    "probability": (0.3, 0.85),
    "simplex": ([0.2, 0.5, 0.3], [0.6, 0.0, 0.4]),
    "nonnegative_int": (3, 9),
    "positive_int": (2, 7),
    "int": (-2, 4),
}
POINTS = 6
#: A value outside each support that has an outside.
OUTSIDE = {"positive": -0.5, "unit_interval": 1.5, "nonnegative_int": -1}
QUANTILES, NODES, ENDS = 400, 8, (1e-7, 1 - 1e-7)


class DistributionKit:
    """``points``: parameters to try it at, in the order of the metadata."""

    def __init__(
        self, name: str, events: int, seed: int, false_alarm: float, points: Sequence[Sequence[Any]] | None = None
    ) -> None:
        self.name, self.events, self.seed, self.rate, self._given = name, events, seed, false_alarm, points

    def checks(self) -> Iterator[tuple[str, Callable[[], str]]]:
        for title, run in (
            ("metadata", self.metadata_complete),
            ("validity", self.validity),
            ("sampler against cdf", self.sampler),
            ("density adds up", self.density),
            ("density itself", self.itself),
            ("outside the support", self.outside),
            ("derivative of log_prob", self.log_prob_slope),
            ("derivative of cdf", self.cdf_slope),
            ("derivative of a draw", self.draw_slope),
        ):
            yield title, self._double(run)

    @staticmethod
    def _double(run: Callable[[], str]) -> Callable[[], str]:
        def call() -> str:
            with jax.enable_x64(True):
                return run()

        return call

    @cached_property
    def law(self) -> Distribution:
        return distributions.get(self.name)

    @cached_property
    def numerics(self) -> Any:
        return implementation(self.law)

    @cached_property
    def points(self) -> list[tuple[Any, ...]]:
        """Parameters at which the law is defined."""
        given = self._given or itertools.product(*(VALUES[p.constraint] for p in self.law.parameters))
        typed = [
            tuple(
                jnp.asarray(x, jnp.int32 if p.kind == "int" else jnp.float64)
                for p, x in zip(self.law.parameters, point, strict=True)
            )
            for point in given
        ]
        return [point for point in typed if bool(self.numerics.valid(*point))][:POINTS]

    @cached_property
    def uniforms(self) -> Any:
        return jnp.asarray(np.random.default_rng(self.seed).uniform(size=self.events))

    def metadata_complete(self) -> str:
        require(self.law.problem() is None, f"{self.law.problem()}")
        require(self.law.summary.strip(), "its summary is empty")
        for move in ("sample", "log_prob", "cdf", "valid"):
            require(hasattr(self.numerics, move), f"its numerics have no {move}")
        names = ", ".join(p.name for p in self.law.parameters)
        return f"{self.law.name}({names}), pathwise by {self.law.pathwise or 'nothing'}"

    def validity(self) -> str:
        require(self.points, "valid() refuses every argument that was tried: give points=")
        for i, p in enumerate(self.law.parameters):
            if p.kind == "int":
                continue
            broken = [jnp.full_like(x, jnp.nan) if j == i else x for j, x in enumerate(self.points[0])]
            require(not bool(self.numerics.valid(*broken)), f"valid() accepts NaN for '{p.name}'")
        shape = jnp.shape(self.numerics.valid(*self.points[0]))
        require(shape == (), f"valid() gives an array of shape {shape}")
        return f"defined at {len(self.points)} of the points tried; NaN is not valid"

    def sampler(self) -> str:
        """Kolmogorov and Smirnov for a continuous law; for a discrete one u lies between cdf(x - 1) and cdf(x)."""
        most = math.sqrt(-math.log(self.rate / len(self.points) / 2) / 2)  # of sqrt(n) D, asymptotically
        worst = 0.0
        for point in self.points:
            x = self._draws(point)
            require(bool(jnp.all(jnp.isfinite(x.astype(float)))), f"{self._at(point)} draws what is not finite")
            if self.law.value == "bool":
                p = 1 - float(self.numerics.cdf(jnp.asarray(False), *point))
                z = (float(x.mean()) - p) / math.sqrt(max(p * (1 - p), 1e-9) / self.events)
                require(abs(z) < largest(self.rate, len(self.points)), f"{self._at(point)}: True with z = {z:.1f}")
                continue
            if self.law.discrete:
                here, below = (self._each(self.numerics.cdf, y, point) for y in (x, x - 1))
                slack = 1e-5
                wrong = (self.uniforms > here + slack) | (self.uniforms < below - slack)
                require(not bool(wrong.any()), f"{self._at(point)}: sample(u) is not the quantile at u")
                continue
            u = np.asarray(self._each(self.numerics.cdf, x, point))
            gap = float(np.max(np.abs(u - np.asarray(self.uniforms))))
            require(gap < 1e-3, f"{self._at(point)}: cdf(sample(u)) is off u by {gap:.2g}: no quantile")
            u = np.sort(u)
            steps = np.arange(len(u) + 1) / len(u)
            distance = max(np.max(steps[1:] - u), np.max(u - steps[:-1])) * math.sqrt(len(u))
            require(distance < most, f"{self._at(point)}: sqrt(n) D = {distance:.2f}, at most {most:.2f}")
            worst = max(worst, distance)
            order = jnp.sort(self.uniforms)
            rising = jnp.diff(jax.vmap(lambda v, point=point: self.numerics.sample(v, *point))(order)) >= 0
            require(bool(rising.all()), f"{self._at(point)}: sample(u) falls somewhere as u rises")
        if self.law.discrete:
            return f"the quantile at {self.events} uniforms for {len(self.points)} points"
        return f"Kolmogorov-Smirnov, largest sqrt(n) D {worst:.2f} of {most:.2f} (false alarms: {self.rate:.1g})"

    def density(self) -> str:
        """The density between quantiles adds up to what the cdf says; the masses to 1."""
        worst = 0.0
        for point in self.points:
            if self.law.discrete:
                ends = [0, 1] if self.law.value == "bool" else [int(self.numerics.sample(u, *point)) for u in ENDS]
                values = jnp.asarray(np.arange(ends[0], ends[1] + 1), self._dtype)
                total = float(jnp.sum(jnp.exp(self._each(self.numerics.log_prob, values, point))))
            else:
                u = np.linspace(1e-4, 1 - 1e-4, QUANTILES)
                edges = np.asarray(jax.vmap(lambda v, point=point: self.numerics.sample(v, *point))(jnp.asarray(u)))
                if edges[-1] == edges[0]:
                    continue  # a point mass
                nodes, weights = np.polynomial.legendre.leggauss(NODES)
                middle, half = (edges[1:] + edges[:-1]) / 2, np.diff(edges) / 2
                x = jnp.asarray((middle[:, None] + half[:, None] * nodes).ravel())
                p = np.exp(np.asarray(self._each(self.numerics.log_prob, x, point))).reshape(-1, NODES)
                below = np.asarray(self._each(self.numerics.cdf, jnp.asarray(edges), point))
                gaps = np.cumsum(p @ weights * half) - (below[1:] - below[0])
                total = 1 + float(gaps[np.argmax(np.abs(gaps))])
            require(abs(total - 1) < 1e-3, f"{self._at(point)}: the density adds up to {total:.6g}")
            worst = max(worst, abs(total - 1))
        return f"to 1 within {worst:.1g}"

    def itself(self) -> str:
        """``prob``, where there is one, is what ``log_prob`` is the logarithm of, with its derivatives."""
        if not hasattr(self.numerics, "prob"):
            raise NotApplicable("its numerics have no prob")
        for point in self.points:
            args = [i + 1 for i, p in enumerate(point) if jnp.issubdtype(p.dtype, jnp.floating)]

            def found(fn: Callable[..., Any], x: Any, point: Any = point, args: Any = args) -> Any:
                return fn(x, *point), jax.jacfwd(fn, args)(x, *point)

            for x in (self.numerics.sample(u, *point) for u in ENDS):
                direct = found(self.numerics.prob, x)
                logs = found(lambda *a: jnp.exp(self.numerics.log_prob(*a)), x)
                close = all(map(np.allclose, jax.tree.leaves(direct), jax.tree.leaves(logs)))
                require(close, f"{self._at(point)}: prob({x}) and its slopes are {direct}, by log_prob {logs}")
        return "prob and its slope agree with log_prob"

    def outside(self) -> str:
        if self.law.support not in OUTSIDE:
            raise NotApplicable(f"its support is {self.law.support}")
        x = jnp.asarray(OUTSIDE[self.law.support], self._dtype)
        for point in self.points:
            found = float(self.numerics.log_prob(x, *point))
            require(found == -math.inf, f"{self._at(point)}: log_prob({x}) is {found}, not -inf")
        return f"log_prob is -inf at {x}"

    def log_prob_slope(self) -> str:
        return self._slopes(self.numerics.log_prob)

    def cdf_slope(self) -> str:
        return self._slopes(self.numerics.cdf)

    def draw_slope(self) -> str:
        if self.law.pathwise is None:
            raise NotApplicable("its draws carry no derivative")
        return self._slopes(lambda u, *point: self.numerics.sample(u, *point), draw=True)

    def _slopes(self, function: Callable[..., Any], draw: bool = False) -> str:
        """Derivatives with respect to each real parameter against central differences, at five quantiles."""
        worst, number = 0.0, 0
        us = jnp.asarray([0.1, 0.3, 0.47, 0.7, 0.9])  # not the median: a Laplace density has its kink there
        sample = jax.jit(lambda *point: jax.vmap(lambda u: self.numerics.sample(u, *point))(us))
        for i, p in enumerate(self.law.parameters):
            if p.kind == "int" or p.rank:
                continue

            def at(x: Any, value: Any, *point: Any, i: int = i) -> Any:
                return jnp.asarray(function(x, *point[:i], value, *point[i + 1 :]), float)

            def both(xs: Any, step: Any, *point: Any, i: int = i, at: Any = at) -> Any:
                slope = jax.vmap(lambda x: jax.grad(lambda v: at(x, v, *point))(point[i]))(xs)
                moved = [jax.vmap(lambda x, k=k: at(x, point[i] + k * step, *point))(xs) for k in (1, -1, 2, -2)]
                return slope, (moved[0] - moved[1]) / (2 * step), (moved[2] - moved[3]) / (4 * step)

            compiled = jax.jit(both)
            for point in self.points:
                step = 1e-5 * max(1.0, abs(float(point[i])))
                for slope, near, far in np.asarray(compiled(us if draw else sample(*point), step, *point)).T:
                    require(math.isfinite(slope), f"{self._at(point)}: the derivative by '{p.name}' is {slope}")
                    if not (math.isfinite(near) and math.isfinite(far)) or abs(near - far) > 1e-3 * (1 + abs(near)):
                        continue  # a kink, or the edge of the support, within the step
                    gap = abs(slope - near) / (1 + abs(near))
                    require(gap < 2e-3, f"{self._at(point)}: by '{p.name}' {slope:.6g}, by differences {near:.6g}")
                    worst, number = max(worst, gap), number + 1
        if not number:
            raise NotApplicable("it has no real number as a parameter")
        return f"{number} derivatives agree with differences within {worst:.1g}"

    @property
    def _dtype(self) -> Any:
        return {"real": jnp.float64, "int": jnp.int32, "bool": bool}[self.law.value]

    def _draws(self, point: tuple[Any, ...]) -> Any:
        return jax.jit(jax.vmap(lambda u: self.numerics.sample(u, *point)))(self.uniforms)

    def _each(self, function: Callable[..., Any], xs: Any, point: tuple[Any, ...]) -> Any:
        return jax.jit(jax.vmap(lambda x: function(x, *point)))(xs)

    def _at(self, point: tuple[Any, ...]) -> str:
        return f"{self.name}({', '.join(str(np.asarray(x).tolist()) for x in point)})"
