"""What the benchmark command says about its bars is what was measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.measure import in_turn, median_ratio
from benchmarks.report import Ratio, Results, Speed


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
    assert Results({}, [], [ratio]).missed == ([ratio] if passes is False else [])


def test_results_are_written_in_both_forms(tmp_path: Path) -> None:
    speeds = [Speed("walk", "by hand", 0.5, std=6.0), Speed("walk", "hepppl", 0.25)]
    Results({"cpu": "x"}, speeds, [Ratio("speed", 2.0, 3.0)]).write(tmp_path)
    text = (tmp_path / "results.md").read_text("utf-8")
    assert "| speed | 2 | ≥ 3 | **missed** |" in text
    assert "| walk | by hand | 0.5 | 2,000,000 | 6 | 18 |" in text
    report = json.loads((tmp_path / "results.json").read_text("utf-8"))
    assert [row["variance_times_us"] for row in report["speeds"]] == [18.0, None]
    assert report["ratios"][0]["passes"] is False


def test_contestants_take_turns_after_a_warm_up() -> None:
    order: list[tuple[str, int]] = []
    times = in_turn({name: lambda seed, name=name: order.append((name, seed)) for name in "ab"}, 2)
    assert order == [("a", 0), ("b", 0), ("a", 1), ("b", 1), ("b", 2), ("a", 2)]
    assert [len(taken) for taken in times.values()] == [2, 2]
    assert median_ratio([2.0, 9.0, 4.0], [1.0, 1.0, 1.0]) == 4.0
