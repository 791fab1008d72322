"""The files that a program imports, read and parsed.

A program can only compute, so all that an import can name is more of the language: a regular file ``*.hep``, by a path
relative to the importing file, or a file of the standard library by ``std/…``. What is read is parsed at once, and
shown to no one but as the source line of a diagnostic.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from hepppl.diagnostics import Diagnostic, HepError, HepFileError, HepSyntaxError, Label, Source, Span, nearest
from hepppl.syntax import ast
from hepppl.syntax.files import read_source
from hepppl.syntax.parser import parse
from hepppl.syntax.report import MAX_CHARACTERS

#: The folder of the standard library, and the name under which programs know it.
LIBRARY = Path(__file__).parents[1] / "std"
PREFIX = "std/"
#: Files that one program may import, directly or not; together they may be as long as the longest program.
MAX_FILES = 64


def link(file: ast.File) -> ast.File:
    """The file with all that it imports, directly or not, read and parsed: `ast.File.imported`. A file that is imported
    twice is one object. Without imports, or linked already, the file itself.

    Raises the `HepError` subclass of the first diagnostic, with all of them: a path that is refused (E523), leads to no
    file (E521) or to one that cannot be read (E502 to E505), a circle (E522), too many or too large files (E524), and
    what is wrong in the imported texts (E1xx).
    """
    if file.imported is not None or not _imports(file):
        return file
    loader = _Loader()
    source = file.span.source
    linked = loader.link(file, os.path.realpath(source.name) if source.folder is not None else "")
    if loader.diagnostics:
        kind = HepSyntaxError if loader.diagnostics[0].code.startswith("E1") else HepFileError
        raise kind(loader.diagnostics)
    return linked


def _imports(file: ast.File) -> list[ast.ImportItem]:
    return [item for item in file.items if isinstance(item, ast.ImportItem)]


@cache
def library() -> tuple[str, ...]:
    """The files of the standard library, as programs import them."""
    return tuple(sorted(PREFIX + path.name for path in LIBRARY.glob("*.hep")))


@dataclass
class _Open:
    """A file whose imports are being read: ``place`` is what it imports at the moment."""

    key: str
    name: str
    place: Span | None = None


class _Loader:
    def __init__(self) -> None:
        self.diagnostics: list[Diagnostic] = []
        self.known: dict[str, ast.File | None] = {}  # by resolved path; None where it could not be read
        self.open: list[_Open] = []
        self.size = 0

    def link(self, file: ast.File, key: str) -> ast.File:
        here = _Open(key, file.span.source.name)
        self.open.append(here)
        found: dict[str, ast.File] = {}
        for item in _imports(file):
            here.place = item.path_span
            imported = self.load(item, file.span.source)
            if imported is not None:
                found[item.path] = imported
        self.open.pop()
        return replace(file, imported=found)

    def load(self, item: ast.ImportItem, importer: Source) -> ast.File | None:
        span = item.path_span
        path = _place(item, importer)
        if isinstance(path, Diagnostic):
            self.diagnostics.append(path)
            return None
        key = os.path.realpath(path)
        for i, file in enumerate(self.open):
            if file.key == key:
                self._circle(self.open[i:], span)
                return None
        if key not in self.known:
            self.known[key] = None
            try:
                self.known[key] = self.link(self._parsed(path, key, span, _shown(path)), key)
            except HepError as error:
                self.diagnostics += error.diagnostics
        return self.known[key]

    def _parsed(self, path: str, key: str, span: Span, name: str) -> ast.File:
        if len(self.known) > MAX_FILES:
            raise _error("E524", f"the program imports more than {MAX_FILES} files", span)
        try:
            regular = stat.S_ISREG(os.stat(path).st_mode)
        except (OSError, ValueError):
            raise _error("E521", f"there is no file {name} to import", span, *_similar(path)) from None
        if not regular or not key.endswith(".hep"):
            raise _error("E523", f"{name} is no .hep file", span)
        try:
            source = read_source(path)
        except HepFileError as error:
            raise HepFileError([d if d.span else replace(d, span=span) for d in error.diagnostics]) from None
        self.size += len(source.text)
        if self.size > MAX_CHARACTERS:
            raise _error("E524", f"the imported files are longer than {MAX_CHARACTERS:,} characters together", span)
        return parse(replace(source, name=name))

    def _circle(self, around: list[_Open], span: Span) -> None:
        names = [file.name for file in around]
        shown = " -> ".join([*names, names[0]])
        labels = tuple(Label(f.place, "imported here") for f in around[:-1] if f.place is not None)
        hint = "move what both need into a file that imports neither" if len(names) > 1 else "remove the import"
        message = f"files import each other in a circle: {shown}" if len(names) > 1 else f"{names[0]} imports itself"
        self.diagnostics.append(Diagnostic("E522", message, span, labels, (hint,)))


def _place(item: ast.ImportItem, importer: Source) -> str | Diagnostic:
    """Where an import leads, or why it may not lead there."""
    path, span = item.path, item.path_span

    def refused(message: str, *hints: str) -> Diagnostic:
        return Diagnostic("E523", message, span, (), hints)

    if re.match(r"[/~]|[A-Za-z]:|[A-Za-z+]+://", path):
        return refused("an import is a path relative to the importing file", 'for example import "lib/kinematics.hep"')
    if "\\" in path or not path.isprintable():
        return refused("the folders of a path are divided by /")
    if not path.endswith(".hep"):
        return refused("only .hep files can be imported", *([f'import "{path}.hep"'] if path.isidentifier() else []))
    if path.startswith(PREFIX):
        if path in library():
            return str(LIBRARY / path.removeprefix(PREFIX))
        meant = nearest(path, library())
        hint = f"did you mean {meant}?" if meant else f"it has: {', '.join(library())}"
        return Diagnostic("E521", f"the standard library has no {path}", span, (), (hint,))
    if importer.folder is None:
        hint = 'give the folder, hepppl.parse(text, base="."), or import from std/'
        return refused("a program given as text has no folder to import from", hint)
    return os.path.normpath(os.path.join(importer.folder, path))


def _shown(path: str) -> str:
    """What to call an imported file: files of the library by their names there, which no other file has."""
    if Path(path).parent == LIBRARY:
        return PREFIX + os.path.basename(path)
    return f"./{path}" if path.startswith(PREFIX) else path


def _similar(path: str) -> tuple[str, ...]:
    folder, name = os.path.split(path)
    try:
        names = [entry for entry in os.listdir(folder or ".") if entry.endswith(".hep")]
    except OSError:
        return (f"there is no folder {folder} either",)
    meant = nearest(name, names)
    return (f"did you mean {os.path.join(folder, meant)}?",) if meant else ()


def _error(code: str, message: str, span: Span, *hints: str) -> HepFileError:
    return HepFileError(Diagnostic(code, message, span, (), hints))
