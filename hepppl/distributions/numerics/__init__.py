"""Numerics of the built-in distributions, by family. Importing any of these imports JAX."""
