"""Compiled programs are kept from one process to the next, by JAX's persistent cache in hepppl's own folder.

An entry is found again by the program that XLA is given, its options, the versions of JAX and XLA, and the device: what
changes any of them compiles anew. A cache that the user has configured for JAX is left to serve instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
from jax.experimental.compilation_cache import compilation_cache

from hepppl import _cache

_OPTIONS: dict[str, Any] = {
    "jax_persistent_cache_min_compile_time_secs": 0.2,
    "jax_persistent_cache_min_entry_size_bytes": -1,
}


@contextmanager
def programs() -> Iterator[None]:
    """Compilations inside are looked up in the cache, and kept there."""
    top = _cache.folder()
    if top is None or jax.config.jax_compilation_cache_dir is not None:
        yield
        return
    try:
        (top / _cache.PROGRAMS).mkdir(parents=True, exist_ok=True)
    except OSError:  # read-only: do without
        yield
        return
    wanted = {**_OPTIONS, "jax_compilation_cache_dir": str(top / _cache.PROGRAMS)}
    before = {name: getattr(jax.config, name) for name in wanted}
    try:
        for name, value in wanted.items():
            jax.config.update(name, value)
        compilation_cache.reset_cache()
        yield
    finally:
        for name, value in before.items():
            jax.config.update(name, value)
        compilation_cache.reset_cache()
        _cache.trim()
