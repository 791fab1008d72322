"""The reference back end: a plain NumPy interpreter, one event at a time, the oracle of the others. Needs SciPy."""

from hepppl.backends.reference.run import Events, simulate, trace

__all__ = ["Events", "simulate", "trace"]
