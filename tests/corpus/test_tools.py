"""`check --json`, `fmt` and `dump` on the whole corpus."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from hepppl.cli.app import app
from hepppl.diagnostics import HepSyntaxError, Source
from hepppl.semantics import dump as dump_program
from hepppl.syntax import format_file, parse
from tests.syntax.build import plain

from .golden import diagnostics
from .programs import BAD, FILES, GOOD, HERE, program
from .test_good import REFUSED

#: The bad programs that can be read; by their golden texts, which `test_bad` holds to what is said.
PARSED = [
    name
    for name, path in BAD.items()
    if not re.search(r"error\[E(1\d\d|504)\]", path.with_suffix(".txt").read_text("utf-8"))
]


def run(*args: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(arg) for arg in args])
    assert "internal error" not in result.stderr, result.stderr
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize("group", sorted({name.split("/")[0] for name in BAD}))
def test_check_json_of_bad_programs(group: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HERE / "bad" / group)
    names = [path.name for name, path in BAD.items() if name.startswith(f"{group}/")]
    status, out, _ = run("check", "--json", *names)
    found = json.loads(out)
    expected = {name: diagnostics(HERE / "bad" / group / name) for name in names}
    wrong = {name: any(d.severity == "error" for d in its) for name, its in expected.items()}
    assert status == int(any(wrong.values()))
    assert found["ok"] is not any(wrong.values())
    assert found["files"] == [{"file": name, "ok": not wrong[name]} for name in names]
    shown = [(d["code"], d["message"], d["severity"]) for d in found["diagnostics"]]
    assert shown == [(d.code, d.message, d.severity) for its in expected.values() for d in its]
    for row, d in zip(found["diagnostics"], [d for its in expected.values() for d in its], strict=True):
        assert (row.get("line"), row.get("column")) == ((d.span.line, d.span.column) if d.span else (None, None))


def test_check_json_of_good_programs() -> None:
    status, out, _ = run("check", "--json", *GOOD.values())
    found = json.loads(out)
    assert status == 0
    assert found["ok"] is True
    assert {d["code"] for d in found["diagnostics"]} <= {"W601"}
    assert {Path(d["file"]).stem for d in found["diagnostics"]} <= REFUSED
    assert len(found["files"]) == len(GOOD)


@pytest.mark.parametrize("name", [*FILES, *PARSED])
def test_fmt_keeps_the_tree_and_the_comments_and_is_idempotent(name: str) -> None:
    text = (FILES.get(name) or BAD[name]).read_text(encoding="utf-8")
    tree = parse(Source("a.hep", text))
    once = format_file(tree)
    again = parse(Source("a.hep", once))
    assert plain(again) == plain(tree)
    assert [c.text for c in again.comments] == [c.text for c in tree.comments]
    assert format_file(again) == once
    assert once.endswith("\n") or not once
    assert not any(line.endswith(" ") for line in once.splitlines())


@pytest.mark.parametrize("name", [name for name in BAD if name not in PARSED])
def test_what_cannot_be_read_is_not_formatted(name: str, tmp_path: Path) -> None:
    copy = tmp_path / "a.hep"
    copy.write_bytes(BAD[name].read_bytes())
    status, out, err = run("fmt", copy)
    assert status == 1
    assert out == ""
    assert "error[E" in err
    assert copy.read_bytes() == BAD[name].read_bytes()


@pytest.mark.parametrize("name", GOOD)
def test_a_formatted_program_is_the_same_program(name: str) -> None:
    text = GOOD[name].read_text(encoding="utf-8")
    assert dump_program(program(format_file(parse(Source("a.hep", text))))) == dump_program(program(text))


@pytest.mark.every(2)
@pytest.mark.parametrize("stage", ["ast", "typed", "graph", "plan"])
def test_dump(stage: str) -> None:
    for name, path in FILES.items():
        status, out, err = run("dump", path, "--stage", stage)
        if stage == "plan" and name in REFUSED and status:
            assert "error[E601]" in err
            continue
        assert status == 0, (name, err)
        assert out.strip(), name
        assert run("dump", path, "--stage", stage)[1] == out, name
        if stage == "typed":
            assert all(output in out for output in (o.name for o in program(path.read_text(encoding="utf-8")).outputs))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["discrete", "branching", "nested", "while_waiting", "cross_section"])
def test_dump_jaxpr(name: str) -> None:
    status, out, err = run("dump", FILES[name], "--stage", "jaxpr")
    assert status == 0, err
    assert "lambda" in out


@pytest.mark.parametrize("stage", ["ast", "typed"])
def test_a_bad_program_is_not_dumped(stage: str) -> None:
    for name, path in BAD.items():
        if name in PARSED and stage == "ast":
            assert run("dump", path, "--stage", stage)[0] == 0, name
        elif diagnostics(path)[0].code not in ("W601", "E602", "E604", "E801"):
            status, out, err = run("dump", path, "--stage", stage)
            assert (status, out) == (1, ""), name
            assert "error[E" in err


def test_unreadable_text_is_no_syntax_tree() -> None:
    assert len(PARSED) > 150
    with pytest.raises(HepSyntaxError):
        parse(Source("a.hep", BAD["lexical/a_nul"].read_text(encoding="utf-8")))
