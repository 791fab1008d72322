"""Shared by all tests: where the examples are, a cache of their own."""

from __future__ import annotations

import gc
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# Tests must not depend on what earlier runs left behind.
os.environ.pop("HEPPPL_DEBUG", None)
os.environ.setdefault("JAX_PLATFORMS", "cpu")
if "PYTEST_XDIST_WORKER" not in os.environ:  # the workers share it
    os.environ["HEPPPL_CACHE"] = tempfile.mkdtemp(prefix="hepppl-tests-")

ROOT = Path(__file__).parents[1]


def pytest_unconfigure() -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        shutil.rmtree(os.environ["HEPPPL_CACHE"], ignore_errors=True)


@pytest.hookimpl(tryfirst=True)  # before slow ones are left out
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of the cases of a test marked ``every(n)``, all but each n-th are slow; of n times n, the diagonal stays."""
    seen: dict[object, int] = {}
    for item in items:
        mark = item.get_closest_marker("every")
        if mark is not None and item.get_closest_marker("slow") is None:
            test, n = (item.path, getattr(item, "originalname", item.name)), mark.args[0]
            i = seen[test] = seen.get(test, -1) + 1
            if i % n != i // n % n:
                item.add_marker(pytest.mark.slow)


def resident() -> float:
    """Memory of this process in GB; 0 where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e9
    except OSError:
        return 0.0


_bound = 2.0


@pytest.fixture(scope="module", autouse=True)
def bounded_memory() -> Iterator[None]:
    """JAX keeps everything that it has compiled: it is let go after a module where there is too much of it."""
    global _bound
    yield
    if "jax" in sys.modules and resident() > _bound:
        sys.modules["jax"].clear_caches()
        gc.collect()
        _bound = max(_bound, resident() + 1.0)


@pytest.fixture(scope="session")
def examples() -> Path:
    return ROOT / "examples"


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT
