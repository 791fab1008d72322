"""The cache on disk: what a second process finds, what it costs to be without, how it is emptied."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hepppl import _cache

PROGRAM = "model m {\n    param r = 3.25\n    n ~ poisson(r)\n    return n^2\n}\n"


def hepppl(*args: str, cache: Path | str) -> Any:
    env = {**os.environ, "HEPPPL_CACHE": str(cache)}
    done = subprocess.run([sys.executable, "-m", "hepppl", *args], env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_a_second_process_finds_the_compiled_program(tmp_path: Path) -> None:
    file, cache = tmp_path / "m.hep", tmp_path / "cache"
    file.write_text(PROGRAM)
    args = ("grad", str(file), "-n", "100", "--json")
    first, second = (hepppl(*args, cache=cache) for _ in range(2))
    assert second["gradient"] == first["gradient"]
    assert second["seconds"]["compile"] < 0.7 * first["seconds"]["compile"]
    other = hepppl(*args, "-p", "r=4", "--seed", "7", cache=cache)  # the same program: nothing is added
    assert other["gradient"] != first["gradient"]
    listed = hepppl("cache", "list", "--json", cache=cache)
    names = [Path(row["file"]).parent.name for row in listed["files"]]
    assert names.count(_cache.PROGRAMS) == 2  # the executable, and which run needs it
    cleared = hepppl("cache", "clear", "--json", cache=cache)
    assert cleared == {"deleted": len(names), "bytes": listed["bytes"]}
    assert hepppl("cache", "list", "--json", cache=cache)["files"] == []


@pytest.mark.slow
def test_without_a_cache(tmp_path: Path) -> None:
    file = tmp_path / "m.hep"
    file.write_text(PROGRAM)
    hepppl("simulate", str(file), "-n", "100", "--json", cache="off")
    assert hepppl("cache", "list", "--json", cache="off")["folder"] is None
    (tmp_path / "blocked").write_text("a file, not a folder")
    hepppl("simulate", str(file), "-n", "100", "--json", cache=tmp_path / "blocked")


def test_the_least_recently_used_programs_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEPPPL_CACHE", str(tmp_path))
    (tmp_path / _cache.PROGRAMS).mkdir()
    for age, name in ((300, "old"), (200, "older-but-used"), (100, "new")):
        path = tmp_path / _cache.PROGRAMS / name
        path.write_bytes(b"x" * 100)
        os.utime(path, (1e9 - age, 1e9 - age))
    kept = tmp_path / "something-else"
    kept.write_bytes(b"x" * 1000)
    _cache.trim(limit=250)
    left = sorted(path.name for path, _, _ in _cache.entries())
    assert left == ["new", "older-but-used", "something-else"]
    assert _cache.clear() == (3, 1200)
    assert list(_cache.entries()) == []
