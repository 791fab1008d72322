"""Functions of plugins in compiled programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from hepppl.graph import Node
from hepppl.plugin.registry import call_function


def extern(node: Node) -> Callable[..., Any]:
    """A plugin's function of one event's values."""
    name, shape = node.attrs["function"], node.results[0].type.shape
    return lambda *xs: call_function(name, jnp, xs, shape, node.span)
