"""Files of events: what is read back is what was simulated."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hepppl
from hepppl.io.write import write_events

PROGRAM = """
process p(k: int) {
    stop ~ bernoulli(0.5)
    if not stop { emit (e = 2 * k * MeV) ; spawn p(k + 1) }
}
model m {
    param p: real in (0, 1) = 0.4
    x ~ normal(0, 1)
    k ~ poisson(3)
    require x < 1
    h ~ p(1) limit 2
    return (x = x, k = k, big = k > 3, a = [x, 2 * x, 3 * x], e = h.e)
}
"""


@pytest.fixture(scope="module")
def events() -> hepppl.Events:
    return hepppl.parse(PROGRAM).simulate(300, seed=4)


def read_npz(path: Path) -> tuple[dict[str, np.ndarray], str]:
    with np.load(path) as archive:
        return {name: archive[name] for name in archive.files if name != "hepppl"}, str(archive["hepppl"])


def read_h5(path: Path) -> tuple[dict[str, np.ndarray], str]:
    import h5py

    with h5py.File(path) as file:
        return {name: file[name][()] for name in file}, file.attrs["hepppl"]


def read_parquet(path: Path) -> tuple[dict[str, np.ndarray], str]:
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(path)
    columns = {name: np.array(table[name].to_pylist(), object if name == "e" else None) for name in table.column_names}
    return columns, table.schema.metadata[b"hepppl"].decode()


def read_root(path: Path) -> tuple[dict[str, np.ndarray], str]:
    import uproot

    with uproot.open(path) as file:
        return file["events"].arrays(library="np"), str(file["hepppl"])


READERS = {"npz": read_npz, "h5": read_h5, "parquet": read_parquet, "root": read_root}


@pytest.mark.parametrize("ending", READERS)
def test_round_trip(events: hepppl.Events, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"events.{ending}"
    pytest.importorskip({"h5": "h5py", "parquet": "pyarrow", "root": "uproot"}.get(ending, "numpy"))
    write_events(path, events)
    columns, about = READERS[ending](path)
    extra = {"parquet": []}.get(ending, ["e_count"])
    assert set(columns) == {"x", "k", "big", "a", "e", "weight"} | set(extra)
    for name in ("x", "k", "big", "a"):
        np.testing.assert_array_equal(columns[name], events[name])
    np.testing.assert_array_equal(columns["weight"], events.weight)
    jagged = events.outputs["e"]
    assert 0.5 < jagged.counts.mean() < 1.5
    if ending in ("npz", "h5"):
        np.testing.assert_array_equal(columns["e"], jagged.values)
        np.testing.assert_array_equal(columns["e_count"], jagged.counts)
    else:
        assert [list(row) for row in columns["e"]] == events["e"].to_list()
    found = json.loads(about)
    assert (found["model"], found["seed"], found["params"]) == ("m", 4, {"p": 0.4})
    assert set(found["outputs"]) == {"x", "k", "big", "a", "e", "weight"}


def test_from_the_command_line(run: Callable[..., Any], folder: Path) -> None:
    outcome = run("simulate", "choice.hep", "-n", 50, "-o", "e.npz")
    assert outcome.status == 0
    assert "events written to e.npz" in outcome.stdout
    assert read_npz(folder / "e.npz")[0]["value"].shape == (50,)


def test_a_place_that_cannot_be_written(run: Callable[..., Any]) -> None:
    outcome = run("simulate", "choice.hep", "-n", 50, "-o", "no/such/folder/e.npz")
    assert outcome.status == 1
    assert "error[E513]" in outcome.stderr


def test_a_missing_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    from hepppl.io import write

    def missing(name: str) -> Any:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(write, "import_module", missing)
    with pytest.raises(hepppl.HepFileError, match=r"hepppl\[io\]"):
        write.library("h5py", "io")
