"""Probability distributions: metadata without JAX (`get`, `names`, `all`), numerics when a back end loads them."""

from hepppl.distributions.registry import all, get, implementation, known, names
from hepppl.plugin.distribution import Distribution, Numerics, Parameter

__all__ = ["Distribution", "Numerics", "Parameter", "all", "get", "implementation", "known", "names"]
