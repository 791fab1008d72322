"""Shared by all tests: where the examples are, no persistent compilation cache, no colours."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Tests must not depend on what earlier runs left behind.
os.environ.pop("HEPPPL_DEBUG", None)
os.environ.setdefault("JAX_PLATFORMS", "cpu")

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def examples() -> Path:
    return ROOT / "examples"


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT
