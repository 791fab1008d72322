"""The pulled-back random walk in genjax, with its REINFORCE, in a Python that has it: genjax wants Python 3.12 and its
own version of jax.

``python walk_genjax.py N ROUNDS TILE…`` prints JSON: per tile the seconds of the processor that each round took, the
mean and the standard deviation of one walk's gradient, and the versions. The hundred steps are written out one by one:
in a loop the gradient of genjax's discrete choices is zero.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from genjax.adev import expectation, flip_reinforce
from genjax.pjax import modular_vmap, seed

STEPS, P = 100, 50.0


@expectation
def squared(p: jax.Array) -> jax.Array:
    x = jnp.float32(0.0)
    for _ in range(STEPS):
        up = flip_reinforce(jnp.minimum(jnp.exp(-x / p), 1 - 1e-6))
        x = x + jnp.where(up, 1.0, -1.0)
    return x * x


def gradients(n: int, tile: int) -> Any:
    """A function of a key that gives ``n`` walks' gradients, (n / tile, tile); its own `vmap` draws for a tile at once,
    which is faster than a key for each walk."""
    of_tile = seed(modular_vmap(squared.grad_estimate, in_axes=(None,), axis_size=tile))

    @jax.jit
    def run(key: jax.Array) -> jax.Array:
        return jax.lax.map(lambda k: of_tile(k, jnp.float32(P)), jax.random.split(key, n // tile))

    return run


def main(n: int, rounds: int, tiles: list[int]) -> dict[str, Any]:
    found = {}
    for tile in tiles:
        run, taken = gradients(n, tile), []
        each = np.asarray(run(jax.random.key(0)), np.float64).ravel()
        for i in range(rounds):
            began = time.process_time()
            jax.block_until_ready(run(jax.random.key(1 + i)))
            taken.append(time.process_time() - began)
        found[tile] = {"seconds": taken, "mean": each.mean(), "std": each.std()}
    return {"tiles": found, "versions": f"genjax {version('genjax')}, jax {version('jax')}"}


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]), [int(t) for t in sys.argv[3:]])))
