"""Every example of the registry is run, and fails with exactly its code.

An example is a program, a command, or a line of Python. A program is checked, unless its first line names another
command: ``# hepppl grad FILE``.
"""

from __future__ import annotations

import builtins
import errno
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner

import hepppl
from hepppl.diagnostics.codes import CODES
from hepppl.plugin import registry

#: Examples that need JAX to compile something.
SLOW = {
    "E474", "E715", "E721", "E901", "E902", "E903", "E904", "E905", "E806", "E906", "E907", "E908", "E909", "E910",
    "E911", "E912", "E921", "E922", "E923", "E930", "E932", "E940", "E941", "E950", "W901", "W902",
    "W903",
}  # fmt: skip
#: Shown with a plugin that fails, in `tests.plugins.test_extensions`, or with trained networks, in
#: `tests.inference.sbi.test_methods`.
ELSEWHERE = {"E805", "E483", "E485", "E724", "E931"}
M = "model m {\n    param p: real in (0, 1) = 0.5\n    b ~ bernoulli(p)\n    return b\n}\n"
#: More than a program may import.
PARTS = 80
PROGRAMS = {
    "m.hep": M,
    "other.hep": M,
    "shower.hep": "model shower {\n    param radius: length = 1 cm\n    x ~ exponential(1 / radius)\n    return x\n}\n",
    "counting.hep": "model counting {\n    data background: real = 3\n    k ~ poisson(background)\n    return k\n}\n",
    "data.hep": "model m {\n    data n: int = 3\n    k ~ poisson(n)\n    return k\n}\n",
    "locked.hep": M,
    "on_a_lost_drive.hep": M,
    "showers.hep": 'import "main.hep"\nfn half(x) = x / 2\n',
    "generated.hep": "".join(f'import "part{i}.hep"\n' for i in range(PARTS)) + M,
    **{f"part{i}.hep": f"const c{i} = {i}\n" for i in range(PARTS)},
}
#: What the plug-in examples find installed: name -> the packages that register it, and what the name leads to.
INSTALLED = {
    "E802": [("smooth_jumps", "one", "good"), ("smooth_jumps", "two", "good")],
    "E803": [("broken", "sloppy", "missing")],
    "E804": [("outdated", "sloppy", "old")],
    "E806": [("nan", "acme", "tests.plugins.faulty")],
    "E907": [("doubling", "acme", "tests.plugins.faulty")],
    "E908": [("doubling", "acme", "tests.plugins.faulty")],
    "W801": [("score", "rival", "good")],
    "W802": [("smooth_jumps", "one", "good"), ("smooth_jumps", "two", "good")],
    "W803": [("broken", "sloppy", "missing")],
}


@dataclass(frozen=True)
class Package:
    name: str
    version: str = "1.0"


@pytest.fixture
def folder(tmp_path: Path, examples: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files that the examples speak of, in a folder that is made the current one."""
    for name, text in PROGRAMS.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    shutil.copytree(examples, tmp_path / "examples")
    shutil.copy(examples / "absorber.hep", tmp_path)
    (tmp_path / "latin1.hep").write_bytes("# é\nmodel m { return 1 }".encode("latin-1"))
    (tmp_path / "n.json").write_text('{"n": 3}', encoding="utf-8")
    (tmp_path / "broken.json").write_text("{", encoding="utf-8")
    (tmp_path / "outside").mkdir()
    (tmp_path / "events.npz.parts").mkdir()
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "search.npz").write_bytes(b"")
    (tmp_path / "events.npz.parts" / "run.json").write_text("{}", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert not command("plan absorber.hep -o absorber.json --quiet")
    return tmp_path


@pytest.fixture
def troubles(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """What no file in a folder can be: unreadable whoever reads, on a drive that is gone, without a library."""
    real = builtins.open

    def opened(name: Any, *args: Any, **kwargs: Any) -> Any:
        if str(name).endswith("locked.hep"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        if str(name).endswith("on_a_lost_drive.hep"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(name, *args, **kwargs)

    def make(code: str) -> None:
        monkeypatch.setattr(builtins, "open", opened)
        if code == "E512":
            monkeypatch.setitem(sys.modules, "uproot", None)
        if code in INSTALLED:
            install(INSTALLED[code], monkeypatch)

    yield make
    monkeypatch.undo()
    registry.refresh()


def install(wanted: list[tuple[str, str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("some_plugins")
    good = registry.load_estimator("score")
    vars(module).update(good=replace(good, name=wanted[0][0]), old=replace(good, name=wanted[0][0], api=0))
    monkeypatch.setitem(sys.modules, "some_plugins", module)
    real, points = registry.entry_points, []
    for name, package, target in wanted:
        home = "there_is_no_such_module" if target == "missing" else "some_plugins"
        made = EntryPoint(name, f"{target}:{name}" if "." in target else f"{home}:{target}", "hepppl.estimators")
        vars(made)["dist"] = Package(package)
        points.append(made)
    found = EntryPoints([*(p for group in registry.GROUPS for p in real(group=group)), *points])
    monkeypatch.setattr(registry, "entry_points", lambda: found)
    registry.refresh()


def command(line: str) -> set[str]:
    """The codes that a command line ends with."""
    from hepppl.cli.app import app

    result = CliRunner().invoke(app, line.split())
    assert "internal error" not in result.stderr, result.stderr
    shown = result.stderr + (result.stdout if line.startswith("plugins") else "")
    return set(re.findall(r"(?:error|warning)\[([EW]\d+)\]", shown)) | set(re.findall(r"\b(W80\d)\b", shown))


def python(line: str) -> set[str]:
    name = "absorber" if "theta" in line else "data" if '"n"' in line else "counting"
    try:
        eval(line, {"hepppl": hepppl, "model": hepppl.load(f"{name}.hep")})
    except hepppl.HepError as error:
        return {d.code for d in error.diagnostics}
    return set()


def codes(example: str) -> set[str]:
    """What an example ends with."""
    if example.startswith("hepppl "):
        return command(example.removeprefix("hepppl "))
    if example.startswith(("model.", "hepppl.")):
        return python(example)
    Path("main.hep").write_text(example + "\n", encoding="utf-8")
    named = re.match(r"# hepppl (.*)\n", example)
    return command((named[1] if named else "check FILE").replace("FILE", "main.hep"))


CASES = [pytest.param(c, marks=[pytest.mark.slow] if c in SLOW else []) for c in CODES if c not in ELSEWHERE]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("code", CASES)
def test_the_example_fails_with_its_code(code: str, troubles: Callable[[str], None]) -> None:
    troubles(code)
    assert codes(CODES[code].example) == {code}


def test_every_code_has_its_place_in_the_documentation(root: Path, tmp_path: Path) -> None:
    sys.path.insert(0, str(root / "docs"))
    try:
        from generate import diagnostics_pages
    finally:
        sys.path.pop(0)
    diagnostics_pages(tmp_path / "diagnostics")
    text = "\n".join(page.read_text(encoding="utf-8") for page in (tmp_path / "diagnostics").glob("*.md"))
    for code, about in CODES.items():
        assert text.count(f"## {code}: {about.title}\n") == 1
        for part in (about.explanation, about.example.rstrip("\n"), about.fix):
            assert part in text
