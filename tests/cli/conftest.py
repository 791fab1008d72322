"""`run` calls the command line in this process; programs are copied to a temporary folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

PROGRAMS = Path(__file__).parent / "programs"


@dataclass(frozen=True)
class Outcome:
    status: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """Standard output as the one JSON object it must be."""
        found = json.loads(self.stdout)
        assert isinstance(found, dict)
        return found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with copies of `PROGRAMS`, made the current one."""
    for program in PROGRAMS.glob("*.hep"):
        shutil.copy(program, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Callable[..., Outcome]:
    from hepppl.cli.app import app

    def call(*args: object) -> Outcome:
        result = CliRunner().invoke(app, [str(arg) for arg in args])
        outcome = Outcome(result.exit_code, result.stdout, result.stderr)
        assert "Traceback" not in outcome.stderr
        assert "internal error" not in outcome.stderr, outcome.stderr
        return outcome

    return call
