"""The folder where hepppl keeps what it need not work out again: compiled programs.

``$HEPPPL_CACHE`` names another folder, or none with ``off``. Everything in it can be deleted at any time.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

#: Compiled programs beyond this many bytes are deleted, those first that were not used for longest.
LIMIT = 1 << 30
PROGRAMS = "programs"


def folder() -> Path | None:
    """The cache, in the user's folder for caches; None where there is none or it is turned off."""
    asked = os.environ.get("HEPPPL_CACHE")
    if asked:
        return None if asked == "off" else Path(asked)
    home = os.environ.get("XDG_CACHE_HOME")
    try:
        base = Path(home) if home else Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    except RuntimeError:  # no home directory
        return None
    return base / "hepppl"


def entries() -> Iterator[tuple[Path, int, float]]:
    """Every file of the cache with its size in bytes and the time of its last use."""
    top = folder()
    for path in sorted(top.rglob("*")) if top is not None and top.is_dir() else ():
        with suppress(OSError):
            if path.is_file():
                stat = path.stat()
                yield path, stat.st_size, max(stat.st_mtime, stat.st_atime)


def clear() -> tuple[int, int]:
    """Delete everything; how many files and bytes that was."""
    found = list(entries())
    for path, _, _ in found:
        with suppress(OSError):
            path.unlink()
    return len(found), sum(size for _, size, _ in found)


def trim(limit: int = LIMIT) -> None:
    """Delete the compiled programs that were not used for longest, until the rest is within ``limit`` bytes."""
    programs = sorted((e for e in entries() if e[0].parent.name == PROGRAMS), key=lambda e: e[2], reverse=True)
    total = 0
    for path, size, _ in programs:
        total += size
        if total > limit:
            with suppress(OSError):
                path.unlink()
