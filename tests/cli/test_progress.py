"""The progress bar says how fast it goes, and how long it will take."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import pytest

from hepppl.cli import running, text


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_rate_and_remaining_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first call compiles, and is not counted: then 200 events in two seconds, with 700 to go."""
    shown, clock = Terminal(), iter([0.0, 2.0, 2.0, 2.0, 2.0])
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setattr(running, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    with running.progress("simulating", 1000, quiet=False) as move:
        assert move is not None
        move(100, 1000)
        move(300, 1000)
    assert f"{text.rate(200, 2.0)} events/s, {text.duration(7.0)} left" in shown.getvalue()


def test_without_a_terminal_there_is_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with running.progress("simulating", 1000, quiet=False) as move:
        assert move is None
