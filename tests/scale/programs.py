"""Small programs, and how another process is made to run them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

WALK = """
model walk {
    param p: real in (1, 1e6) = 20
    x = 0
    for i in 0..8 {
        up ~ bernoulli(exp(-x / p))
        x = x + (if up then 1 else -1)
    }
    return x^2
}
"""

#: Outputs of every kind; a process; rejected events; some that meet a limit.
MIXED = """
process p(k: int) {
    stop ~ bernoulli(0.5)
    if not stop { emit (e = 2 * k * MeV) ; spawn p(k + 1) }
}
model mixed {
    param p: real in (0, 1) = 0.4
    x ~ normal(0, 1)
    k ~ poisson(3)
    require x < 1
    h ~ p(1) limit 2
    i = if k < 12 then k else 12
    table = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    return (x = x, k = k, big = k > 3, a = [x, 2 * x, 3 * x], e = h.e, t = table[i])
}
"""


def environment(root: Path, **more: str) -> dict[str, str]:
    path = os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, "JAX_PLATFORMS": "cpu", **more}


def python(root: Path, code: str, *args: object, **more: str) -> str:
    """The standard output of a program in a process of its own."""
    command = [sys.executable, "-c", code, *map(str, args)]
    done = subprocess.run(command, env=environment(root, **more), capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stdout
