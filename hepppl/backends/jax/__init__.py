"""The JAX back end: lowering, addressed randomness, the lanes' driver, running and differentiating."""

import gc

_collecting = gc.isenabled()
gc.disable()  # importing JAX makes a hundred thousand objects: to look for garbage among them takes a tenth of it
try:
    from hepppl.backends.jax.faults import FaultTable, joined
    from hepppl.backends.jax.program import Compiled, compile_program
    from hepppl.backends.jax.results import Derivative, Events, Fault, Gradient
finally:
    if _collecting:
        gc.freeze()
        gc.unfreeze()  # what there is now counts as old, without being looked through
        gc.enable()

__all__ = ["Compiled", "Derivative", "Events", "Fault", "FaultTable", "Gradient", "compile_program", "joined"]
