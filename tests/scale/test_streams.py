"""Events by parts: the same as in one piece; interrupted and resumed, each event is there exactly once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hepppl
from hepppl.io.write import write_events
from hepppl.results import _moments
from hepppl.scale import work
from hepppl.scale.summary import Column
from tests.cli.test_files import READERS
from tests.scale.programs import MIXED, WALK, environment

N, SEED = 1000, 5
OPTIONS = {"batch": 256, "tolerance": 0.1}  # four parts of 256 events, the last of 232


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "EVENTS", 256)


@pytest.fixture(scope="module")
def model() -> hepppl.Model:
    return hepppl.parse(MIXED)


@pytest.fixture(scope="module")
def events(model: hepppl.Model) -> hepppl.Events:
    return model.simulate(N, SEED, batch=256, tolerance=0.1)


class Interrupted(Exception):
    pass


def interrupt(after: int) -> Any:
    """A progress callback that ends a run after so many events."""

    def progress(done: int, total: int) -> None:
        if done >= after:
            raise Interrupted

    return progress


def same(found: tuple[dict[str, np.ndarray], str], expected: tuple[dict[str, np.ndarray], str]) -> None:
    assert found[0].keys() == expected[0].keys()
    for name, values in found[0].items():
        for one, other in zip(values, expected[0][name], strict=True):
            np.testing.assert_array_equal(one, other)
    assert json.loads(found[1]).keys() == json.loads(expected[1]).keys()


def values_of(summary: Any) -> Iterator[float]:
    for moments in (summary.mean, summary.se, summary.std):
        for name in sorted(moments):
            yield from np.atleast_1d(moments[name])


@pytest.mark.every(2)
@pytest.mark.parametrize("ending", READERS)
def test_parts_make_the_file_of_one_piece(
    model: hepppl.Model, events: hepppl.Events, tmp_path: Path, ending: str
) -> None:
    pytest.importorskip({"h5": "h5py", "parquet": "pyarrow", "root": "uproot"}.get(ending, "numpy"))
    whole, parts = tmp_path / f"whole.{ending}", tmp_path / f"parts.{ending}"
    write_events(whole, events)
    summary = model.simulate_to(parts, N, SEED, **OPTIONS)
    same(READERS[ending](parts), READERS[ending](whole))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([parts.name, whole.name])
    assert list(values_of(summary)) == pytest.approx(list(values_of(events)), rel=1e-12)
    assert (summary.truncated, len(summary)) == (events.truncated, N)
    assert summary.elements == {"e": len(events.outputs["e"].values)}
    assert [(f.kind, f.count, f.first_event) for f in summary.faults] == [
        (f.kind, f.count, f.first_event) for f in events.faults
    ]


def test_a_summary_alone(model: hepppl.Model, events: hepppl.Events) -> None:
    summary = model.simulate_to(None, N, SEED, **OPTIONS)
    assert list(values_of(summary)) == pytest.approx(list(values_of(events)), rel=1e-12)
    found, expected = summary.to_dict(), events.to_dict()
    assert list(found["outputs"]) == list(expected["outputs"])
    assert found.keys() == expected.keys()


def test_an_interrupted_run_is_resumed(model: hepppl.Model, events: hepppl.Events, tmp_path: Path) -> None:
    path, whole = tmp_path / "e.npz", tmp_path / "whole.npz"
    with pytest.raises(Interrupted):
        model.simulate_to(path, N, SEED, progress=interrupt(512), **OPTIONS)
    assert not path.exists()
    kept = sorted((tmp_path / "e.npz.parts").glob("*.npz"))
    assert len(kept) == 2
    kept[1].write_bytes(kept[1].read_bytes()[:-100])  # as a machine without power leaves it
    done: list[int] = []
    model.simulate_to(path, N, SEED, resume=True, progress=lambda now, _: done.append(now), **OPTIONS)
    assert done == [512, 768, 1000]
    write_events(whole, events)
    same(READERS["npz"](path), READERS["npz"](whole))
    assert not (tmp_path / "e.npz.parts").exists()


@pytest.mark.parametrize(
    ("changed", "said"),
    [({"seed": 6}, "seed 5 instead of 6"), ({"n": 999}, "events 1000 instead of 999"), ({"p": 0.3}, "p = 0.3")],
)
def test_another_run_is_not_taken_up(model: hepppl.Model, tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    path = tmp_path / "e.npz"
    with pytest.raises(Interrupted):
        model.simulate_to(path, N, SEED, progress=interrupt(1), **OPTIONS)
    with pytest.raises(hepppl.HepFileError, match=said) as raised:
        model.simulate_to(path, **{"n": N, "seed": SEED, **OPTIONS, "resume": True, **changed})
    assert [d.code for d in raised.value.diagnostics] == ["E515"]
    other = hepppl.parse(MIXED.replace("poisson(3)", "poisson(2)"))
    with pytest.raises(hepppl.HepFileError, match="another program"):
        other.simulate_to(path, N, SEED, resume=True, **OPTIONS)


def test_without_resume_a_run_begins_anew(model: hepppl.Model, tmp_path: Path) -> None:
    path = tmp_path / "e.npz"
    with pytest.raises(Interrupted):
        model.simulate_to(path, N, SEED, progress=interrupt(1), **OPTIONS)
    done: list[int] = []
    model.simulate_to(path, N, SEED, progress=lambda now, _: done.append(now), **OPTIONS)
    assert done == [256, 512, 768, 1000]


def test_what_is_not_trusted_is_kept_for_another_tolerance(model: hepppl.Model, tmp_path: Path) -> None:
    path = tmp_path / "e.npz"
    with pytest.raises(hepppl.HepResultError) as raised:
        model.simulate_to(path, N, SEED, batch=256)
    assert {d.code for d in raised.value.diagnostics} == {"E903"}
    assert all(d.span is not None and d.span.source.text == MIXED for d in raised.value.diagnostics)
    assert len(raised.value.result) == N
    assert not path.exists()
    done: list[int] = []
    model.simulate_to(path, N, SEED, resume=True, progress=lambda now, _: done.append(now), **OPTIONS)
    assert done == []
    assert path.exists()


def test_nothing_is_deleted_that_others_put_there(model: hepppl.Model, tmp_path: Path) -> None:
    (tmp_path / "e.npz.parts").mkdir()
    (tmp_path / "e.npz.parts" / "thesis.tex").write_text("")
    with pytest.raises(hepppl.HepFileError) as raised:
        model.simulate_to(tmp_path / "e.npz", N, SEED, **OPTIONS)
    assert [d.code for d in raised.value.diagnostics] == ["E513"]
    assert (tmp_path / "e.npz.parts" / "thesis.tex").exists()


@pytest.mark.parametrize("seed", range(3))
def test_sums_of_parts_are_the_moments_of_the_whole(seed: int) -> None:
    """With weights, some of them 0 where the value is NaN, and a mean far from 0 beside the deviation."""
    rng = np.random.default_rng(seed)
    x, w = rng.normal(1e6, 1e-2, (5000, 2)), rng.exponential(1, 5000)
    w[:100], x[:50] = 0, np.nan
    column = Column()
    for part in np.split(np.arange(5000), [1, 700, 3000]):
        column.add(x[part], w[part])
    for found, expected in zip(column.moments(), _moments(x, w), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-7)
    alike, plain = Column(), Column()
    for part in np.split(np.arange(100, 5000), [1, 700, 3000]):
        alike.add(x[part], np.ones(len(part)))
        plain.add(x[part])
    np.testing.assert_allclose(plain.moments(), alike.moments(), rtol=1e-7)


def test_not_a_number_is_found_in_every_part() -> None:
    model = hepppl.parse("model m {\n    u ~ uniform(0, 1)\n    return (a = log(u - 0.01), b = 1 / floor(100 * u))\n}")
    with pytest.raises(hepppl.HepResultError) as raised:
        model.simulate_to(None, N, SEED, batch=256)
    whole = hepppl.HepResultError
    with pytest.raises(whole) as expected:
        model.simulate(N, SEED, batch=256)
    assert raised.value.diagnostics == expected.value.diagnostics
    assert raised.value.result.infinite == expected.value.result.infinite == ("b",)


@pytest.mark.slow
@pytest.mark.parametrize("moment", [1, 5])
def test_killed_at_any_moment_and_resumed(root: Path, tmp_path: Path, moment: int) -> None:
    """SIGKILL once so many parts are on disk, then the same command with --resume."""
    file, output = tmp_path / "walk.hep", tmp_path / "e.npz"
    file.write_text(WALK)
    n = 12 * 65536 + 7
    command = [sys.executable, "-m", "hepppl", "simulate", str(file), "-n", str(n), "-s", "3", "-o", str(output)]
    run = subprocess.Popen(command, env=environment(root), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 120
    while run.poll() is None and len(list(tmp_path.glob("e.npz.parts/*.npz"))) < moment:
        assert time.monotonic() < until
        time.sleep(0.002)
    os.kill(run.pid, signal.SIGKILL)
    assert run.wait() == -signal.SIGKILL
    assert not output.exists()
    done = subprocess.run([*command, "--resume"], env=environment(root), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    expected = hepppl.load(file).simulate(n, 3)
    np.testing.assert_array_equal(READERS["npz"](output)[0]["value"], expected["value"])
    assert not (tmp_path / "e.npz.parts").exists()


#: Linux counts a parent's memory into ru_maxrss of what it starts, so that a small process seems as large as pytest;
#: the high-water mark of the process itself is in /proc.
MEMORY = """
import sys
import hepppl
model = hepppl.load(sys.argv[1])
n = int(sys.argv[3])
model.grad(n) if sys.argv[2] == "grad" else model.simulate_to(sys.argv[4], n)
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(status["VmHWM"].split()[0])
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells the peak of a process's memory")
@pytest.mark.parametrize("what", ["grad", "simulate"])
def test_memory_does_not_grow_with_the_events(root: Path, examples: Path, tmp_path: Path, what: str) -> None:
    from tests.scale.programs import python

    walk = examples / "random_walk.hep"
    run = lambda n: int(python(root, MEMORY, walk, what, n, tmp_path / "e.npz"))  # noqa: E731
    run(10**6)  # compiles, which takes more memory than to run
    peaks = [run(n) for n in (10**6, 10**7)]
    assert peaks[1] < 1.2 * peaks[0]
