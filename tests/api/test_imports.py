"""Programs of several files: what they share, and every way in which an import can fail."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import hepppl
from hepppl.diagnostics import Diagnostic, render_text
from hepppl.diagnostics.errors import HepError
from hepppl.semantics import check
from hepppl.syntax import link, parse, read_source

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """``write({"a.hep": text, …})`` makes the files and returns the first; names in messages are relative."""
    monkeypatch.chdir(tmp_path)

    def put(files: dict[str, str]) -> Path:
        for name, text in files.items():
            path = Path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return Path(next(iter(files)))

    return put


def faults(path: Path) -> tuple[Diagnostic, ...]:
    with pytest.raises(HepError) as caught:
        hepppl.load(path)
    return caught.value.diagnostics


def fault(path: Path) -> Diagnostic:
    (diagnostic,) = faults(path)
    return diagnostic


def place(d: Diagnostic) -> str:
    assert d.span is not None
    return f"{d.span.source.name}:{d.span.line}"


def constants(path: Path) -> dict[str, object]:
    program = check(link(parse(read_source(path))))
    known = {n.results[0]: n.attrs["value"] for n in program.body.nodes if n.op == "const"}
    return {o.name: known[o.value] for o in program.outputs}


def test_all_kinds_of_items_are_shared(write: Write) -> None:
    path = write(
        {
            "main.hep": 'import "lib/shapes.hep"\nimport "lib/shapes.hep" as s\n'
            "fn side(b: s.box) -> length = b.side\n"
            "model m {\n    b = s.box(side = 2 smoot)\n    y ~ s.grow(0)\n    z ~ grow(1)\n"
            "    return (a = volume(b), b = s.volume(b), c = two + s.two, d = side(b) / s.smoot, y = y, z = z)\n}\n",
            "lib/shapes.hep": "unit smoot = 1.7 m\ntype box { side: length }\nconst two = 2\n"
            "fn volume(b: box) = b.side^two\nprocess grow(x) {\n    y ~ uniform(x, x + 1)\n    return y\n}\n",
        }
    )
    events = hepppl.load(path).simulate(10)
    assert events.outputs["a"][0] == events.outputs["b"][0] == pytest.approx(3400.0**2)
    assert events.outputs["c"][0] == 4
    assert events.outputs["d"][0] == pytest.approx(2)
    assert ((events.outputs["z"] >= 1) & (events.outputs["z"] < 2)).all()


def test_an_imported_function_means_what_it_means_at_home(write: Write) -> None:
    """Names in an imported body are those of its own file, whatever the program calls by the same name."""
    path = write(
        {
            "main.hep": 'import "a.hep" as a\nimport "b.hep" as b\nconst k = 1\nfn f(x) = x + k\n'
            "model m { return (own = f(0), a = a.f(0), b = b.f(0), size = 1 foo / mm) }\nunit foo = 1 mm\n",
            "a.hep": 'import "b.hep" as b\nconst k = 10\nunit foo = 1 cm\nfn g(x) = x + k\nfn f(x) = g(x) + b.f(x)\n',
            "b.hep": "const k = 100\nfn g(x) = x + k\nfn f(x) = g(x) * (1 foo / cm)\nunit foo = 1 cm\n",
        }
    )
    assert constants(path) == {"own": 1, "a": 110, "b": 100, "size": 1}


def test_imports_are_not_handed_on(write: Write) -> None:
    path = write(
        {
            "main.hep": 'import "a.hep"\nmodel m { return f(1) + g(1) }\n',
            "a.hep": 'import "b.hep"\nfn f(x) = g(x)\n',
            "b.hep": "fn g(x) = x\n",
        }
    )
    assert fault(path).code == "E308"


def test_a_file_imported_twice_is_read_once(write: Write) -> None:
    path = write(
        {
            "main.hep": 'import "a.hep"\nimport "sub/../b.hep"\nmodel m { return thing(x = g()).x }\n',
            "a.hep": 'import "b.hep"\nfn g() = thing(x = 2).x\n',
            "b.hep": "type thing { x: int }\n",
            "sub/other.hep": "",
        }
    )
    file = link(parse(read_source(path)))
    assert file.imported is not None
    inner = file.imported["a.hep"].imported
    assert inner is not None
    assert file.imported["sub/../b.hep"] is inner["b.hep"]
    assert constants(path) == {"value": 2}


def test_a_cascade_through_two_files(write: Write) -> None:
    """Processes of one name in two files are different processes, also in one run."""
    path = write(
        {
            "main.hep": 'import "a.hep" as a\nprocess step(n: int) {\n    emit n\n    if n > 0 { spawn a.step(n) }\n}\n'
            "model m {\n    h ~ step(3) limit 4\n    return (n = count(h), s = sum(h))\n}\n",
            "a.hep": "process step(n: int) {\n    emit 10 * n\n    if n > 1 { spawn step(n - 1) }\n}\n",
        }
    )
    events = hepppl.load(path).simulate(2)
    assert events.outputs["n"].tolist() == [4, 4]
    assert events.outputs["s"].tolist() == [63, 63]


def test_the_library_is_not_shadowed(write: Write) -> None:
    """A folder of one's own may be called std as well."""
    path = write(
        {
            "main.hep": 'import "./std/qcd.hep" as mine\nmodel m { return (a = mine.beta0(5), b = mine.c_f) }\n',
            "std/qcd.hep": 'import "std/qcd.hep" as lib\nconst c_f = 1\nfn beta0(n) = lib.beta0(n) * 12 * pi\n',
        }
    )
    assert constants(path) == {"a": pytest.approx(23), "b": 1}


