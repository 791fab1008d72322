"""The public interface of functions for programs: `extern fn f(x: real) -> real` names one.

A plugin is a `Function` (metadata) that names an implementation. Its entry point lies in the group
``hepppl.functions``, under the name that programs use, and resolves to a `Function` without importing JAX.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hepppl.plugin.estimator import API_VERSION
from hepppl.plugin.loading import load_target


@dataclass(frozen=True)
class Function:
    """Metadata of a function.

    ``signature``: arguments and result as a program declares them, with their dimensions: ``"(q: energy, n: int) ->
    real"``. Types are numbers and arrays of them.
    ``smooth``: the result is a continuous function of the arguments, differentiable where it matters; where it jumps,
    say False, and gradients that would miss the jumps are refused.
    ``implementation``: ``module:function``, called as ``function(xp, *arguments)`` for one event. ``xp`` is the array
    namespace, ``jax.numpy`` or ``numpy``: the arguments are its scalars and arrays, in base units (MeV, mm, ns, e+),
    and so must be the result. Under JAX it is traced, batched and differentiated: no Python branch on a value.
    """

    name: str
    signature: str
    smooth: bool
    implementation: str
    summary: str
    citation: str = ""
    api: int = API_VERSION

    def load(self) -> Callable[..., Any]:
        return load_target(self.implementation, f"function '{self.name}'")
