"""The table of estimators: what is committed is what the code would measure, and no unbiased row of it is off.

False alarms: `benchmarks.estimator_table.FALSE_ALARM`, 1e-3, for a whole table with fresh seeds; seeds are fixed.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.contest import load
from benchmarks.contestants import contestants, default, label, unbiased
from benchmarks.estimator_table import PAGE, Measurement, Row, Table
from benchmarks.estimators import TUNED, measure
from benchmarks.references import EDGES, LIFE, cases, gaussian_mixture, smeared
from benchmarks.rivals import life_numpy

from .acceptance import assert_within


def test_the_committed_table_has_the_programs_and_estimators_of_the_code() -> None:
    table = Table.read()
    assert table.programs
    assert list(table.programs) == [name for name in cases() if name in table.programs]
    for name, found in table.programs.items():
        model = load(cases()[name].file)
        rows = {row.name: row.unbiased for row in found.rows if row.name != TUNED}
        assert rows == {k: unbiased(plan) for k, plan in contestants(model).items()}, name
        assert found.default == label(default(model)), name
    assert PAGE.read_text("utf-8") == table.markdown()


def test_no_unbiased_row_of_the_committed_table_is_off() -> None:
    table = Table.read()
    rows = [(name, row) for name, found in table.programs.items() for row in found.rows]
    assert not [(name, row.name, row.z) for name, row in rows if row.unbiased and not abs(row.z) <= table.threshold]


@pytest.mark.slow
@pytest.mark.parametrize("name", cases())
def test_no_unbiased_estimator_is_off(name: str) -> None:
    """Another run than that of the table, a sixteenth as long."""
    found = measure(cases()[name], rounds=1, scale=1 / 16, tune=False)
    table = Table({name: {}}, {name: found})
    assert not [(row.name, row.z) for row in found.rows if row.unbiased and not abs(row.z) <= table.threshold]
    assert found.best.relative <= 1.0


def test_what_the_table_calls_missed() -> None:
    row = Row("a", "a", True, 1.0, 1, 1.0, 2.0, 1.0, 1.0)
    rows = (row, replace(row, name="b", plan="b", relative=0.25, z=9.0), replace(row, name=TUNED, relative=0.3))
    biased = replace(row, name="c", plan="c", unbiased=False, z=99.0, relative=0.001)
    table = Table({"cut": {"cores": "one"}}, {"cut": Measurement("cut", 1.0, 10, "a", (*rows, biased))})
    missed = table.missed()
    assert [line.split(" is ")[0] for line in missed[:1]] == ["cut: b"]
    assert "default choice has 4 times" in missed[1]
    assert len(missed) == 2  # 0.3 / 0.25 is within 1.3
    assert "**4.00**, missed" in table.markdown()


def test_references_by_simulation() -> None:
    rng = np.random.default_rng(5)
    p = rng.exponential(20.0, 400_000)
    measured = p * (1 + 0.1 * rng.standard_normal(p.size))
    inside = (measured[:, None] >= np.array(EDGES[:-1])) & (measured[:, None] < np.array(EDGES[1:]))
    # f and the score of the mean: E[f s] is the derivative, s = (p / mean - 1) / mean
    slopes = inside * ((p / 20 - 1) / 20)[:, None]
    exact = smeared(EDGES, 20.0, 1.0).gradient["mean"]
    assert_within(slopes.mean(0), slopes.std(0) / np.sqrt(p.size), exact, scale=0.01)
    line = rng.choice(3, 400_000, p=np.exp(0.5 * np.arange(3)) / np.exp(0.5 * np.arange(3)).sum())
    x = line + 0.8 * rng.standard_normal(line.size)
    f = np.sin(x) + 0.1 * x**2
    mixture = gaussian_mixture(0.5, 1.0)
    assert_within(f.mean(), f.std() / np.sqrt(f.size), mixture.value)
    slopes = np.stack([f * (line - line.mean()), (np.cos(x) + 0.2 * x) * line])
    exact = [mixture.gradient["slope"], mixture.gradient["distance"]]
    assert_within(slopes.mean(1), slopes.std(1) / np.sqrt(f.size), exact)


def test_life_by_its_rules_and_against_the_committed_figures() -> None:
    assert sum(count for _, count in life_numpy.orbits()) == 49
    board = np.zeros((1, 7, 7), bool)
    board[0, 3, 2:5] = True  # three in a row: the middle one has two neighbours, the others one; nothing has three
    after = life_numpy.turn(board, np.full(board.shape, 0.5))
    assert np.argwhere(after[0]).tolist() == [[3, 3]]
    found = life_numpy.run(4000, 0.5, seed=9)
    assert_within(found.alive.mean(), found.alive.std() / np.sqrt(4000), LIFE.value, LIFE.se)
    error = found.slope.std() / np.sqrt(4000)
    assert_within(found.slope.mean(), error, LIFE.gradient["p"], LIFE.gradient_se["p"])
