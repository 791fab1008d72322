"""The state of an unfinished search on disk: one file, replaced as a whole, so that a kill leaves the last one."""

from __future__ import annotations

import json
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepFileError

if TYPE_CHECKING:
    from hepppl.inference.descent import Trace

FILE = "search.npz"
#: Seconds between two writes: what a kill may cost.
SECONDS = 2.0
HINT = "run it as it was begun, or without resume, which begins anew"


@dataclass(frozen=True, eq=False)
class State:
    tree: Any
    trace: Trace
    grown: int


@dataclass(eq=False)
class Checkpoint:
    """``folder`` is made where it is missing; ``run`` says what the search depends on, by names for messages."""

    folder: Path
    run: Mapping[str, Any]
    resume: bool
    _last: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise HepFileError(
                Diagnostic("E513", f"cannot write to '{self.folder}': {error.strerror or error}")
            ) from error

    def load(self, like: Any) -> State | None:
        """What was kept, ``like`` in structure; None where nothing was, or nothing is to be resumed. Raises
        `HepFileError` (E516) where it is of another search."""
        import jax

        from hepppl.inference.descent import Trace

        path = self.folder / FILE
        if not self.resume or not path.exists():
            return None
        try:
            with np.load(path) as archive:
                arrays = dict(archive)
            kept = json.loads(str(arrays["run"]))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise HepFileError(Diagnostic("E516", f"'{path}' holds no search", hints=(HINT,))) from error
        wanted = json.loads(json.dumps(self.run))
        for name, value in wanted.items():
            if kept.get(name) != value:
                message = f"'{path}' is of another search: its {name} is {_short(kept.get(name))}, not {_short(value)}"
                raise HepFileError(Diagnostic("E516", message, hints=(HINT,)))
        leaves, tree = jax.tree.flatten(like)
        found = [jax.numpy.asarray(arrays[f"leaf{i}"]) for i in range(len(leaves))]
        trace = Trace(*(arrays[name] for name in ("values", "objective", "gradients", "events")))
        return State(jax.tree.unflatten(tree, found), trace, int(arrays["grown"]))

    def save(self, tree: Any, trace: Callable[[], Trace], grown: int, last: bool = False) -> None:
        """Every two seconds, and at the last step."""
        import jax

        if not last and time.monotonic() - self._last < SECONDS:
            return
        self._last = time.monotonic()
        arrays: dict[str, Any] = {f"leaf{i}": np.asarray(leaf) for i, leaf in enumerate(jax.tree.leaves(tree))}
        kept = trace()
        arrays |= {name: getattr(kept, name) for name in ("values", "objective", "gradients", "events")}
        path = self.folder / FILE
        unfinished = path.with_suffix(".new")
        with unfinished.open("wb") as file:
            np.savez(file, run=np.array(json.dumps(self.run)), grown=np.array(grown), **arrays)
        unfinished.replace(path)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:37] + "…"
