"""Programs with mistakes, and all the diagnostics that each must give."""

from __future__ import annotations

import pytest

from .golden import UPDATE, Case, cases, outcome, update

if UPDATE:
    update()


@pytest.mark.parametrize("case", cases(), ids=lambda c: f"{c.file.stem}-{c.title.replace(' ', '-')}")
def test_diagnostics(case: Case):
    assert outcome(case.program) == case.expected


def test_there_are_many_cases():
    assert len(cases()) >= 60
