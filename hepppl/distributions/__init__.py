"""Probability distributions: metadata without JAX (`get`, `names`, `all`), numerics when a back end loads them."""

from hepppl.distributions.base import Distribution, Numerics, Parameter
from hepppl.distributions.registry import all, get, names

__all__ = ["Distribution", "Numerics", "Parameter", "all", "get", "names"]