def test_models_of_an_imported_file_are_its_own(write: Write) -> None:
    path = write(
        {"main.hep": 'import "a.hep"\nmodel m { return f() }\n', "a.hep": "fn f() = 3\nmodel m { return 4 }\n"}
    )
    assert constants(path) == {"value": 3}


# ---------------------------------------------------------------- what is refused


def test_a_missing_file_is_reported_at_the_import_with_the_nearest_name(write: Write) -> None:
    found = fault(write({"main.hep": '\nimport "lib/kin.hep"\nmodel m { return 1 }\n', "lib/kinn.hep": ""}))
    assert found.code == "E521"
    assert place(found) == "main.hep:2"
    assert found.hints == ("did you mean lib/kinn.hep?",)
    assert fault(write({"main.hep": 'import "std/kinematic.hep"\n'})).hints == ("did you mean std/kinematics.hep?",)


def test_a_circle_is_shown_whole(write: Write) -> None:
    path = write(
        {
            "main.hep": 'import "a.hep"\nmodel m { return 1 }\n',
            "a.hep": 'import "b.hep"\n',
            "b.hep": '# to a\nimport "a.hep"\nimport "main.hep"\n',
        }
    )
    first, second = faults(path)
    assert (first.code, place(first)) == ("E522", "b.hep:2")
    assert "a.hep -> b.hep -> a.hep" in first.message
    assert "main.hep -> a.hep -> b.hep -> main.hep" in second.message
    assert [place(Diagnostic("", "", x.span)) for x in second.labels] == ["main.hep:1", "a.hep:1"]
    assert "imports itself" in fault(write({"main.hep": 'import "main.hep"\n'})).message


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "/elsewhere/x.hep",
        "~/x.hep",
        "C:/x.hep",
        "https://a.b/x.hep",
        "a\\b.hep",
        "data.json",
        "kin",
        ".hep/..",
        "",
    ],
)
def test_paths_that_are_no_relative_paths_of_programs_are_refused(write: Write, path: str) -> None:
    found = fault(write({"main.hep": f'import "{path}"\nmodel m {{ return 1 }}\n'}))
    assert found.code == "E523"
    assert place(found) == "main.hep:1"


def test_what_a_link_points_to_must_be_a_program_too(write: Write) -> None:
    path = write({"main.hep": 'import "a.hep"\nmodel m { return 1 }\n', "secret.txt": "password = hunter2\n"})
    os.symlink("secret.txt", "a.hep")
    found = fault(path)
    assert found.code == "E523"
    assert "hunter2" not in render_text(found)
    os.unlink("a.hep")
    os.mkfifo("a.hep")  # would block who reads it
    assert fault(path).code == "E523"
    os.unlink("a.hep")
    os.mkdir("a.hep")
    assert fault(path).code == "E523"


def test_files_that_cannot_be_read_as_text(write: Write) -> None:
    path = write({"main.hep": 'import "a.hep"\nmodel m { return 1 }\n', "a.hep": ""})
    Path("a.hep").write_bytes(b"\xff\xfe\x00\x01")
    assert fault(path).code == "E504"
    assert place(fault(path)) == "main.hep:1"


def test_imports_are_bounded(write: Write) -> None:
    files = {"main.hep": "".join(f'import "f{i}.hep" as f{i}\n' for i in range(80)) + "model m { return 1 }\n"}
    files |= {f"f{i}.hep": "" for i in range(80)}
    found = faults(write(files))
    assert {d.code for d in found} == {"E524"}
    assert len(found) == 16
    long = "# " + "x" * 600_000 + "\n"
    path = write({"main.hep": 'import "a.hep"\nimport "b.hep"\nmodel m { return 1 }\n', "a.hep": long, "b.hep": long})
    assert (fault(path).code, place(fault(path))) == ("E524", "main.hep:2")


def test_errors_of_an_imported_file_are_shown_there(write: Write) -> None:
    path = write(
        {"main.hep": 'import "a.hep"\nmodel m { return f(1) }\n', "a.hep": "# one\nfn f(x) = (x\nfn g() = 1 +\n"}
    )
    assert {(d.code[:2], place(d)) for d in faults(path)} == {("E1", "a.hep:2"), ("E1", "a.hep:3")}
    path = write(
        {"main.hep": 'import "a.hep"\nmodel m { return f(1 mm) + z }\n', "a.hep": "# one\nfn f(x) = x + 1 GeV\n"}
    )
    name, sum_ = faults(path)
    assert (name.code, place(name)) == ("E301", "main.hep:2")
    assert (sum_.code, place(sum_)) == ("E203", "a.hep:2")
    shown = render_text(sum_)
    assert "main.hep:2" in shown
    assert "in this call" in shown
    # What nothing uses is checked as well.
    path = write({"main.hep": 'import "a.hep"\nmodel m { return 1 }\n', "a.hep": "fn f(x: energy) = x + 1\n"})
    assert (fault(path).code, place(fault(path))) == ("E203", "a.hep:1")


def test_two_imports_that_share_a_name_clash(write: Write) -> None:
    path = write(
        {
            "main.hep": 'import "a.hep"\nimport "b.hep"\nmodel m { return f() }\n',
            "a.hep": "fn f() = 1\n",
            "b.hep": "fn f() = 2\n",
        }
    )
    found = fault(path)
    assert found.code == "E302"
    assert found.hints == ('import it under a name: import "b.hep" as b',)
    assert "a.hep:1" in render_text(found)


def test_a_circle_of_constants_through_no_circle_of_files_is_none(write: Write) -> None:
    """The same name in two files is two constants."""
    path = write(
        {"main.hep": 'import "a.hep" as a\nconst k = a.k + 1\nmodel m { return k }\n', "a.hep": "const k = 1\n"}
    )
    assert constants(path) == {"value": 2}


def test_text_imports_the_library_only_unless_given_a_folder(write: Write) -> None:
    write({"a.hep": "fn f() = 3\n", "sub/b.hep": 'import "../a.hep"\nfn g() = f()\n'})
    text = 'import "sub/b.hep"\nmodel m { return g() }\n'
    with pytest.raises(HepError, match="E523"):
        hepppl.parse(text)
    model = hepppl.parse(text, base=".")
    assert [o.name for o in model.program.outputs] == ["value"]
    os.unlink("a.hep")
    assert model.with_data({}).program is model.program  # what was read is kept
    assert hepppl.parse('import "std/qcd.hep"\nmodel m { return c_f }\n').name == "m"


def test_a_process_may_run_one_of_the_same_name_from_another_file(write: Write) -> None:
    """Each of two particles emits what a run of the other ``p`` emits: 1."""
    path = write(
        {
            "main.hep": 'import "lib.hep" as lib\nprocess p(n: int) {\n    inner ~ lib.p(1.0) limit 2\n'
            "    emit sum(inner)\n    if n > 1 {\n        spawn p(n - 1)\n    }\n}\n"
            "model m {\n    h ~ p(2) limit 2\n    return sum(h)\n}\n",
            "lib.hep": "process p(x: real) {\n    emit x\n}\n",
        }
    )
    assert hepppl.load(path).simulate(3)["value"].tolist() == [2.0, 2.0, 2.0]
