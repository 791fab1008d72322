"""A model as pure JAX functions: what `hepppl.Model.compile` gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hepppl import inputs

if TYPE_CHECKING:
    from hepppl.model import Model
    from hepppl.planning import Plan


@dataclass(frozen=True, eq=False)
class Compiled:
    """A model as pure functions, to call inside `jax.jit`, `jax.lax.scan` or an optimiser's loop.

    ``key`` is an integer seed or a JAX key; ``params`` maps names to numbers or traced scalars in base units (those
    left out keep their defaults; nothing is checked against the support); ``n`` is a Python integer.
    Truncation cannot raise inside a traced function: use `Model.simulate` and `Model.grad` to have it checked.
    """

    model: Model
    plan: Plan | None
    program: Any
    _data: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def simulate(self, key: Any, params: Mapping[str, Any], n: int) -> Mapping[str, Any]:
        """Output -> array of shape (n, …)."""
        from hepppl.backends.jax import pure

        return pure.simulate(self.program, key, self._point(params), n, self._data)

    def value_and_grad(
        self, key: Any, params: Mapping[str, Any], n: int
    ) -> tuple[Mapping[str, Any], Mapping[str, Mapping[str, Any]]]:
        """(output -> mean, output -> parameter -> derivative of its expectation), estimated from n events."""
        from hepppl.backends.jax import pure

        return pure.value_and_grad(self.program, key, self._point(params), n, self._data)

    def _point(self, params: Mapping[str, Any]) -> dict[str, Any]:
        inputs.check_names(params, self.model.params, "parameter", "E451")
        return {**inputs.defaults(self.model.program, params), **params}
