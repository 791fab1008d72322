"""Writing results: text, and events as ``.npz``, ``.h5``, ``.parquet`` or ``.root``.

Each output is a column in base units, the weight one more where events are weighted. Outputs whose number of elements
varies are jagged columns in ``.parquet`` and ``.root``; in ``.npz`` and ``.h5`` they are two: the elements of all
events one after another and, with ``_count`` after the name, each event's number. Model, parameters, seed and units go
along as text in JSON: the array ``hepppl`` of an ``.npz``, the attribute ``hepppl`` of an ``.h5``, the schema's
metadata of a ``.parquet``, the object ``hepppl`` of a ``.root`` file.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib import format as format_

from hepppl.diagnostics import Diagnostic
from hepppl.diagnostics.errors import HepFileError

if TYPE_CHECKING:
    from hepppl.results import Events, Jagged

Pathlike = str | os.PathLike[str]
Columns = Mapping[str, "np.ndarray | Jagged"]
#: The columns of all events, of some after others; to be gone through more than once.
Pieces = Iterable[Columns]
WEIGHT = "weight"
PICTURES = (".png", ".pdf", ".svg")
LIBRARIES = {".h5": "h5py", ".parquet": "pyarrow", ".root": "uproot"}


def write_text(path: Pathlike, text: str) -> None:
    """Raises `HepFileError` (E513) where the file cannot be written."""
    with writing(path):
        Path(path).write_text(text, encoding="utf-8")


def event_format(path: Pathlike) -> str:
    """The ending of a file of events. Raises `HepFileError` where nothing could be written: E511 for one that is not
    known, E512 without its library, E513 where the folder is missing."""
    suffix = Path(path).suffix.lower()
    if suffix not in WRITERS:
        found = f"'{suffix}'" if suffix else "no ending"
        known = ", ".join(WRITERS)
        raise HepFileError(Diagnostic("E511", f"events are written as {known}; '{os.fspath(path)}' has {found}"))
    if suffix in LIBRARIES:
        library(LIBRARIES[suffix], "io")
    _check_folder(path)
    return suffix


def result_format(path: Pathlike, ending: str) -> None:
    """Checks that a result can be written there as ``ending``. Raises `HepFileError` as `event_format`."""
    if Path(path).suffix.lower() != ending:
        raise HepFileError(Diagnostic("E511", f"this result is written as {ending}, not as '{os.fspath(path)}'"))
    if ending == ".nc":
        library("h5netcdf", "mcmc")
    _check_folder(path)


def picture_format(path: Pathlike) -> None:
    """Checks that a picture can be drawn there. Raises `HepFileError` as `event_format`."""
    if Path(path).suffix.lower() not in PICTURES:
        found = os.path.basename(os.fspath(path))
        raise HepFileError(Diagnostic("E511", f"pictures are written as {', '.join(PICTURES)}, not as '{found}'"))
    library("matplotlib", "plot")
    _check_folder(path)


def _check_folder(path: Pathlike) -> None:
    if not Path(path).parent.is_dir():
        raise HepFileError(Diagnostic("E513", f"cannot write '{os.fspath(path)}': there is no such folder"))


def write_events(path: Pathlike, events: Events) -> None:
    """Raises `HepFileError`: E511 unknown format, E512 missing library, E513 not writable."""
    event_format(path)
    columns = dict(events.outputs)
    if events.weighted:
        columns[WEIGHT] = events.weight
    write_pieces(path, [columns], events.to_dict())


def write_pieces(path: Pathlike, pieces: Pieces, about: Mapping[str, Any], beside: Pathlike | None = None) -> None:
    """A file of all pieces, in constant memory: written under the name ``beside`` and moved to its place when complete.
    Raises as `write_events`."""
    path = Path(path)
    unfinished = path.with_name(f".{path.name}.unfinished") if beside is None else Path(beside)
    about = {key: value for key, value in about.items() if key != "seconds"}
    try:
        with writing(path):
            WRITERS[event_format(path)](unfinished, pieces, json.dumps(about, ensure_ascii=False))
            unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def writing(path: Pathlike) -> Iterator[None]:
    """What the system says against writing a file is a `HepFileError` (E513)."""
    try:
        yield
    except OSError as error:
        if isinstance(error, HepFileError):
            raise
        reason = (error.strerror or str(error)).lower()
        raise HepFileError(Diagnostic("E513", f"cannot write '{os.fspath(path)}': {reason}")) from None


def library(name: str, extra: str, install: str = "") -> Any:
    """Import an optional library. Raises `HepFileError` (E512) that names the extra it comes with, or how else to
    ``install`` it."""
    try:
        return import_module(name)
    except ImportError:
        message = f"this needs the library '{name.partition('.')[0]}', which is not installed"
        hint = install or f"pip install 'hepppl[{extra}]'"
        raise HepFileError(Diagnostic("E512", message, hints=(hint,))) from None


def _flat(columns: Columns) -> dict[str, np.ndarray]:
    """Jagged columns as two."""
    flat: dict[str, np.ndarray] = {}
    for name, values in columns.items():
        if isinstance(values, np.ndarray):
            flat[name] = values
        else:
            flat |= {name: values.values, f"{name}_count": values.counts}
    return flat


def _npz(path: Path, pieces: Pieces, about: str) -> None:
    """Column after column, as `numpy.savez` would lay them out."""
    with zipfile.ZipFile(path, "w", allowZip64=True) as archive:
        for column, values in next(iter(pieces)).items():
            for name in _flat({column: values}):
                _npy(archive, pieces, column, name)
        with archive.open("hepppl.npy", "w") as member:
            format_.write_array(member, np.array(about))


def _npy(archive: zipfile.ZipFile, pieces: Pieces, column: str, name: str) -> None:
    """One array of the archive: a column, or one of a jagged column's two."""

    def arrays() -> Iterator[np.ndarray]:
        return (_flat({column: piece[column]})[name] for piece in pieces)

    found = [(array.shape, array.dtype) for array in arrays()]
    (_, *inner), dtype = found[0]
    length = sum(shape[0] for shape, _ in found)
    header = {"descr": format_.dtype_to_descr(dtype), "fortran_order": False, "shape": (length, *inner)}
    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
        format_.write_array_header_1_0(member, header)
        for array in arrays():
            member.write(np.ascontiguousarray(array).data)


