"""Several devices, several workers, several processes: the same events, and the same sums."""

from __future__ import annotations

import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hepppl
from tests.cli.test_files import READERS
from tests.scale.programs import MIXED, WALK, environment, python

TWO = "--xla_force_host_platform_device_count=2"
COMPARE = """
import json, sys
import numpy as np
import hepppl
walk, mixed = (hepppl.parse(text) for text in sys.argv[1:])
n = 1100
found = {}
one, two = (mixed.simulate(n, 3, batch=256, tolerance=0.1, devices=d) for d in (None, "all"))
found["events"] = all(np.array_equal(one.outputs[k], two.outputs[k]) for k in ("x", "k", "a"))
found["jagged"] = np.array_equal(one.outputs["e"].values, two.outputs["e"].values)
found["faults"] = [(f.count, f.first_event) for f in one.faults] == [(f.count, f.first_event) for f in two.faults]
one, two = (walk.grad(n, 3, batch=256, devices=d) for d in (1, 2))
found["gradient"] = [r.gradient["value"]["p"] for r in (one, two)]
found["se"] = [r.se["value"]["p"] for r in (one, two)]
try:
    walk.simulate(n, devices=3)
except hepppl.HepError as error:
    found["three"] = [d.code for d in error.diagnostics]
print(json.dumps(found))
"""


def test_two_devices_give_the_events_of_one(root: Path) -> None:
    found = json.loads(python(root, COMPARE, WALK, MIXED, XLA_FLAGS=TWO))
    assert [found[key] for key in ("events", "jagged", "faults")] == [True] * 3
    for key in ("gradient", "se"):
        assert found[key][0] == pytest.approx(found[key][1], rel=1e-12)
    assert found["three"] == ["E465"]


@pytest.mark.parametrize("given", ["some", 0, -1, 1.5])
def test_a_number_of_devices_is_a_number(given: Any) -> None:
    with pytest.raises(hepppl.HepValueError) as raised:
        hepppl.parse(WALK).simulate(10, devices=given)
    assert [d.code for d in raised.value.diagnostics] == ["E457"]


# ------------------------------------------------------------ Dask


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """Two worker processes on this machine."""
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def parts_of_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    from hepppl.scale import work

    monkeypatch.setattr(work, "EVENTS", 1)


@pytest.mark.slow
@pytest.mark.usefixtures("parts_of_a_call")
def test_workers_give_the_events_of_one_process(client: Any, tmp_path: Path) -> None:
    mixed, options = hepppl.parse(MIXED), {"batch": 256, "tolerance": 0.1}
    one, many = mixed.simulate(1100, 3, **options), mixed.simulate(1100, 3, dask=client, **options)
    for name in ("x", "k", "a", "t"):
        np.testing.assert_array_equal(one.outputs[name], many.outputs[name])
    np.testing.assert_array_equal(one.outputs["e"].values, many.outputs["e"].values)
    assert [(f.count, f.first_event, f.span.start) for f in one.faults] == [
        (f.count, f.first_event, f.span.start) for f in many.faults
    ]
    mixed.simulate_to(tmp_path / "e.npz", 1100, 3, dask=client, **options)
    np.testing.assert_array_equal(READERS["npz"](tmp_path / "e.npz")[0]["x"], one["x"])
    walk = hepppl.parse(WALK)
    alone, shared = (walk.grad(1100, 3, batch=256, dask=dask) for dask in (None, client))
    assert shared.gradient["value"]["p"] == pytest.approx(alone.gradient["value"]["p"], rel=1e-12)
    assert shared.se["value"]["p"] == pytest.approx(alone.se["value"]["p"], rel=1e-12)
    assert shared.events == 1100
    assert set(client.run(os.getenv, "PJRT_NPROC").values()) == {"1"}  # else each worker's XLA would take all cores


@pytest.mark.slow
@pytest.mark.usefixtures("parts_of_a_call")
def test_a_worker_that_is_lost_costs_its_part_only(client: Any) -> None:
    walk = hepppl.parse(WALK)
    alone, done = walk.simulate(12800, 4, batch=256), []
    killed = threading.Event()

    def progress(now: int, total: int) -> None:
        done.append(now)
        if now >= 2560 and not killed.is_set():
            killed.set()
            os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)

    shared = walk.simulate(12800, 4, batch=256, dask=client, progress=progress)
    assert killed.is_set()
    np.testing.assert_array_equal(shared["value"], alone["value"])
    assert done == list(range(256, 12801, 256))


