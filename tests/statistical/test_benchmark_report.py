"""What the benchmark command says about its bars is what was measured."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.contest import Contest, Entry
from benchmarks.measure import in_turn, median_ratio
from benchmarks.report import Growth, Ratio, Results, Speed


@pytest.mark.parametrize(
    ("ratio", "passes"),
    [
        (Ratio("a", 2.0, 1.5), True),
        (Ratio("a", 1.4, 1.5), False),
        (Ratio("a", 2.0, 2.2, at_least=False), True),
        (Ratio("a", 2.3, 2.2, at_least=False), False),
        (Ratio("a", float("nan"), 2.2, at_least=False), False),
        (Ratio("a", 2.0), None),
    ],
)
def test_bars(ratio: Ratio, passes: bool | None) -> None:
    assert ratio.passes is passes
    assert Results({}, {"a": [ratio]}).missed == ([ratio] if passes is False else [])


def test_results_are_written_in_both_forms(tmp_path: Path) -> None:
    speeds = [Speed("walk", "by hand", 0.5, std=6.0), Speed("walk", "hepppl", 0.25)]
    growth = Growth("walk", "events", 1e6, 0.25, None, 12_345.0, None)
    Results({"cpu": "x"}, {"walks": [*speeds, Ratio("speed", 2.0, 3.0), growth]}).write(tmp_path)
    text = (tmp_path / "results.md").read_text("utf-8")
    assert "| speed | 2 | ≥ 3 | **missed** |" in text
    assert "| walk | by hand | 0.5 | 2,000,000 | 6 | 18 |" in text
    assert "| walk | 1,000,000 events | 0.25 | 12,345 |  |  |  |" in text
    report = json.loads((tmp_path / "results.json").read_text("utf-8"))["cases"]["walks"]
    assert [row["variance_times_us"] for row in report["speeds"]] == [18.0, None]
    assert report["ratios"][0]["passes"] is False


def test_a_case_is_measured_again_among_the_others(tmp_path: Path) -> None:
    assert Results.read(tmp_path) is None
    old = Results({"cpu": "x"}, {"a": [Ratio("old", 1.0)], "b": [Speed("b", "hepppl", 2.0)]})
    old.write(tmp_path)
    new = Results({"cpu": "y"}, {"a": [Ratio("new", 3.0, 2.0)]}).within(Results.read(tmp_path), ["b", "a", "c"])
    assert list(new.cases) == ["b", "a"]
    assert new.of(Ratio) == [Ratio("new", 3.0, 2.0)]
    assert new.of(Speed) == old.of(Speed)


def test_hepppl_is_compared_with_its_best_rival() -> None:
    """Times by a clock of the test: a busy loop of known length each."""

    def busy(seconds: float) -> Callable[[int], None]:
        def call(seed: int) -> None:
            until = time.process_time() + seconds
            while time.process_time() < until:
                pass

        return call

    entries = [
        Entry("ours", busy(0.02), 10),
        Entry("slow", busy(0.04), 10, ours=False),
        Entry("fast", busy(0.01), 5, ours=False),
        Entry("our gradient", busy(0.04), 10, std=1.0),
        Entry("a gradient", busy(0.01), 10, std=4.0, ours=False),
    ]
    rows = list(Contest("c", entries, 3).rows())
    ratios = {row.what: row for row in rows if isinstance(row, Ratio)}
    assert ratios["c: grad / simulate"].value == pytest.approx(2, rel=0.1)
    assert ratios["c: simulate, time, hepppl / its best rival"].value == pytest.approx(1, rel=0.1)
    assert ratios["c: grad, variance × time, hepppl / its best rival"].value == pytest.approx(0.25, rel=0.1)
    assert next(row.us for row in rows if isinstance(row, Speed)) == pytest.approx(2000, rel=0.1)


def test_contestants_take_turns_after_a_warm_up() -> None:
    order: list[tuple[str, int]] = []
    times = in_turn({name: lambda seed, name=name: order.append((name, seed)) for name in "ab"}, 2)
    assert order == [("a", 0), ("b", 0), ("a", 1), ("b", 1), ("b", 2), ("a", 2)]
    assert [len(taken) for taken in times.values()] == [2, 2]
    assert median_ratio([2.0, 9.0, 4.0], [1.0, 1.0, 1.0]) == 4.0
