"""Programs from disc."""

from __future__ import annotations

import codecs
import os
import stat
from pathlib import Path

from hepppl.diagnostics import Diagnostic, HepFileError, Source, Span, nearest
from hepppl.syntax.report import MAX_CHARACTERS

_OTHER_ENCODINGS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


def read_source(path: str | os.PathLike[str]) -> Source:
    """The text of a file, under the name by which it was asked for.

    A byte-order mark is dropped. Raises `HepFileError` where there is no such file (E501), it is no regular file
    (E502), it may not be read (E503), is not UTF-8 (E504), or fails otherwise (E505).
    """
    name = os.fspath(path)
    try:
        mode = os.stat(name).st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISFIFO(mode):
            what = "a directory" if stat.S_ISDIR(mode) else "not a regular file"
            raise _error("E502", f"{name} is {what}", *_programs_in(name))
        with open(name, "rb") as file:
            data = file.read(4 * MAX_CHARACTERS + 1)  # UTF-8 takes at most four bytes for a character
    except HepFileError:
        raise
    except FileNotFoundError:
        raise _error("E501", f"there is no file {name}", *_similar(name)) from None
    except NotADirectoryError:
        raise _error("E501", f"there is no file {name}: a part of the path is not a directory") from None
    except PermissionError:
        raise _error("E503", f"{name} may not be read: permission denied") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise _error("E505", f"{name} cannot be read: {reason.lower()}") from None
    return Source(name, _decode(name, data), os.path.dirname(name))


def _decode(name: str, data: bytes) -> str:
    for mark, encoding in _OTHER_ENCODINGS.items():
        if data.startswith(mark):
            hint = f"convert it: `iconv -f {encoding.lower()} -t utf-8`"
            raise _error("E504", f"{name} is {encoding}, not UTF-8", hint)
    data = data.removeprefix(codecs.BOM_UTF8)
    if len(data) > 4 * MAX_CHARACTERS:
        raise _error("E505", f"{name} is longer than {4 * MAX_CHARACTERS:,} bytes: this is no program")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        # The text with the bad bytes replaced serves to show the place.
        before = data[: error.start].decode("utf-8")
        source = Source(name, data.decode("utf-8", errors="replace"))
        span = Span(source, len(before), len(before) + 1)
        message = f"this is not UTF-8: byte 0x{data[error.start]:02X} ({_reason(error.reason)})"
        hint = f"save the file as UTF-8, or convert it: `iconv -f latin1 -t utf-8 {Path(name).name}`"
        raise HepFileError(Diagnostic("E504", message, span, (), (hint,))) from None


def _reason(reason: str) -> str:
    return {"unexpected end of data": "the file ends inside a character"}.get(reason, reason)


def _similar(name: str) -> tuple[str, ...]:
    """The nearest name in the same folder, if there is one."""
    folder = Path(name).parent
    try:
        names = [entry.name for entry in folder.iterdir() if entry.suffix == ".hep"]
    except OSError:
        return (f"there is no folder {folder} either",) if not folder.exists() else ()
    meant = nearest(Path(name).name, names)
    if meant is None and Path(name).with_suffix(".hep").name in names:
        meant = Path(name).with_suffix(".hep").name
    return (f"did you mean {folder / meant}?",) if meant else ()


def _programs_in(name: str) -> tuple[str, ...]:
    try:
        found = sorted(p.name for p in Path(name).iterdir() if p.suffix == ".hep")
    except OSError:
        return ()
    return (f"it holds {', '.join(found[:5])}{' …' if len(found) > 5 else ''}",) if found else ()


def _error(code: str, message: str, *hints: str) -> HepFileError:
    return HepFileError(Diagnostic(code, message, None, (), hints))
