"""The events of an unfinished run on disk: a folder ``FILE.parts`` with a file for each part that is complete, and
``run.json``, which says what run they belong to.

A part is written under another name and renamed, so that what has its name is complete, whenever the run is killed.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hepppl import identity
from hepppl._version import __version__
from hepppl.diagnostics import Diagnostic, Source, Span
from hepppl.diagnostics.errors import HepFileError
from hepppl.results import Jagged

if TYPE_CHECKING:
    from hepppl.scale.work import Work

MANIFEST = "run.json"


def manifest(work: Work) -> dict[str, Any]:
    """What the events of a run depend on, by names that a message can use."""
    from hepppl.plugin import registry

    groups = ("hepppl.distributions", "hepppl.functions")
    plugins = {str(entry) for group in groups for entry in registry.entries(group) if not entry.own}
    return {
        "hepppl": __version__,
        "plugins": sorted(plugins),
        "program": identity.of_program(work.model),
        "model": work.model.name,
        "params": identity.listed(work.point),
        "data": identity.digest(work.given),
        "seed": work.seed,
        "events": work.n,
        "precision": work.engine["precision"],
        "rounds": work.engine["rounds"],
        "max_steps": work.engine["max_steps"],
    }


@dataclass(frozen=True)
class Parts:
    """``size``: events of a part."""

    folder: Path
    size: int

    @classmethod
    def opened(cls, output: Path, work: Work, resume: bool) -> Parts:
        """The folder of a run, made anew unless it is to be resumed. Raises `HepFileError` (E515) where what lies there
        belongs to another run."""
        folder, wanted = folder_of(output), manifest(work)
        if resume and (folder / MANIFEST).exists():
            found = _read(folder / MANIFEST)
            _compare(folder, {**found, "size": None}, {**wanted, "size": None})
            return cls(folder, found["size"])
        parts = cls(folder, work.size())
        parts.remove()
        folder.mkdir()
        unfinished = (folder / MANIFEST).with_suffix(".new")
        unfinished.write_text(json.dumps({**wanted, "size": parts.size}))
        unfinished.replace(folder / MANIFEST)
        return parts

    def path(self, first: int) -> Path:
        return self.folder / f"{first:020}.npz"

    def has(self, first: int) -> bool:
        """Whether a part is there and can be read (a machine that lost power may leave half a file)."""
        try:
            with zipfile.ZipFile(self.path(first)) as archive:
                return archive.testzip() is None
        except (OSError, zipfile.BadZipFile):
            return False

    def write(self, first: int, raw: Any) -> None:
        columns: dict[str, Any] = {} if raw.weight is None else {"weight": raw.weight}
        for name, values in raw.outputs.items():
            if hasattr(values, "counts"):
                columns |= {f"values.{name}": values.values, f"counts.{name}": values.counts}
            else:
                columns[f"output.{name}"] = values
        faults = [
            [
                f.kind,
                f.message,
                f.span.source.name,
                f.span.source.text,
                f.span.start,
                f.span.end,
                f.count,
                f.first_event,
            ]
            for f in raw.faults
        ]
        unfinished = self.path(first).with_suffix(".new")
        with unfinished.open("wb") as file:
            np.savez(file, fault=raw.fault, faults=np.array(json.dumps(faults)), **columns)
        unfinished.replace(self.path(first))

    def read(self, first: int) -> Any:
        """The events of a part, as the back end gave them."""
        from hepppl.backends.jax import Events, Fault

        with np.load(self.path(first)) as archive:
            arrays = dict(archive)
        sources: dict[str, Source] = {}
        faults = []
        for kind, message, name, text, start, end, count, earliest in json.loads(str(arrays.pop("faults"))):
            source = sources.setdefault(name, Source(name, text))
            faults.append(Fault(kind, message, Span(source, start, end), count, earliest))
        outputs: dict[str, Any] = {}
        for key, values in arrays.items():
            kind, _, name = key.partition(".")
            if kind == "output":
                outputs[name] = values
            elif kind == "values":
                outputs[name] = Jagged(values, arrays[f"counts.{name}"])
        return Events(outputs, arrays.get("weight"), arrays["fault"], tuple(faults), 0.0, 0.0)

    def remove(self) -> None:
        """The folder, and what is ours in it; raises `OSError` where there is something else."""
        for pattern in ("*.npz", "*.new", MANIFEST, "whole"):
            for path in self.folder.glob(pattern):
                path.unlink()
        if self.folder.exists():
            self.folder.rmdir()


@dataclass(frozen=True)
class Columns(Mapping[str, Any]):
    """The columns of a part, each read when it is asked for."""

    path: Path
    names: tuple[str, ...]

    def __getitem__(self, name: str) -> Any:
        with np.load(self.path) as archive:
            if name not in self.names:
                raise KeyError(name)
            if name == "weight" and name in archive:
                return archive[name]
            if f"output.{name}" in archive:
                return archive[f"output.{name}"]
            return Jagged(archive[f"values.{name}"], archive[f"counts.{name}"])

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class Pieces:
    """The columns of a finished run, part after part (`hepppl.io.write.Pieces`)."""

    parts: Parts
    firsts: tuple[int, ...]
    names: tuple[str, ...]

    def __iter__(self) -> Iterator[Columns]:
        return (Columns(self.parts.path(first), self.names) for first in self.firsts)


def folder_of(output: Path) -> Path:
    return output.with_name(f"{output.name}.parts")


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
        assert isinstance(found["size"], int)
        return found
    except (ValueError, KeyError, TypeError, AssertionError):
        raise HepFileError(Diagnostic("E515", f"'{path}' does not say what run it belongs to", hints=(HINT,))) from None


HINT = "run it as it was begun, or without --resume to begin anew"


def _compare(folder: Path, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    shown = {"program": "another program", "data": "other data", "plugins": "other plugins"}
    differences = [
        shown.get(key) or f"{key} {_short(found.get(key))} instead of {_short(wanted[key])}"
        for key in wanted
        if found.get(key) != wanted[key]
    ]
    if differences:
        message = f"'{folder}' holds another run: {', '.join(differences)}"
        raise HepFileError(Diagnostic("E515", message, hints=(HINT,)))


def _short(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{k} = {v}" for k, v in value.items())[:200]
    return str(value)