def test_a_worker_compiles_a_program_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of another seed, at another point, arrive as other bytes, and find what the first one has compiled."""
    from hepppl import inputs
    from hepppl.scale import cluster

    monkeypatch.setenv("PJRT_NPROC", "1")
    monkeypatch.setattr(cluster, "_works", {})
    monkeypatch.setattr(cluster, "_programs", {})
    walk, engine = hepppl.parse(WALK), inputs.engine(32, 13, None, 256, 1_000_000)
    runs = [walk._work(256, seed, None, {"p": p}, engine) for seed, p in ((0, 20.0), (1, 20.0), (1, 30.0))]
    found = [cluster._part(str(i), pickle.dumps(run), (0, 256), 1) for i, run in enumerate(runs)]
    assert len(cluster._works) == 3
    assert len({id(work.compiled) for work in cluster._works.values()}) == 1
    assert found[0].compile_seconds > 0
    assert found[1].compile_seconds == found[2].compile_seconds == 0
    for events, run in zip(found, runs, strict=True):
        alone = walk.simulate(256, run.seed, params=dict(run.point), batch=256)
        np.testing.assert_array_equal(events.outputs["value"], alone["value"])


@pytest.mark.parametrize("dask", ["nowhere", "local:0", "local:many"])
def test_a_scheduler_that_is_none(dask: str) -> None:
    pytest.importorskip("distributed")
    with pytest.raises(hepppl.HepValueError) as raised:
        hepppl.parse(WALK).simulate(10, dask=dask)
    assert [d.code for d in raised.value.diagnostics] == ["E466"]


def test_errors_travel_between_processes() -> None:
    import pickle

    with pytest.raises(hepppl.HepSyntaxError) as raised:
        hepppl.parse("model m {")
    copy = pickle.loads(pickle.dumps(raised.value))
    assert str(copy) == str(raised.value)
    assert type(copy) is hepppl.HepSyntaxError


# ------------------------------------------------------------ jax.distributed


def together(root: Path, folder: Path, *args: str) -> list[tuple[int, str, str]]:
    """The command in two processes that find each other: status, standard output and standard error of each."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "hepppl", *args],
            env=environment(root, HEPPPL_HOSTS=f"localhost:{port},2,{i}"),
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for i in range(2)
    ]
    until = time.monotonic() + 300
    try:
        shown = [run.communicate(timeout=until - time.monotonic()) for run in runs]
    finally:
        for run in runs:
            run.kill()
    return [(run.returncode, *texts) for run, texts in zip(runs, shown, strict=True)]


@pytest.mark.slow
def test_two_processes_of_jax_share_a_run(root: Path, tmp_path: Path) -> None:
    (tmp_path / "walk.hep").write_text(WALK)
    walk, n = hepppl.load(tmp_path / "walk.hep"), 3 * 65536 + 5
    first, second = together(root, tmp_path, "grad", "walk.hep", "-n", str(n), "--hosts", "--json")
    assert first[0] == second[0] == 0, first[2] + second[2]
    assert second[1] == ""  # one of them speaks
    found, expected = json.loads(first[1]), walk.grad(n)
    row = found["gradient"]["value"]["p"]
    assert row["value"] == pytest.approx(expected.gradient["value"]["p"], rel=1e-12)
    assert row["se"] == pytest.approx(expected.se["value"]["p"], rel=1e-12)
    for status, _, errors in together(root, tmp_path, "simulate", "walk.hep", "-n", str(n), "--hosts", "-o", "e.npz"):
        assert status == 0, errors
    np.testing.assert_array_equal(READERS["npz"](tmp_path / "e.npz")[0]["value"], walk.simulate(n)["value"])
    assert not (tmp_path / "e.npz.parts").exists()
    # What fails in one fails in both, and neither waits.
    (tmp_path / "e.npz.parts").mkdir()
    (tmp_path / "e.npz.parts" / "run.json").write_text("{}")
    options = ("-n", str(n), "--hosts", "--resume", "-o", "e.npz")
    for status, _, errors in together(root, tmp_path, "simulate", "walk.hep", *options):
        assert status == 1
        assert "error[E515]" in errors
