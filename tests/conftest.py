"""Shared by all tests: where the examples are, a cache of their own."""

from __future__ import annotations

import os
import shutil
import tempfile
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


@pytest.fixture(scope="session")
def examples() -> Path:
    return ROOT / "examples"


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT
