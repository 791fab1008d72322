"""Whatever a text says, the answer is a plan or diagnostics, soon and in bounded memory, and nothing else happens."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import time
from collections import Counter
from pathlib import Path

import pytest

from hepppl.diagnostics import HepError, Source, render_all, to_json
from hepppl.graph import ModelGraph
from hepppl.planning import choose
from hepppl.semantics import check
from hepppl.syntax import ast, parse

from .mutations import programs

ROOT = Path(__file__).parents[2]
SECONDS = 20  # of the processor for one program; nearly all take some milliseconds


def outcome(text: str) -> str:
    """``plan``, or the first code of what is said; the diagnostics can be shown and stand inside of the text."""
    try:
        file = parse(Source("any.hep", text))
        for name in [item.name for item in file.items if isinstance(item, ast.ModelItem)] or [None]:
            choose(ModelGraph(check(file, name)))
    except HepError as error:
        found = error.diagnostics
    else:
        return "plan"
    assert render_all(found)
    for d in found:
        json.dumps(to_json(d))
        assert d.span is None or 0 <= d.span.start <= d.span.end <= len(text)
    return found[0].code


def explained(seed: int, n: int) -> Counter[str]:
    found: Counter[str] = Counter()
    for number, text in enumerate(programs(seed, n)):
        start = time.process_time()
        try:
            found[outcome(text)] += 1
        except Exception as error:
            raise AssertionError(f"program {number} of seed {seed}: {error!r}\n{text}") from error
        assert time.process_time() - start < SECONDS, text
    return found


def test_programs_changed_at_random() -> None:
    found = explained(seed=1, n=400)
    assert found["plan"] > 20  # not all of them are nonsense
    assert sum(count for code, count in found.items() if code.startswith("E2")) > 20
    assert sum(count for code, count in found.items() if code.startswith("E1")) > 20


def test_values_that_are_used_twice_again_and_again() -> None:
    """Written out, the last has 2^60 parts."""
    steps = "    v = tanh(v * v)\n" * 60
    text = f"model m {{\n    x ~ normal(0, 1)\n    v = x\n{steps}    return if v > 0.5 then 1 else 0\n}}\n"
    start = time.process_time()
    assert outcome(text) in ("plan", "E601")
    assert time.process_time() - start < SECONDS


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 12))
def test_twenty_thousand_programs_changed_at_random(seed: int) -> None:
    assert sum(explained(seed, 2000).values()) == 2000


IN_MODEL = "model m {{\n    s = 0\n    {}\n    return s\n}}\n"
HOSTILE = {
    "parentheses": ("model m { return " + "(" * 100_000 + "1" + ")" * 100_000 + " }", "E107"),
    "open parentheses": ("model m { return " + "(" * 100_000, "E107"),
    "operators": ("model m { return " + "-" * 100_000 + "1 }", "E107"),
    "ten thousand lines": ("model m {\n" + "    x = y + f(2.5 GeV)\n" * 10_000 + "    return 1\n}\n", "E301 E308"),
    "ten thousand wrong lines": ("model m {\n" + "    x = = 3\n" * 10_000 + "}\n", "E100"),
    "a loop": (IN_MODEL.format("for i in 0..1e12 { s = s + 1 }"), "E402"),
    "a while": (IN_MODEL.format("while s < 3 limit 1e9 { s = s + 1 }"), "E402"),
    "a process": ("process p() { emit 1 }\nmodel m {\n    h ~ p() limit 1e9\n    return count(h)\n}\n", "E402"),
    "an array": (IN_MODEL.format("a = fill(1e12, 0)"), "E402"),
    "a comprehension": (IN_MODEL.format("a = [i for i in 0..1e12]"), "E402"),
    "arrays of arrays": (IN_MODEL.format("a = fill(1e4, fill(1e4, fill(1e4, 0)))"), "E402"),
    "declared data": ("model m {\n    data x: real[1e12]\n    return 1\n}\n", "E402"),
    "a declared parameter": ("model m {\n    param x: real[1e12] = 1\n    return 1\n}\n", "E402"),
    "a plate": (IN_MODEL.format("plate i in 0..1e9 { x ~ normal(0, 1) }"), "E402"),
    "plates in plates": (
        IN_MODEL.format("plate i in 0..1e4 { plate j in 0..1e4 { plate k in 0..1e4 { x ~ normal(0, 1) } } }"),
        "E402",
    ),
    "a power of powers": (IN_MODEL.format("s = 9^9^9^9"), "E405"),
    "a large integer": (IN_MODEL.format("s = 1" + "0" * 5000), "E103 E411 E405"),
    "doubling": (
        "fn f0(x) = x\n"
        + "\n".join(f"fn f{i}(x) = f{i - 1}(x) + f{i - 1}(x + 1)" for i in range(1, 60))
        + "\nmodel m {\n    param x = 1\n    return f59(x)\n}\n",
        "E409",
    ),
    "a NUL": ("model m { return 1\0 }", "E101"),
    "only NULs": ("\0" * 1_000_000, "E101"),
    "one long name": ("model m { return " + "x" * 200_000 + " }", "E301"),
}

#: Limits of the child: seconds of the processor and bytes of memory; what it prints are codes.
CHILD = """
import resource, sys
resource.setrlimit(resource.RLIMIT_CPU, (30, 30))
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
from pathlib import Path
from hepppl.cli.check import check_file
for name in sys.argv[1:]:
    print(" ".join(sorted({d.code for d in check_file(Path(name), None)})))
"""


def test_hostile_programs_are_refused_within_seconds_and_bounded_memory(tmp_path: Path) -> None:
    """All of them in one process of at most 30 seconds and 2 GiB, of which Python and NumPy reserve most."""
    resource = pytest.importorskip("resource")
    assert resource
    for i, (text, _) in enumerate(HOSTILE.values()):
        (tmp_path / f"{i}.hep").write_text(text, encoding="utf-8")
    (tmp_path / "bytes.hep").write_bytes(b"model m { return 1 } # \xff\xfe\x00")
    names = [f"{i}.hep" for i in range(len(HOSTILE))] + ["bytes.hep"]
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *names], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = dict(zip([*HOSTILE, "bytes"], done.stdout.splitlines(), strict=True))
    wanted = {what: code for what, (_, code) in HOSTILE.items()} | {"bytes": "E504"}
    wrong = {what: codes for what, codes in found.items() if not set(codes.split()) <= set(wanted[what].split())}
    assert all(found.values())
    assert wrong == {}


REACHING = [
    'import "/etc/passwd"\nmodel m { return 1 }',
    'x = open("secret")\nmodel m { return 1 }',
    'model m { return open("secret") }',
    'model m { return __import__("os").system("touch made") }',
    'model m { return eval("1") }',
    'model m { return exec("import os") }',
    "model m { a = 1\n return a.__class__ }",
    "model m { return sqrt.__globals__ }",
    "model m { return __builtins__ }",
    "model m { return (a = 1).__dict__ }",
    'model m { return mass("../../etc/passwd") }',
    "model m { x ~ normal.__init__(0, 1)\n return x }",
    'model m { return "text".format(1) }',
    'model m { b ~ bernoulli(0.5) by os.system("touch made")\n return b }',
    "model m { b ~ bernoulli(0.5) by __import__\n return b }",
    "model m { return urlopen(1) }",
]

WATCHED = """
import sys
from hepppl.graph import ModelGraph
from hepppl.planning import choose
from hepppl.semantics import check
from hepppl.syntax import parse
from hepppl.diagnostics import HepError, Source

def run(text):
    try:
        choose(ModelGraph(check(parse(Source("x.hep", text)))))
    except HepError:
        return "refused"
    return "accepted"

GOOD = 'model m { param p: real = 0.5\\n b ~ bernoulli(p)\\n return b * mass("Z0") / GeV }'
assert run(GOOD) == "accepted"  # whatever is read on first use has been read
print(run(REACHING[0]))
forbidden = []
def watch(event, args):
    if event.split(".")[0] in ("open", "socket", "subprocess", "os", "shutil", "ctypes", "exec", "compile", "urllib"):
        forbidden.append((event, args[:1]))
for text in REACHING:
    run(text)
sys.addaudithook(watch)
for text in REACHING:
    print(run(text))
print(sorted(map(str, forbidden)))
"""


def test_a_program_reaches_no_file_no_network_and_no_python(tmp_path: Path) -> None:
    """By Python's own audit events, a run of the front end opens, connects to, starts and compiles nothing."""
    (tmp_path / "secret").write_text("secret")
    code = f"REACHING = {REACHING!r}\n" + textwrap.dedent(WATCHED)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    *outcomes, forbidden = done.stdout.splitlines()
    assert outcomes == ["refused"] * (1 + len(REACHING))
    assert forbidden == "[]"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secret"]
