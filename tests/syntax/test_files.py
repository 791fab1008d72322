"""Programs from disc, and the files that are none."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from hepppl.diagnostics import Diagnostic, HepFileError
from hepppl.syntax import parse, read_source


def error(path: Path | str) -> Diagnostic:
    with pytest.raises(HepFileError) as caught:
        read_source(path)
    (diagnostic,) = caught.value.diagnostics
    return diagnostic


def test_a_program(tmp_path: Path) -> None:
    path = tmp_path / "a.hep"
    path.write_text("const μ = 1\n", encoding="utf-8")
    source = read_source(path)
    assert (source.name, source.text) == (str(path), "const μ = 1\n")
    assert read_source(str(path)).text == source.text


def test_the_mark_and_the_line_ends_of_windows(tmp_path: Path) -> None:
    path = tmp_path / "a.hep"
    path.write_bytes(b"\xef\xbb\xbfmodel m {\r\n    return 1\r\n}\r\n")
    source = read_source(path)
    assert source.text.startswith("model")
    assert parse(source).items[0].span.column == 1


def test_no_such_file(tmp_path: Path) -> None:
    (tmp_path / "shower.hep").write_text("")
    found = error(tmp_path / "shwoer.hep")
    assert found.code == "E501"
    assert found.hints == (f"did you mean {tmp_path / 'shower.hep'}?",)
    assert error(tmp_path / "shower").hints == (f"did you mean {tmp_path / 'shower.hep'}?",)
    assert error(tmp_path / "quite_different.hep").hints == ()
    assert error(tmp_path / "none" / "a.hep").hints == (f"there is no folder {tmp_path / 'none'} either",)
    assert error(tmp_path / "shower.hep" / "a.hep").code == "E501"


def test_a_directory(tmp_path: Path) -> None:
    (tmp_path / "b.hep").write_text("")
    (tmp_path / "a.hep").write_text("")
    found = error(tmp_path)
    assert found.code == "E502"
    assert found.message == f"{tmp_path} is a directory"
    assert found.hints == ("it holds a.hep, b.hep",)


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="no devices")
def test_a_device_is_not_read_without_end() -> None:
    assert error("/dev/zero").code == "E502"


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.hep"
    path.write_text("")

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    assert error(path).code == "E503"


def test_other_failures_tell_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.hep"
    path.write_text("")

    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("builtins.open", fail)
    found = error(path)
    assert (found.code, found.message) == ("E505", f"{path} cannot be read: input/output error")


def test_a_name_that_no_system_takes() -> None:
    assert error("a\0b.hep").code == "E505"
    assert error("a" * 5000).code == "E505"


@pytest.mark.parametrize(
    ("data", "line", "column", "byte"),
    [
        (b"\xff", 1, 1, "0xFF"),
        (b"model m {\n    # caf\xe9\n}\n", 2, 10, "0xE9"),
        ("α = ".encode() + b"\x80", 1, 5, "0x80"),
        (b"\xef\xbb\xbfa\xc3", 1, 2, "0xC3"),
        (b"\r\n\r\n  \xed\xa0\x80", 3, 3, "0xED"),
    ],
)
def test_the_first_byte_that_is_not_utf8(tmp_path: Path, data: bytes, line: int, column: int, byte: str) -> None:
    path = tmp_path / "a.hep"
    path.write_bytes(data)
    found = error(path)
    assert found.code == "E504"
    assert found.span is not None
    assert (found.span.line, found.span.column) == (line, column)
    assert byte in found.message
    assert "iconv" in found.hints[0]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_other_encodings_are_named(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.hep"
    path.write_text("const a = 1", encoding=encoding)
    found = error(path)
    assert found.code == "E504"
    assert encoding.upper() in found.message


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.hep"
    with path.open("wb") as file:
        file.truncate(10**10)  # a hole: it takes no room
    assert error(path).code == "E505"
