"""The JAX back end: lowering, addressed randomness, the lanes' driver, running and differentiating."""

from hepppl.backends.jax.faults import FaultTable, joined
from hepppl.backends.jax.program import Compiled, compile_program
from hepppl.backends.jax.results import Derivative, Events, Fault, Gradient

__all__ = ["Compiled", "Derivative", "Events", "Fault", "FaultTable", "Gradient", "compile_program", "joined"]