def _h5(path: Path, pieces: Pieces, about: str) -> None:
    with library("h5py", "io").File(path, "w") as file:
        file.attrs["hepppl"] = about
        for piece in pieces:
            for name, values in _flat(piece).items():
                if name not in file:
                    file.create_dataset(name, data=values, maxshape=(None, *values.shape[1:]), chunks=True)
                    continue
                before = file[name].shape[0]
                file[name].resize(before + len(values), 0)
                file[name][before:] = values


def _parquet(path: Path, pieces: Pieces, about: str) -> None:
    arrow, parquet = library("pyarrow", "io"), library("pyarrow.parquet", "io")

    def column(values: np.ndarray | Jagged) -> Any:
        if not isinstance(values, np.ndarray):
            ends = np.concatenate([[0], np.cumsum(values.counts)])
            return arrow.LargeListArray.from_arrays(ends, column(values.values))
        if values.ndim == 1:
            return arrow.array(values)
        return arrow.FixedSizeListArray.from_arrays(column(values.reshape(-1, *values.shape[2:])), values.shape[1])

    writer = None
    try:
        for piece in pieces:
            table = arrow.table({name: column(values) for name, values in piece.items()})
            table = table.replace_schema_metadata({"hepppl": about})
            writer = writer or parquet.ParquetWriter(path, table.schema)
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()


def _of_scalars(name: str, values: np.ndarray | Jagged) -> Iterator[tuple[str, np.ndarray | Jagged]]:
    """A jagged column of arrays as one jagged column for each of their components: ROOT's branches hold no more."""
    if isinstance(values, np.ndarray) or values.values.ndim == 1:
        yield name, values
        return
    for at in np.ndindex(values.values.shape[1:]):
        yield "_".join([name, *map(str, at)]), type(values)(values.values[(slice(None), *at)], values.counts)


def _root(path: Path, pieces: Pieces, about: str) -> None:
    with library("uproot", "io").recreate(path) as file:
        for piece in pieces:
            columns = {name: v for key, values in piece.items() for name, v in _of_scalars(key, values)}
            if "events" not in file:
                kinds = {
                    name: (v.dtype, v.shape[1:]) if isinstance(v, np.ndarray) else f"var * {v.values.dtype}"
                    for name, v in columns.items()
                }
                file.mktree("events", kinds, counter_name=lambda name: f"{name}_count")
            file["events"].extend({k: v if isinstance(v, np.ndarray) else v.awkward() for k, v in columns.items()})
        file["hepppl"] = about


WRITERS: dict[str, Callable[[Path, Pieces, str], None]] = {
    ".npz": _npz,
    ".h5": _h5,
    ".parquet": _parquet,
    ".root": _root,
}
